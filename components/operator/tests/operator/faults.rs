//! A store fails at the n-th call of an operator's request, for every n.

use http::Method;
use ota_platform::Response;
use ota_testbed::{Fault, Scene, Testbed, image, survives};
use serde_json::json;

use crate::{IMAGE, post};

#[test]
fn an_upload_survives_every_fault_and_leaves_no_second_object() {
    let set = |bed: &Testbed| bed.add_product();
    let message = |bed: &Testbed, (): &()| -> Response { bed.upload("2", "", &image(300_000)) };
    let scene = Scene { set: &set, message: &message, is_repeatable: true };
    assert!(survives(&scene, &[Fault::Refused, Fault::Unheard]) >= 20);
}

#[test]
fn an_upload_whose_registration_nobody_heard_is_never_deleted() {
    for n in 0..30 {
        let bed = Testbed::new();
        bed.add_product();
        bed.sql.fail_at(n, Fault::Unheard);
        let image = image(300_000);
        bed.upload("2", "", &image);
        bed.sql.heal();
        assert!(bed.upload("2", "", &image).status().is_success());
        bed.add_device("d0").inform("1");
        bed.add_job("push", json!({}));
        let told = bed.device("d0").inform("1");
        let request = bed.device("d0").fetch(told.file_url()).body(Vec::new()).unwrap();
        let streamed = bed.download(&request);
        assert!(*streamed.response.body() == image && !streamed.is_cut, "unheard at {n}");
    }
}

#[test]
fn an_upload_to_a_store_that_is_gone_is_503_and_can_be_repeated() {
    for n in 0..12 {
        let bed = Testbed::new();
        bed.add_product();
        let image = image(300_000);
        bed.sql.fail_at(n, Fault::Gone);
        let status = bed.upload("2", "", &image).status();
        let has_failed = bed.sql.heal();
        assert_eq!(status, if has_failed { 503 } else { 201 }, "gone at {n}");
        assert!(bed.upload("2", "", &image).status().is_success());
        let firmware = bed.sql.look("SELECT object FROM firmware");
        assert_eq!(firmware.len(), 1);
        let prefix = format!("image:{}:", firmware[0].text(0).unwrap());
        assert_eq!(bed.kv.keys(&prefix).len(), 3, "gone at {n}");
    }
}

#[test]
fn a_job_is_created_once_whatever_fails() {
    let set = |bed: &Testbed| bed.set_fleet(3, IMAGE);
    let message = |bed: &Testbed, (): &()| -> Response {
        post(bed, "/api/v1/jobs", &json!({"product": "pk", "to": "2", "devices": ["d0", "d1"]}))
    };
    let scene = Scene { set: &set, message: &message, is_repeatable: false };
    assert!(survives(&scene, &Fault::ALL) >= 10);
}

#[test]
fn products_and_stops_survive_every_fault() {
    let product =
        |bed: &Testbed, (): &()| -> Response { post(bed, "/api/v1/products", &json!({"product": "pk"})) };
    assert!(survives(&Scene { set: &|_| (), message: &product, is_repeatable: true }, &Fault::ALL) >= 10);
    let set = |bed: &Testbed| {
        bed.set_fleet(1, IMAGE);
        bed.add_job("request", json!({}))
    };
    let stop = |bed: &Testbed, job: &String| -> Response {
        bed.operate(Method::POST, &format!("/api/v1/jobs/{job}/stop"), "")
    };
    assert!(survives(&Scene { set: &set, message: &stop, is_repeatable: true }, &Fault::ALL) >= 10);
}

#[test]
fn every_list_survives_every_fault() {
    for path in [
        "/api/v1/products",
        "/api/v1/products/pk/devices",
        "/api/v1/products/pk/firmware",
        "/api/v1/jobs",
        "/api/v1/events",
        "/metrics",
    ] {
        let set = |bed: &Testbed| bed.set_fleet(1, IMAGE);
        let message = |bed: &Testbed, (): &()| -> Response { bed.operate(Method::GET, path, "") };
        assert!(
            survives(&Scene { set: &set, message: &message, is_repeatable: true }, &Fault::ALL) >= 3,
            "{path}"
        );
    }
}

#[test]
fn what_is_done_to_a_job_survives_every_fault() {
    for (what, body) in [("pause", ""), ("resume", ""), ("stop", r#"{"hard":true}"#)] {
        let set = |bed: &Testbed| {
            bed.set_fleet(1, IMAGE);
            let job = bed.add_job("request", json!({}));
            if what == "resume" {
                bed.stop(&job);
            }
            job
        };
        let message = |bed: &Testbed, job: &String| -> Response {
            bed.operate(Method::POST, &format!("/api/v1/jobs/{job}/{what}"), body)
        };
        let scene = Scene { set: &set, message: &message, is_repeatable: true };
        assert!(survives(&scene, &Fault::ALL) >= 10, "{what}");
    }
    let set = |bed: &Testbed| {
        bed.set_fleet(1, IMAGE);
        bed.add_job("push", json!({}))
    };
    let amend = |bed: &Testbed, job: &String| -> Response {
        bed.operate(Method::PATCH, &format!("/api/v1/jobs/{job}"), r#"{"loss_budget":7}"#)
    };
    assert!(survives(&Scene { set: &set, message: &amend, is_repeatable: true }, &Fault::ALL) >= 10);
}

#[test]
fn a_question_survives_every_fault_and_a_dry_run_leaves_nothing() {
    let set = |bed: &Testbed| {
        bed.set_fleet(2, IMAGE);
        bed.add_job("push", json!({"devices": ["d1"]}))
    };
    let device = |bed: &Testbed, _: &String| -> Response {
        bed.operate(Method::GET, "/api/v1/products/pk/devices/d0/explain", "")
    };
    assert!(survives(&Scene { set: &set, message: &device, is_repeatable: true }, &Fault::ALL) >= 10);
    let task = |bed: &Testbed, job: &String| -> Response {
        bed.operate(Method::GET, &format!("/api/v1/jobs/{job}/explain/d0"), "")
    };
    assert!(survives(&Scene { set: &set, message: &task, is_repeatable: true }, &Fault::ALL) >= 8);
    let dry = |bed: &Testbed, _: &String| -> Response {
        post(bed, "/api/v1/jobs?dry_run=true", &json!({"product": "pk", "to": "2", "canary": ["d0"]}))
    };
    assert!(survives(&Scene { set: &set, message: &dry, is_repeatable: true }, &Fault::ALL) >= 30);
}

#[test]
fn tags_and_new_hardware_survive_every_fault() {
    let set = |bed: &Testbed| {
        bed.set_fleet(1, IMAGE);
        bed.add_job("push", json!({"policy": "incremental", "tags": ["lab"]}));
    };
    let tag = |bed: &Testbed, (): &()| -> Response {
        bed.operate(Method::PUT, "/api/v1/products/pk/devices/d0/tags", r#"{"tags":["lab"]}"#)
    };
    assert!(survives(&Scene { set: &set, message: &tag, is_repeatable: false }, &[Fault::Refused]) >= 10);
    let replace = |bed: &Testbed, (): &()| -> Response {
        bed.operate(Method::POST, "/api/v1/products/pk/devices/d0/replace", r#"{"secret":"s"}"#)
    };
    assert!(survives(&Scene { set: &set, message: &replace, is_repeatable: false }, &[Fault::Refused]) >= 8);
}
