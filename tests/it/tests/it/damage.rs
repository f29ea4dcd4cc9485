//! Stored bytes that change behind the gateway's back: no client ever receives one.

use http::StatusCode;
use ota_it::{Ending, Firmware, Operator, TestApp, fetch, fetch_from, flip};
use serde_json::{Value, json};

const BLOCK: usize = 64 * 1024;
const PIECE: usize = 4 * BLOCK;
/// Two pieces and a third that ends inside a block.
const SIZE: usize = 2 * PIECE + BLOCK + 77;

/// One device on its way to one firmware, of which one stored byte is then flipped.
struct Case {
    app: TestApp,
    operator: Operator,
    firmware: Firmware,
    job: String,
    file_url: String,
}

impl Case {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let firmware = Firmware::new("2", SIZE);
        let operator = app.product(&firmware).await;
        let mut device = app.device("pk", "dk", "1").await;
        let job = operator.job(&firmware, json!({})).await;
        let file_url = device.command().await.file_url;
        Self { app, operator, firmware, job, file_url }
    }

    /// Flips a bit of the firmware's byte `at`, in the host's own file, as a failing disk does.
    fn flip(&self, at: usize) {
        self.flip_in(&format!("%:{}", at / PIECE), at % PIECE);
    }

    fn flip_in(&self, key_like: &str, at: usize) {
        flip(self.app.state_dir(), key_like, at);
    }

    /// The firmware is out of service, its job held, and all of it written down.
    async fn is_quarantined(&self) {
        let firmware = self.operator.get("/api/v1/products/pk/firmware").await;
        assert_eq!(firmware["firmware"][0]["quarantined"], true);
        let job = self.operator.show(&self.job).await;
        assert_eq!((&job["state"], &job["held_because"]), (&json!("held"), &json!("firmware quarantined")));
        let events = self.operator.events("quarantined").await;
        let [event] = &events[..] else { panic!("one event expected: {events:?}") };
        assert_eq!((&event["device"], &event["actor"]), (&json!("dk"), &json!("gateway")));
        assert_eq!(self.operator.events("held").await.len(), 1);
        let again = fetch(&self.file_url).await;
        assert_eq!(again.status, StatusCode::GONE, "nothing more is served");
    }
}

async fn expect_gone(case: &Case, what: &str) {
    let received = fetch(&case.file_url).await;
    assert_eq!(received.status, StatusCode::GONE, "{what}");
    let error: Value = serde_json::from_slice(&received.bytes).unwrap();
    assert_eq!(error["error"]["message"], "the firmware is quarantined");
    case.is_quarantined().await;
    assert_eq!(case.operator.show(&case.job).await["begun"], 0, "no download began");
}

async fn expect_cut(case: &Case, damaged: usize) {
    let received = fetch(&case.file_url).await;
    assert_eq!((received.status, received.ending), (StatusCode::OK, Ending::Cut), "byte {damaged}");
    let count = received.bytes.len();
    assert!(count <= damaged, "byte {damaged} is damaged, {count} were sent");
    assert!(received.bytes == case.firmware.bytes[..count], "byte {damaged}");
    case.is_quarantined().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_flipped_in_the_first_piece_stops_the_download_before_it_begins() {
    for at in [0, BLOCK - 1, BLOCK, PIECE - 1] {
        let case = Case::start().await;
        case.flip(at);
        expect_gone(&case, &format!("byte {at}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_flipped_behind_the_first_piece_is_never_received() {
    for at in [PIECE, PIECE + BLOCK, 2 * PIECE, SIZE - 1] {
        let case = Case::start().await;
        case.flip(at);
        expect_cut(&case, at).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_flipped_inside_a_range_is_never_received() {
    let case = Case::start().await;
    assert_eq!(fetch(&case.file_url).await.ending, Ending::Whole);
    case.flip(PIECE + BLOCK + 5);
    // Another block of the same piece is sound, and served.
    let last = fetch_from(&case.file_url, SIZE - 10).await;
    assert!(last.bytes == case.firmware.bytes[SIZE - 10..]);
    let received = fetch_from(&case.file_url, PIECE + BLOCK + 1).await;
    assert_eq!(received.status, StatusCode::GONE);
    case.is_quarantined().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_that_were_altered_vouch_for_nothing() {
    let case = Case::start().await;
    case.flip_in("%:digests", 33);
    expect_gone(&case, "digests").await;
}
