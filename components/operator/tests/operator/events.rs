//! `/api/v1/events`: the history of one update, in order.

use ota_testbed::Testbed;
use serde_json::{Value, json};

use crate::IMAGE;

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
