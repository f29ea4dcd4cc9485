//! How a reply, and a command after it, go back.

use http::StatusCode;

use super::arrival::WayBack;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::publish::publish;
use crate::response::{self, Response};

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
        if let Some((topic, payload)) = self.command
            && let Err(failure) = response::carry(&mut response, &topic, &payload)
        {
            // The next sweep delivers it in a body.
            eprintln!("{failure}");
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
