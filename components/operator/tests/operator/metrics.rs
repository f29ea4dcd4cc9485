//! `/metrics`.

use http::Method;
use ota_testbed::{Testbed, json};
use serde_json::json;

use crate::{IMAGE, post};

#[test]
fn metrics_are_in_the_text_format_and_name_no_device() {
    let bed = Testbed::with_fleet(3, IMAGE);
    let job = bed.add_job("push", json!({"loss_budget": 1}));
    bed.device("d0").inform("1");
    let response = bed.operate(Method::GET, "/metrics", "");
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    let text = String::from_utf8(response.into_body()).unwrap();
    let label = format!(r#"product="pk",job="{job}",state="running""#);
    for line in [
        r#"ota_devices{product="pk"} 3"#.to_owned(),
        format!("ota_job_devices{{{label}}} 3"),
        format!("ota_job_waiting{{{label}}} 2"),
        format!("ota_job_in_flight{{{label}}} 1"),
        format!("ota_job_exposed{{{label}}} 1"),
        format!("ota_job_lost{{{label}}} 0"),
        format!("ota_job_retrying{{{label}}} 0"),
        format!("ota_job_bound{{{label}}} 1"),
        "# TYPE ota_job_exposed gauge".to_owned(),
    ] {
        assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("\"d0\"") && !text.contains("device="));
}

#[test]
fn metrics_tell_of_messages_that_do_not_arrive() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let made = json(&post(&bed, "/api/v1/hooks", &json!({"url": "https://hooks.test/"})));
    bed.stop(&bed.add_job("request", json!({})));
    bed.outbound.status.set(None);
    bed.sweep("b", &[]);
    bed.pass(3_500);
    let text = String::from_utf8(bed.operate(Method::GET, "/metrics", "").into_body()).unwrap();
    let label = format!("{{hook={}}}", made["hook"]);
    for line in [
        format!("ota_hook_pending{label} 1"),
        format!("ota_hook_given_up{label} 0"),
        format!("ota_hook_failing_seconds{label} 3"),
    ] {
        assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
    }
}
