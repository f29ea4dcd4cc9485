//! How a reply, and a command after it, go back.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use ota_protocol::offer::header_value;

use super::arrival::WayBack;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::publish::publish;
use crate::response::{self, Response};

/// The topic of a command in a response (§4.3).
const TOPIC: HeaderName = HeaderName::from_static("topic");
/// The command itself.
const COMMAND_PAYLOAD: HeaderName = HeaderName::from_static("command-payload");

/// What goes to a device, each with its topic.
pub(super) struct Parcel {
    pub(super) reply: Option<(String, Vec<u8>)>,
    pub(super) command: Option<(String, String)>,
}

impl Parcel {
    /// Sends it back; the response is what the caller gets. Nothing was done until it returned.
    pub(super) fn deliver(self, gateway: &Gateway<'_>, way_back: WayBack) -> Result<Response, Failure> {
        match way_back {
            WayBack::Response => Ok(self.into_response()),
            WayBack::Publish => self.publish(gateway),
        }
    }

    fn into_response(self) -> Response {
        let mut response = match self.reply {
            Some((_, reply)) => response::with_body(StatusCode::OK, "application/json", reply),
            None => response::empty(StatusCode::NO_CONTENT),
        };
        if let Some((topic, payload)) = self.command {
            match (HeaderValue::from_str(&topic), payload_header(&payload)) {
                (Ok(topic), Ok(payload)) => {
                    response.headers_mut().insert(TOPIC, topic);
                    response.headers_mut().insert(COMMAND_PAYLOAD, payload);
                }
                // The next sweep delivers it in a body.
                (_, Err(error)) => eprintln!("command on {topic} does not fit a header: {error}"),
                (Err(error), _) => eprintln!("topic {topic} does not fit a header: {error}"),
            }
        }
        response
    }

    fn publish(self, gateway: &Gateway<'_>) -> Result<Response, Failure> {
        if let Some((topic, reply)) = self.reply {
            publish(gateway, &topic, &String::from_utf8_lossy(&reply))?;
        }
        if let Some((topic, payload)) = self.command {
            publish(gateway, &topic, &payload)?;
        }
        Ok(response::empty(StatusCode::NO_CONTENT))
    }
}

fn payload_header(payload: &str) -> Result<HeaderValue, String> {
    let text = header_value(payload).map_err(|error| error.to_string())?;
    HeaderValue::from_str(&text).map_err(|error| error.to_string())
}
