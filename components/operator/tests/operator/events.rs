//! `/api/v1/events`: the history of one update, in order.

use http::{Method, StatusCode};
use ota_testbed::Testbed;
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused};

#[test]
fn an_update_is_told_from_its_creation_to_its_end() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    bed.device("d0").progress(80);
    bed.device("d0").inform("2");
    let shown = bed.show(&format!("/api/v1/events?job={job}"));
    let events = shown["events"].as_array().unwrap();
    let told: Vec<(&Value, &Value)> = events.iter().map(|event| (&event["kind"], &event["actor"])).collect();
    assert_eq!(
        told,
        [
            (&json!("job_created"), &json!("operator")),
            (&json!("granted"), &json!("device")),
            (&json!("begun"), &json!("device")),
            (&json!("upgrading"), &json!("device")),
            (&json!("succeeded"), &json!("device")),
            (&json!("done"), &json!("gateway")),
        ]
    );
    for event in events {
        assert_eq!((&event["product"], &event["job"]), (&json!("pk"), &json!(job)));
    }
}

#[test]
fn events_are_those_about_all_that_is_named() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let other = bed.operate(Method::POST, "/api/v1/products", json!({"product": "other"}).to_string());
    assert_eq!(other.status(), StatusCode::CREATED);
    let job = bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    bed.device("d1").inform("1");
    let kinds = |query: &str| -> Vec<String> {
        let shown = bed.show(&format!("/api/v1/events?{query}"));
        let events = shown["events"].as_array().unwrap().iter();
        events.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("product=other"), ["product_created"]);
    assert_eq!(kinds("product=pk&device=d0"), ["device_created", "granted"]);
    assert_eq!(kinds(&format!("product=pk&device=d1&job={job}")), ["granted"]);
    assert_eq!(kinds(&format!("product=pk&job={job}")), ["job_created", "granted", "granted"]);
    assert!(kinds(&format!("product=other&job={job}")).is_empty());
    assert!(kinds("product=pk&device=d9").is_empty());
    let mut paged = Vec::new();
    let mut after = "0".to_owned();
    while after != "null" {
        let page = bed.show(&format!("/api/v1/events?product=pk&limit=2&after={after}"));
        paged.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].to_string();
    }
    assert_eq!(json!(paged), bed.show("/api/v1/events?product=pk")["events"]);
    let response = bed.operate(Method::GET, "/api/v1/events?device=d0", "");
    assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "device is named, and product is not");
    for query in ["product=%00", "product=pk&device=%0A", "job=%7F"] {
        let response = bed.operate(Method::GET, &format!("/api/v1/events?{query}"), "");
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "must have no control characters");
    }
}
