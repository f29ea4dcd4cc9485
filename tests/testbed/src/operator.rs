//! What an operator does, over the REST.

use http::{Method, StatusCode};
use ota_platform::{Request, Response};
use serde_json::{Value, json};

use crate::device::Device;
use crate::{Testbed, json};

/// The product of the tests.
pub const PRODUCT: &str = "pk";

/// An image of `size` bytes, none of whose blocks is like another.
pub fn image(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

impl Testbed {
    /// A testbed with the product, the devices `d0`, `d1`, … on version `1`, and `image` as firmware `2`.
    pub fn with_fleet(count: usize, image: &[u8]) -> Self {
        let bed = Self::new();
        bed.set_fleet(count, image);
        bed
    }

    /// The same in a testbed that is there.
    pub fn set_fleet(&self, count: usize, image: &[u8]) {
        self.add_product();
        for n in 0..count {
            self.add_device(&format!("d{n}")).inform("1");
        }
        self.add_firmware("2", image);
    }

    /// Asks as the operator does.
    pub fn operate(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Response {
        self.send(&self.by_operator(method, path, body.into()))
    }

    /// The request of an operator.
    pub fn by_operator(&self, method: Method, path: &str, body: Vec<u8>) -> Request {
        http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.variables["operator_token"]))
            .header("content-length", body.len())
            .body(body)
            .unwrap()
    }

    /// Asks to be shown what must be there.
    pub fn show(&self, path: &str) -> Value {
        let response = self.operate(Method::GET, path, "");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        json(&response)
    }

    /// Registers the product.
    pub fn add_product(&self) {
        let response =
            self.operate(Method::POST, "/api/v1/products", json!({"product": PRODUCT}).to_string());
        assert!(response.status().is_success(), "{}", response.status());
    }

    /// Registers a device of the product, with a secret that nobody else has.
    pub fn add_device(&self, device: &str) -> Device<'_> {
        self.add_device_with(device, &format!("secret-of-{device}"))
    }

    /// Registers a device of the product.
    pub fn add_device_with(&self, device: &str, secret: &str) -> Device<'_> {
        let body = json!({"device": device, "secret": secret}).to_string();
        let response = self.operate(Method::POST, &format!("/api/v1/products/{PRODUCT}/devices"), body);
        assert_eq!(response.status(), StatusCode::CREATED);
        Device::new(self, PRODUCT, device)
    }

    /// Registers the devices `d0`, `d1`, … at once, without secrets: for fleets that are too large to be registered one
    /// by one.
    pub fn add_fleet(&self, count: usize) {
        self.sql.alter(&format!(
            "INSERT INTO device (product, device, secret, place, created_at)
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
             SELECT '{PRODUCT}', 'd' || i, '', i * 7919 % 1000003, 0 FROM n"
        ));
    }

    /// A device of the product that is there.
    pub fn device(&self, device: &str) -> Device<'_> {
        Device::new(self, PRODUCT, device)
    }

    /// Registers a firmware of the product, signed with MD5.
    pub fn add_firmware(&self, version: &str, image: &[u8]) {
        let response = self.upload(version, "?sign_method=md5", image);
        assert_eq!(response.status(), StatusCode::CREATED);
    }

    /// Uploads.
    pub fn upload(&self, version: &str, query: &str, image: &[u8]) -> Response {
        self.operate(Method::PUT, &format!("/api/v1/products/{PRODUCT}/firmware/{version}{query}"), image)
    }

    /// Creates a job to version `2`, unless `terms` say another; they are its other fields. Its id.
    pub fn add_job(&self, mode: &str, mut terms: Value) -> String {
        let mut body = json!({"product": PRODUCT, "to": "2", "mode": mode});
        body.as_object_mut().unwrap().append(terms.as_object_mut().unwrap());
        let response = self.operate(Method::POST, "/api/v1/jobs", body.to_string());
        assert_eq!(response.status(), StatusCode::CREATED, "{}", json(&response));
        json(&response)["job"].as_str().unwrap().to_owned()
    }

    /// Stops a job.
    pub fn stop(&self, job: &str) {
        let response = self.operate(Method::POST, &format!("/api/v1/jobs/{job}/stop"), "");
        assert_eq!(response.status(), StatusCode::OK);
    }

    /// A job as the operator sees it.
    pub fn job(&self, job: &str) -> Value {
        self.show(&format!("/api/v1/jobs/{job}"))
    }

    /// The task of a device in a job, as the operator sees it.
    pub fn task(&self, job: &str, device: &str) -> Value {
        let shown = self.show(&format!("/api/v1/jobs/{job}/tasks?limit=1000"));
        let mut tasks = shown["tasks"].as_array().unwrap().iter();
        tasks.find(|task| task["device"] == device).unwrap_or(&Value::Null).clone()
    }

    /// The kinds of all events, in order.
    pub fn events(&self) -> Vec<String> {
        let shown = self.show("/api/v1/events?limit=1000");
        let events = shown["events"].as_array().unwrap().iter();
        events.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// One sweep, as a bridge calls it.
    pub fn sweep(&self, bridge: &str, acknowledged: &[&str]) -> Value {
        let response = self.send(&self.by_bridge(
            "/internal/sweep",
            json!({"bridge": bridge, "acknowledged": acknowledged, "reporting": true}).to_string(),
        ));
        assert_eq!(response.status(), StatusCode::OK);
        json(&response)
    }

    /// A `POST` of a bridge or broker.
    pub fn by_bridge(&self, path: &str, body: impl Into<Vec<u8>>) -> Request {
        http::Request::post(path)
            .header("authorization", format!("Bearer {}", self.variables["bridge_token"]))
            .body(body.into())
            .unwrap()
    }
}
