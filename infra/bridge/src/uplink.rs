//! One message of a device, posted to its component until there is an answer to give back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use ota_protocol::topic::UplinkTopic;
use tokio::time::{Instant, sleep};

use crate::Shared;
use crate::command::Command;
use crate::gateway::Outcome;
use crate::retry::Backoff;

/// Statuses that mean a bug are tolerated this often before the message is acknowledged all the same: one
/// message that cannot be processed must not block the device's others for ever.
const MAX_UNEXPECTED: u32 = 5;
const AGE: HeaderName = HeaderName::from_static("x-mqtt-age");
const CLIENT_ID: HeaderName = HeaderName::from_static("x-mqtt-client-id");

/// A message to one of the four OTA topics.
pub(crate) struct Uplink {
    pub(crate) topic: UplinkTopic,
    pub(crate) payload: Bytes,
    /// As a header value; absent when the client id cannot be one.
    pub(crate) client_id: Option<HeaderValue>,
    /// When it came off the socket.
    pub(crate) taken_at: Instant,
}

/// What the device gets back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) reply: Option<Reply>,
    pub(crate) command: Option<Command>,
}

/// The gateway's reply and the topic that it belongs to.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
}

impl Uplink {
    pub(crate) fn size(&self) -> usize {
        self.payload.len()
    }

    /// Posts until the gateway has processed the message, or will never do so.
    pub(crate) async fn deliver(self, shared: Arc<Shared>) -> Answer {
        let path = format!("/topic{}", self.topic);
        let mut backoff = Backoff::new(&shared.settings);
        let mut unexpected = 0;
        loop {
            let outcome = {
                let _turn = shared.gateway.turn().await;
                shared.gateway.post(&path, self.headers(), self.payload.clone()).await
            };
            let pause = match outcome {
                Outcome::Answered(response) => return self.answer(response, &shared),
                Outcome::Later { reason, after } => {
                    tracing::debug!(topic = %self.topic, reason, "message not processed, trying again");
                    backoff.pause(after)
                }
                Outcome::TokenRefused(_) => backoff.pause(Some(shared.settings.retry_refused_token)),
                Outcome::Unexpected(status) => {
                    unexpected += 1;
                    if unexpected == MAX_UNEXPECTED {
                        shared.metrics.given_up.count();
                        tracing::error!(topic = %self.topic, %status, attempts = unexpected, "message given up");
                        return Answer::default();
                    }
                    tracing::warn!(topic = %self.topic, %status, "message not processed, trying again");
                    backoff.pause(None)
                }
            };
            shared.metrics.retries.count();
            sleep(pause).await;
        }
    }

    /// The age is measured here, at each attempt, by this machine's monotonic clock alone.
    fn headers(&self) -> HeaderMap {
        let age = u64::try_from(self.taken_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(AGE, HeaderValue::from(age));
        if let Some(client_id) = &self.client_id {
            headers.insert(CLIENT_ID, client_id.clone());
        }
        headers
    }

    fn answer(&self, response: Response<Bytes>, shared: &Shared) -> Answer {
        let (head, payload) = response.into_parts();
        let command = match Command::from_headers(&self.topic.device, &head.headers) {
            Some(Ok(command)) => Some(command),
            Some(Err(error)) => {
                shared.registry.refuse(&error);
                None
            }
            None => None,
        };
        let reply = if payload.is_empty() { None } else { self.topic.reply() };
        Answer { reply: reply.map(|topic| Reply { topic, payload }), command }
    }
}
