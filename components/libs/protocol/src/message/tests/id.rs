//! Rule 2: the id comes back exactly as it came, with its JSON type, or not at all.

use crate::code::Code;
use crate::message::*;
use crate::reply;

const IDS: [&str; 16] = [
    r#""1""#,
    "1",
    "1.0",
    "-0",
    "1e400",
    "99999999999999999999",
    r#""""#,
    r#""\u0031""#,
    r#""\ud800""#,
    r#""a\u0000b""#,
    r#""é😀""#,
    "null",
    "true",
    "[1, 2]",
    r#"{"a": [null]}"#,
    "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
];

#[test]
fn ids_of_every_type_are_echoed_byte_for_byte() {
    for id in IDS {
        let payload = format!(r#"{{"id":{id},"params":{{"version":"v1"}}}}"#);
        let request = decode_inform(payload.as_bytes()).unwrap();
        let reply = String::from_utf8(reply::ok(request.id.as_ref())).unwrap();
        assert_eq!(reply, format!(r#"{{"id":{id},"code":200,"data":{{}}}}"#));
    }
}

#[test]
fn an_error_carries_the_id_too() {
    for id in IDS {
        let payload = format!(r#"{{"id": {id} , "params":{{"version":[]}}}}"#);
        let malformed = decode_inform(payload.as_bytes()).unwrap_err();
        assert_eq!(malformed.id.as_ref().map(RequestId::as_json), Some(id));
    }
}

#[test]
fn a_request_without_id_gets_a_reply_without_id() {
    let request = decode_getversion(b"{}").unwrap();
    assert_eq!(request.id, None);
    assert_eq!(reply::offers(request.id.as_ref(), &[]), br#"{"code":200,"data":[]}"#);
}

#[test]
fn an_id_of_256_bytes_is_echoed_and_a_longer_one_is_refused_without_it() {
    let request = |length: usize| format!(r#"{{"id":"{}","params":{{"version":"v"}}}}"#, "i".repeat(length));
    let longest = decode_inform(request(MAX_ID - 2).as_bytes()).unwrap();
    assert_eq!(longest.id.map(|id| id.as_json().len()), Some(256));

    for length in [MAX_ID - 1, 100_000] {
        let refused = decode_inform(request(length).as_bytes()).unwrap_err();
        assert_eq!((refused.id, refused.code), (None, Code::PayloadFormat));
        assert_eq!(refused.message, "id is longer than 256 bytes");
    }
}

#[test]
fn an_id_before_a_mistake_is_kept_for_the_error() {
    for rest in [r#","params":nonsense}"#, r#","params":{}} trailing"#, r#","a":"\x"}"#, r",}"] {
        let refused = decode_inform(format!(r#"{{"id":"7"{rest}"#).as_bytes()).unwrap_err();
        assert_eq!(refused.code, Code::PayloadFormat, "{rest}");
        assert_eq!(refused.id.as_ref().map(RequestId::as_json), Some("\"7\""), "{rest}");
    }
}

#[test]
fn an_id_that_may_be_cut_or_stands_twice_is_not_echoed() {
    for payload in [r#"{"id":12"#, r#"{"id":"7","params":{"#, r#"{"id":1,"id":2,"params":{"version":"v"}}"#] {
        let refused = decode_inform(payload.as_bytes()).unwrap_err();
        assert_eq!((refused.id, refused.code), (None, Code::PayloadFormat), "{payload}");
    }
}
