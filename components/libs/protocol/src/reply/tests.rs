//! Replies byte for byte: devices of the field parse these.

use super::*;
use crate::message::{SignMethod, decode_getversion};
use crate::version::Version;

fn id(json: &str) -> Option<RequestId> {
    decode_getversion(format!(r#"{{"id":{json}}}"#).as_bytes()).unwrap().id
}

fn offer(version: &str, size: u64) -> Offer {
    let sign = "0123456789abcdef0123456789abcdef";
    let url = "https://ota.example/fleet/ota/f.bin?t=a.b";
    Offer::new(Version::parse(version).unwrap(), SignMethod::Md5, sign, url, size).unwrap()
}

#[test]
fn inform_and_progress_get_an_empty_object() {
    assert_eq!(ok(id(r#""1""#).as_ref()), br#"{"id":"1","code":200,"data":{}}"#);
}

#[test]
fn errors_of_progress_are_verbatim() {
    let id = id(r#""3""#);
    assert_eq!(
        error(id.as_ref(), Code::TaskNotFound, None),
        br#"{"id":"3","code":764,"message":"Device task not found","data":{}}"#
    );
    assert_eq!(
        error(id.as_ref(), Code::TaskNotStarted, None),
        br#"{"id":"3","code":765,"message":"Device task not start","data":{}}"#
    );
    assert_eq!(
        error(None, Code::PayloadFormat, Some("a \"quoted\" reason")),
        br#"{"code":1220,"message":"a \"quoted\" reason","data":{}}"#
    );
}

#[test]
fn getversion_gets_an_array_in_the_order_given() {
    let reply = offers(id(r#""2""#).as_ref(), &[offer("v0.9", 1), offer("v1.0", 1024)]);
    let expected = concat!(
        r#"{"id":"2","code":200,"data":["#,
        r#"{"version":"v0.9","sign":"0123456789abcdef0123456789abcdef","signMethod":"md5","#,
        r#""fileUrl":"https://ota.example/fleet/ota/f.bin?t=a.b","fileSize":1},"#,
        r#"{"version":"v1.0","sign":"0123456789abcdef0123456789abcdef","signMethod":"md5","#,
        r#""fileUrl":"https://ota.example/fleet/ota/f.bin?t=a.b","fileSize":1024}]}"#,
    );
    assert_eq!(String::from_utf8(reply).unwrap(), expected);
}

#[test]
fn getversion_gets_an_array_when_there_is_nothing_and_in_errors() {
    assert_eq!(offers(id("2").as_ref(), &[]), br#"{"id":2,"code":200,"data":[]}"#);
    assert_eq!(
        offers_error(id("2").as_ref(), Code::PayloadEmpty, None),
        br#"{"id":2,"code":1251,"message":"payload is empty","data":[]}"#
    );
}

#[test]
fn a_login_gets_its_session() {
    assert_eq!(session("abc.def"), br#"{"code":200,"message":"success","data":{"sessionId":"abc.def"}}"#);
}
