//! Requests in and responses out.

use ::http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use ::http::{HeaderMap, Method, StatusCode, Uri};
use futures::{Sink, Stream, StreamExt as _};
use spin_sdk::http::{Fields, IncomingRequest, OutgoingResponse, ResponseOutparam};

use super::Host;
use crate::failure::{Failure, Refusal};
use crate::gateway::Gateway;
use crate::request::Request;
use crate::response::{self, Response};

/// How much of a body past its cap is read and thrown away: a client that still writes when the connection
/// closes never sees the answer.
const DRAIN: usize = 4 * 1024 * 1024;

/// Serves one request whose body matters up to `limit` bytes: the whole of a component's entry point.
pub async fn serve(
    request: IncomingRequest,
    out: ResponseOutparam,
    limit: usize,
    handle: impl FnOnce(&Gateway<'_>, &Request) -> Response,
) {
    let method = method(&request);
    let response = match (read(request, limit).await, Host::new()) {
        (Ok(request), Ok(host)) => handle(&host.gateway(), &request),
        (Err(refusal), _) => refusal.into_response(),
        (_, Err(closed)) => Failure::from(closed).into_response(),
    };
    respond(out, &method, response).await;
}

/// The request, its body cut at one byte more than `limit`.
pub async fn read(request: IncomingRequest, limit: usize) -> Result<Request, Refusal> {
    let mut read = head(&request)?;
    let mut total = 0_usize;
    let mut body = request.into_body_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Refusal::bad_request("the body broke off"))?;
        total = total.saturating_add(chunk.len());
        let room = limit.saturating_add(1).saturating_sub(read.body().len());
        read.body_mut().extend(chunk.get(..room).unwrap_or(&chunk));
        if total > limit.saturating_add(DRAIN) {
            break;
        }
    }
    Ok(read)
}

/// Reads what still comes of a body that is not wanted, up to a limit, so that its client gets to read the answer.
pub async fn drain<E>(body: &mut (impl Stream<Item = Result<Vec<u8>, E>> + Unpin)) {
    let mut total = 0;
    while total < DRAIN
        && let Some(Ok(chunk)) = body.next().await
    {
        total += chunk.len();
    }
}

/// Answers, with the length of the body (without one the host sends chunks, and keep-alive stalls), and without
/// a body where HTTP has none.
pub async fn respond(out: ResponseOutparam, method: &Method, response: Response) {
    let (mut parts, body) = response.into_parts();
    let has_body = response::has_body(method, parts.status);
    let is_length_of_this =
        has_body || (*method == Method::HEAD && !parts.headers.contains_key(CONTENT_LENGTH));
    if is_length_of_this {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let outgoing = outgoing(parts.status, &parts.headers);
    if has_body {
        // Whoever no longer listens needs no answer.
        let _ = out.set_with_body(outgoing, body).await;
    } else {
        out.set(outgoing);
    }
}

/// Sends the head of an answer, `content-length` among it, and gives the sink for its body. Dropping the sink before
/// that length is reached aborts the connection.
pub fn stream(out: ResponseOutparam, head: &Response) -> impl Sink<Vec<u8>> + Unpin + use<> {
    let outgoing = outgoing(head.status(), head.headers());
    let body = outgoing.take_body();
    out.set(outgoing);
    Box::pin(body)
}

fn outgoing(status: StatusCode, headers: &HeaderMap) -> OutgoingResponse {
    let fields = Fields::new();
    for (name, value) in headers {
        if let Err(error) = fields.append(name.as_ref(), value.as_bytes()) {
            eprintln!("header {name}: {error}");
        }
    }
    let outgoing = OutgoingResponse::new(fields);
    if outgoing.set_status_code(status.as_u16()).is_err() {
        eprintln!("status {status} is none to the host");
    }
    outgoing
}

/// The request without its body.
pub fn head(request: &IncomingRequest) -> Result<Request, Refusal> {
    let mut head = Request::new(Vec::new());
    *head.method_mut() = method(request);
    *head.uri_mut() = request
        .path_with_query()
        .unwrap_or_default()
        .parse::<Uri>()
        .map_err(|_| Refusal::bad_request("the path is none"))?;
    for (name, value) in request.headers().entries() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value))
        {
            head.headers_mut().append(name, value);
        }
    }
    Ok(head)
}

/// The method of a request. A name that is no method is one that nothing serves.
pub fn method(request: &IncomingRequest) -> Method {
    Method::from_bytes(request.method().to_string().as_bytes()).unwrap_or(Method::TRACE)
}
