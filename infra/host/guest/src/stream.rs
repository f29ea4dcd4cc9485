//! Bodies that are never in memory whole, and answers without one.

use futures::{SinkExt, StreamExt};
use spin_sdk::http::{Fields, IncomingRequest, OutgoingResponse, ResponseOutparam};

/// Bytes given to the host at a time.
const PIECE: usize = 64 * 1024;

/// `/echo`, `/stream/{bytes}`, `/stream/trap`, `/stream/loop`, `/stream/chunked-trap`,
/// `/stream/short`, `/stream/head`, `/stream/not-modified`.
pub(crate) async fn handle(segments: &[&str], query: &str, request: IncomingRequest, out: ResponseOutparam) {
    match segments {
        ["echo"] => echo(request, out).await,
        // The length a GET would have, and no body: what HEAD must look like.
        ["stream", "head"] => out.set(response(200, Some(123_456))),
        ["stream", "not-modified"] => out.set(response(304, None)),
        ["stream", "no-content"] => out.set(response(204, None)),
        ["stream", kind] => {
            let length = query.parse().unwrap_or(10 * PIECE);
            let head = response(200, (*kind != "chunked-trap").then_some(length));
            let mut body = head.take_body();
            out.set(head);
            let sent = if *kind == "whole" { length } else { length / 2 };
            let mut left = sent;
            while left > 0 {
                let piece = left.min(PIECE);
                if body.send(vec![b'x'; piece]).await.is_err() {
                    println!("stream ended early");
                    return;
                }
                left -= piece;
            }
            finish(kind);
        }
        _ => {}
    }
}

/// What happens after the body, or after the half of it.
#[expect(clippy::panic, reason = "a trap after the response head is what is tested")]
fn finish(kind: &str) {
    match kind {
        "trap" | "chunked-trap" => panic!("in the middle of a body"),
        "loop" => spin(),
        // `whole` is done; `short` leaves its body before its length is reached.
        _ => {}
    }
}

async fn echo(request: IncomingRequest, out: ResponseOutparam) {
    let head = response(200, None);
    let mut body = head.take_body();
    out.set(head);
    let mut incoming = request.into_body_stream();
    while let Some(Ok(piece)) = incoming.next().await {
        if body.send(piece).await.is_err() {
            return;
        }
    }
}

/// Never returns, and never calls the host.
pub(crate) fn spin() {
    let mut n = 0_u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

fn response(status: u16, length: Option<usize>) -> OutgoingResponse {
    let headers = Fields::new();
    if let Some(length) = length {
        let length = length.to_string().into_bytes();
        if headers.set("content-length", &[length]).is_err() {
            eprintln!("cannot set the length");
        }
    }
    let response = OutgoingResponse::new(headers);
    if response.set_status_code(status).is_err() {
        eprintln!("cannot set the status");
    }
    response
}
