//! The actors and their database, for one schedule after the other.

use std::sync::mpsc::{Receiver, channel};

use crate::ground;
use crate::hand::{Hand, Report};
use crate::play::Play;
use crate::promise::Broken;
use crate::store::{Connection, Store};
use crate::tally::Tally;

/// Actors at once.
pub(crate) const HANDS: usize = 4;

/// The actors, the database, and somebody who looks on.
pub(crate) struct Arena {
    pub(crate) store: Store,
    pub(crate) hands: Vec<Hand>,
    pub(crate) backends: Vec<i64>,
    pub(crate) reports: Receiver<(usize, Report)>,
    /// Reads what is committed, turns the clock, and rules over waits.
    pub(crate) onlooker: Connection,
    /// The only promise that is asked for, when one is.
    pub(crate) asked: Option<String>,
}

impl Arena {
    /// Connects everybody to an empty database, or to one that an arena has left.
    pub(crate) fn open(store: Store, asked: Option<String>) -> Self {
        let onlooker = store.connect().unwrap();
        ground::prepare(onlooker.sql.as_ref(), store.dialect()).unwrap();
        let (sender, reports) = channel();
        let hands: Vec<Hand> = (0..HANDS).map(|n| Hand::start(n, store.clone(), sender.clone())).collect();
        let mut backends = vec![0; HANDS];
        for _ in 0..HANDS {
            if let (hand, Report::Connected(backend)) = reports.recv().unwrap() {
                backends[hand] = backend;
            }
        }
        Self { store, hands, backends, reports, onlooker, asked }
    }

    /// Runs the schedule of `script`: what it did, what it broke, and its steps in words.
    pub(crate) fn play(&self, script: &[u16]) -> (Tally, Result<(), Broken>, Vec<String>) {
        let mut play = Play::begin(self, script);
        let result = play.run();
        play.clear();
        play.count_events();
        (play.tally, result, play.told)
    }
}

impl Drop for Arena {
    /// Nobody is left in the middle of a transaction: the next arena is to find the database free.
    fn drop(&mut self) {
        let threads: Vec<_> = self.hands.drain(..).map(Hand::let_go).collect();
        for thread in threads {
            // One that was in the middle of a call ends in a panic.
            drop(thread.join());
        }
    }
}
