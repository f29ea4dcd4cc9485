//! When a download may begin, and what its begin and its end do to the task.

use std::cell::Cell;

use http::StatusCode;
use ota_firmware::Download;
use ota_ledger::{Row, Sql, SqlError, Value as SqlValue};
use ota_platform::Gateway;
use ota_testbed::{Testbed, image};
use serde_json::{Value, json};

use crate::{get, granted, head, offered, status};

#[test]
fn the_first_byte_begins_the_task_and_the_last_byte_completes_it() {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, &image(10_000));
    get(&bed, &url, &[("range", "bytes=0-99")]);
    assert_eq!(bed.task(&job, "d0")["state"], "downloading");
    assert_eq!(bed.job(&job)["begun"], 1);
    get(&bed, &url, &[("range", "bytes=100-")]);
    assert_eq!(bed.task(&job, "d0")["state"], "upgrading");
    let begun = bed.events().iter().filter(|kind| *kind == "begun").count();
    assert_eq!(begun, 1);
}

#[test]
fn the_tail_read_before_anything_else_is_not_the_whole() {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, &image(10_000));
    get(&bed, &url, &[("range", "bytes=-8")]);
    assert_eq!(bed.task(&job, "d0")["state"], "downloading");
    get(&bed, &url, &[]);
    assert_eq!(bed.task(&job, "d0")["state"], "upgrading");
}

#[test]
fn a_download_is_eight_statements_and_each_further_range_one() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, &image(10_000));
    let cost = || {
        let before = bed.sql.count();
        get(&bed, &url, &[("range", "bytes=0-99")]);
        bed.sql.count() - before
    };
    assert_eq!(cost(), 8, "one read, and one transaction of seven");
    assert_eq!(cost(), 1);
}

#[test]
fn after_a_stop_nothing_begins_and_what_began_goes_on() {
    let bed = Testbed::with_fleet(2, b"firmware");
    let job = bed.add_job("push", json!({}));
    let urls = ["d0", "d1"].map(|device| bed.device(device).inform("1").file_url().clone());
    assert_eq!(status(&bed, &urls[0]), StatusCode::OK);
    bed.stop(&job);
    assert_eq!(status(&bed, &urls[0]), StatusCode::OK);
    assert_eq!(status(&bed, &urls[1]), StatusCode::GONE);
    assert_eq!(bed.job(&job)["begun"], 1);
}

#[test]
fn a_lapsed_grant_takes_its_link_with_it() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    bed.pass(300_000);
    assert_eq!(bed.sweep("b", &[])["lapsed"], 1);
    assert_eq!(status(&bed, &url), StatusCode::GONE);
    let again = bed.device("d0").inform("1").file_url().clone();
    assert_eq!(status(&bed, &url), StatusCode::GONE, "the second attempt has a link of its own");
    assert_eq!(status(&bed, &again), StatusCode::OK);
}

#[test]
fn after_a_verdict_nothing_is_served() {
    for verdict in ["2", "1.5"] {
        let bed = Testbed::new();
        let (_, url) = granted(&bed, b"firmware");
        assert_eq!(status(&bed, &url), StatusCode::OK);
        bed.device("d0").inform(verdict);
        for _ in 0..2 {
            assert_eq!(status(&bed, &url), StatusCode::GONE, "{verdict}");
            assert_eq!(head(&bed, &url, &[]).response.status(), StatusCode::GONE, "{verdict}");
        }
    }
}

#[test]
fn an_offer_takes_its_slot_when_its_download_begins_and_503_says_that_there_is_none() {
    let bed = Testbed::with_fleet(2, b"firmware");
    let job = bed.add_job("request", json!({"loss_budget": 1, "growth": 0}));
    let urls = ["d0", "d1"].map(|device| offered(&bed.device(device)));
    assert_eq!(status(&bed, &urls[0]), StatusCode::OK);
    let later = get(&bed, &urls[1], &[]).response;
    assert_eq!(later.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bed.job(&job)["exposed"], 1);
    // The device says that its download failed, and is not to blame.
    assert_eq!(bed.device("d1").progress(-2), 200);
    assert_eq!(bed.task(&job, "d1")["state"], "waiting");
    assert_eq!((&bed.job(&job)["failed"], &bed.job(&job)["exposed"]), (&json!(0), &json!(1)));
    bed.device("d0").inform("2");
    assert_eq!(status(&bed, &urls[1]), StatusCode::OK);
    assert_eq!(bed.device("d1").progress(-2), 200);
    assert_eq!(bed.task(&job, "d1")["state"], "failed", "now it is a verdict");
}

