//! After each statement: who asks, who waits for whom, and whether the promises hold.

use std::iter;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::answer::Answer;
use crate::arena::HANDS;
use crate::call::Call;
use crate::cause::Cause;
use crate::hand::{Ended, Report};
use crate::play::{Actor, Play, Stand};
use crate::promise::Broken;
use crate::snapshot::Snapshot;
use crate::store::{cancel, is_deadlocked, waits};

/// How long a statement may take before the database is asked whether it waits; one that waited before most likely
/// does again. No verdict hangs on either.
const PATIENCE: [Duration; 2] = [Duration::from_millis(5), Duration::from_micros(200)];

impl Play<'_> {
    /// Waits until each actor asks, waits for another, or is free; holds what was committed against the promises.
    ///
    /// What several actors report is heard in the order of their numbers: in which it came is a matter of time.
    pub(crate) fn settle(&mut self) -> Result<(), Broken> {
        self.gather();
        while let Some((n, report)) = self.next_report() {
            self.hear(n, report)?;
        }
        Ok(())
    }

    /// Waits until everybody who runs has reported, or waits for another.
    fn gather(&mut self) {
        loop {
            while self.actors.iter().any(is_running) {
                match self.receive() {
                    Some((n, report)) => self.actors[n].report = Some(report),
                    None => self.find_waits(),
                }
            }
            if !self.end_deadlock() {
                return;
            }
        }
    }

    fn receive(&self) -> Option<(usize, Report)> {
        if !self.arena.store.waits_inside() {
            return Some(self.arena.reports.recv().unwrap());
        }
        let have_waited = self.actors.iter().filter(|it| is_running(it)).all(|actor| actor.has_waited);
        match self.arena.reports.recv_timeout(PATIENCE[usize::from(have_waited)]) {
            Ok(report) => Some(report),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("an actor is gone"),
        }
    }

    /// Of the actor that went last, then of the others. One that still counts as waiting is woken first.
    fn next_report(&mut self) -> Option<(usize, Report)> {
        let numbers = iter::once(self.last).chain(0..HANDS);
        let mut of_runners = numbers.filter(|n| matches!(self.actors[*n].stand, Stand::Runs(_)));
        let n = of_runners.find(|n| self.actors[*n].report.is_some())?;
        self.actors[n].report.take().map(|report| (n, report))
    }

    fn hear(&mut self, n: usize, report: Report) -> Result<(), Broken> {
        let actor = &mut self.actors[n];
        let Stand::Runs(ran) = actor.stand.clone() else {
            panic!("{n} reports {report:?}, and does not run")
        };
        let (stand, ended, answer) = match report {
            Report::Asks(statement, ended) => (Stand::Asks(statement), ended, None),
            Report::Answers(answer, ended) => (Stand::Free { is_open: false }, ended, Some(answer)),
            Report::Locked => {
                self.waits(n, ran);
                return Ok(());
            }
            Report::Connected(_) => panic!("{n} connects again"),
        };
        actor.stand = stand;
        if std::mem::take(&mut actor.has_waited) {
            self.told.push(format!("{n}     goes on{ended}"));
        } else if let Some(line) = self.told.get_mut(actor.line) {
            line.push_str(&ended.to_string());
        }
        let was_inside = self.actors[n].is_inside;
        self.note(n, &ran, &ended);
        // Whoever waits may go on when a transaction ended, or fail again.
        if !self.actors[n].is_inside {
            self.wake();
            self.look(n, &ran, was_inside)?;
        }
        if let Some(answer) = answer {
            if let Answer::Served(link, version) = &answer {
                self.watch.served(link, version)?;
            }
            self.answer(n, answer);
            self.wake();
        }
        Ok(())
    }

    /// Whether the actor is inside a transaction after `statement`.
    fn note(&mut self, n: usize, statement: &str, ended: &Ended) {
        if !matches!(ended, Ended::Rows(_)) {
            return;
        }
        let actor = &mut self.actors[n];
        match statement.split_whitespace().next() {
            Some("BEGIN") => actor.is_inside = true,
            Some("COMMIT" | "ROLLBACK") => actor.is_inside = false,
            _ => {}
        }
    }

    /// `n` may have committed.
    fn look(&mut self, n: usize, statement: &str, was_inside: bool) -> Result<(), Broken> {
        let is_read = statement.trim_start().starts_with("SELECT") || statement.is_empty();
        let is_commit = statement == "COMMIT";
        if statement == "ROLLBACK" || (is_read && !was_inside) {
            return Ok(());
        }
        let Some(call) = self.actors[n].call.clone() else { return Ok(()) };
        if is_commit && let Some(job) = call.stops() {
            self.actors[n].runs = self.watch.runs(job);
        }
        let sql = self.arena.onlooker.sql.as_ref();
        let now = Snapshot::read(sql).unwrap();
        if matches!(call, Call::Quarantine(..)) {
            self.watch.quarantined(Snapshot::quarantined(sql).unwrap());
        }
        let Actor { began_at, looked_at, .. } = self.actors[n];
        let cause = Cause { call: &call, began_at, looked_at: looked_at.unwrap_or(began_at) };
        cause.blur(&mut self.devices);
        if self.watch.look(now, cause, &self.devices)? {
            self.tally.commits += 1;
            self.meet_hardware();
        }
        Ok(())
    }

    /// Devices are the hardware that is registered.
    pub(crate) fn meet_hardware(&mut self) {
        for device in &mut self.devices {
            if let Some(row) = self.watch.seen().devices.get(device.id.device.as_str()) {
                device.is_of(row.generation, self.now);
            }
        }
    }

    /// Those that wait look again; where they wait inside the database, until each has reported or waits on.
    fn wake(&mut self) {
        let is_inside = self.arena.store.waits_inside();
        for actor in &mut self.actors {
            if let Stand::Waits(statement) = actor.stand.clone() {
                actor.stand = if is_inside { Stand::Runs(statement) } else { Stand::Asks(statement) };
            }
        }
        self.gather();
    }

    /// Nobody has reported for a while: those that run all wait, or somebody is slow.
    fn find_waits(&mut self) {
        let waits = waits(self.arena.onlooker.sql.as_ref()).unwrap();
        let is_waiting = |n: usize| waits.iter().any(|(waiter, _)| *waiter == self.arena.backends[n]);
        if (0..HANDS).any(|n| is_running(&self.actors[n]) && !is_waiting(n)) {
            return;
        }
        for n in (0..HANDS).filter(|n| is_running(&self.actors[*n])).collect::<Vec<_>>() {
            if let Stand::Runs(statement) = self.actors[n].stand.clone() {
                self.waits(n, statement);
            }
        }
    }

    fn waits(&mut self, n: usize, statement: String) {
        let actor = &mut self.actors[n];
        actor.stand = Stand::Waits(statement);
        if !std::mem::replace(&mut actor.has_waited, true) {
            self.tally.blocked += 1;
            self.told.push(format!("{n}     waits"));
        }
    }

    /// Ends one wait of a circle with an error; whether there was one.
    fn end_deadlock(&mut self) -> bool {
        let is_possible = self.arena.store.waits_inside()
            && self.actors.iter().filter(|actor| matches!(actor.stand, Stand::Waits(_))).count() > 1;
        if !is_possible {
            return false;
        }
        let sql = self.arena.onlooker.sql.as_ref();
        let waits = waits(sql).unwrap();
        let stuck = (0..HANDS).find(|n| is_deadlocked(&waits, self.arena.backends[*n]));
        let Some(n) = stuck else { return false };
        let Stand::Waits(statement) = self.actors[n].stand.clone() else { return false };
        self.tally.deadlocks += 1;
        self.told.push(format!("{n}     is in a deadlock"));
        cancel(sql, self.arena.backends[n]).unwrap();
        self.actors[n].stand = Stand::Runs(statement);
        true
    }
}

/// Whether it has to report something yet.
fn is_running(actor: &Actor) -> bool {
    matches!(actor.stand, Stand::Runs(_)) && actor.report.is_none()
}
