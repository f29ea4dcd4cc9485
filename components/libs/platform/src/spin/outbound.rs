//! HTTP to services beside us. The SDK's own `send` sets no time-outs, so the host's handler is called directly.

use std::time::Duration;

use ::http::header::CONTENT_LENGTH;
use ::http::{HeaderName, HeaderValue, StatusCode, Uri};
use spin_sdk::http::{Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme};
use spin_sdk::wit::wasi::http0_2_0::outgoing_handler;
use spin_sdk::wit::wasi::http0_2_0::types::{IncomingBody, RequestOptions};

use crate::ports::{OUTBOUND_TIMEOUT, Outbound, OutboundError, StatusWithin};

/// The most that is read of an answer: nothing we call says more than whether it worked.
const ANSWER: usize = 64 * 1024;

/// How much the host takes in one write.
const WRITE: usize = 4096;

/// The host's HTTP client.
#[derive(Default)]
pub struct SpinOutbound;

impl Outbound for SpinOutbound {
    fn send(&self, request: ::http::Request<Vec<u8>>) -> Result<::http::Response<Vec<u8>>, OutboundError> {
        let (mut parts, body) = request.into_parts();
        let hurry = parts.extensions.get::<StatusWithin>().copied();
        // Without a length the host sends chunks, which not every broker's API takes.
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let outgoing = OutgoingRequest::new(fields(&parts.headers)?);
        outgoing.set_method(&method(&parts.method)).map_err(|()| refused("method"))?;
        address(&outgoing, &parts.uri)?;
        let sink = outgoing.body().map_err(|()| refused("body"))?;

        let timeout = hurry.map_or(OUTBOUND_TIMEOUT, |StatusWithin(timeout)| timeout);
        let pending = outgoing_handler::handle(outgoing, Some(options(timeout)?))
            .map_err(|error| OutboundError(error.to_string()))?;
        write(sink, &body)?;
        pending.subscribe().block();
        let incoming = match pending.get() {
            Some(Ok(Ok(incoming))) => incoming,
            Some(Ok(Err(error))) => return Err(OutboundError(error.to_string())),
            Some(Err(())) | None => return Err(OutboundError("no answer".to_owned())),
        };
        let mut answer = head(&incoming)?;
        if hurry.is_none() {
            let body = incoming.consume().map_err(|()| refused("answer"))?;
            // What breaks off after the status changes nothing about it.
            *answer.body_mut() = drain(&body).unwrap_or_default();
        }
        Ok(answer)
    }
}

fn fields(headers: &::http::HeaderMap) -> Result<Fields, OutboundError> {
    let list: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    Fields::from_list(&list).map_err(|error| OutboundError(error.to_string()))
}

fn method(method: &::http::Method) -> Method {
    match method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    }
}

fn address(request: &OutgoingRequest, uri: &Uri) -> Result<(), OutboundError> {
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => return Err(refused("scheme")),
    };
    let path = uri.path_and_query().map(ToString::to_string);
    let authority = uri.authority().ok_or_else(|| refused("authority"))?;
    request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(authority.as_str())))
        .and_then(|()| request.set_path_with_query(path.as_deref()))
        .map_err(|()| refused("address"))
}

fn options(timeout: Duration) -> Result<RequestOptions, OutboundError> {
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(timeout.as_nanos()).ok();
    options
        .set_connect_timeout(nanoseconds)
        .and_then(|()| options.set_first_byte_timeout(nanoseconds))
        .and_then(|()| options.set_between_bytes_timeout(nanoseconds))
        .map_err(|()| refused("time-out"))?;
    Ok(options)
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), OutboundError> {
    let stream = body.write().map_err(|()| refused("body"))?;
    for chunk in bytes.chunks(WRITE) {
        stream.blocking_write_and_flush(chunk).map_err(|error| OutboundError(error.to_string()))?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|error| OutboundError(error.to_string()))
}

fn head(incoming: &IncomingResponse) -> Result<::http::Response<Vec<u8>>, OutboundError> {
    let mut response = ::http::Response::new(Vec::new());
    *response.status_mut() = StatusCode::from_u16(incoming.status()).map_err(|_| refused("status"))?;
    for (name, value) in incoming.headers().entries() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value))
        {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

fn drain(body: &IncomingBody) -> Option<Vec<u8>> {
    let stream = body.stream().ok()?;
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER {
        match stream.blocking_read(WRITE as u64) {
            Ok(chunk) => bytes.extend(chunk),
            Err(_) => break,
        }
    }
    Some(bytes)
}

fn refused(what: &str) -> OutboundError {
    OutboundError(format!("the host does not take the {what}"))
}
