//! How a schedule ends: what was begun is done, whoever may be granted is, and then nobody says anything more.

use ota_ledger::Ledger;

use crate::call::Call;
use crate::play::{Actor, Play, Stand};
use crate::promise::Broken;

/// Rounds of quiet after which whatever still changes will change for ever.
const ROUNDS: usize = 200;
/// Rounds in which nothing changes, after which nothing will.
const QUIET: usize = 8;
/// How far the clock goes in a round without a deadline (ms): beyond whatever else time brings.
const ROUND: i64 = 250_000;
/// Sweeps after which whoever may be granted is: the slowest pace grants one a second. All of them within the time for
/// a first sign.
const SWEEPS: usize = 8;
/// How far the clock goes between two of them (ms).
const BETWEEN: i64 = 1_001;

impl Play<'_> {
    /// Every call that was begun comes to its end.
    pub(crate) fn finish(&mut self) -> Result<(), Broken> {
        loop {
            let asks = self.actors.iter().position(|actor| matches!(actor.stand, Stand::Asks(_)));
            let is_open = |actor: &Actor| actor.stand == Stand::Free { is_open: true };
            if let Some(n) = asks {
                self.step(n)?;
            } else if let Some(n) = self.actors.iter().position(is_open) {
                self.clean_up(n)?;
            } else if let Some(n) = self.actors.iter().position(|it| matches!(it.stand, Stand::Waits(_))) {
                panic!("{n} waits for nobody: {:#?}", self.told);
            } else {
                return Ok(());
            }
        }
    }

    /// In two of three schedules every device connects, in one of them while no job runs, so that the sweeps alone can
    /// grant; then they do, until nothing changes.
    pub(crate) fn last_chance(&mut self) -> Result<(), Broken> {
        if self.calls.is_multiple_of(3) {
            return Ok(());
        }
        if let Some(opens_at) = self.watch.opens_at(self.now) {
            self.turn(opens_at - self.now);
        }
        let paused = if self.calls % 3 == 1 { self.watch.running_jobs() } else { Vec::new() };
        for job in &paused {
            self.alone(Call::Pause(job.clone()))?;
        }
        for n in 0..self.devices.len() {
            let call = self.devices[n].connects();
            self.alone(call)?;
        }
        let connected = self.watch.seen().clone();
        for job in paused {
            self.alone(Call::Resume(job))?;
        }
        let mut unchanged = 0;
        for _ in 0..SWEEPS {
            let before = self.watch.seen().clone();
            self.alone(Call::Sweep(None))?;
            unchanged = if before.is_like(self.watch.seen()) { unchanged + 1 } else { 0 };
            // Once may be the pace.
            if unchanged == 2 {
                break;
            }
            self.turn(BETWEEN);
        }
        self.watch.heed(self.watch.grants(&connected, self.now))
    }

    /// Nobody says anything more; time passes to each deadline and each opening of a job, and the sweep goes on until it
    /// finds nothing to do.
    pub(crate) fn quiet(&mut self) -> Result<(), Broken> {
        let mut unchanged = 0;
        for _ in 0..ROUNDS {
            let before = self.watch.seen().clone();
            let next = [self.next_deadline(), self.watch.opens_at(self.now)].into_iter().flatten().min();
            self.turn(next.map_or(ROUND, |at| at - self.now));
            self.alone(Call::Sweep(None))?;
            unchanged = if before.is_like(self.watch.seen()) { unchanged + 1 } else { 0 };
            // A deadline may be put off, and a job open in vain; not for ever.
            if unchanged == QUIET || (unchanged > 0 && next.is_none()) {
                self.watch.heed(self.watch.ends())?;
                return self.settled();
            }
        }
        let what = format!("something changes for ever: {:?}", self.watch.seen().tasks);
        self.watch.heed(Err(Broken::new("ends", what)))
    }

    /// The next deadline of a task (ms).
    fn next_deadline(&self) -> Option<i64> {
        let rows = self.arena.onlooker.sql.query(NEXT_DEADLINE, &[self.now.into()]).unwrap();
        rows.first().and_then(|row| row.opt_int(0).unwrap())
    }

    /// Somebody makes a call while nobody else does.
    fn alone(&mut self, call: Call) -> Result<(), Broken> {
        self.start(0, call)?;
        self.finish()
    }

    /// By its own rules no job is to change, and the ledger's own count agrees.
    fn settled(&self) -> Result<(), Broken> {
        let random = || 0;
        let ledger = Ledger::new(self.arena.onlooker.sql.as_ref(), self.arena.store.dialect(), &random);
        for id in self.watch.seen().jobs.keys() {
            let Some(job) = ledger.job(id).unwrap() else { continue };
            if let Some((state, why)) = job.rules().settle() {
                let what =
                    format!("job {id} is {}, and should be {}: {why:?}", job.state.as_str(), state.as_str());
                self.watch.heed(Err(Broken::new("ends", what)))?;
            }
            let wrong = ledger.miscounts(id).unwrap();
            if job.state != ota_rollout::JobState::Deleted && !wrong.is_empty() {
                let what = format!("job {id}: {}", wrong.join(", "));
                self.watch.heed(Err(Broken::new("counters", what)))?;
            }
        }
        Ok(())
    }
}

/// Of a device that waits while its job does not run, none is due: it is put off again and again.
const NEXT_DEADLINE: &str = "SELECT MIN(t.deadline) AS at FROM task t JOIN job j ON j.job = t.job
    WHERE t.deadline > $1 AND (j.state = 'running' OR t.state <> 'waiting')";
