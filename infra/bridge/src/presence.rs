//! Tells the gateway who came and who went: gathered, in order, and repeated until it has been heard.
//! Of each device only the newest change is kept, so an outage of the gateway costs no memory; the sessions that began
//! first are told first, so that nobody waits behind those who come and go.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use ota_protocol::key::DeviceId;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Shared;
use crate::command::CommandRecord;
use crate::gateway::Outcome;
use crate::retry::Backoff;
use crate::stop::Stopping;

/// Changes in one report: the gateway takes them, and grants those that came, well within the time of one call.
const BATCH: usize = 200;

/// The changes that the gateway has not heard of.
#[derive(Default)]
pub(crate) struct Presence {
    pending: Mutex<Pending>,
    news: Notify,
}

/// A change for each device, and the devices in the order of their sessions, of which none has two.
#[derive(Default)]
struct Pending {
    changes: HashMap<DeviceId, Change>,
    order: BTreeMap<SessionNumber, DeviceId>,
}

/// The newest change of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    event: Event,
    session: SessionNumber,
}

/// The number of a session: rises with every connection of this bridge, so that the gateway can tell an old
/// session's end from the present one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct SessionNumber(u64);

impl SessionNumber {
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for SessionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Connected,
    Disconnected,
}

impl Presence {
    pub(crate) fn connected(&self, device: &DeviceId, session: SessionNumber) {
        self.note(device, Change { event: Event::Connected, session });
    }

    pub(crate) fn disconnected(&self, device: &DeviceId, session: SessionNumber) {
        self.note(device, Change { event: Event::Disconnected, session });
    }

    /// Up to `most` changes, in the order of their sessions. They come back by [`put_back`](Self::put_back)
    /// if the gateway did not hear them.
    pub(crate) fn take(&self, most: usize) -> Vec<(DeviceId, Change)> {
        let mut pending = self.lock();
        let mut batch = Vec::with_capacity(most.min(pending.changes.len()));
        while batch.len() < most
            && let Some((_, device)) = pending.order.pop_first()
        {
            batch.extend(pending.changes.remove_entry(&device));
        }
        batch
    }

    /// Keeps what was taken, unless the device has changed again since.
    fn put_back(&self, batch: Vec<(DeviceId, Change)>) {
        let mut pending = self.lock();
        for (device, change) in batch {
            if let Entry::Vacant(vacant) = pending.changes.entry(device.clone()) {
                vacant.insert(change);
                pending.order.insert(change.session, device);
            }
        }
    }

    fn note(&self, device: &DeviceId, change: Change) {
        let mut pending = self.lock();
        if let Some(outdated) = pending.changes.insert(device.clone(), change) {
            pending.order.remove(&outdated.session);
        }
        pending.order.insert(change.session, device.clone());
        drop(pending);
        self.news.notify_one();
    }

