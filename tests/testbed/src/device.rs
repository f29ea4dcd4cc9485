//! What a device does: over MQTT through a bridge, or by itself over HTTP.

use http::StatusCode;
use ota_platform::{Request, Response};
use serde_json::{Value, json};

use crate::{Testbed, json, sha256};

/// A device. Its messages come through a bridge, unless it logged in.
#[derive(Clone)]
pub struct Device<'b> {
    bed: &'b Testbed,
    product: String,
    key: String,
    session: Option<String>,
}

/// What a device is told in answer to a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The reply, code and all.
    pub reply: Value,
    /// The command that rides along.
    pub command: Option<Value>,
}

impl<'b> Device<'b> {
    /// A device, registered or not.
    pub fn new(bed: &'b Testbed, product: &str, device: &str) -> Self {
        Self { bed, product: product.to_owned(), key: device.to_owned(), session: None }
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its `sessionId`, once it logged in.
    pub fn session(&self) -> &str {
        self.session.as_deref().unwrap_or_default()
    }

    /// Logs in over HTTP with its secret, for 60 s.
    #[must_use]
    pub fn logged_in(&self, secret: &str) -> Self {
        let (product, device, lifetime) = (&self.product, &self.key, 60_000);
        let signed =
            format!("deviceKey{device}lifetime{lifetime}productKey{product}signMethodsha256{secret}");
        let body = json!({
            "signMethod": "sha256", "lifetime": lifetime, "sign": sha256(signed.as_bytes()),
            "clientInfo": {}, "acceptCommandTypes": ["CMD_OTA_UPGRADE"],
        });
        let request = http::Request::post(format!("/auth/{product}/{device}"));
        let response = self.bed.send(&request.body(body.to_string().into_bytes()).unwrap());
        assert_eq!(response.status(), StatusCode::OK);
        let session = json(&response)["data"]["sessionId"].as_str().unwrap().to_owned();
        Self { session: Some(session), ..self.clone() }
    }

    /// The request that brings `payload` on the topic that ends in `verb`.
    pub fn request(&self, verb: &str, payload: impl Into<Vec<u8>>) -> Request {
        let path = format!("/topic/sys/{}/{}/ota/device/{verb}", self.product, self.key);
        match &self.session {
            None => self.bed.by_bridge(&path, payload),
            Some(session) => {
                http::Request::post(format!("{path}?sessionId={session}")).body(payload.into()).unwrap()
            }
        }
    }

    /// Publishes `payload`, whatever it is.
    pub fn publish(&self, verb: &str, payload: impl Into<Vec<u8>>) -> Response {
        self.bed.send(&self.request(verb, payload))
    }

    /// Publishes a message of the protocol.
    pub fn say(&self, verb: &str, params: &Value) -> Told {
        let message =
            json!({"id": "1", "version": "1.1", "method": format!("ota.device.{verb}"), "params": params});
        told(&self.publish(verb, message.to_string()))
    }

    /// Informs its version.
    pub fn inform(&self, version: &str) -> Told {
        self.say("inform", &json!({"version": version}))
    }

    /// Reports a step; the code of the reply.
    pub fn progress(&self, step: i64) -> i64 {
        self.say("progress", &json!({"step": step.to_string(), "desc": format!("step {step}")})).code()
    }

    /// Asks what it may take.
    pub fn getversion(&self) -> Told {
        self.say("getversion", &json!({}))
    }

    /// Answers a push.
    pub fn answer(&self, push_id: &Value, code: &Value) -> StatusCode {
        let reply = json!({"id": push_id, "code": code, "data": "", "message": ""});
        self.publish("upgrade_reply", reply.to_string()).status()
    }

    /// The request that downloads from the `fileUrl` of a command or an offer, in the way of this device.
    pub fn fetch(&self, file_url: &Value) -> http::request::Builder {
        let url = file_url.as_str().unwrap();
        let Some(session) = &self.session else { return http::Request::get(path_of(url)) };
        let (product, device) = (&self.product, &self.key);
        let escaped = url.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        http::Request::get(format!(
            "/multipart/sys/{product}/{device}/file/download?sessionId={session}&fileUri={escaped}&category=ota"
        ))
    }
}

impl Told {
    /// The code of the reply.
    pub fn code(&self) -> i64 {
        self.reply["code"].as_i64().unwrap()
    }

    /// The `fileUrl` of the command.
    pub fn file_url(&self) -> &Value {
        &self.command.as_ref().unwrap()["params"]["fileUrl"]
    }

    /// The versions that are offered, in order.
    pub fn versions(&self) -> Vec<&str> {
        let offers = self.reply["data"].as_array().unwrap().iter();
        offers.map(|offer| offer["version"].as_str().unwrap()).collect()
    }

    /// The `fileUrl` of the last offer.
    pub fn offered_url(&self) -> &Value {
        &self.reply["data"].as_array().unwrap().last().unwrap()["fileUrl"]
    }

    /// The id of the command.
    pub fn push_id(&self) -> &Value {
        &self.command.as_ref().unwrap()["id"]
    }
}

/// What a response tells a device.
pub(crate) fn told(response: &Response) -> Told {
    assert_eq!(response.status(), StatusCode::OK, "{}", String::from_utf8_lossy(response.body()));
    let command = response.headers().get("command-payload");
    let command = command.map(|payload| serde_json::from_slice(payload.as_bytes()).unwrap());
    Told { reply: json(response), command }
}

/// The path and query of a URL under the public URL of the tests.
pub fn path_of(url: &str) -> &str {
    url.strip_prefix("http://gateway.test").unwrap()
}
