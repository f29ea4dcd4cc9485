//! An operator: the REST calls of DESIGN §3, each of which must succeed.

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};

use crate::firmware::Firmware;
use crate::http_client::{Answer, HttpClient, percent_encoded};
use crate::identity::Identity;
use crate::wait::eventually;

/// Somebody with a token.
#[derive(Debug, Clone)]
pub struct Operator {
    http: HttpClient,
    authorization: HeaderValue,
}

impl Operator {
    /// Shows `token` at the gateway of `http`.
    pub fn new(http: HttpClient, token: &str) -> Self {
        Self { http, authorization: format!("Bearer {token}").parse().unwrap() }
    }

    /// Registers a product.
    pub async fn product(&self, product: &str) {
        self.post("/api/v1/products", json!({ "product": product })).await.json(201);
    }

    /// Registers the product `pk` and `firmware` for it: all that a job needs but devices.
    pub async fn prepare(&self, firmware: &Firmware) {
        self.product("pk").await;
        self.firmware("pk", firmware).await;
    }

    /// Registers a device; its secret is made by the gateway.
    pub async fn device(&self, product: &str, device: &str) -> Identity {
        let path = format!("/api/v1/products/{product}/devices");
        let made = self.post(&path, json!({ "device": device })).await.json(201);
        Identity::new(product, device, made["secret"].as_str().unwrap())
    }

    /// Uploads a firmware and registers it.
    pub async fn firmware(&self, product: &str, firmware: &Firmware) {
        let method = firmware.sign_method.as_str();
        let version = percent_encoded(firmware.version.as_bytes());
        let path = format!("/api/v1/products/{product}/firmware/{version}?sign_method={method}");
        self.call(Method::PUT, &path, firmware.bytes.clone()).await.json(201);
    }

    /// Starts a job of product `pk` to `firmware`, with further `terms`; its id.
    pub async fn job(&self, firmware: &Firmware, terms: Value) -> String {
        let mut wanted = json!({ "product": "pk", "to": firmware.version });
        wanted.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let job = self.post("/api/v1/jobs", wanted).await.json(201);
        job["job"].as_str().unwrap().to_owned()
    }

    /// The job as it is now.
    pub async fn show(&self, job: &str) -> Value {
        self.get(&format!("/api/v1/jobs/{job}")).await
    }

    /// The job once `holds` is true of it.
    pub async fn until(&self, job: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let looked = eventually(what, async || {
            last = self.show(job).await;
            eprintln!("waiting for {what}: {last}");
            holds(&last).then(|| last.clone())
        });
        looked.await
    }

    /// The job once every task has its verdict.
    pub async fn until_done(&self, job: &str) -> Value {
        self.until(job, "the job is done", |job| job["state"] == "done").await
    }

    /// The task of `device` in `job`.
    pub async fn task(&self, job: &str, device: &str) -> Value {
        let tasks = self.get(&format!("/api/v1/jobs/{job}/tasks?limit=1000")).await;
        let tasks = tasks["tasks"].as_array().unwrap();
        tasks.iter().find(|task| task["device"] == device).unwrap().clone()
    }

    /// The events of this kind so far.
    pub async fn events(&self, kind: &str) -> Vec<Value> {
        let events = self.get("/api/v1/events?limit=1000").await;
        let events = events["events"].as_array().unwrap();
        events.iter().filter(|event| event["kind"] == kind).cloned().collect()
    }

    /// The JSON of a GET.
    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, "").await.json(200)
    }

    /// The answer to a POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body.to_string()).await
    }

    /// The answer to any call.
    pub async fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        let mut request = self.http.request(method, path, body);
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        self.http.call(request).await
    }
}
