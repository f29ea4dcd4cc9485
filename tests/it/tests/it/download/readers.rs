//! Devices that read slowly, hang up, come back, or read several parts at once.

use futures::future::join_all;
use http_body_util::BodyExt as _;
use ota_it::{Place, eventually, fetch, fetch_resuming, fetch_some, stall, within};

use super::Told;

/// Much more than the sockets between two programs hold.
const LARGE: usize = 24 * 1024 * 1024;

where_the_gateway_sends!(
    a_reader_that_pauses_keeps_nobody_waiting_and_gets_every_byte,
    a_reader_that_hangs_up_again_and_again_gets_every_byte,
    parts_that_are_read_at_once_make_the_whole,
);

async fn a_reader_that_pauses_keeps_nobody_waiting_and_gets_every_byte(place: Place) {
    let (told, mut others) = Told::beside(place, LARGE, &["other"]).await;
    let (mut other, url) = others.remove(0);
    let paused = stall(&told.url).await;
    for _ in 0..2 {
        assert!(fetch(&url).await.bytes == told.firmware.bytes);
    }
    assert_eq!(other.progress(80).await, 200);
    let rest = within("the rest", paused.into_body().collect()).await.unwrap().to_bytes();
    assert!(rest == told.firmware.bytes);
    told.until_complete().await;
}

async fn a_reader_that_hangs_up_again_and_again_gets_every_byte(place: Place) {
    let told = Told::at(place, 1_100_003).await;
    let bytes = fetch_resuming(&told.url, told.firmware.bytes.len(), 200_000).await;
    assert!(bytes == told.firmware.bytes);
    assert_eq!(told.begun().await, 1);
    told.until_complete().await;
}

async fn parts_that_are_read_at_once_make_the_whole(place: Place) {
    const PARTS: usize = 8;
    let told = Told::at(place, 2_500_000).await;
    let each = told.firmware.bytes.len() / PARTS;
    // One of them may find the begin of another under way.
    assert!(!fetch_some(&told.url, 1).await.is_empty());
    let parts = (0..PARTS).map(|n| {
        let range = format!("bytes={}-{}", n * each, (n + 1) * each - 1);
        let told = &told;
        async move { told.get(&[("range", &range)]).await }
    });
    let parts: Vec<_> = join_all(parts).await.into_iter().map(|part| part.body.to_vec()).collect();
    assert!(parts.concat() == told.firmware.bytes);
    assert_eq!(told.begun().await, 1);
}

impl Told {
    /// The gateway knows that the device has the last byte: it writes that down once it is sent.
    async fn until_complete(&self) {
        eventually("the download is complete", async || {
            (self.operator.task(&self.job, "dk").await["state"] == "upgrading").then_some(())
        })
        .await;
    }
}
