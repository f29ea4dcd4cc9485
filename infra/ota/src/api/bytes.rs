//! Bytes on their way out, to the gateway or to its object store: sent as they are read, never held.

use std::io::Read;
use std::time::Duration;

use http::{Request, Response};
use serde::de::DeserializeOwned;
use ureq::{Agent, Body, SendBody};

use super::client::{Answer, Client, agent, host_of, may_pass, pause};
use crate::failure::{Failure, Kind};
use crate::present::printable;

/// The most of an object store's answer that is read for what it says (bytes).
const ANSWER_LIMIT: u64 = 64 << 10;

impl Client {
    /// `PUT path` with `length` bytes from `body`.
    ///
    /// Waits for the server's go-ahead first, so that a refusal arrives instead of a broken pipe.
    pub(super) fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        length: u64,
        body: &mut dyn Read,
    ) -> Result<Answer<T>, Failure> {
        let url = self.url(path);
        self.read(put(self.agent(), &url, Some(self.authorization()), length, body)?)
    }

    /// Brings `length` bytes from `body` to the object store by the `url` that the gateway signed.
    pub(crate) fn bring(url: &str, length: u64, body: &mut dyn Read) -> Result<(), Failure> {
        let host = host_of(url).ok_or_else(|| unusual("the put_url of the gateway"))?;
        let mut response = put(&agent(&host), url, None, length, body)?.map_err(|error| {
            Failure::new(
                Kind::Unreachable,
                format!("cannot reach the object store at {host}: {error}"),
                "is s3_public_url of the gateway an address that is reached from here?",
            )
            .passing(Duration::ZERO)
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let after = pause(&response);
        let text = response.body_mut().with_config().limit(ANSWER_LIMIT).read_to_string();
        let reason = reason(&text.unwrap_or_default());
        let failure = Failure::new(
            Kind::Refused,
            format!("the object store at {host} answered {status}{reason}"),
            "are s3_public_url and the keys of the gateway right? without --via presigned nothing goes there",
        );
        // A bucket says 500 of what it asks to be tried again.
        Err(if may_pass(status) || status.as_u16() == 500 { failure.passing(after) } else { failure })
    }
}

fn put(
    agent: &Agent,
    url: &str,
    authorization: Option<&str>,
    length: u64,
    body: &mut dyn Read,
) -> Result<Result<Response<Body>, ureq::Error>, Failure> {
    let mut body = body.take(length);
    let mut request = Request::put(url)
        .header("content-type", "application/octet-stream")
        .header("content-length", length)
        .header("expect", "100-continue");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request
        .body(SendBody::from_reader(&mut body))
        .map_err(|error| unusual(&format!("the call ({error})")))?;
    Ok(agent.run(request))
}

fn unusual(what: &str) -> Failure {
    Failure::new(
        Kind::Usage,
        format!("{what} is nothing that can be called"),
        "is there anything unusual in OTA_URL or OTA_TOKEN?",
    )
}

/// What an S3 error says: `: code: message`.
fn reason(xml: &str) -> String {
    ["Code", "Message"]
        .iter()
        .filter_map(|name| {
            let (_, rest) = xml.split_once(&format!("<{name}>"))?;
            rest.split_once("</").map(|(text, _)| format!(": {}", printable(text)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bucket_says_is_found_in_its_answer() {
        let xml =
            "<?xml?><Error><Code>AccessDenied</Code><Message>Request has\u{1b} expired</Message></Error>";
        assert_eq!(reason(xml), ": AccessDenied: Request has\\u{1b} expired");
        assert_eq!(reason("<html>"), "");
    }
}
