//! `POST /api/v1/jobs`: each field of a job that can be wrong, named with its value and its limit.

use http::StatusCode;
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused, assert_takes_no_nonsense, post};

const JOBS: &str = "/api/v1/jobs";

/// Creating and trying a job with these fields is refused alike; nothing is left.
fn assert_refused_as(bed: &Testbed, fields: &Value, status: StatusCode, code: &str, says: &str) {
    let mut body = json!({"product": "pk", "to": "2"});
    body.as_object_mut().unwrap().append(fields.clone().as_object_mut().unwrap());
    for path in [JOBS.to_owned(), format!("{JOBS}?dry_run=true")] {
        assert_refused(&post(bed, &path, &body), status, code, says);
    }
}

fn assert_bad(bed: &Testbed, cases: &[(Value, &str)]) {
    for (fields, says) in cases {
        assert_refused_as(bed, fields, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    assert_eq!(bed.show(JOBS), json!({"jobs": [], "next": null}));
}

#[test]
fn what_is_no_job_at_all_is_refused() {
    let bed = Testbed::with_fleet(1, IMAGE);
    assert_takes_no_nonsense(&bed, JOBS);
    assert_bad(
        &bed,
        &[
            (json!({"product": null}), "product: invalid type: null, expected a string"),
            (json!({"product": "p/k"}), "product \"p/k\": product key contains '/'"),
            (json!({"to": null}), "to: invalid type: null, expected a string"),
            (json!({"to": ""}), "version \"\": version has 0 characters, 1 to 128 are allowed"),
            (json!({"to": "v".repeat(129)}), "version has 129 characters, 1 to 128 are allowed"),
            (json!({"to": "2\u{0}"}), "version contains the control character '\\0'"),
            (json!({"budget": 1}), "unknown field `budget`, expected one of `product`, `to`, `kind`"),
            (json!({"retry": {"often": 3}}), "unknown field `often`, expected one of `attempts`"),
            (json!({"stages": [{"share": 100, "wait": 1}]}), "unknown field `wait`"),
        ],
    );
    for (missing, body) in [("product", json!({"to": "2"})), ("to", json!({"product": "pk"}))] {
        let says = format!("missing field `{missing}`");
        assert_refused(&post(&bed, JOBS, &body), StatusCode::BAD_REQUEST, "bad_request", &says);
    }
    let twice = r#"{"product":"pk","to":"2","loss_budget":1,"loss_budget":1000000}"#;
    let response = bed.operate(http::Method::POST, JOBS, twice);
    assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "duplicate field `loss_budget`");
}

#[test]
fn a_word_that_is_none_is_named_with_those_that_are() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let long = "x".repeat(5000);
    assert_bad(
        &bed,
        &[
            (json!({"mode": "pull"}), "mode is \"pull\", must be push or request"),
            (json!({"mode": "Push"}), "mode is \"Push\", must be push or request"),
            (json!({"mode": 1}), "mode: invalid type: integer `1`, expected a string"),
            (json!({"kind": "downgrade"}), "kind is \"downgrade\", must be upgrade or verify"),
            (json!({"kind": ""}), "kind is \"\", must be upgrade or verify"),
            (json!({"policy": "all\n"}), "policy is \"all\\n\", must be snapshot or incremental"),
            (json!({"downgrade": 1}), "downgrade: invalid type: integer `1`, expected a boolean"),
            (json!({"downgrade": "true"}), "downgrade: invalid type"),
            (
                json!({"retry": {"reasons": ["bad_luck"]}}),
                "retry.reasons has \"bad_luck\", must be of upgrade_failed, ",
            ),
            (json!({"retry": {"reasons": "rollback"}}), "retry.reasons: invalid type"),
            (json!({"kind": long}), "…\", must be upgrade or verify"),
        ],
    );
}

#[test]
fn lists_name_somebody_and_not_too_many() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let many: Vec<String> = (0..10_001).map(|n| format!("d{n}")).collect();
    let tags: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
    let mut cases = Vec::new();
    for field in ["devices", "from", "exclude", "canary"] {
        cases.push((json!({field: []}), format!("{field} has 0 entries, must have 1 to 10000")));
        cases.push((json!({field: many}), format!("{field} has 10001 entries, must have 1 to 10000")));
        cases.push((
            json!({field: "d0"}),
            format!("{field}: invalid type: string \"d0\", expected a sequence"),
        ));
        cases
            .push((json!({field: [0]}), format!("{field}[0]: invalid type: integer `0`, expected a string")));
    }
    for (fields, says) in [
        (json!({"tags": []}), "tags has 0 entries, must have 1 to 64"),
        (json!({"tags": tags}), "tags has 65 entries, must have 1 to 64"),
        (json!({"tags": [""]}), "tag \"\" has 0 characters, must have 1 to 64"),
        (json!({"tags": ["t".repeat(65)]}), "has 65 characters, must have 1 to 64"),
        (json!({"tags": ["a b"]}), "tag \"a b\" contains ' ', must be of letters, digits and"),
        (json!({"tags": ["a\u{0}"]}), "contains '\\0'"),
        (json!({"from": ["\n"]}), "version contains the control character '\\n'"),
        (json!({"devices": ["d0", "../d0"]}), "device \"../d0\": device key contains '/'"),
        (json!({"exclude": ["d 0"]}), "device \"d 0\": device key contains ' '"),
        (json!({"canary": [""]}), "device \"\": device key has 0 characters"),
    ] {
        cases.push((fields, says.to_owned()));
    }
    let cases: Vec<(Value, &str)> =
        cases.iter().map(|(fields, says)| (fields.clone(), says.as_str())).collect();
    assert_bad(&bed, &cases);
}

