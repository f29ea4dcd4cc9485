//! The component that devices download from, with one thing left out: the bytes of the body are sent as they are
//! stored. What the verified download is measured against; built for benchmarks, and nothing that ships knows of it.
//!
//! It is made of the sources of the component itself, whose library cannot be linked beside another entry point.
#![cfg(target_family = "wasm")]
#![expect(unsafe_code, clippy::same_length_and_capacity, reason = "the export that the SDK's macro makes")]

#[path = "../../../../components/firmware/src/attempt.rs"]
mod attempt;
#[path = "../../../../components/firmware/src/body.rs"]
#[expect(unreachable_pub, reason = "it is a library there")]
mod body;
#[path = "../../../../components/firmware/src/head.rs"]
#[expect(unreachable_pub, reason = "it is a library there")]
mod head;
#[path = "../../../../components/firmware/src/redirect.rs"]
mod redirect;
#[path = "../../../../components/firmware/src/target.rs"]
mod target;

use futures::SinkExt as _;
use ota_platform::spin;
use spin_sdk::http::{IncomingRequest, ResponseOutparam};

use crate::head::{Download, open};

/// Answers as the real one does, up to the body. The stored object is `&object=`, the last of the query.
#[spin_sdk::http_component]
async fn entry(request: IncomingRequest, out: ResponseOutparam) {
    let (Ok(head), Ok(host)) = (spin::head(&request), spin::Host::new()) else { return };
    let gateway = host.gateway();
    let (response, body) = match open(&gateway, &head) {
        Download::Answer(response) => return spin::respond(out, head.method(), response).await,
        Download::Stream(response, body) => (response, body),
    };
    let query = head.uri().query().unwrap_or_default();
    let object = query.rsplit_once("object=").map_or("", |(_, object)| object);
    let mut sink = spin::stream(out, &response);
    for n in 0_u64.. {
        let Ok(piece) = gateway.kv.get(&format!("image:{object}:{n}")) else { return };
        let Some(piece) = piece else { break };
        gateway.release();
        if sink.send(piece).await.is_err() {
            return;
        }
    }
    drop(sink);
    body.complete();
}
