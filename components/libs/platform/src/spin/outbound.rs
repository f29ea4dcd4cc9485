//! HTTP to services beside us.

use super::exchange::{Body, exchange, head};
use crate::ports::{OUTBOUND_TIMEOUT, Outbound, OutboundError, StatusWithin, Within};

/// The most that is read of an answer: nothing we call says more than whether it worked.
const ANSWER: usize = 64 * 1024;

/// The host's HTTP client.
#[derive(Default)]
pub struct SpinOutbound;

impl Outbound for SpinOutbound {
    fn send(&self, request: ::http::Request<Vec<u8>>) -> Result<::http::Response<Vec<u8>>, OutboundError> {
        let (parts, body) = request.into_parts();
        let hurry = parts.extensions.get::<StatusWithin>().copied();
        let timeout = hurry.map_or(OUTBOUND_TIMEOUT, |StatusWithin(timeout)| timeout);
        let incoming = exchange(parts, &body, Within::each(timeout)).map_err(OutboundError)?;
        let answer = head(&incoming).map_err(OutboundError)?;
        // What breaks off after the status changes nothing about it.
        let body = if hurry.is_none() { drain(incoming) } else { Vec::new() };
        Ok(answer.map(|()| body))
    }
}

fn drain(incoming: spin_sdk::http::IncomingResponse) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(mut body) = Body::of(incoming) else { return bytes };
    while bytes.len() < ANSWER {
        match body.next(ANSWER) {
            Ok(Some(chunk)) => bytes.extend(chunk),
            Ok(None) | Err(_) => break,
        }
    }
    bytes
}
