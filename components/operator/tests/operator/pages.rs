//! `limit` and `after`, the same on every list.

use http::{Method, StatusCode};
use ota_testbed::Testbed;
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused};

#[test]
fn a_limit_out_of_range_is_refused_on_every_list_and_named() {
    let (bed, lists) = filled();
    for (path, ..) in &lists {
        for limit in ["0", "1001", "-1", "1e2", "x", "", "9223372036854775808", "%00", "1%00"] {
            let response = bed.operate(Method::GET, &format!("{path}?limit={limit}"), "");
            assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", ", must be 1 to 1000");
        }
        for limit in ["1", "1000"] {
            assert_eq!(
                bed.operate(Method::GET, &format!("{path}?limit={limit}"), "").status(),
                StatusCode::OK
            );
        }
    }
}

#[test]
fn page_by_page_everything_comes_once() {
    let (bed, lists) = filled();
    for (path, name, key) in lists.iter().filter(|(.., key)| !key.is_empty()) {
        let all = bed.show(&format!("{path}?limit=1000"))[*name].as_array().unwrap().clone();
        assert!(all.len() >= 5, "{path}");
        let mut paged: Vec<Value> = Vec::new();
        let mut after = String::new();
        loop {
            let page = bed.show(&format!("{path}?limit=2&after={after}"));
            let rows = page[*name].as_array().unwrap();
            paged.extend(rows.clone());
            let next = &page["next"];
            if next.is_null() {
                break;
            }
            assert_eq!(*next, rows.last().unwrap()[*key], "{path}");
            after = next.to_string().trim_matches('"').to_owned();
        }
        assert_eq!(paged, all, "{path}");
    }
}

#[test]
fn an_after_that_is_no_place_in_the_list_is_refused_or_ends_it() {
    let (bed, lists) = filled();
    for (path, ..) in &lists {
        for after in
            ["%00", "d%00", "zzzz", "'%20OR%201=1;--", "%f0%9f%98%80", "%ff", "-1", "99999999999999999999"]
        {
            let response = bed.operate(Method::GET, &format!("{path}?after={after}"), "");
            let status = response.status();
            assert!([StatusCode::OK, StatusCode::BAD_REQUEST].contains(&status), "{path} {after}: {status}");
        }
    }
    for job in ["%00", "x", "'%20OR%201=1;--"] {
        let response = bed.operate(Method::GET, &format!("/api/v1/events?job={job}"), "");
        let status = response.status();
        assert!([StatusCode::OK, StatusCode::BAD_REQUEST].contains(&status), "{job}: {status}");
        let rows = serde_json::from_slice::<Value>(response.body()).unwrap()["events"].as_array().cloned();
        assert!(rows.unwrap_or_default().is_empty(), "{job}");
    }
}

/// Lists with at least five rows: their path, the name of their rows, and what a row is continued after.
fn filled() -> (Testbed, Vec<(String, &'static str, &'static str)>) {
    let bed = Testbed::with_fleet(5, IMAGE);
    let job = bed.add_job("push", json!({}));
    let lists = vec![
        ("/api/v1/products/pk/devices".to_owned(), "devices", "device"),
        (format!("/api/v1/jobs/{job}/tasks"), "tasks", "device"),
        ("/api/v1/events".to_owned(), "events", "number"),
        ("/api/v1/jobs".to_owned(), "jobs", ""),
    ];
    (bed, lists)
}
