//! Counters are the counts of tasks; where they are not, the budget cannot be trusted, and the job holds.

use crate::event::NewEvent;
use crate::transaction::End;
use crate::{Ledger, SqlError};

impl Ledger<'_> {
    /// Compares the counters of the open job that was compared longest ago, if that is an hour or more; larger jobs than
    /// [`MOST_CHECKED`] are left to `ota check`. One whose counters are wrong holds.
    pub(crate) fn check_counters(&self) -> Result<(), SqlError> {
        let rows = self.sql.query(&self.dialect.text(TO_CHECK), &[MOST_CHECKED.into()])?;
        let Some(row) = rows.first() else { return Ok(()) };
        let job = row.text(0)?;
        self.transaction(|| {
            // The row is locked first: no decision moves counters while they are compared.
            self.sql.execute(&self.dialect.text(CHECKED), &[job.as_str().into()])?;
            let wrong = self.miscounts(&job)?;
            let because = format!("counters: {}", wrong.join(", "));
            let holds = !wrong.is_empty()
                && self.sql.execute(HOLD, &[job.as_str().into(), because.as_str().into()])? == 1;
            if holds {
                self.append(&NewEvent {
                    kind: "held",
                    job: Some(&job),
                    detail: Some(&because),
                    message: Some("held"),
                    ..NewEvent::default()
                })?;
            }
            Ok(End::Commit(()))
        })
    }

    /// Counters that are not the counts of their tasks, as `(job, what)`; empty when all is well.
    pub fn miscounts(&self, job: &str) -> Result<Vec<String>, SqlError> {
        let rows = self.sql.query(COUNTED, &[job.into()])?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let names = [
            "waiting",
            "in_flight",
            "succeeded",
            "failed",
            "timed_out",
            "canceled",
            "skipped",
            "exposed",
            "begun",
            "retrying",
        ];
        let mut wrong = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let (counter, count) = (row.int(2 * n)?, row.int(2 * n + 1)?);
            if counter != count {
                wrong.push(format!("{name} is {counter}, counted {count}"));
            }
        }
        Ok(wrong)
    }
}

/// The most tasks that a sweep counts.
const MOST_CHECKED: i64 = 20_000;

const TO_CHECK: &str = "SELECT j.job FROM job j
    WHERE j.state IN ('running', 'held', 'paused') AND j.checked_at <= {now} - 3600000 AND j.devices <= $1
    ORDER BY j.checked_at LIMIT 1";
const CHECKED: &str = "UPDATE job SET checked_at = {now} WHERE job = $1";
const HOLD: &str = "UPDATE job SET state = 'held', held_because = $2
    WHERE job = $1 AND state IN ('running', 'paused')";
/// Tasks of replaced hardware count as they ended.
const COUNTED: &str = "SELECT
        j.waiting, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'waiting'),
        j.in_flight, (SELECT COUNT(*) FROM task t WHERE t.job = j.job
            AND t.state IN ('granted', 'downloading', 'upgrading')),
        j.succeeded, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'succeeded')
            + (SELECT COUNT(*) FROM former o WHERE o.job = j.job AND o.state = 'succeeded'),
        j.failed, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'failed')
            + (SELECT COUNT(*) FROM former o WHERE o.job = j.job AND o.state = 'failed'),
        j.timed_out, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'timed_out')
            + (SELECT COUNT(*) FROM former o WHERE o.job = j.job AND o.state = 'timed_out'),
        j.canceled, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'canceled')
            + (SELECT COUNT(*) FROM former o WHERE o.job = j.job AND o.state = 'canceled'),
        j.skipped, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'skipped')
            + (SELECT COUNT(*) FROM former o WHERE o.job = j.job AND o.state = 'skipped'),
        j.exposed, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.exposed = 1)
            + (SELECT COUNT(*) FROM former o WHERE o.job = j.job AND o.exposed = 1),
        j.begun, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.begun = 1)
            + (SELECT COUNT(*) FROM former o WHERE o.job = j.job AND o.begun = 1),
        j.retrying, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'waiting' AND t.exposed = 1)
    FROM job j WHERE j.job = $1";
