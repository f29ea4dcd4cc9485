//! `params.version`, and nothing else decides.

use ota_testbed::{Device, PRODUCT, Testbed, json};
use serde_json::{Value, json};

#[test]
fn a_version_is_kept_as_it_was_spelled() {
    let bed = Testbed::new();
    bed.add_product();
    let device = bed.add_device("d0");
    let long = "é".repeat(128);
    for (spelled, version) in [
        (r#""initVersion""#, "initVersion"),
        ("1.0", "1.0"),
        ("-1e2", "-1e2"),
        (r#""v1 β""#, "v1 β"),
        (r#""\u0062""#, "b"),
        (&json!(long).to_string(), &long),
        (r#""1'; DROP TABLE device; --""#, "1'; DROP TABLE device; --"),
        (r#""../../etc/passwd""#, "../../etc/passwd"),
        (r#""<script>alert(1)</script>""#, "<script>alert(1)</script>"),
        (r#""{now} $1 ?1 %s""#, "{now} $1 ?1 %s"),
    ] {
        let told = publish(&device, &format!(r#"{{"id":"1","params":{{"version":{spelled}}}}}"#));
        assert_eq!(told, json!({"id": "1", "code": 200, "data": {}}), "{spelled}");
        assert_eq!(version_of(&bed), version);
    }
}

#[test]
fn what_is_no_version_is_code_1220_and_changes_nothing() {
    let bed = Testbed::new();
    bed.add_product();
    let device = bed.add_device("d0");
    device.inform("1");
    let before = bed.state();
    let long = json!("v".repeat(129)).to_string();
    for version in [
        "null",
        "true",
        "[]",
        "{}",
        r#"["1"]"#,
        r#""""#,
        &long,
        r#""a\u0000""#,
        r#""a\u0001""#,
        r#""a\n""#,
        r#""a\u0085""#,
        r#""\ud800""#,
    ] {
        let told = publish(&device, &format!(r#"{{"id":"1","params":{{"version":{version}}}}}"#));
        assert_eq!(told["code"], 1220, "{version}: {told}");
        assert_eq!(told["id"], "1");
    }
    for params in ["", r#","params":null"#, r#","params":[]"#, r#","params":"1""#, r#","params":{}"#] {
        let told = publish(&device, &format!(r#"{{"id":"1"{params}}}"#));
        assert_eq!(told["code"], 1220, "{params}: {told}");
    }
    let twice = r#"{"id":"1","params":{"version":"2","version":"3"}}"#;
    assert_eq!(publish(&device, twice)["code"], 1220);
    assert_eq!(bed.state(), before);
}

#[test]
fn method_and_protocol_version_decide_nothing() {
    let bed = Testbed::new();
    bed.add_product();
    let device = bed.add_device("d0");
    for more in [
        r#""method":"ota.device.progress","version":"9""#,
        r#""method":7,"version":{}"#,
        r#""method":null,"unknown":[[[]]]"#,
    ] {
        let told = publish(&device, &format!(r#"{{"id":1,{more},"params":{{"version":"1","x":0}}}}"#));
        assert_eq!(told, json!({"id": 1, "code": 200, "data": {}}), "{more}");
    }
}

#[test]
fn a_device_that_is_not_registered_is_402_and_leaves_no_trace() {
    let bed = Testbed::with_fleet(1, b"firmware");
    let before = bed.state();
    for (product, device) in [(PRODUCT, "d1"), ("other", "d0"), ("PK", "d0"), (PRODUCT, "D0"), ("_k", "d_")] {
        let told = Device::new(&bed, product, device).inform("1");
        assert_eq!(told.code(), 402, "{product}/{device}");
        assert_eq!(told.reply["message"], "device does not exist");
    }
    assert_eq!(bed.state(), before);
}

fn publish(device: &Device<'_>, payload: &str) -> Value {
    json(&device.publish("inform", payload))
}

fn version_of(bed: &Testbed) -> String {
    bed.show("/api/v1/products/pk/devices/d0")["version"].as_str().unwrap().to_owned()
}
