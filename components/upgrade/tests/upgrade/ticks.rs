//! `/internal/sweep`: who may call it, and what they may say.

use http::{Method, StatusCode};
use ota_testbed::{Testbed, json};
use serde_json::json;

use crate::connected;

#[test]
fn a_tick_without_a_body_is_a_crons_and_get_will_do() {
    let bed = Testbed::new();
    connected(&bed, 1, json!({}));
    for method in [Method::GET, Method::POST] {
        let mut request = bed.by_bridge("/internal/sweep", "");
        *request.method_mut() = method;
        let response = bed.send(&request);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(json(&response)["commands"], json!([]));
    }
}

#[test]
fn the_token_may_stand_in_the_query_for_crons_that_send_no_headers() {
    let bed = Testbed::new();
    for (query, status) in [
        ("?token=the-bridge-token", StatusCode::OK),
        ("?token=the%2Dbridge-token", StatusCode::OK),
        ("?token=", StatusCode::FORBIDDEN),
        ("?token", StatusCode::FORBIDDEN),
        ("?token=guessed", StatusCode::FORBIDDEN),
        ("?token=the-operator-token", StatusCode::FORBIDDEN),
        ("?Token=the-bridge-token", StatusCode::UNAUTHORIZED),
        ("", StatusCode::UNAUTHORIZED),
    ] {
        let request = http::Request::get(format!("/internal/sweep{query}")).body(Vec::new()).unwrap();
        assert_eq!(bed.send(&request).status(), status, "{query}");
    }
}

#[test]
fn a_tick_that_cannot_be_read_is_400_and_sweeps_nothing() {
    let bed = Testbed::new();
    let job = connected(&bed, 1, json!({}));
    let many: Vec<&str> = vec!["1"; 10_001];
    for body in [
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "\u{feff}{}".to_owned(),
        json!({"bridge": 1}).to_string(),
        json!({"acknowledged": "1"}).to_string(),
        json!({"acknowledged": [1]}).to_string(),
        json!({"acknowledged": null}).to_string(),
        json!({"acknowledged": many}).to_string(),
        json!({"bridge": "b\0"}).to_string(),
        json!({"bridge": ""}).to_string(),
        json!({"bridge": "b".repeat(129)}).to_string(),
    ] {
        let response = bed.send(&bed.by_bridge("/internal/sweep", body.clone()));
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body:.80}");
    }
    let response = bed.send(&bed.by_bridge("/internal/sweep", vec![b' '; 4 * 1024 * 1024 + 1]));
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(bed.job(&job)["exposed"], 0);
}

#[test]
fn only_get_and_post_sweep() {
    let bed = Testbed::new();
    for method in [Method::PUT, Method::DELETE, Method::HEAD] {
        let mut request = bed.by_bridge("/internal/sweep", "");
        *request.method_mut() = method;
        let response = bed.send(&request);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "GET, POST");
    }
}

#[test]
fn a_quiet_sweep_is_ten_statements() {
    let bed = Testbed::new();
    connected(&bed, 3, json!({"loss_budget": 3}));
    // It is asked for its sessions, and says that it reports them.
    bed.sweep("b", &[]);
    bed.sweep("b", &[]);
    let before = (bed.sql.count(), bed.kv.count());
    bed.sweep("b", &[]);
    assert_eq!((bed.sql.count() - before.0, bed.kv.count() - before.1), (10, 0));
}
