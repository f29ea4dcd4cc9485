//! The stages of a job: the next opens once the open one has passed and its soak time is over.

use crate::event::NewEvent;
use crate::record::JobRecord;
use crate::transaction::End;
use crate::{Ledger, SqlError};

impl Ledger<'_> {
    /// Moves on each job whose open stage has passed, or is empty.
    pub(crate) fn open_stages(&self) -> Result<(), SqlError> {
        let sql = self.dialect.text(&format!("SELECT {{now}}, {} {STAGED}", JobRecord::COLUMNS));
        for row in self.sql.query(&sql, &[])? {
            let (now, job) = (row.int(0)?, JobRecord::read(&row, 1)?);
            if next_step(&job, now).is_some() {
                self.move_on(&job.job)?;
            }
        }
        Ok(())
    }

    fn move_on(&self, job: &str) -> Result<(), SqlError> {
        self.transaction(|| {
            self.lock_job(job)?;
            let sql = self.dialect.text(&format!("SELECT {{now}}, {} {ONE_STAGED}", JobRecord::COLUMNS));
            let rows = self.sql.query(&sql, &[job.into()])?;
            let Some(row) = rows.first() else { return Ok(End::Rollback(())) };
            let (now, record) = (row.int(0)?, JobRecord::read(row, 1)?);
            let event = match next_step(&record, now) {
                None => return Ok(End::Rollback(())),
                Some(Step::Passes) => {
                    self.sql.execute(&self.dialect.text(PASS), &[job.into()])?;
                    NewEvent { kind: "stage_passed", detail: None, ..about(&record) }
                }
                Some(Step::Opens) => {
                    self.sql.execute(OPEN, &[job.into(), (record.stage + 1).into()])?;
                    NewEvent { kind: "stage_opened", ..about(&record) }
                }
            };
            let number = match event.kind {
                "stage_opened" => record.stage + 1,
                _ => record.stage,
            };
            self.append(&NewEvent { detail: Some(&number.to_string()), ..event })?;
            if let Some(record) = self.job(job)? {
                self.take_state(&record)?;
            }
            Ok(End::Commit(()))
        })
    }
}

/// What happens to the open stage next.
enum Step {
    /// Enough of its members succeeded: its soak time begins.
    Passes,
    /// Its soak time is over, or nobody is in it: the next opens.
    Opens,
}

fn next_step(job: &JobRecord, now: i64) -> Option<Step> {
    match job.passed_at {
        _ if job.stand.members == 0 => Some(Step::Opens),
        Some(passed_at) => (now - passed_at >= job.soak).then_some(Step::Opens),
        None => job.stand.has_passed().then_some(Step::Passes),
    }
}

fn about(job: &JobRecord) -> NewEvent<'_> {
    NewEvent { product: Some(job.product.as_str()), job: Some(&job.job), ..NewEvent::default() }
}

/// Exactly those that have passed, or have soaked, by [`StageStand::has_passed`] in SQL: others would take their places.
///
/// [`StageStand::has_passed`]: ota_rollout::StageStand::has_passed
const STAGED: &str = "FROM job j WHERE j.state = 'running' AND j.stage < j.last_stage
        AND (j.stage_members = 0 OR (j.stage_passed_at IS NULL
                AND j.stage_succeeded >= CASE WHEN j.stage_members < 5 THEN j.stage_members ELSE 5 END
                AND j.stage_succeeded * 1000 >= j.stage_members * j.stage_pass)
            OR j.stage_passed_at <= {now} - j.stage_soak)
    ORDER BY j.created_at LIMIT 100";
const ONE_STAGED: &str = "FROM job j WHERE j.job = $1 AND j.state = 'running' AND j.stage < j.last_stage";
const PASS: &str = "UPDATE job SET stage_passed_at = {now} WHERE job = $1";
/// Its members were counted while they joined and while it was closed: some may have come to the target by themselves.
const OPEN: &str = "UPDATE job SET stage = $2, stage_passed_at = NULL,
        (stage_soak, stage_pass, stage_members, stage_succeeded, stage_ended) = (
            SELECT s.soak, s.pass, s.members, s.succeeded, s.ended FROM stage s
            WHERE s.job = job.job AND s.stage = $2)
    WHERE job = $1";
/// Members that the tasks up to a device brought, read once for all stages; under the lock of the job.
pub(crate) const COUNT_MEMBERS: &str = "UPDATE stage SET members = stage.members + brought.members,
        succeeded = stage.succeeded + brought.skipped, ended = stage.ended + brought.skipped
    FROM (SELECT t.stage, COUNT(*) AS members, COUNT(CASE WHEN t.state = 'skipped' THEN 1 END) AS skipped
        FROM task t WHERE t.job = $1 AND t.device > $2 AND t.device <= $3 AND t.stage > 0
        GROUP BY t.stage) AS brought
    WHERE stage.job = $1 AND stage.stage = brought.stage";
/// One that joined.
pub(crate) const ONE_MORE_MEMBER: &str = "UPDATE stage SET members = members + 1
    WHERE job = $1 AND stage = (SELECT t.stage FROM task t WHERE t.job = $1 AND t.device = $2)";
/// What became of one whose stage is not open. Should it have opened since that was read, the job has counted it, and
/// nobody reads this again.
pub(crate) const COUNT_CLOSED: &str = "UPDATE stage SET succeeded = succeeded + $3, ended = ended + $4
    WHERE job = $1 AND stage = $2";
