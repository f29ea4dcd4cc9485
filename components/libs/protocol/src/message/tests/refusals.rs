//! What no message may be, and the code that it gets.

use crate::code::Code;
use crate::message::*;

/// The outcome of every decoder for one payload.
fn outcomes(payload: &[u8]) -> [Result<(), Malformed>; 4] {
    [
        decode_inform(payload).map(drop),
        decode_progress(payload).map(drop),
        decode_getversion(payload).map(drop),
        decode_upgrade_reply(payload).map(drop),
    ]
}

fn assert_refused(payload: &[u8], code: Code) {
    for outcome in outcomes(payload) {
        let refused = outcome.unwrap_err();
        assert_eq!(refused.code, code, "{}", refused.message);
        assert!(refused.message.len() < 200, "bounded: {}", refused.message.len());
    }
}

#[test]
fn an_empty_payload_is_1251() {
    for payload in [&b""[..], b" ", b"\r\n\t "] {
        assert_refused(payload, Code::PayloadEmpty);
    }
}

#[test]
fn a_payload_above_512_kib_is_1008_and_one_of_512_kib_is_read() {
    let fill = |length: usize| {
        let frame = r#"{"params":{"version":"v","step":1},"code":200,"fill":""}"#;
        format!("{}{}\"}}", &frame[..frame.len() - 2], "x".repeat(length - frame.len())).into_bytes()
    };
    assert_eq!(fill(MAX_PAYLOAD).len(), 524_288);
    assert!(outcomes(&fill(MAX_PAYLOAD)).iter().all(Result::is_ok));
    assert_refused(&fill(MAX_PAYLOAD + 1), Code::TooLarge);
    let refused = decode_inform(&fill(MAX_PAYLOAD + 1)).unwrap_err();
    assert_eq!(refused.message, "payload has 524289 bytes, 524288 are allowed");
}

#[test]
fn what_is_not_utf8_is_1220() {
    for payload in
        [&b"\xff"[..], b"{\"id\":\"\xc3\x28\",\"params\":{}}", b"{\"x\":\"\xed\xa0\x80\"}", b"{}\x80"]
    {
        assert_refused(payload, Code::PayloadFormat);
        assert_eq!(decode_inform(payload).unwrap_err().message, "payload is not UTF-8");
    }
}

#[test]
fn what_is_no_json_object_is_1220() {
    for payload in [
        "[]",
        "[{}]",
        "null",
        "true",
        "1",
        "\"{}\"",
        "{",
        "}",
        "{]",
        "{}{}",
        "{} x",
        "{'id':1}",
        "{id:1}",
        "{\"id\":1,}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "\0",
        "{}\0",
        "\u{feff}{}",
        "// c\n{}",
    ] {
        assert_refused(payload.as_bytes(), Code::PayloadFormat);
    }
}

#[test]
fn a_refusal_says_where_it_went_wrong() {
    let refused = decode_inform(b"{\"id\":\"1\",\n  oops}").unwrap_err();
    assert_eq!(refused.message, "payload is malformed: not a JSON object (line 2, column 3)");
    assert_eq!(refused.to_string(), format!("{} (code 1220)", refused.message));
}

