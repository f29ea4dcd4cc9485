//! A device without MQTT goes the whole way: it logs in, informs, reads the command from the headers, downloads in
//! its session, reports, and informs the new version.

use http::StatusCode;
use ota_testbed::{Testbed, image};
use serde_json::json;

#[test]
fn a_device_without_mqtt_goes_the_whole_way_of_a_push() {
    let image = image(300_000);
    let bed = Testbed::with_fleet(1, &image);
    let job = bed.add_job("push", json!({}));
    let device = bed.device("d0").logged_in("secret-of-d0");

    let told = device.inform("1");
    let command = told.command.clone().unwrap();
    assert_eq!(command["params"]["fileSize"], 300_000);

    let first = device.fetch(told.file_url()).header("range", "bytes=0-199999").body(Vec::new()).unwrap();
    let first = bed.download(&first).response;
    assert_eq!(first.status(), StatusCode::PARTIAL_CONTENT);
    let rest = device.fetch(told.file_url()).header("range", "bytes=200000-").body(Vec::new()).unwrap();
    let rest = bed.download(&rest).response;
    assert_eq!(rest.headers()["content-range"], "bytes 200000-299999/300000");
    assert_eq!([first.into_body(), rest.into_body()].concat(), image);

    assert_eq!(device.progress(100), 200);
    assert_eq!(device.answer(&command["id"], &json!(200)), StatusCode::NO_CONTENT);
    assert_eq!(device.inform("2").command, None);
    let job = bed.job(&job);
    assert_eq!((&job["state"], &job["succeeded"], &job["exposed"]), (&json!("done"), &json!(1), &json!(0)));
}

#[test]
fn a_device_that_asks_goes_from_getversion_to_inform_without_a_command() {
    let image = image(100_000);
    let bed = Testbed::with_fleet(1, &image);
    let job = bed.add_job("request", json!({}));
    let device = bed.device("d0").logged_in("secret-of-d0");
    let told = device.getversion();
    assert_eq!((told.versions(), &told.command), (vec!["2"], &None));
    let request = device.fetch(told.offered_url()).body(Vec::new()).unwrap();
    assert_eq!(*bed.download(&request).response.body(), image);
    assert_eq!(device.progress(80), 200);
    device.inform("2");
    assert_eq!(bed.job(&job)["state"], "done");
    assert_eq!(bed.job(&job)["succeeded"], 1);
}

#[test]
fn each_login_gives_another_device_nothing() {
    let bed = Testbed::with_fleet(2, b"firmware");
    bed.add_job("push", json!({}));
    let (ours, theirs) =
        (bed.device("d0").logged_in("secret-of-d0"), bed.device("d1").logged_in("secret-of-d1"));
    let told = ours.inform("1");
    assert!(told.command.is_some());
    let request = theirs.fetch(told.file_url()).body(Vec::new()).unwrap();
    assert_eq!(bed.send(&request).status(), StatusCode::FORBIDDEN, "the link is another device's");
    let mut request = ours.request("inform", r#"{"params":{"version":"2"}}"#);
    let path = request.uri().to_string().replace("/d0/", "/d1/");
    *request.uri_mut() = path.parse().unwrap();
    assert_eq!(bed.send(&request).status(), StatusCode::FORBIDDEN, "the session is another device's");
}