    fn len(&self) -> usize {
        self.lock().changes.len()
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports until `closing`, and then once more what is left.
pub(crate) async fn run(shared: &Shared, mut closing: Stopping) {
    let mut backoff = Backoff::new(&shared.settings);
    loop {
        tokio::select! {
            () = gather(shared) => {}
            () = closing.begun() => break,
        }
        while let Err(pause) = report(shared, &mut backoff).await {
            tokio::select! {
                () = sleep(pause) => {}
                () = closing.begun() => return,
            }
        }
        backoff = Backoff::new(&shared.settings);
    }
    if report(shared, &mut backoff).await.is_err() {
        tracing::warn!(lost = shared.presence.len(), "changes of presence not reported before the stop");
    }
}

/// Completes when there is something to report and it has been gathered for long enough.
async fn gather(shared: &Shared) {
    let presence = &shared.presence;
    while presence.len() == 0 {
        presence.news.notified().await;
    }
    let due = Instant::now() + shared.settings.presence_every;
    while presence.len() < BATCH {
        tokio::select! {
            () = presence.news.notified() => {}
            () = sleep_until(due) => return,
        }
    }
}

/// Reports everything that is pending; on a failure, how long to wait before the next attempt.
async fn report(shared: &Shared, backoff: &mut Backoff) -> Result<(), Duration> {
    loop {
        let batch = shared.presence.take(BATCH);
        if batch.is_empty() {
            return Ok(());
        }
        if let Err(pause) = post(shared, &batch, backoff).await {
            shared.metrics.retries.count();
            shared.presence.put_back(batch);
            return Err(pause);
        }
        shared.metrics.presence_reported.add(u64::try_from(batch.len()).unwrap_or(u64::MAX));
    }
}

async fn post(shared: &Shared, batch: &[(DeviceId, Change)], backoff: &mut Backoff) -> Result<(), Duration> {
    let records: Vec<_> = batch
        .iter()
        .map(|(device, change)| Record {
            event: change.event,
            product: device.product.as_str(),
            device: device.device.as_str(),
            bridge: shared.bridge.as_str(),
            session: change.session,
        })
        .collect();
    let body = match serde_json::to_vec(&records) {
        Ok(body) => Bytes::from(body),
        Err(error) => {
            tracing::error!(%error, "presence cannot be written as JSON");
            return Err(backoff.pause(None));
        }
    };
    match shared.gateway.post("/mqtt/presence", HeaderMap::new(), body).await {
        Outcome::Answered(response) => {
            let answer: Answer = serde_json::from_slice(response.body()).unwrap_or_default();
            shared.registry.deliver(answer.commands);
            Ok(())
        }
        Outcome::Later { reason, after } => {
            tracing::warn!(reason, "presence not reported, trying again");
            Err(backoff.pause(after))
        }
        Outcome::TokenRefused(_) => Err(backoff.pause(Some(shared.settings.retry_refused_token))),
        Outcome::Unexpected(status) => {
            tracing::error!(%status, "the gateway does not take presence, trying again");
            Err(backoff.pause(None))
        }
    }
}

#[derive(Serialize)]
struct Record<'a> {
    event: Event,
    product: &'a str,
    device: &'a str,
    bridge: &'a str,
    session: SessionNumber,
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    commands: Vec<CommandRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(key: &str) -> DeviceId {
        DeviceId::parse("pk", key).unwrap()
    }

    fn change(event: Event, session: u64) -> Change {
        Change { event, session: SessionNumber(session) }
    }

    #[test]
    fn of_a_device_only_the_newest_change_is_kept() {
        let presence = Presence::default();
        presence.connected(&device("a"), SessionNumber(1));
        presence.disconnected(&device("a"), SessionNumber(1));
        presence.connected(&device("a"), SessionNumber(2));
        assert_eq!(presence.take(10), [(device("a"), change(Event::Connected, 2))]);
        assert!(presence.take(10).is_empty());
    }

    #[test]
    fn a_batch_is_in_the_order_of_the_sessions() {
        let presence = Presence::default();
        for number in [5, 2, 9, 1] {
            presence.connected(&device(&number.to_string()), SessionNumber(number));
        }
        let numbers: Vec<_> = presence.take(10).into_iter().map(|(_, change)| change.session.0).collect();
        assert_eq!(numbers, [1, 2, 5, 9]);
    }

    #[test]
    fn what_was_not_heard_comes_back_unless_it_is_outdated() {
        let presence = Presence::default();
        presence.connected(&device("a"), SessionNumber(1));
        presence.connected(&device("b"), SessionNumber(2));
        let batch = presence.take(10);
        presence.disconnected(&device("a"), SessionNumber(1));
        presence.put_back(batch);
        let kept = presence.take(10);
        let expected =
            [(device("a"), change(Event::Disconnected, 1)), (device("b"), change(Event::Connected, 2))];
        assert_eq!(kept, expected);
    }

    #[test]
    fn whoever_came_first_is_told_first_however_many_come_and_go() {
        let presence = Presence::default();
        for number in 0..100_u64 {
            presence.connected(&device(&number.to_string()), SessionNumber(number));
        }
        presence.disconnected(&device("0"), SessionNumber(0));
        presence.connected(&device("0"), SessionNumber(100));
        let taken: Vec<_> = presence.take(3).into_iter().map(|(_, change)| change.session.0).collect();
        assert_eq!(taken, [1, 2, 3]);
        presence.put_back(vec![(device("1"), change(Event::Connected, 1))]);
        assert_eq!(presence.take(1), [(device("1"), change(Event::Connected, 1))]);
        assert_eq!(presence.take(100).len(), 97);
        assert_eq!(presence.len(), 0);
    }

    #[test]
    fn a_large_backlog_leaves_in_batches() {
        let presence = Presence::default();
        for number in 0..7_u64 {
            presence.connected(&device(&number.to_string()), SessionNumber(number));
        }
        assert_eq!((presence.take(5).len(), presence.take(5).len(), presence.take(5).len()), (5, 2, 0));
    }
}