#[test]
fn missing_and_mistyped_fields_are_1220_and_named() {
    let table = [
        (r#"{"id":"1"}"#, "params is missing"),
        (r#"{"id":"1","params":null}"#, "params: not a JSON object (line 1, column 4)"),
        (r#"{"id":"1","params":[]}"#, "params: not a JSON object (line 1, column 0)"),
        (r#"{"id":"1","params":"v1"}"#, "params: not a JSON object (line 1, column 4)"),
        (r#"{"id":"1","params":{}}"#, "params.version is missing"),
        (r#"{"id":"1","params":{"version":null}}"#, "params.version is not a string or a number"),
        (r#"{"id":"1","params":{"version":true}}"#, "params.version is not a string or a number"),
        (r#"{"id":"1","params":{"version":["v"]}}"#, "params.version is not a string or a number"),
        (r#"{"id":"1","params":{"version":{}}}"#, "params.version is not a string or a number"),
        (r#"{"id":"1","params":{"version":"\ud800"}}"#, "params.version is not a string or a number"),
        (r#"{"id":"1","params":{"version":""}}"#, "version has 0 characters, 1 to 128 are allowed"),
        (r#"{"id":"1","params":{"version":"a\u0000"}}"#, r"version contains the control character '\0'"),
        (r#"{"id":"1","params":{"version":"a\n"}}"#, r"version contains the control character '\n'"),
    ];
    for (payload, message) in table {
        let refused = decode_inform(payload.as_bytes()).unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), (Code::PayloadFormat, message), "{payload}");
        assert_eq!(refused.id.as_ref().map(RequestId::as_json), Some("\"1\""), "{payload}");
    }
}

#[test]
fn a_version_longer_than_128_characters_is_1220() {
    let payload = format!(r#"{{"params":{{"version":{}}}}}"#, "1".repeat(129));
    let refused = decode_inform(payload.as_bytes()).unwrap_err();
    assert_eq!(refused.message, "version has 129 characters, 1 to 128 are allowed");
}

#[test]
fn u0000_in_kept_text_is_1220() {
    let progress = decode_progress(br#"{"params":{"step":1,"desc":"a\u0000b"}}"#).unwrap_err();
    assert_eq!(progress.message, "params.desc contains U+0000");
    let message = decode_upgrade_reply(br#"{"code":1102,"message":"\u0000"}"#).unwrap_err();
    assert_eq!(message.message, "message contains U+0000");
    let id = decode_upgrade_reply(br#"{"id":"\u0000","code":200}"#).unwrap_err();
    assert_eq!(id.message, "id contains U+0000");
}

#[test]
fn an_upgrade_reply_needs_an_integer_as_code() {
    let table = [
        (r#"{"id":"77"}"#, "code is missing"),
        (r#"{"id":"77","code":null}"#, "code is not an integer"),
        (r#"{"id":"77","code":"ok"}"#, "code is not an integer"),
        (r#"{"id":"77","code":200.5}"#, "code is not an integer"),
        (r#"{"id":"77","code":{}}"#, "code is not an integer"),
    ];
    for (payload, message) in table {
        let refused = decode_upgrade_reply(payload.as_bytes()).unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), (Code::PayloadFormat, message), "{payload}");
    }
}

#[test]
fn a_field_that_matters_may_not_stand_twice() {
    let table = [
        (
            r#"{"id":"1","params":{"version":"a"},"params":{"version":"b"}}"#,
            "payload is malformed: params stands twice",
        ),
        (r#"{"id":"1","params":{"version":"a","version":"b"}}"#, "params: version stands twice"),
        (r#"{"id":"1","params":{"version":"a","\u0076ersion":"b"}}"#, "params: version stands twice"),
    ];
    for (payload, message) in table {
        let refused = decode_inform(payload.as_bytes()).unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), (Code::PayloadFormat, message));
        assert_eq!(refused.id.as_ref().map(RequestId::as_json), Some("\"1\""));
    }
    assert!(decode_inform(br#"{"x":1,"x":2,"params":{"version":"v","y":1,"y":2}}"#).is_ok());
}

#[test]
fn ten_thousand_brackets_overflow_nothing() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let (open, close) = (open.repeat(10_000), close.repeat(10_000));
        for deep in [format!("{open}1{close}"), open.clone(), close.clone()] {
            for payload in [
                deep.clone(),
                format!(r#"{{"id":{deep}}}"#),
                format!(r#"{{"id":"1","params":{deep}}}"#),
                format!(r#"{{"id":"1","params":{{"version":{deep},"step":{deep},"desc":{deep}}}}}"#),
                format!(r#"{{"id":"1","code":{deep},"message":{deep}}}"#),
            ] {
                for refused in outcomes(payload.as_bytes()).into_iter().filter_map(Result::err) {
                    assert_eq!(refused.code, Code::PayloadFormat);
                    assert!(refused.message.len() < 200);
                }
            }
        }
    }
    let ignored =
        format!(r#"{{"x":{}{},"params":{{"version":"v"}}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(decode_inform(ignored.as_bytes()).is_ok(), "an unknown field may be as deep as it likes");
}
