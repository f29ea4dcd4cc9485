//! Stored bytes that change behind the gateway's back: no client ever receives one.

use http::StatusCode;
use ota_it::{Ending, Place, Received, fetch, fetch_from};
use serde_json::{Value, json};

use super::Told;

const BLOCK: usize = 64 * 1024;
const PIECE: usize = 4 * BLOCK;
/// Two pieces and a third that ends inside a block.
const SIZE: usize = 2 * PIECE + BLOCK + 77;

where_the_gateway_sends!(
    a_byte_flipped_in_the_first_piece_stops_the_download_before_it_begins,
    a_byte_flipped_behind_the_first_piece_is_never_received,
    a_byte_flipped_inside_a_range_is_never_received,
    digests_that_were_altered_vouch_for_nothing,
);

at_places!([redirect Redirect] (a_byte_flipped_in_the_first_block_sends_nobody_to_the_bucket));

async fn a_byte_flipped_in_the_first_piece_stops_the_download_before_it_begins(place: Place) {
    // The first byte, the middle and the last of a block, the first of the next, the last of the piece.
    for at in [0, BLOCK / 2, BLOCK - 1, BLOCK, PIECE - 1] {
        let told = Told::at(place, SIZE).await;
        told.depot.flip(at);
        told.expect_gone(&format!("byte {at}")).await;
    }
}

async fn a_byte_flipped_behind_the_first_piece_is_never_received(place: Place) {
    // The first of the next piece, the middle and the last of a block, the first of the last piece, the last byte.
    for at in [PIECE, PIECE + BLOCK + BLOCK / 2, PIECE + 2 * BLOCK - 1, 2 * PIECE, SIZE - 1] {
        let told = Told::at(place, SIZE).await;
        told.depot.flip(at);
        let received = fetch(&told.url).await;
        assert_eq!((received.status, received.ending), (StatusCode::OK, Ending::Cut), "byte {at}");
        told.expect_true(&received, 0, at);
        told.expect_quarantine().await;
    }
}

/// What is behind it only the device can check, by the digest that it was told.
async fn a_byte_flipped_in_the_first_block_sends_nobody_to_the_bucket(place: Place) {
    for at in [0, BLOCK / 2, BLOCK - 1] {
        let told = Told::at(place, SIZE).await;
        told.depot.flip(at);
        told.expect_gone(&format!("byte {at}")).await;
    }
}

async fn a_byte_flipped_inside_a_range_is_never_received(place: Place) {
    let told = Told::at(place, SIZE).await;
    assert_eq!(fetch(&told.url).await.ending, Ending::Whole);
    told.depot.flip(PIECE + BLOCK + 5);
    // Another piece is sound, and served.
    let last = fetch_from(&told.url, SIZE - 10).await;
    assert!(last.bytes == told.firmware.bytes[SIZE - 10..]);
    let received = fetch_from(&told.url, PIECE + BLOCK + 1).await;
    assert_eq!(received.status, StatusCode::GONE);
    told.expect_quarantine().await;
}

async fn digests_that_were_altered_vouch_for_nothing(place: Place) {
    for at in [0, 33] {
        let told = Told::at(place, SIZE).await;
        told.depot.flip_in_digests(at);
        told.expect_gone(&format!("byte {at} of the digests")).await;
    }
}

impl Told {
    /// Not a byte is served, and no download begins.
    async fn expect_gone(&self, what: &str) {
        let received = fetch(&self.url).await;
        assert_eq!(received.status, StatusCode::GONE, "{what}");
        let error: Value = serde_json::from_slice(&received.bytes).unwrap();
        assert_eq!(error["error"]["message"], "the firmware is quarantined", "{what}");
        self.expect_quarantine().await;
        assert_eq!(self.begun().await, 0, "{what}");
    }

    /// What came is a beginning of what is behind `from`, and ends before the byte `damaged`.
    fn expect_true(&self, received: &Received, from: usize, damaged: usize) {
        let count = received.bytes.len();
        assert!(from + count <= damaged, "byte {damaged} is damaged, {count} came from {from} on");
        assert!(received.bytes == self.firmware.bytes[from..from + count], "byte {damaged}");
    }

    /// The firmware is out of service, its job held, and all of it written down.
    async fn expect_quarantine(&self) {
        let firmware = self.operator.get("/api/v1/products/pk/firmware").await;
        assert_eq!(firmware["firmware"][0]["quarantined"], true);
        let job = self.operator.show(&self.job).await;
        assert_eq!((&job["state"], &job["held_because"]), (&json!("held"), &json!("firmware quarantined")));
        let events = self.operator.events("quarantined").await;
        let [event] = &events[..] else { panic!("one event expected: {events:?}") };
        assert_eq!((&event["device"], &event["actor"]), (&json!("dk"), &json!("gateway")));
        assert_eq!(self.operator.events("held").await.len(), 1);
        assert_eq!(fetch(&self.url).await.status, StatusCode::GONE, "nothing more is served");
    }
}
