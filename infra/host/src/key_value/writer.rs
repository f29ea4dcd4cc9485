//! The one thread that changes the store. Whatever waits when it is ready goes
//! into one transaction: with an fsync each, a store does a tenth of that.

use std::sync::Arc;

use anyhow::{Context, Result};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::Failure;

const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";

/// Changes that may wait for the thread; more wait at their senders.
const QUEUE: usize = 1_024;
/// Changes of one transaction, so that the first does not wait long for the last.
const BATCH: usize = 256;

/// The way to the thread, which ends with it.
pub(super) struct Writer(mpsc::Sender<(Change, Done)>);

/// One change.
pub(super) enum Change {
    Set { store: Arc<str>, key: String, value: Vec<u8> },
    Delete { store: Arc<str>, key: String },
}

/// Told when the change is on disk, or why it is not.
pub(super) type Done = oneshot::Sender<Result<(), Failure>>;

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let (changes, queue) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("ota-host-kv".to_owned())
            .spawn(move || run(connection, queue))
            .context("cannot start the thread that writes key-value pairs")?;
        Ok(Self(changes))
    }

    /// Queues a change.
    pub(super) async fn submit(&self, change: Change, done: Done) -> Result<(), Failure> {
        let sent = self.0.send((change, done)).await;
        sent.map_err(|_| "the store is closed".to_owned())
    }
}

fn run(mut connection: Connection, mut queue: mpsc::Receiver<(Change, Done)>) {
    let mut changes = Vec::new();
    let mut waiting = Vec::new();
    while let Some((change, done)) = queue.blocking_recv() {
        changes.push(change);
        waiting.push(done);
        while changes.len() < BATCH {
            let Ok((change, done)) = queue.try_recv() else {
                break;
            };
            changes.push(change);
            waiting.push(done);
        }
        let committed = commit(&mut connection, &changes).map_err(|error| error.to_string());
        changes.clear();
        for done in waiting.drain(..) {
            // A guest that was stopped no longer waits for its answer.
            let _ = done.send(committed.clone());
        }
    }
}

fn commit(connection: &mut Connection, changes: &[Change]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for change in changes {
        match change {
            Change::Set { store, key, value } => {
                transaction.prepare_cached(SET)?.execute((&**store, key, value))?
            }
            Change::Delete { store, key } => transaction.prepare_cached(DELETE)?.execute((&**store, key))?,
        };
    }
    transaction.commit()
}
