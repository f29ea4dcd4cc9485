//! The ticker that makes the gateway look after its jobs, carries its commands to the sessions here, tells it which
//! commands their devices acknowledged, and has all sessions reported anew when it asks for them.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::Shared;
use crate::command::{CommandRecord, PushId};
use crate::gateway::Outcome;
use crate::retry::Backoff;
use crate::stop::Stopping;

/// Acknowledgements in one sweep.
const BATCH: usize = 1000;

/// Sweeps every `sweep_every` until the bridge stops; at once while the gateway says there is more.
pub(crate) async fn run(shared: &Shared, mut stopping: Stopping) {
    let mut backoff = Backoff::new(&shared.settings);
    // Whether the last sweep was answered, and asked for all sessions.
    let mut is_reporting = false;
    loop {
        let pause = tokio::select! {
            pause = sweep(shared, &mut backoff, &mut is_reporting) => pause,
            () = stopping.begun() => return,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stopping.begun() => return,
        }
    }
}

/// The pushes that their devices acknowledged and of which the gateway has not heard.
#[derive(Default)]
pub(crate) struct Acknowledged(Mutex<BTreeSet<PushId>>);

impl Acknowledged {
    pub(crate) fn add(&self, push: PushId) {
        self.lock().insert(push);
    }

    fn batch(&self) -> Vec<PushId> {
        self.lock().iter().take(BATCH).cloned().collect()
    }

    fn settle(&self, brought: &[PushId], unheard: &[String]) {
        let mut pending = self.lock();
        for push in brought.iter().filter(|push| !unheard.iter().any(|id| id == push.as_str())) {
            pending.remove(push);
        }
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PushId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sweep; how long to wait before the next.
async fn sweep(shared: &Shared, backoff: &mut Backoff, is_reporting: &mut bool) -> Duration {
    let acknowledged = shared.acknowledged.batch();
    let body = Request {
        bridge: shared.bridge.as_str(),
        acknowledged: acknowledged.iter().map(PushId::as_str).collect(),
        reporting: std::mem::take(is_reporting),
    };
    let body = match serde_json::to_vec(&body) {
        Ok(body) => Bytes::from(body),
        Err(error) => {
            tracing::error!(%error, "sweep cannot be written as JSON");
            return backoff.pause(None);
        }
    };
    let failed = match shared.gateway.post("/internal/sweep", HeaderMap::new(), body).await {
        Outcome::Answered(response) => match read(response.body()) {
            Ok(answer) => {
                shared.metrics.sweeps.count();
                if !answer.failing.is_empty() {
                    shared.metrics.sweeps_failed.count();
                    tracing::warn!(parts = ?answer.failing, "a part of the sweep failed");
                }
                shared.acknowledged.settle(&acknowledged, &answer.unheard);
                shared.registry.deliver(answer.commands);
                if answer.report {
                    tracing::info!(sessions = shared.registry.len(), "the gateway asks for all sessions");
                    shared.registry.report();
                    *is_reporting = true;
                }
                *backoff = Backoff::new(&shared.settings);
                // What was not heard for want of time is more too; what failed is tried again later.
                let is_full = acknowledged.len() == BATCH && answer.unheard.is_empty();
                let is_unfinished = answer.more || is_full && !shared.acknowledged.is_empty();
                return if is_unfinished { Duration::ZERO } else { shared.settings.sweep_every };
            }
            Err(error) => {
                tracing::error!(%error, "the answer to a sweep is not what was agreed");
                backoff.pause(None)
            }
        },
        Outcome::Later { reason, after } => {
            tracing::warn!(reason, "sweep failed, trying again");
            backoff.pause(after)
        }
        Outcome::TokenRefused(_) => backoff.pause(Some(shared.settings.retry_refused_token)),
        Outcome::Unexpected(status) => {
            tracing::error!(%status, "sweep failed, trying again");
            backoff.pause(None)
        }
    };
    shared.metrics.sweeps_failed.count();
    failed.max(shared.settings.sweep_every)
}

fn read(body: &[u8]) -> serde_json::Result<Answer> {
    // 204: nothing was due.
    if body.is_empty() { Ok(Answer::default()) } else { serde_json::from_slice(body) }
}

#[derive(Serialize)]
struct Request<'a> {
    bridge: &'a str,
    acknowledged: Vec<&'a str>,
    /// Whether all sessions are being reported, as the answer before asked for: until the gateway reads this, it asks.
    reporting: bool,
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    commands: Vec<CommandRecord>,
    #[serde(default)]
    more: bool,
    /// Whether the gateway may not know of all sessions.
    #[serde(default)]
    report: bool,
    /// The acknowledgements that the gateway could not write, and must be told again.
    #[serde(default)]
    unheard: Vec<String>,
    /// The parts of the sweep that failed.
    #[serde(default)]
    failing: Vec<String>,
}
