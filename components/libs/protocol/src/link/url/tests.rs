//! Paths that lead to firmware, and those that lead elsewhere.

use proptest::prelude::*;

use super::*;

#[test]
fn a_file_url_is_the_vendors_path_with_a_token() {
    let org = Org::parse("o15540").unwrap();
    for public_url in ["https://ota.example", "https://ota.example/"] {
        let url = file_url(public_url, &org, "gw-1.0.bin", "ab.cd");
        assert_eq!(url, "https://ota.example/o15540/ota/gw-1.0.bin?t=ab.cd");
    }
}

#[test]
fn a_file_path_is_taken_apart() {
    let request = FileRequest::parse("/fleet/ota/gw-1.0.bin", "x=1&t=ab.cd").unwrap();
    assert_eq!(request.org, Org::default());
    assert_eq!((request.file.as_str(), request.token.as_str()), ("gw-1.0.bin", "ab.cd"));
    assert_eq!(FileRequest::parse("/fleet/ota/f", "").unwrap().token, "");
}

#[test]
fn other_paths_are_no_file() {
    for path in [
        "",
        "/",
        "/fleet",
        "/fleet/ota",
        "/fleet/ota/",
        "/ota/f",
        "//ota/f",
        "fleet/ota/f",
        "/fleet/ota/a/b",
        "/fleet/x/ota/f",
        "/api/ota/f",
        "/../ota/f",
        "/%2e%2e/ota/f",
        "/fleet/ota/a%2Fb",
        "/fleet/ota/%00",
        "/fleet/ota/%0a",
        "/fleet/ota/%",
        "/fleet/ota/%ff",
        "/topic/ota/f",
        "/console/ota/f",
    ] {
        assert_eq!(FileRequest::parse(path, "t=x"), None, "{path}");
    }
}

#[test]
fn an_organisation_is_no_path_of_ours() {
    for text in RESERVED {
        assert_eq!(Org::parse(text), Err(OrgError::Reserved(text.to_owned())));
    }
    for text in ["", "a/b", "a b", "é", "%2e", &"o".repeat(65)] {
        assert_eq!(Org::parse(text), Err(OrgError::Spelling), "{text:?}");
    }
    assert_eq!(Org::parse("fleet"), Ok(Org::default()));
    assert_eq!(
        Org::parse("api").unwrap_err().to_string(),
        "organisation \"api\" is a path of the gateway itself"
    );
}

#[test]
fn an_http_device_downloads_by_session_and_file() {
    let query = "sessionId=S&fileUri=https%3A%2F%2Fota.example%2Ffleet%2Fota%2Ff%3Ft%3Dab.cd&category=ota";
    let request = DownloadRequest::parse("/multipart/sys/pk/a%3Ab/file/download", query).unwrap();
    assert_eq!(request.device.to_string(), "pk/a:b");
    assert_eq!(request.session_id, "S");
    assert_eq!(request.file_uri, "https://ota.example/fleet/ota/f?t=ab.cd");
    assert_eq!(request.token().as_deref(), Some("ab.cd"));
}

#[test]
fn a_download_that_names_no_session_or_file_has_empty_ones() {
    let request = DownloadRequest::parse("/multipart/sys/pk/dk/file/download", "").unwrap();
    assert_eq!((request.session_id.as_str(), request.file_uri.as_str()), ("", ""));
    assert_eq!(request.token(), None);
}

#[test]
fn other_paths_are_no_download() {
    for path in [
        "/multipart/sys/pk/file/download",
        "/multipart/sys/pk/dk/x/file/download",
        "/multipart/sys/../dk/file/download",
        "/multipart/sys/pk/a%2Fb/file/download",
        "/multipart/sys/pk/dk/file/upload",
        "/sys/pk/dk/file/download",
    ] {
        assert_eq!(DownloadRequest::parse(path, "sessionId=S"), None, "{path}");
    }
}

proptest! {
    #[test]
    fn every_file_url_reads_back(file in "[^/\\p{Cc}]{1,40}", token in "[A-Za-z0-9._-]{1,80}") {
        let url = file_url("https://ota.example", &Org::default(), &file, &token);
        prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
        let (path, query) = url.strip_prefix("https://ota.example").unwrap().split_once('?').unwrap();
        let request = FileRequest::parse(path, query).unwrap();
        prop_assert_eq!((request.file, request.token), (file, token));
    }

    #[test]
    fn no_path_panics(path in ".*", query in ".*") {
        FileRequest::parse(&path, &query);
        if let Some(request) = DownloadRequest::parse(&format!("/multipart/sys/{path}"), &query) {
            request.token();
        }
    }
}