#[test]
fn shares_are_per_cent_with_one_decimal() {
    let bed = Testbed::with_fleet(1, IMAGE);
    assert_bad(
        &bed,
        &[
            (json!({"max_failure_rate": 0}), "max_failure_rate is 0, must be 0.1 to 100"),
            (json!({"max_failure_rate": 100.1}), "max_failure_rate is 100.1, must be 0.1 to 100"),
            (json!({"max_failure_rate": -2.5}), "max_failure_rate is -2.5, must be 0.1 to 100"),
            (
                json!({"max_failure_rate": 2.55}),
                "max_failure_rate: 2.55 is no share, must be per cent with at most one",
            ),
            (json!({"max_failure_rate": 1e300}), "is no share"),
            (json!({"max_failure_rate": "5"}), "max_failure_rate: invalid type"),
            (json!({"stages": [{"share": 0}]}), "stages[0].share is 0, must be 0.1 to 100"),
            (
                json!({"stages": [{"share": 50}, {"share": 100.5}]}),
                "stages[1].share is 100.5, must be 0.1 to 100",
            ),
            (json!({"stages": [{"share": 100, "pass": 0}]}), "stages[0].pass is 0, must be 0.1 to 100"),
            (json!({"stages": [{"share": 12.25}]}), "stages[0].share: 12.25 is no share"),
            (json!({"stages": [{"soak": 1}]}), "stages[0]: missing field `share`"),
        ],
    );
    for rate in [json!(0.1), json!(100), json!(2.5)] {
        assert_eq!(
            bed.job(&bed.add_job("push", json!({"max_failure_rate": rate})))["max_failure_rate"],
            rate
        );
    }
}

#[test]
fn stages_rise_to_the_whole_and_rest_no_longer_than_they_may() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let share = |share: i64| json!({"share": share});
    let nine: Vec<Value> = (92..=100).map(share).collect();
    assert_bad(
        &bed,
        &[
            (json!({"stages": nine}), "stages has 9 entries, must have at most 8"),
            (json!({"stages": [share(10), share(50)]}), "stages: share of the last stage is 50, must be 100"),
            (json!({"stages": [share(50), share(50)]}), "stages: share 50 follows on 50, must be above it"),
            (json!({"stages": [share(50), share(10)]}), "stages: share 10 follows on 50, must be above it"),
            (
                json!({"stages": [{"share": 100, "soak": 2_592_001}]}),
                "stages[0].soak is 2592001, must be 0 to 2592000",
            ),
            (json!({"stages": [{"share": 100, "soak": -1}]}), "stages[0].soak is -1, must be 0 to 2592000"),
            (json!({"stages": {}}), "stages: invalid type"),
            (
                json!({"canary": ["d0"], "canary_soak": 2_592_001}),
                "canary_soak is 2592001, must be 0 to 2592000",
            ),
            (json!({"canary_soak": 60}), "canary_soak is given, and canary names nobody"),
        ],
    );
}

#[test]
fn retries_and_times_have_their_limits_in_the_units_in_which_they_are_written() {
    let bed = Testbed::with_fleet(1, IMAGE);
    assert_bad(
        &bed,
        &[
            (json!({"retry": {"attempts": 0}}), "retry.attempts is 0, must be 1 to 10"),
            (json!({"retry": {"attempts": 11}}), "retry.attempts is 11, must be 1 to 10"),
            (json!({"retry": {"attempts": "3"}}), "retry.attempts: invalid type: string \"3\", expected i64"),
            (json!({"retry": {"backoff": 0}}), "retry.backoff is 0, must be 1 to 86400"),
            (json!({"retry": {"backoff": 86_401}}), "retry.backoff is 86401, must be 1 to 86400"),
            (json!({"retry": {"backoff": i64::MAX}}), "retry.backoff is "),
            (json!({"retry": 3}), "retry: invalid type"),
            (json!({"starts_at": -1}), "starts_at is -1, must be 0 to 4102444800000"),
            (
                json!({"starts_at": 4_102_444_800_001_i64}),
                "starts_at is 4102444800001, must be 0 to 4102444800000",
            ),
            (json!({"starts_at": "2027-01-01"}), "starts_at: invalid type"),
            (json!({"exposed": -1}), "exposed is -1, must be 0 to "),
        ],
    );
}

