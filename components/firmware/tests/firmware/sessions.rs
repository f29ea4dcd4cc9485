//! `/multipart/sys/{product}/{device}/file/download`: the same download, through the session of its device.

use http::StatusCode;
use ota_protocol::session::Session;
use ota_testbed::{Testbed, image, path_of};
use serde_json::{Value, json};

use crate::{get, granted};

#[test]
fn a_device_in_its_session_gets_what_its_link_would_give() {
    let bed = Testbed::new();
    let image = image(100_000);
    let (_, url) = granted(&bed, &image);
    let device = bed.device("d0").logged_in("secret-of-d0");
    let request = |range: &str| device.fetch(&url).header("range", range).body(Vec::new()).unwrap();
    let part = bed.download(&request("bytes=70000-79999")).response;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 70000-79999/100000");
    assert_eq!(part.headers()["accept-ranges"], "bytes");
    assert!(part.body() == &image[70_000..80_000]);
    let whole = device.fetch(&url).body(Vec::new()).unwrap();
    assert!(*bed.download(&whole).response.body() == image);
    assert!(*get(&bed, &url, &[]).response.body() == image);
}

#[test]
fn a_public_url_that_moved_since_is_no_matter() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    let device = bed.device("d0").logged_in("secret-of-d0");
    let moved = format!("https://old.example{}", path_of(url.as_str().unwrap()));
    let request = device.fetch(&json!(moved)).body(Vec::new()).unwrap();
    assert_eq!(bed.send(&request).status(), StatusCode::OK);
}

#[test]
fn without_a_session_that_holds_nothing_is_served() {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, b"firmware");
    let other = bed.add_device("other").logged_in("secret-of-other");
    let sound = Session::open(bed.device("d0").logged_in("secret-of-d0").session(), &keys(&bed)).unwrap();
    let signed = |session: &Session| session.sign(&keys(&bed));
    for (session, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some(String::new()), StatusCode::UNAUTHORIZED),
        (Some("guessed".to_owned()), StatusCode::UNAUTHORIZED),
        (Some(other.session().to_owned()), StatusCode::FORBIDDEN),
        (
            Some(signed(&Session { expires_at: ota_testbed::START, ..sound.clone() })),
            StatusCode::UNAUTHORIZED,
        ),
        (Some(signed(&Session { epoch: 2, ..sound.clone() })), StatusCode::UNAUTHORIZED),
        (Some(signed(&Session { generation: 2, ..sound.clone() })), StatusCode::UNAUTHORIZED),
        (Some(signed(&sound)), StatusCode::OK),
    ] {
        let query = session.as_ref().map(|session| format!("sessionId={session}&")).unwrap_or_default();
        let uri = format!("/multipart/sys/pk/d0/file/download?{query}fileUri={}", escaped(&url));
        let request = http::Request::get(uri).header("authorization", "Bearer the-bridge-token");
        assert_eq!(bed.send(&request.body(Vec::new()).unwrap()).status(), status, "{session:?}");
    }
    assert_eq!(bed.job(&job)["begun"], 1);
}

#[test]
fn a_file_uri_that_is_no_link_of_the_device_serves_nothing() {
    let bed = Testbed::with_fleet(2, b"firmware");
    bed.add_job("push", json!({}));
    let theirs = bed.device("d1").inform("1").file_url().clone();
    let device = bed.device("d0").logged_in("secret-of-d0");
    for (url, status) in [
        (theirs, StatusCode::FORBIDDEN),
        (json!(""), StatusCode::UNAUTHORIZED),
        (json!("http://gateway.test/fleet/ota/2.bin"), StatusCode::UNAUTHORIZED),
        (json!("http://gateway.test/fleet/ota/2.bin?t="), StatusCode::UNAUTHORIZED),
        (json!("http://gateway.test/fleet/ota/2.bin?t=guessed"), StatusCode::FORBIDDEN),
        (json!("file:///etc/passwd"), StatusCode::UNAUTHORIZED),
        (json!("http://169.254.169.254/latest/meta-data?t=x.y"), StatusCode::FORBIDDEN),
        (json!("../../etc/passwd?t=\u{0}"), StatusCode::FORBIDDEN),
    ] {
        let uri = format!(
            "/multipart/sys/pk/d0/file/download?sessionId={}&fileUri={}&category=ota",
            device.session(),
            escaped(&url)
        );
        let request = http::Request::get(uri).body(Vec::new()).unwrap();
        assert_eq!(bed.send(&request).status(), status, "{url}");
    }
    assert!(bed.outbound.requests.borrow().is_empty(), "nothing is ever fetched by its URL");
}

fn keys(bed: &Testbed) -> ota_protocol::seal::SealKeys {
    bed.gateway().link_keys().unwrap()
}

fn escaped(url: &Value) -> String {
    url.as_str().unwrap().bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}
