//! The download of firmware: no byte leaves before its block is verified, and none without a slot in the ledger.
//!
//! In order: the link is opened, the ledger says what it opens, the first piece is read and verified, the begin is
//! committed, and only then the status line goes out. A damaged block ends the connection before a wrong byte,
//! quarantines the firmware and holds its jobs.

mod attempt;
mod body;
mod head;
mod redirect;
mod target;

pub use body::Body;
pub use head::{Download, open};

/// The entry point. Bodies are streamed; HEAD, 304 and errors have none to stream.
#[cfg(target_family = "wasm")]
#[expect(unsafe_code, clippy::same_length_and_capacity, reason = "the export that the SDK's macro makes")]
mod entry {
    use futures::SinkExt as _;
    use ota_platform::{Failure, spin};
    use spin_sdk::http::{IncomingRequest, ResponseOutparam};

    use crate::{Download, open};

    #[spin_sdk::http_component]
    async fn entry(request: IncomingRequest, out: ResponseOutparam) {
        let head = match spin::head(&request) {
            Ok(head) => head,
            Err(refusal) => {
                let method = spin::method(&request);
                return spin::respond(out, &method, refusal.into_response()).await;
            }
        };
        let host = match spin::Host::new() {
            Ok(host) => host,
            Err(closed) => {
                return spin::respond(out, head.method(), Failure::from(closed).into_response()).await;
            }
        };
        let gateway = host.gateway();
        match open(&gateway, &head) {
            Download::Answer(response) => spin::respond(out, head.method(), response).await,
            Download::Stream(response, mut body) => {
                let mut sink = spin::stream(out, &response);
                for piece in body.by_ref() {
                    // Dropping the sink before its Content-Length is reached aborts the connection.
                    let Some(piece) = piece else { return };
                    if sink.send(piece).await.is_err() {
                        return;
                    }
                }
                drop(sink);
                body.complete();
            }
        }
    }
}
