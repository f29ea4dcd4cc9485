//! One HTTP exchange with a service elsewhere. The SDK's own `send` sets no time-outs, so the host's handler is called
//! directly.

use std::time::Duration;

use ::http::header::CONTENT_LENGTH;
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use spin_sdk::http::{Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme};
use spin_sdk::wit::wasi::http0_2_0::outgoing_handler;
use spin_sdk::wit::wasi::http0_2_0::types::{IncomingBody, RequestOptions};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::{InputStream, StreamError};

use crate::ports::Within;

/// Sends a request, to an absolute URI, and waits for the head of its answer.
pub(super) fn exchange(mut parts: Parts, body: &[u8], within: Within) -> Result<IncomingResponse, String> {
    // Without a length the host sends chunks, which not every server takes.
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let outgoing = OutgoingRequest::new(fields(&parts.headers)?);
    outgoing.set_method(&method(&parts.method)).map_err(|()| refused("method"))?;
    address(&outgoing, &parts.uri)?;
    let sink = outgoing.body().map_err(|()| refused("body"))?;
    let pending = outgoing_handler::handle(outgoing, Some(options(within)?)).map_err(|e| e.to_string())?;
    let answered = pending.subscribe();
    // A server that refuses need not read to the end; what it says then is worth more than that it stopped.
    let written = write(sink, body, &answered);
    answered.block();
    match pending.get() {
        Some(Ok(Ok(incoming))) => Ok(incoming),
        Some(Ok(Err(error))) => Err(error.to_string()),
        Some(Err(())) | None => written.and(Err("no answer".to_owned())),
    }
}

/// The head of an answer.
pub(super) fn head(incoming: &IncomingResponse) -> Result<::http::Response<()>, String> {
    let mut response = ::http::Response::new(());
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

/// The body of an answer, as it comes. What it hangs on is given back after it.
pub(super) struct Body {
    stream: InputStream,
    _part: IncomingBody,
    _answer: IncomingResponse,
}

impl Body {
    pub(super) fn of(answer: IncomingResponse) -> Result<Self, String> {
        let body = answer.consume().map_err(|()| refused("answer"))?;
        let stream = body.stream().map_err(|()| refused("answer"))?;
        Ok(Self { stream, _part: body, _answer: answer })
    }

    /// The next bytes, at least one and at most `most`; `None` at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Vec<u8>>, String> {
        loop {
            match self.stream.blocking_read(most as u64) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
            }
        }
    }
}

fn fields(headers: &HeaderMap) -> Result<Fields, String> {
    let list: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    Fields::from_list(&list).map_err(|error| error.to_string())
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

fn address(request: &OutgoingRequest, uri: &Uri) -> Result<(), String> {
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

fn options(within: Within) -> Result<RequestOptions, String> {
    let options = RequestOptions::new();
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).ok();
    options
        .set_connect_timeout(nanoseconds(within.connect))
        .and_then(|()| options.set_first_byte_timeout(nanoseconds(within.first_byte)))
        .and_then(|()| options.set_between_bytes_timeout(nanoseconds(within.between_bytes)))
        .map_err(|()| refused("time-out"))?;
    Ok(options)
}

/// Writes as much at once as the host takes, until the answer is there.
fn write(body: OutgoingBody, bytes: &[u8], answered: &Pollable) -> Result<(), String> {
    let stream = body.write().map_err(|()| refused("body"))?;
    let writable = stream.subscribe();
    let mut rest = bytes;
    while !rest.is_empty() {
        poll(&[&writable, answered]);
        if answered.ready() {
            return Err("it was answered before it was sent".to_owned());
        }
        let room = stream.check_write().map_err(|error| error.to_string())?;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let (taken, left) = rest.split_at_checked(room).unwrap_or((rest, &[]));
        stream.write(taken).map_err(|error| error.to_string())?;
        rest = left;
    }
    stream.flush().map_err(|error| error.to_string())?;
    drop((writable, stream));
    OutgoingBody::finish(body, None).map_err(|error| error.to_string())
}

fn refused(what: &str) -> String {
    format!("the host does not take the {what}")
}
