//! Rule 8: what a step is, and how devices spell it.

use crate::code::Code;
use crate::message::*;

fn step(json: &str) -> Result<i32, String> {
    let payload = format!(r#"{{"id":"3","params":{{"step":{json}}}}}"#);
    match decode_progress(payload.as_bytes()) {
        Ok(request) => Ok(request.params.step.as_i32()),
        Err(refused) => {
            assert_eq!(refused.code, Code::PayloadFormat);
            assert_eq!(refused.id.as_ref().map(RequestId::as_json), Some("\"3\""));
            Err(refused.message)
        }
    }
}

#[test]
fn integers_are_read_however_they_are_spelled() {
    let table = [
        ("0", 0),
        ("35", 35),
        ("35.0", 35),
        ("3.5e1", 35),
        ("100", 100),
        (r#""35""#, 35),
        (r#""35.0""#, 35),
        (r#""+5""#, 5),
        (r#"" 20 ""#, 20),
        (r#""020""#, 20),
        (r#""-1""#, -1),
        ("-0", 0),
        ("-0.0", 0),
        ("-1", -1),
        ("-2", -2),
        ("-3", -3),
        ("-4", -4),
        ("-5", -5),
        ("-6", -6),
        ("-2147483648", i32::MIN),
    ];
    for (json, expected) in table {
        assert_eq!(step(json), Ok(expected), "{json}");
    }
}

#[test]
fn what_is_no_integer_is_refused() {
    for json in [
        "1.5",
        r#""1.5""#,
        r#""""#,
        r#"" ""#,
        r#""abc""#,
        r#""0x14""#,
        r#""1_0""#,
        r#""٣""#,
        r#""NaN""#,
        r#""inf""#,
        "1e400",
        "-1e400",
        "99999999999999999999",
        r#""99999999999999999999""#,
        "null",
        "true",
        "[]",
        "{}",
        "[20]",
        r#""2\u00000""#,
    ] {
        assert_eq!(step(json), Err("params.step is not an integer".to_owned()), "{json}");
    }
}

#[test]
fn an_integer_out_of_range_is_refused_with_its_value() {
    for (json, value) in [
        ("101", "101"),
        (r#""200""#, "200"),
        ("-2147483649", "-2147483649"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1e15", "1000000000000000"),
    ] {
        assert_eq!(step(json), Err(format!("step is {value}, -2147483648 to 100 are allowed")));
    }
}

#[test]
fn a_missing_step_is_refused() {
    let refused = decode_progress(br#"{"params":{"desc":"20"}}"#).unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (Code::PayloadFormat, "params.step is missing"));
}

#[test]
fn only_negative_steps_are_failures() {
    for (number, is_failure) in [(0, false), (100, false), (-1, true), (-5, true), (-6, true)] {
        assert_eq!(Step::new(number).unwrap().is_failure(), is_failure, "{number}");
    }
}

#[test]
fn the_failures_of_the_protocol_have_names() {
    let names = [
        Step::UPGRADE_FAILED,
        Step::DOWNLOAD_FAILED,
        Step::VERIFICATION_FAILED,
        Step::BURNING_FAILED,
        Step::IGNORED,
    ];
    assert_eq!(names.map(Step::as_i32), [-1, -2, -3, -4, -5]);
}
