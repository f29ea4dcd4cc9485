//! The download, from the request to the last byte: what each answer says, who is let in and when, and that no byte
//! leaves that is not the firmware's, whatever became of the store.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod begins;
mod damage;
mod faults;
mod links;
mod running;
mod sessions;

use http::request::Builder;
use http::{HeaderMap, Method, StatusCode};
use ota_protocol::link::{FileRequest, Link, Org, file_url};
use ota_testbed::{Device, Streamed, Testbed, path_of};
use serde_json::{Value, json};

/// A push job whose only device `d0` was told of `image`; the job, and the `fileUrl`.
fn granted(bed: &Testbed, image: &[u8]) -> (String, Value) {
    bed.set_fleet(1, image);
    let job = bed.add_job("push", json!({}));
    let url = bed.device("d0").inform("1").file_url().clone();
    (job, url)
}

/// Asks for what a link leads to.
fn get(bed: &Testbed, url: &Value, headers: &[(&str, &str)]) -> Streamed {
    bed.download(&with(bed.device("d0").fetch(url), headers).body(Vec::new()).unwrap())
}

fn head(bed: &Testbed, url: &Value, headers: &[(&str, &str)]) -> Streamed {
    let request = with(bed.device("d0").fetch(url).method(Method::HEAD), headers);
    bed.download(&request.body(Vec::new()).unwrap())
}

fn with(request: Builder, headers: &[(&str, &str)]) -> Builder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn status(bed: &Testbed, url: &Value) -> StatusCode {
    get(bed, url, &[]).response.status()
}

fn header<'r>(headers: &'r HeaderMap, name: &str) -> Option<&'r str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// The link in a `fileUrl`.
fn link_in(bed: &Testbed, url: &Value) -> Link {
    let (path, query) = path_of(url.as_str().unwrap()).split_once('?').unwrap();
    let token = FileRequest::parse(path, query).unwrap().token;
    Link::open(&token, &bed.gateway().link_keys().unwrap()).unwrap()
}

/// The `fileUrl` with this link, sealed by the gateway's own key.
fn url_with(bed: &Testbed, link: &Link) -> Value {
    let token = link.sign(&bed.gateway().link_keys().unwrap());
    json!(file_url("http://gateway.test", &Org::default(), "2.bin", &token))
}

/// The `fileUrl` that a device is offered.
fn offered(device: &Device<'_>) -> Value {
    device.getversion().offered_url().clone()
}
