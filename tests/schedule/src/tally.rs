//! What ran: the numbers that show that a run was one.

use std::collections::BTreeMap;
use std::fmt;

/// How much happened.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Schedules.
    pub schedules: u64,
    /// Statements.
    pub steps: u64,
    /// Commits that changed something.
    pub commits: u64,
    /// Actors that were killed between two statements.
    pub kills: u64,
    /// Statements that had to wait for another actor's.
    pub blocked: u64,
    /// Waits that ended in an error.
    pub given_up: u64,
    /// Actors that waited for each other in a circle.
    pub deadlocks: u64,
    /// Events of the ledger, by kind.
    pub events: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.steps += other.steps;
        self.commits += other.commits;
        self.kills += other.kills;
        self.blocked += other.blocked;
        self.given_up += other.given_up;
        self.deadlocks += other.deadlocks;
        for (kind, count) in &other.events {
            *self.events.entry(kind.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedules, steps, commits, kills, blocked, given_up, deadlocks, events } = self;
        write!(
            f,
            "schedules {schedules}, steps {steps}, commits {commits}, kills {kills}, blocked {blocked}, \
             given up {given_up}, deadlocks {deadlocks}"
        )?;
        for (n, (kind, count)) in events.iter().enumerate() {
            write!(f, "{} {kind} {count}", if n == 0 { "; events:" } else { "," })?;
        }
        Ok(())
    }
}
