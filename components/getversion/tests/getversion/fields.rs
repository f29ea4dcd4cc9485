//! There is nothing that a getversion must say; and its data is a list whatever the answer.

use ota_testbed::{Device, PRODUCT, Testbed, json};
use serde_json::json;

use crate::IMAGE;

#[test]
fn whatever_its_params_are_a_question_is_answered() {
    let bed = Testbed::with_fleet(1, IMAGE);
    for more in [
        "",
        r#","params":{}"#,
        r#","params":null"#,
        r#","params":[]"#,
        r#","params":"x""#,
        r#","params":{"version":"\u0000"}"#,
        r#","params":{},"params":{}"#,
        r#","method":"Ota.device.getversion","version":1.0"#,
    ] {
        let response = bed.device("d0").publish("getversion", format!(r#"{{"id":"2"{more}}}"#));
        assert_eq!(json(&response), json!({"id": "2", "code": 200, "data": []}), "{more}");
    }
}

#[test]
fn the_data_is_a_list_in_every_error() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("request", json!({}));
    let large = " ".repeat(512 * 1024 + 1);
    for (payload, code) in [
        (&b""[..], 1251),
        (b" \n", 1251),
        (b"{", 1220),
        (b"[]", 1220),
        (b"null", 1220),
        (b"{\"id\":\"\xff\"}", 1220),
        (br#"{"id":1,"id":2}"#, 1220),
        (large.as_bytes(), 1008),
    ] {
        let reply = json(&bed.device("d0").publish("getversion", payload));
        assert_eq!((&reply["code"], &reply["data"]), (&json!(code), &json!([])), "{reply}");
    }
    for (product, device) in [(PRODUCT, "stranger"), ("other", "d0")] {
        let told = Device::new(&bed, product, device).getversion();
        assert_eq!(told.reply["data"], json!([]));
    }
    assert_eq!(bed.device("stranger").getversion().code(), 402);
}
