//! Spelling survives, and scalars are what they seem.

use super::*;

fn fields(text: &str) -> (Result<(), JsonError>, [Option<&str>; 2]) {
    let mut values = [None; 2];
    let outcome = read(text, ["a", "b"], &mut values);
    (outcome, values.map(|value| value.map(RawValue::get)))
}

#[test]
fn only_the_named_fields_are_read_as_they_are_spelled() {
    let text = r#"{"x":[{"a":0}],"a": 1.50 ,"y":{},"b":{ "a" : 2 }}"#;
    assert_eq!(fields(text), (Ok(()), [Some("1.50"), Some(r#"{ "a" : 2 }"#)]));
    assert_eq!(fields(r#"{"b":null}"#), (Ok(()), [None, Some("null")]));
    assert_eq!(fields("{}"), (Ok(()), [None, None]));
}

#[test]
fn the_first_of_two_stays_and_the_second_is_told() {
    assert_eq!(fields(r#"{"a":1,"a":2}"#), (Err(JsonError::Twice("a")), [Some("1"), None]));
    assert_eq!(fields(r#"{"b":1,"a":1,"a":2,"b":2}"#).0, Err(JsonError::Twice("a")));
    assert_eq!(fields(r#"{"x":1,"x":2}"#).0, Ok(()));
}

#[test]
fn an_error_keeps_what_came_before_it() {
    let (outcome, values) = fields(r#"{"a":1,"b":}"#);
    assert!(matches!(outcome, Err(JsonError::Syntax { cut: false, .. })));
    assert_eq!(values, [Some("1"), None]);
    assert!(matches!(fields(r#"{"a":1"#).0, Err(JsonError::Syntax { cut: true, .. })));
}

#[test]
fn scalars_are_told_apart() {
    let table = [
        (r#""a\n""#, Scalar::Text("a\n".to_owned())),
        ("1.0", Scalar::Number("1.0")),
        ("-1e5", Scalar::Number("-1e5")),
        ("null", Scalar::Null),
        ("true", Scalar::Other("true")),
        ("[1]", Scalar::Other("[1]")),
        ("{}", Scalar::Other("{}")),
        (r#""\udc00""#, Scalar::Other(r#""\udc00""#)),
    ];
    for (json, scalar) in table {
        assert_eq!(Scalar::of(serde_json::from_str(json).unwrap()), scalar, "{json}");
    }
}

#[test]
fn numbers_at_the_edge_of_exactness_are_whole_or_refused() {
    for (json, integer) in [
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("9007199254740991.0", Some(9_007_199_254_740_991)),
        ("9007199254740992.0", None),
        ("0.5", None),
        ("1e-400", Some(0)),
    ] {
        assert_eq!(Scalar::of(serde_json::from_str(json).unwrap()).into_integer(), integer, "{json}");
    }
}