#[test]
fn windows_are_times_of_the_day_in_a_zone_that_there_is() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let window = ["22:00-04:00"];
    let nine: Vec<String> = (0..9).map(|n| format!("0{n}:00-0{n}:30")).collect();
    assert_bad(
        &bed,
        &[
            (
                json!({"windows": ["22-4"]}),
                "windows has \"22-4\": `22-4` is no window, must be two times of the day",
            ),
            (json!({"windows": ["24:00-04:00"]}), "windows has \"24:00-04:00\": "),
            (
                json!({"windows": ["04:00-04:00"]}),
                "windows has \"04:00-04:00\": window starts and ends at 04:00",
            ),
            (json!({"windows": ["0".repeat(5000)]}), "must be two times of the day such as 22:00-04:00"),
            (json!({"windows": nine}), "windows has 9 entries, must have at most 8"),
            (json!({"windows": "22:00-04:00"}), "windows: invalid type"),
            (
                json!({"windows": window, "zone": "Mars/Olympus"}),
                "zone is \"Mars/Olympus\": `Mars/Olympus` is no time zone",
            ),
            (json!({"windows": window, "zone": ""}), "zone is \"\": `` is no time zone"),
            (json!({"windows": window, "zone": "../etc/passwd"}), "is no time zone"),
            (json!({"windows": window, "zone": "z".repeat(65)}), "zone has 65 bytes, must have at most 64"),
            (json!({"zone": "Europe/Berlin"}), "zone is given, and there are no windows"),
            (json!({"windows": window, "zone": 1}), "zone: invalid type"),
        ],
    );
    let utc = bed.job(&bed.add_job("push", json!({"windows": window})));
    assert_eq!((&utc["zone"], &utc["windows"]), (&json!("UTC"), &json!(window)));
    let always = bed.job(&bed.add_job("push", json!({"windows": [], "stages": []})));
    assert_eq!((&always["zone"], &always["windows"]), (&Value::Null, &json!([])));
}

#[test]
fn what_the_ledger_does_not_create_has_a_status_a_code_and_a_hint() {
    let bed = Testbed::with_fleet(2, IMAGE);
    bed.upload("3", "?needs_verification=true&verify_most=1", IMAGE);
    bed.upload("4", "?must_pass=true", IMAGE);
    bed.upload("5", "", IMAGE);
    bed.upload("6", "", IMAGE);
    bed.sql.alter("UPDATE firmware SET quarantined_at = 1 WHERE version = '4'");
    let (conflict, unprocessable) = (StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY);
    let exposed = bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    for (fields, status, code, says) in [
        (json!({"product": "other"}), StatusCode::NOT_FOUND, "not_found", "product other is not registered"),
        (json!({"to": "9"}), unprocessable, "no_firmware", "firmware 9 is not registered"),
        (json!({"to": "4"}), unprocessable, "quarantined", "firmware 4 is quarantined"),
        (
            json!({"to": "6"}),
            unprocessable,
            "gap",
            "firmware 4, which devices must pass through, is quarantined",
        ),
        (json!({"to": "3"}), conflict, "not_verified", "firmware 3 is not verified"),
        (
            json!({"to": "3", "kind": "verify"}),
            unprocessable,
            "too_many_devices",
            "a verification job of firmware 3 takes at most 1 devices",
        ),
        (
            json!({"to": "3", "kind": "verify", "devices": ["d0", "d9"]}),
            unprocessable,
            "no_device",
            "device d9 is not",
        ),
        (
            json!({"to": "3", "kind": "verify", "exclude": ["d9"]}),
            unprocessable,
            "no_device",
            "device d9 is not",
        ),
        (
            json!({"to": "3", "kind": "verify", "devices": ["d0"], "canary": ["d1"]}),
            unprocessable,
            "canary_outside",
            "canary d1 is not in the scope of the job",
        ),
        (
            json!({}),
            conflict,
            "exposed_elsewhere",
            "firmware 2 has exposed 1 devices in other jobs, the call says 0",
        ),
        (
            json!({"exposed": 2}),
            conflict,
            "exposed_elsewhere",
            "exposed 1 devices in other jobs, the call says 2",
        ),
        (json!({"exposed": 1, "from": ["0"]}), unprocessable, "empty_scope", "no device is in the scope"),
    ] {
        assert_refused_as(&bed, &fields, status, code, says);
        let mut body = json!({"product": "pk", "to": "2"});
        body.as_object_mut().unwrap().append(fields.clone().as_object_mut().unwrap());
        assert!(json(&post(&bed, JOBS, &body))["error"]["hint"].is_string(), "{code}");
    }
    assert_eq!(bed.show(JOBS)["jobs"].as_array().unwrap().len(), 1);
    let repeated = bed.add_job("push", json!({"exposed": 1}));
    assert_ne!(repeated, exposed);
}
