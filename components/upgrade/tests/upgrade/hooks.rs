//! What operators' hooks are told in a sweep: signed, until it arrives, and never in anybody's way.

use std::cell::{Cell, RefCell};

use http::StatusCode;
use ota_platform::Gateway;
use ota_platform::ports::{Outbound, OutboundError};
use ota_protocol::hook::HookKey;
use ota_protocol::secret::Secret;
use ota_testbed::{Fault, START, Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, connected};

const SECRET: &str = "secret-of-the-hook";

/// A testbed with a hook for everything; its id.
fn hooked() -> (Testbed, String) {
    let bed = Testbed::with_fleet(2, IMAGE);
    let hook = add_hook(&bed, "/ota");
    (bed, hook)
}

fn add_hook(bed: &Testbed, path: &str) -> String {
    let body = json!({"url": format!("https://hooks.test{path}"), "secret": SECRET});
    let response = bed.operate(http::Method::POST, "/api/v1/hooks", body.to_string());
    assert_eq!(response.status(), StatusCode::CREATED);
    json(&response)["hook"].as_str().unwrap().to_owned()
}

/// Something to be told: a job that a person stops.
fn stop_a_job(bed: &Testbed) -> String {
    let job = bed.add_job("request", json!({}));
    bed.stop(&job);
    job
}

fn sweep(bed: &Testbed) -> Value {
    bed.sweep("b", &[])
}

/// What hooks were sent since the last look.
fn sent(bed: &Testbed) -> Vec<http::Request<Vec<u8>>> {
    let mut sent = bed.outbound.requests.take();
    sent.retain(|request| request.uri().host() == Some("hooks.test"));
    sent
}

fn shown(bed: &Testbed) -> Value {
    bed.show("/api/v1/hooks")["hooks"][0].clone()
}

#[test]
fn a_stop_is_told_once_signed_and_with_the_job() {
    let (bed, hook) = hooked();
    let job = stop_a_job(&bed);
    assert!(sent(&bed).is_empty(), "the stop itself waits for nobody");
    sweep(&bed);
    let sent = sent(&bed);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].uri(), "https://hooks.test/ota");
    let signature = sent[0].headers()["x-ota-signature"].to_str().unwrap();
    let key = HookKey::new(&Secret::new(SECRET)).unwrap();
    assert_eq!(key.verify(signature, sent[0].body(), START / 1000), Ok(()));
    let said: Value = serde_json::from_slice(sent[0].body()).unwrap();
    let number = said["event"].as_i64().unwrap();
    assert_eq!(sent[0].headers()["x-ota-delivery"], format!("{hook}.{number}"));
    assert_eq!(
        said,
        json!({
            "kind": "stopped", "event": number, "at": START, "product": "pk", "device": null, "detail": null,
            "job": {
                "job": job, "to": "2", "mode": "request", "state": "stopped", "held_because": null,
                "devices": 2, "waiting": 2, "in_flight": 0, "succeeded": 0, "failed": 0, "timed_out": 0,
                "canceled": 0, "skipped": 0, "exposed": 0, "lost": 0, "loss_budget": 10, "bound": 10
            }
        })
    );
    sweep(&bed);
    assert!(self::sent(&bed).is_empty());
    assert_eq!((&shown(&bed)["pending"], &shown(&bed)["delivered"]), (&json!(0), &json!(1)));
}

#[test]
fn a_job_that_holds_is_told_with_its_first_failure() {
    let bed = Testbed::new();
    connected(&bed, 2, json!({"loss_budget": 1, "growth": 0, "upgrade_timeout": 1}));
    add_hook(&bed, "/");
    sweep(&bed);
    for device in ["d0", "d1"] {
        bed.device(device).progress(10);
    }
    bed.pass(1_000);
    sweep(&bed);
    let said =
        sent(&bed).iter().map(|sent| serde_json::from_slice(sent.body()).unwrap()).collect::<Vec<Value>>();
    let told: Vec<(&Value, &Value)> =
        said.iter().map(|said| (&said["kind"], &said["job"]["state"])).collect();
    assert_eq!(told, [(&json!("first_failure"), &json!("held")), (&json!("held"), &json!("held"))]);
    assert!(said[0]["device"].is_string() && said[1]["device"].is_null());
    assert_eq!(said[1]["detail"], "loss budget spent: 1 exposed of 1");
}

