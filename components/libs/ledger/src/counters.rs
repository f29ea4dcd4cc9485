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
const COUNTED: &str = "SELECT j.waiting, found.waiting, j.in_flight, found.in_flight, j.succeeded, found.succeeded,
        j.failed, found.failed, j.timed_out, found.timed_out, j.canceled, found.canceled, j.skipped, found.skipped,
        j.exposed, found.exposed, j.begun, found.begun, j.retrying, found.retrying
    FROM job j CROSS JOIN (SELECT
            COUNT(CASE WHEN found.state = 'waiting' THEN 1 END) AS waiting,
            COUNT(CASE WHEN found.state IN ('granted', 'downloading', 'upgrading') THEN 1 END) AS in_flight,
            COUNT(CASE WHEN found.state = 'succeeded' THEN 1 END) AS succeeded,
            COUNT(CASE WHEN found.state = 'failed' THEN 1 END) AS failed,
            COUNT(CASE WHEN found.state = 'timed_out' THEN 1 END) AS timed_out,
            COUNT(CASE WHEN found.state = 'canceled' THEN 1 END) AS canceled,
            COUNT(CASE WHEN found.state = 'skipped' THEN 1 END) AS skipped,
            COUNT(CASE WHEN found.exposed = 1 THEN 1 END) AS exposed,
            COUNT(CASE WHEN found.begun = 1 THEN 1 END) AS begun,
            COUNT(CASE WHEN found.state = 'waiting' AND found.exposed = 1 THEN 1 END) AS retrying
        FROM (SELECT t.state, t.exposed, t.begun FROM task t WHERE t.job = $1
            UNION ALL SELECT o.state, o.exposed, o.begun FROM former o WHERE o.job = $1) AS found) AS found
    WHERE j.job = $1";
