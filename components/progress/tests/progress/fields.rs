//! `params.step` and `params.desc`.

use ota_testbed::{Device, PRODUCT, Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, granted};

#[test]
fn a_step_is_a_whole_number_up_to_100_in_any_spelling() {
    for (spelled, step) in [
        ("0", 0),
        ("100", 100),
        (r#""35""#, 35),
        ("35.0", 35),
        (r#""35.0""#, 35),
        ("3.5e1", 35),
        (r#"" 35 ""#, 35),
        (r#""+35""#, 35),
        ("-5", -5),
        (r#""-4""#, -4),
        ("-2147483648", -2_147_483_648),
    ] {
        let bed = Testbed::new();
        let job = granted(&bed);
        let told = report(&bed.device("d0"), &format!(r#"{{"step":{spelled}}}"#));
        assert_eq!(told, json!({"id": 3, "code": 200, "data": {}}), "{spelled}");
        assert_eq!(bed.task(&job, "d0")["step"], step, "{spelled}");
    }
}

#[test]
fn what_is_no_step_is_code_1220_and_changes_nothing() {
    let bed = Testbed::new();
    granted(&bed);
    let before = bed.state();
    for step in [
        "null",
        "true",
        "[]",
        "{}",
        r#""""#,
        r#"" ""#,
        r#""abc""#,
        r#""35%""#,
        r#""0x10""#,
        r#""−1""#,
        r#""35\u0000""#,
        "101",
        r#""101""#,
        "35.5",
        "1e400",
        "1e18",
        "-2147483649",
        "99999999999999999999",
        "-99999999999999999999",
        r#""NaN""#,
        r#""inf""#,
    ] {
        let told = report(&bed.device("d0"), &format!(r#"{{"step":{step}}}"#));
        assert_eq!((&told["code"], &told["id"]), (&json!(1220), &json!(3)), "{step}: {told}");
    }
    for params in ["{}", "null", "[]", r#""35""#, r#"{"desc":"x"}"#, r#"{"step":1,"step":2}"#] {
        let told = report(&bed.device("d0"), params);
        assert_eq!(told["code"], 1220, "{params}: {told}");
    }
    assert_eq!(bed.state(), before);
}

#[test]
fn a_desc_is_kept_whatever_it_is_and_never_loses_the_report() {
    let hostile = r#"\"},{<script>alert(1)</script>' OR 1=1; --\r\n\u0001\u202e"#;
    for (desc, detail) in [
        (String::new(), Value::Null),
        (r#","desc":null"#.to_owned(), Value::Null),
        (r#","desc":"20""#.to_owned(), json!("20")),
        (r#","desc":20.0"#.to_owned(), json!("20.0")),
        (r#","desc":{"a":[1]}"#.to_owned(), json!(r#"{"a":[1]}"#)),
        (r#","desc":"\ud800""#.to_owned(), json!(r#""\ud800""#)),
        (format!(r#","desc":"{hostile}""#), serde_json::from_str(&format!("\"{hostile}\"")).unwrap()),
        (format!(r#","desc":"{}""#, "x".repeat(5000)), json!("x".repeat(4096))),
        (format!(r#","desc":"{}""#, "€".repeat(2000)), json!("€".repeat(1365))),
    ] {
        let bed = Testbed::new();
        let job = granted(&bed);
        let told = report(&bed.device("d0"), &format!(r#"{{"step":10{desc}}}"#));
        assert_eq!(told["code"], 200, "{desc}");
        assert_eq!(bed.task(&job, "d0")["detail"], detail, "{desc}");
    }
}

#[test]
fn a_desc_with_nul_is_code_1220() {
    let bed = Testbed::new();
    granted(&bed);
    assert_eq!(report(&bed.device("d0"), r#"{"step":10,"desc":"a\u0000b"}"#)["code"], 1220);
}

#[test]
fn a_device_that_is_not_registered_is_402_and_leaves_no_trace() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let before = bed.state();
    for (product, device) in [(PRODUCT, "d1"), ("other", "d0"), (PRODUCT, "D0")] {
        assert_eq!(Device::new(&bed, product, device).progress(10), 402);
    }
    assert_eq!(bed.state(), before);
}

fn report(device: &Device<'_>, params: &str) -> Value {
    json(&device.publish("progress", format!(r#"{{"id":3,"params":{params}}}"#)))
}