#[test]
fn a_receiver_that_fails_is_tried_again_ever_later_until_it_has_everything() {
    for failure in [None, Some(StatusCode::INTERNAL_SERVER_ERROR), Some(StatusCode::FOUND)] {
        let (bed, _) = hooked();
        stop_a_job(&bed);
        bed.outbound.status.set(failure);
        let mut deliveries = Vec::new();
        for wait in [0, 6_250, 12_500, 25_000, 50_000] {
            bed.pass(wait);
            assert_eq!(sweep(&bed)["commands"], json!([]));
            let sent = sent(&bed);
            assert_eq!(sent.len(), 1, "after {wait} ms");
            deliveries.push(sent[0].headers()["x-ota-delivery"].clone());
            sweep(&bed);
            assert!(self::sent(&bed).is_empty(), "not at once");
        }
        deliveries.dedup();
        assert_eq!(deliveries.len(), 1, "one name for all tries");
        let failing = shown(&bed);
        assert_eq!((&failing["pending"], &failing["failing_since"]), (&json!(1), &json!(START)));
        assert!(failing["last_error"].as_str().unwrap().contains("receiver"), "{failing}");
        bed.outbound.status.set(Some(StatusCode::NO_CONTENT));
        bed.pass(100_000);
        sweep(&bed);
        assert_eq!(sent(&bed).len(), 1);
        let well = shown(&bed);
        assert_eq!(
            (&well["pending"], &well["delivered"], &well["failing_since"], &well["last_error"]),
            (&json!(0), &json!(1), &Value::Null, &Value::Null)
        );
    }
}

#[test]
fn a_dead_receiver_keeps_neither_decisions_nor_other_hooks_waiting() {
    let bed = Testbed::new();
    let job = connected(&bed, 2, json!({"loss_budget": 2}));
    add_hook(&bed, "/");
    for _ in 0..20 {
        stop_a_job(&bed);
    }
    bed.outbound.status.set(None);
    let swept = sweep(&bed);
    assert_eq!((&swept["granted"], swept["commands"].as_array().map(Vec::len)), (&json!(2), Some(2)));
    assert_eq!(sent(&bed).len(), 1, "one try, and the hook is left alone");
    bed.stop(&job);
    assert_eq!(bed.job(&job)["state"], "stopped");
}

/// Takes its time to answer, by the clock of the testbed.
struct Slow<'b> {
    bed: &'b Testbed,
    takes: i64,
    asked: Cell<usize>,
}

impl Outbound for Slow<'_> {
    fn send(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        self.bed.pass(self.takes);
        self.asked.set(self.asked.get() + 1);
        Ok(http::Response::new(Vec::new()))
    }
}

#[test]
fn one_sweep_sends_a_bounded_number_for_a_bounded_time() {
    for (takes, most) in [(0, 8), (300, 7), (1_000, 2), (4_000, 1)] {
        let (bed, _) = hooked();
        for _ in 0..12 {
            stop_a_job(&bed);
        }
        let slow = Slow { bed: &bed, takes, asked: Cell::new(0) };
        let gateway = Gateway { outbound: &slow, ..bed.gateway() };
        let request = bed.by_bridge("/internal/sweep", json!({"bridge": "b"}).to_string());
        assert_eq!(ota_upgrade::handle(&gateway, &request).status(), StatusCode::OK);
        assert_eq!(slow.asked.get(), most, "{takes} ms each");
    }
}

/// Sweeps while it is being asked, as another bridge might.
struct Impatient<'b> {
    bed: &'b Testbed,
    asked: RefCell<Vec<String>>,
}

impl Outbound for Impatient<'_> {
    fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        self.asked.borrow_mut().push(request.headers()["x-ota-delivery"].to_str().unwrap().to_owned());
        sweep(self.bed);
        Ok(http::Response::new(Vec::new()))
    }
}

