//! Which devices are connected here, and how to reach each: at most one session per device, the newest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ota_protocol::key::DeviceId;
use tokio::sync::{mpsc, oneshot};

use crate::command::{Command, CommandError, CommandRecord};
use crate::metrics::Metrics;
use crate::presence::{Presence, SessionNumber};

/// Commands that may wait for one session; the gateway sends again what finds no place.
const MAILBOX: usize = 64;

/// The sessions of this bridge.
pub(crate) struct Registry {
    sessions: Mutex<Sessions>,
    presence: Arc<Presence>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Sessions {
    by_device: HashMap<DeviceId, Entry>,
    last: SessionNumber,
}

struct Entry {
    number: SessionNumber,
    commands: mpsc::Sender<Command>,
    /// Dropped with the entry, which ends the session.
    _lifeline: oneshot::Sender<()>,
}

impl Registry {
    pub(crate) fn new(presence: Arc<Presence>, metrics: Arc<Metrics>) -> Self {
        Self { sessions: Mutex::default(), presence, metrics }
    }

    /// Makes this connection the device's session and ends an older one.
    pub(crate) fn enter(self: &Arc<Self>, device: &DeviceId) -> (Registration, Mailbox) {
        let (commands, received) = mpsc::channel(MAILBOX);
        let (lifeline, severed) = oneshot::channel();
        let number = {
            // Presence is noted under the lock, so that it sees sessions in the order of their numbers.
            let mut sessions = self.lock();
            sessions.last = sessions.last.next();
            let number = sessions.last;
            sessions.by_device.insert(device.clone(), Entry { number, commands, _lifeline: lifeline });
            self.presence.connected(device, number);
            number
        };
        let registration = Registration { registry: Arc::clone(self), device: device.clone(), number };
        (registration, Mailbox { commands: received, severed })
    }

    /// Reports every session once more: the gateway may not know of some. Under the lock, so that none is reported
    /// behind its end.
    pub(crate) fn report(&self) {
        let sessions = self.lock();
        for (device, entry) in &sessions.by_device {
            self.presence.connected(device, entry.number);
        }
    }

    /// Hands each command to its device's session. One that cannot be delivered is counted and forgotten:
    /// the gateway repeats it until the device shows a sign.
    pub(crate) fn deliver(&self, records: Vec<CommandRecord>) {
        for record in records {
            match Command::try_from(record) {
                Ok(command) => self.send(command),
                Err(error) => self.refuse(&error),
            }
        }
    }

    pub(crate) fn refuse(&self, error: &CommandError) {
        self.metrics.commands_undeliverable.count();
        tracing::error!(%error, "command of the gateway refused");
    }

    /// How many devices are connected.
    pub(crate) fn len(&self) -> usize {
        self.lock().by_device.len()
    }

    fn send(&self, command: Command) {
        let device = command.device.clone();
        let sent = match self.lock().by_device.get(&device) {
            Some(entry) => entry.commands.try_send(command).is_ok(),
            None => false,
        };
        if !sent {
            self.metrics.commands_undeliverable.count();
            tracing::debug!(%device, "command not delivered: the device is not connected or does not keep up");
        }
    }

    fn leave(&self, device: &DeviceId, number: SessionNumber) {
        let mut sessions = self.lock();
        if sessions.by_device.get(device).is_some_and(|entry| entry.number == number) {
            sessions.by_device.remove(device);
            self.presence.disconnected(device, number);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place in the registry; dropping it gives the place up.
pub(crate) struct Registration {
    registry: Arc<Registry>,
    device: DeviceId,
    number: SessionNumber,
}

impl Registration {
    pub(crate) fn number(&self) -> SessionNumber {
        self.number
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.leave(&self.device, self.number);
    }
}

/// What reaches a session from outside its connection.
pub(crate) struct Mailbox {
    /// Commands to write to the device.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Completes when the session has lost its place to a newer one.
    pub(crate) severed: oneshot::Receiver<()>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> (Arc<Registry>, Arc<Presence>) {
        let presence = Arc::new(Presence::default());
        (Arc::new(Registry::new(Arc::clone(&presence), Arc::default())), presence)
    }

    fn device() -> DeviceId {
        DeviceId::parse("pk", "dk").unwrap()
    }

    #[test]
    fn a_newer_session_severs_the_older_and_its_leaving_changes_nothing() {
        let (registry, presence) = registry();
        let (older, mut mailbox) = registry.enter(&device());
        let (newer, _kept) = registry.enter(&device());
        assert!(newer.number() > older.number());
        assert!(mailbox.severed.try_recv().is_err_and(|e| e == oneshot::error::TryRecvError::Closed));
        drop(older);
        assert_eq!(registry.len(), 1);
        let batch = presence.take(10);
        assert_eq!(batch.len(), 1, "only the newest is reported: {batch:?}");
        drop(newer);
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn a_command_for_an_absent_device_is_counted() {
        let (registry, _) = registry();
        let record =
            r#"{"product":"pk","device":"dk","topic":"/sys/pk/dk/ota/device/upgrade","payload":"{}"}"#;
        registry.deliver(vec![serde_json::from_str(record).unwrap()]);
        assert_eq!(registry.metrics.snapshot(0).commands_undeliverable, 1);
    }
}
