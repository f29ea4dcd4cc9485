//! Messages as they were seen on the wire, verbatim.

use crate::message::*;

fn id_of<T>(request: &Request<T>) -> Option<&str> {
    request.id.as_ref().map(RequestId::as_json)
}

#[test]
fn java_informs_a_string() {
    let payload =
        br#"{"method":"ota.device.inform","id":"1","params":{"version":"initVersion"},"version":"1.1"}"#;
    let request = decode_inform(payload).unwrap();
    assert_eq!(id_of(&request), Some("\"1\""));
    assert_eq!(request.params.version.as_str(), "initVersion");
}

#[test]
fn python_informs_a_number_under_a_wrong_method() {
    let payload = br#"{"id": "1", "version": "1.0", "method": "ota.inform", "params": {"version": 1.0}}"#;
    let request = decode_inform(payload).unwrap();
    assert_eq!(id_of(&request), Some("\"1\""));
    assert_eq!(request.params.version.as_str(), "1.0");
}

#[test]
fn both_ask_for_versions() {
    for payload in [
        r#"{"method":"ota.device.getversion","id":"2","params":{},"version":"1.1"}"#,
        r#"{"id": "2", "version": "1.0", "method": "Ota.device.getversion", "params": {}}"#,
    ] {
        let request = decode_getversion(payload.as_bytes()).unwrap();
        assert_eq!(id_of(&request), Some("\"2\""));
        assert_eq!(request.params, Getversion);
    }
}

#[test]
fn java_reports_progress_in_strings() {
    let payload =
        br#"{"method":"ota.device.progress","id":"3","params":{"step":"20","desc":"20"},"version":"1.1"}"#;
    let request = decode_progress(payload).unwrap();
    assert_eq!(id_of(&request), Some("\"3\""));
    assert_eq!(request.params.step.as_i32(), 20);
    assert_eq!(request.params.desc.as_deref(), Some("20"));
}

#[test]
fn python_reports_progress_in_numbers() {
    let payload =
        br#"{"id": "3", "version": "1.0", "method": "ota.progress", "params": {"step": 35, "desc": ""}}"#;
    let request = decode_progress(payload).unwrap();
    assert_eq!(request.params.step.as_i32(), 35);
    assert_eq!(request.params.desc.as_deref(), Some(""));
}