#[test]
fn a_revert_after_the_grant_is_counted_again_when_the_download_begins() {
    let bed = Testbed::with_fleet(3, b"firmware");
    let job = bed.add_job("push", json!({"loss_budget": 1, "growth": 1000}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    bed.device("d0").inform("2");
    let urls = ["d1", "d2"].map(|device| bed.device(device).inform("1").file_url().clone());
    assert_eq!(bed.job(&job)["exposed"], 2);
    bed.device("d0").inform("1");
    assert_eq!((&bed.job(&job)["exposed"], &bed.job(&job)["bound"]), (&json!(3), &json!(1)));
    for url in &urls {
        assert_eq!(status(&bed, url), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(bed.job(&job)["begun"], 1);
}

#[test]
fn a_device_at_work_for_one_job_cannot_begin_another() {
    let bed = Testbed::with_fleet(1, b"firmware");
    bed.add_firmware("3", b"firmware 3");
    bed.add_job("request", json!({}));
    let two = offered(&bed.device("d0"));
    bed.add_job("request", json!({"to": "3"}));
    let three = offered(&bed.device("d0"));
    assert_eq!(status(&bed, &two), StatusCode::OK);
    assert_eq!(status(&bed, &three), StatusCode::GONE);
    assert_eq!(status(&bed, &two), StatusCode::OK);
}

/// A database in which something else happens right before the first transaction.
struct Interrupted<'b> {
    bed: &'b Testbed,
    by: Cell<Option<fn(&Testbed)>>,
}

impl Sql for Interrupted<'_> {
    fn execute(&self, sql: &str, params: &[SqlValue]) -> Result<u64, SqlError> {
        if sql.starts_with("BEGIN")
            && let Some(by) = self.by.take()
        {
            by(self.bed);
        }
        self.bed.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        self.bed.sql.query(sql, params)
    }
}

/// A device that seems to have returned asks for its bytes again, and `by` comes between: the status, and the task.
fn resumed(by: fn(&Testbed)) -> (StatusCode, Value) {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, b"firmware");
    assert_eq!(status(&bed, &url), StatusCode::OK);
    bed.device("d0").inform("1");
    let request = bed.device("d0").fetch(&url).body(Vec::new()).unwrap();
    let interrupted = Interrupted { bed: &bed, by: Cell::new(Some(by)) };
    let gateway = Gateway { sql: &interrupted, ..bed.gateway() };
    let status = match ota_firmware::open(&gateway, &request) {
        Download::Answer(response) | Download::Stream(response, _) => response.status(),
    };
    (status, bed.task(&job, "d0"))
}

#[test]
fn a_device_that_seemed_to_have_returned_resumes_unless_its_attempt_ended_meanwhile() {
    let (status, task) = resumed(|_| {});
    assert_eq!((status, &task["state"]), (StatusCode::OK, &json!("upgrading")));
    let fails = |bed: &Testbed| assert_eq!(bed.device("d0").progress(-2), 200);
    let succeeds = |bed: &Testbed| assert_eq!(bed.device("d0").inform("2").code(), 200);
    for (verdict, state) in [(fails as fn(&Testbed), "failed"), (succeeds, "succeeded")] {
        let (status, task) = resumed(verdict);
        assert_eq!((status, &task["state"]), (StatusCode::GONE, &json!(state)));
    }
    let (status, task) = resumed(|bed| assert_eq!(bed.device("d0").inform("1").code(), 200));
    assert_eq!((status, &task["state"]), (StatusCode::OK, &json!("upgrading")), "it had not ended");
}
