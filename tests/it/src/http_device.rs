//! A device without MQTT (PROTOCOL §4): it logs in, speaks its topics in POSTs, reads commands from the headers of
//! whatever is answered, and downloads in its session. It does all that as the vendor's SDK does.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::device::Command;
use crate::http_client::{Answer, HttpClient};
use crate::identity::Identity;

/// A device that logged in.
#[derive(Debug)]
pub struct HttpDevice {
    http: HttpClient,
    identity: Identity,
    session: String,
}

/// What a device hears in one answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// The reply; `null` where there is none.
    pub reply: Value,
    /// The command in the headers.
    pub command: Option<Command>,
}

impl HttpDevice {
    /// Logs in for `lifetime` ms, and hears what the answer brings.
    pub async fn login(http: &HttpClient, identity: &Identity, lifetime: u64) -> (Self, Heard) {
        let Identity { product, device, secret } = identity;
        let signed =
            format!("deviceKey{device}lifetime{lifetime}productKey{product}signMethodsha256{secret}");
        let body = json!({
            "signMethod": "sha256", "lifetime": lifetime, "sign": hex::encode(Sha256::digest(signed)),
            // As in the vendor's sample, which waits for a command all the same.
            "clientInfo": { "ip": "10.0.0.1", "version": "0.2.0" }, "acceptCommandTypes": [],
        });
        let answer = http.post(&format!("/auth/{product}/{device}"), body.to_string()).await;
        let heard = Heard::in_answer(identity, &answer);
        assert_eq!(heard.reply["code"], 200, "{}", heard.reply);
        let session = heard.reply["data"]["sessionId"].as_str().unwrap().to_owned();
        (Self { http: http.clone(), identity: identity.clone(), session }, heard)
    }

    /// Its `sessionId`.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Informs its version.
    pub async fn inform(&self, version: &str) -> Heard {
        self.say("inform", json!({ "version": version })).await
    }

    /// Reports a step; the code of the reply.
    pub async fn progress(&self, step: i64) -> i64 {
        self.say("progress", json!({ "step": step.to_string() })).await.code()
    }

    /// Sends a request of the protocol.
    pub async fn say(&self, verb: &str, params: Value) -> Heard {
        let method = format!("ota.device.{verb}");
        self.publish(verb, &json!({ "id": "1", "version": "1.1", "method": method, "params": params })).await
    }

    /// Posts `message` on the topic that ends in `verb`.
    pub async fn publish(&self, verb: &str, message: &Value) -> Heard {
        let answer = self.http.post(&self.topic(verb), message.to_string()).await;
        Heard::in_answer(&self.identity, &answer)
    }

    /// Where it posts what belongs on the topic that ends in `verb`.
    pub fn topic(&self, verb: &str) -> String {
        let Identity { product, device, .. } = &self.identity;
        format!("/topic/sys/{product}/{device}/ota/device/{verb}?sessionId={}", self.session)
    }

    /// Downloads from a `fileUrl` in its session, all or a range of it. The vendor's SDK escapes nothing in the URL.
    pub async fn download(&self, file_url: &str, range: Option<&str>) -> Answer {
        let Identity { product, device, .. } = &self.identity;
        let path = format!("/multipart/sys/{product}/{device}/file/download");
        let query = format!("sessionId={}&fileUri={file_url}&category=ota", self.session);
        let mut request = self.http.request(Method::GET, &format!("{path}?{query}"), "");
        if let Some(range) = range {
            request.headers_mut().insert("range", range.parse().unwrap());
        }
        self.http.call(request).await
    }
}

impl Heard {
    fn in_answer(identity: &Identity, answer: &Answer) -> Self {
        let reply = match answer.status {
            StatusCode::NO_CONTENT => Value::Null,
            _ => answer.json(200),
        };
        let text = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap());
        let command = text("command-payload").map(|payload| {
            let Identity { product, device, .. } = identity;
            assert_eq!(text("topic"), Some(format!("/sys/{product}/{device}/ota/device/upgrade").as_str()));
            let command: Value = serde_json::from_str(payload).unwrap();
            assert_eq!(command["method"], "ota.device.upgrade");
            Command::read(&command["id"], &command["params"])
        });
        Self { reply, command }
    }

    /// The code of the reply.
    pub fn code(&self) -> i64 {
        self.reply["code"].as_i64().unwrap()
    }
}