#[test]
fn every_sdk_answers_a_push_its_own_way() {
    let table = [
        (r#"{"code":200,"data":"","id":"77","message":""}"#, 200, ""),
        (r#"{"id":"77","code":200,"data":{}}"#, 200, ""),
        (r#"{"id": "77", "code": 0, "data": "", "message": ""}"#, 0, ""),
        (
            r#"{"id": "77", "code": "500", "data": {}, "message": "command handler execution failed…"}"#,
            500,
            "command handler execution failed…",
        ),
        (r#"{"id":"77","code":1101}"#, 1101, ""),
        (r#"{"id":"77","code":1102,"message":"handler threw"}"#, 1102, "handler threw"),
        (r#"{"id":"77","code":2000,"message":"not now"}"#, 2000, "not now"),
    ];
    for (payload, code, message) in table {
        let reply = decode_upgrade_reply(payload.as_bytes()).unwrap().params;
        let expected = UpgradeReply { push_id: Some("77".into()), code, message: message.into() };
        assert_eq!(reply, expected, "{payload}");
    }
}

#[test]
fn a_push_id_is_its_text_whatever_type_comes_back() {
    let table = [
        (r#"{"id":700000000000000001,"code":200}"#, Some("700000000000000001")),
        (r#"{"id":"700000000000000001","code":200}"#, Some("700000000000000001")),
        (r#"{"code":200}"#, None),
        (r#"{"id":null,"code":200}"#, None),
        (r#"{"id":{"a":1},"code":200}"#, None),
    ];
    for (payload, push_id) in table {
        let reply = decode_upgrade_reply(payload.as_bytes()).unwrap().params;
        assert_eq!(reply.push_id.as_deref(), push_id, "{payload}");
    }
}

#[test]
fn method_and_version_never_matter() {
    for fields in [
        "",
        r#""method":"ota.device.process","#,
        r#""method":"ota.device.upgrade","version":"9","#,
        r#""method":7,"version":[],"#,
        r#""method":null,"#,
    ] {
        let payload = format!(r#"{{{fields}"params":{{"version":"v1","step":1}}}}"#);
        assert!(decode_inform(payload.as_bytes()).is_ok(), "{payload}");
        assert!(decode_progress(payload.as_bytes()).is_ok(), "{payload}");
        assert!(decode_getversion(payload.as_bytes()).is_ok(), "{payload}");
    }
}

#[test]
fn unknown_fields_are_ignored_at_every_level() {
    let payload = br#"{"x":1,"id":"1","params":{"y":{"version":"no"},"version":"v1","z":[]},"version":{}}"#;
    assert_eq!(decode_inform(payload).unwrap().params.version.as_str(), "v1");
}

#[test]
fn a_version_keeps_its_source_text() {
    let table = [
        ("1.0", "1.0"),
        ("1.10", "1.10"),
        ("10", "10"),
        ("-1", "-1"),
        ("1e400", "1e400"),
        ("99999999999999999999", "99999999999999999999"),
        (r#""1.10""#, "1.10"),
        (r#"" v1 ""#, " v1 "),
        (r#""v\u0031""#, "v1"),
    ];
    for (json, version) in table {
        let payload = format!(r#"{{"params":{{"version":{json}}}}}"#);
        let request = decode_inform(payload.as_bytes()).unwrap();
        assert_eq!(request.params.version.as_str(), version);
    }
}

#[test]
fn names_may_be_escaped_and_white_space_may_stand_anywhere() {
    let payload = b"\r\n\t {\"\\u0069d\" : \"1\" ,\n\"params\":{ \"version\" : 1.0 } } \n";
    let request = decode_inform(payload).unwrap();
    assert_eq!((id_of(&request), request.params.version.as_str()), (Some("\"1\""), "1.0"));
}

#[test]
fn the_words_of_a_device_are_kept_whatever_their_type() {
    let table = [
        ("", None),
        (r#","desc":null"#, None),
        (r#","desc":"""#, Some("")),
        (r#","desc":"flash \u00e9\ud83d\ude00""#, Some("flash é😀")),
        (r#","desc":20"#, Some("20")),
        (r#","desc":20.50"#, Some("20.50")),
        (r#","desc":true"#, Some("true")),
        (r#","desc":{"why": [1, 2]}"#, Some(r#"{"why": [1, 2]}"#)),
        (r#","desc":"\ud800""#, Some(r#""\ud800""#)),
    ];
    for (desc, kept) in table {
        let payload = format!(r#"{{"params":{{"step":-3{desc}}}}}"#);
        let request = decode_progress(payload.as_bytes()).unwrap();
        assert_eq!(request.params.desc.as_deref(), kept, "{payload}");
    }
}

#[test]
fn long_words_are_cut_between_characters() {
    for (unit, bytes) in [("a", 4096), ("é", 4096), ("€", 4095), ("😀", 4096)] {
        let payload = format!(r#"{{"params":{{"step":1,"desc":"{}"}}}}"#, unit.repeat(5000));
        let desc = decode_progress(payload.as_bytes()).unwrap().params.desc.unwrap();
        assert_eq!(desc.len(), bytes, "{unit}");
        let payload = format!(r#"{{"code":1102,"message":"{}"}}"#, unit.repeat(5000));
        assert_eq!(decode_upgrade_reply(payload.as_bytes()).unwrap().params.message.len(), bytes);
    }
}

#[test]
fn a_digest_is_named_in_lower_case() {
    for (method, name, length) in [(SignMethod::Md5, "md5", 32), (SignMethod::Sha256, "sha256", 64)] {
        assert_eq!(SignMethod::parse(name), Some(method));
        assert_eq!((method.to_string().as_str(), method.hex_length()), (name, length));
    }
    for name in ["", "MD5", "Sha256", "sha1", "hmacsha256", " md5"] {
        assert_eq!(SignMethod::parse(name), None, "{name:?}");
    }
}
