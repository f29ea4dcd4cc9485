//! Devices lost when an update bricks every device that takes it: each message goes through its component and the real
//! ledger, without sockets.

use http::{Method, StatusCode};
use ota_testbed::{Device, PRODUCT, Testbed, image, path_of};
use serde_json::{Value, json};

use crate::{Figures, grouped};

/// The sizes of fleets.
const FLEETS: [usize; 3] = [1000, 10_000, 100_000];
/// The largest fleet that is tried without the gate as well: the bound knows no size.
const UNGATED: usize = 10_000;
/// The budget of a job that says nothing.
const BUDGET: i64 = 10;
/// The default time-out of a job, and more (ms).
const TIME_OUT: i64 = 7_300_000;

pub(crate) fn figures(largest: usize) -> Figures {
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for fleet in FLEETS.into_iter().filter(|fleet| *fleet <= largest) {
        let (gated, because) = bricked(fleet, json!({}));
        let devices = grouped(i64::try_from(fleet).unwrap_or(i64::MAX));
        let mut cells = vec![devices.clone(), gated.to_string()];
        let mut lost = vec![gated];
        if fleet <= UNGATED {
            // Without the gate, nothing but the budget is left.
            let (ungated, _) = bricked(fleet, json!({"max_failure_rate": 100}));
            lost.push(ungated);
            cells.push(ungated.to_string());
        } else {
            cells.push(String::new());
        }
        for lost in lost.into_iter().filter(|lost| *lost > BUDGET) {
            broken.push(format!("{lost} of {devices} devices were lost, at most {BUDGET} may be"));
        }
        cells.push(because);
        rows.push(cells);
    }
    Figures {
        title: "Devices lost when an update bricks everything",
        about: "A job that says nothing (loss budget 10) over a fleet of which each device downloads what it is given \
                and never speaks again; all others inform again and again. Every message goes through its component.",
        head: vec!["devices", "lost", "lost without the gate", "why the job held"],
        rows,
        broken,
    }
}

/// How many devices a job costs whose firmware bricks all, and why it held itself.
fn bricked(fleet: usize, terms: Value) -> (i64, String) {
    let bed = Testbed::new();
    bed.add_product();
    bed.add_firmware("2", &image(1000));
    bed.add_fleet(fleet);
    let job = bed.add_job("push", terms);
    // The tasks of a large job are made behind the request.
    while bed.show(&format!("/api/v1/jobs/{job}"))["state"] == "preparing" {
        bed.sweep("b", &[]);
    }
    let mut alive: Vec<Device<'_>> = (0..fleet).map(|n| bed.device(&format!("d{n}"))).collect();
    loop {
        let before = alive.len();
        alive.retain(|device| !takes(&bed, device));
        if alive.len() == before {
            break;
        }
        bed.pass(TIME_OUT);
        while bed.sweep("b", &[])["more"] == true {}
    }
    let shown = bed.show(&format!("/api/v1/jobs/{job}"));
    assert_eq!(shown["state"], "held", "{shown}");
    assert_eq!(shown["product"], PRODUCT);
    (
        shown["exposed"].as_i64().unwrap_or(i64::MAX),
        shown["held_because"].as_str().unwrap_or_default().to_owned(),
    )
}

/// The device informs; if it is told of the update it downloads it whole, and is dead.
fn takes(bed: &Testbed, device: &Device<'_>) -> bool {
    let told = device.inform("1");
    if told.command.is_none() {
        return false;
    }
    let request =
        http::Request::builder().method(Method::GET).uri(path_of(told.file_url().as_str().unwrap_or("")));
    let response = request.body(Vec::new()).map(|request| bed.send(&request).status());
    response.is_ok_and(|status| status == StatusCode::OK)
}