#[test]
fn no_try_is_made_by_two_sweeps_and_none_holds_a_transaction_open() {
    let (bed, _) = hooked();
    for _ in 0..3 {
        stop_a_job(&bed);
    }
    let impatient = Impatient { bed: &bed, asked: RefCell::default() };
    let gateway = Gateway { outbound: &impatient, ..bed.gateway() };
    let request = bed.by_bridge("/internal/sweep", json!({"bridge": "b"}).to_string());
    assert_eq!(ota_upgrade::handle(&gateway, &request).status(), StatusCode::OK);
    let mut deliveries = impatient.asked.take();
    deliveries
        .extend(sent(&bed).iter().map(|sent| sent.headers()["x-ota-delivery"].to_str().unwrap().to_owned()));
    deliveries.sort_unstable();
    let count = deliveries.len();
    deliveries.dedup();
    assert_eq!((count, deliveries.len()), (3, 3));
    assert_eq!(shown(&bed)["delivered"], 3);
}

#[test]
fn whatever_fails_in_the_database_the_sweep_answers_and_the_message_arrives() {
    for fault in Fault::ALL {
        for n in 0.. {
            let (bed, _) = hooked();
            stop_a_job(&bed);
            bed.sql.fail_at(n, fault);
            let request = bed.by_bridge("/internal/sweep", json!({"bridge": "b"}).to_string());
            let status = bed.send(&request).status();
            let has_failed = bed.sql.heal();
            assert!([StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status), "{fault:?} at {n}");
            let mut received = sent(&bed).len();
            for _ in 0..3 {
                bed.pass(7_000);
                sweep(&bed);
                received += sent(&bed).len();
            }
            assert!((1..=2).contains(&received), "{fault:?} at {n}: {received} times");
            assert_eq!((&shown(&bed)["pending"], &shown(&bed)["delivered"]), (&json!(0), &json!(1)));
            if !has_failed {
                assert!(n >= 8, "only {n} statements");
                break;
            }
        }
    }
}

#[test]
fn what_is_not_set_or_does_not_open_is_said_in_the_list_and_costs_no_sweep() {
    for (variable, value, says) in [
        ("hook_host", "", "variable hook_host is not set"),
        ("hook_host", "https://elsewhere.test", "url is not under https://elsewhere.test"),
        ("secret_key", "", "variable secret_key is not set"),
        ("secret_key", "another key of the tests", "the secret of the hook cannot be used"),
    ] {
        let (mut bed, _) = hooked();
        stop_a_job(&bed);
        let before = bed.variables.insert(variable.to_owned(), value.to_owned()).unwrap();
        sweep(&bed);
        assert!(sent(&bed).is_empty(), "{variable}");
        let error = shown(&bed)["last_error"].as_str().unwrap().to_owned();
        assert!(error.contains(says), "{error}");
        bed.variables.insert(variable.to_owned(), before);
        bed.pass(7_000);
        sweep(&bed);
        assert_eq!(sent(&bed).len(), 1, "{variable}");
    }
}

#[test]
fn a_secret_sealed_under_the_previous_key_still_signs() {
    let (mut bed, _) = hooked();
    stop_a_job(&bed);
    let old =
        bed.variables.insert("secret_key".to_owned(), "a new secret key of the tests".to_owned()).unwrap();
    bed.variables.insert("secret_key_previous".to_owned(), old);
    sweep(&bed);
    let sent = sent(&bed);
    let signature = sent[0].headers()["x-ota-signature"].to_str().unwrap();
    let key = HookKey::new(&Secret::new(SECRET)).unwrap();
    assert_eq!(key.verify(signature, sent[0].body(), START / 1000), Ok(()));
}

#[test]
fn a_removed_hook_is_told_nothing() {
    let (bed, hook) = hooked();
    stop_a_job(&bed);
    bed.operate(http::Method::DELETE, &format!("/api/v1/hooks/{hook}"), "");
    sweep(&bed);
    assert!(sent(&bed).is_empty());
}
