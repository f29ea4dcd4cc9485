//! A header value is printable ASCII and the same JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn everything_outside_printable_ascii_is_escaped() {
    let table = [
        ("", ""),
        (r#"{"v":"plain ~"}"#, r#"{"v":"plain ~"}"#),
        (r#"{"v":"é"}"#, r#"{"v":"\u00e9"}"#),
        (r#"{"v":"😀"}"#, r#"{"v":"\ud83d\ude00"}"#),
        ("{\"v\":\"\u{7f}\u{80}\u{2028}\u{feff}\u{ffff}\"}", r#"{"v":"\u007f\u0080\u2028\ufeff\uffff"}"#),
        ("{\n\t\"v\": 1\r\n}", "{  \"v\": 1  }"),
    ];
    for (json, value) in table {
        assert_eq!(header_value(json).as_deref(), Ok(value));
    }
}

#[test]
fn no_value_can_end_its_header() {
    let value = header_value("{\"v\":\"a\"}\r\nset-cookie: x").unwrap();
    assert!(!value.contains(['\r', '\n']));
}

#[test]
fn four_kib_fit_and_one_more_byte_does_not() {
    assert_eq!(header_value(&"a".repeat(MAX_HEADER)).unwrap().len(), 4096);
    assert_eq!(header_value(&"a".repeat(MAX_HEADER + 1)), Err(TooLong));
    assert_eq!(header_value(&"é".repeat(682)).unwrap().len(), 4092);
    assert_eq!(header_value(&"é".repeat(683)), Err(TooLong));
    assert_eq!(TooLong.to_string(), "header value is longer than 4096 bytes");
}

proptest! {
    #[test]
    fn any_text_becomes_printable(text in ".{0,300}") {
        let value = header_value(&text).unwrap();
        prop_assert!(value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    }

    #[test]
    fn the_json_stays_the_same(name in "(?s).{0,40}", text in "(?s).{0,200}", number in any::<i64>()) {
        let json = serde_json::json!({ name: [text, number, null, { "a": true }] });
        for spelled in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            let value = header_value(&spelled).unwrap();
            prop_assert!(value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
            prop_assert_eq!(&serde_json::from_str::<Value>(&value).unwrap(), &json);
        }
    }
}
