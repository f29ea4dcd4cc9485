//! A job's tasks are made in chunks, a transaction each, so that a million devices keep nobody waiting.

use crate::record::JobRecord;
use crate::scope::{STAGE_OF, in_scope};
use crate::stages::COUNT_MEMBERS;
use crate::transaction::End;
use crate::{Ledger, SqlError};

/// Devices that one chunk looks at.
pub(crate) const CHUNK: i64 = 5000;
/// Chunks that one call makes at most: its creation, and each sweep. A sweep a second makes a million tasks within a
/// minute, and leaves the database to others for most of it: it does not ask to be called again at once.
const CHUNKS: usize = 4;
/// A sweep begins no further chunk after this time (ms).
const FILL_FOR: i64 = 400;

impl Ledger<'_> {
    /// Further chunks of a job that has just been created; the sweep makes what is left.
    pub(crate) fn fill_further(&self, job: &str) -> Result<(), SqlError> {
        for _ in 1..CHUNKS {
            if self.fill(job)? {
                break;
            }
        }
        Ok(())
    }

    /// Chunks of the oldest job that is being prepared.
    pub(crate) fn fill_next(&self) -> Result<(), SqlError> {
        let mut begun = None;
        for _ in 0..CHUNKS {
            let rows = self.sql.query(&self.dialect.text(PREPARING), &[])?;
            let Some(row) = rows.first() else { break };
            let now = row.int(1)?;
            // On a slow machine it is the time that leaves room for others.
            if now - *begun.get_or_insert(now) >= FILL_FOR {
                break;
            }
            self.fill(&row.text(0)?)?;
        }
        Ok(())
    }

    /// One chunk; `true` when the job has all its tasks.
    fn fill(&self, job: &str) -> Result<bool, SqlError> {
        self.transaction(|| {
            self.lock_product_of(job)?;
            // Only one at a time makes tasks of a job.
            self.lock_job(job)?;
            self.fill_chunk(job).map(End::Commit)
        })
    }

    /// Inside a transaction that holds the product and the job: one chunk; `true` when the job has all its tasks.
    pub(crate) fn fill_chunk(&self, job: &str) -> Result<bool, SqlError> {
        let Some(record) = self.job(job)? else { return Ok(true) };
        let Some(from) = record.filled_to.clone() else { return Ok(true) };
        if record.state != ota_rollout::JobState::Preparing {
            return Ok(true);
        }
        if let Some(upto) = self.end_of_chunk(&record, &from)? {
            let candidates = self.candidates(job)?.join_chunk();
            let insert = INSERT_TASKS.replace("{candidates}", &candidates).replace("{stage}", STAGE_OF);
            let insert = insert.replace("{in_scope}", &in_scope("d.version"));
            let key = [job.into(), from.as_str().into(), upto.as_str().into()];
            self.sql.execute(&self.dialect.text(&insert), &key)?;
            self.sql.execute(COUNT_TASKS, &key)?;
            if record.last_stage > 0 {
                self.sql.execute(COUNT_MEMBERS, &key)?;
            }
            if self.end_of_chunk(&record, &upto)?.is_some() {
                return Ok(false);
            }
        }
        self.finish(&record)?;
        Ok(true)
    }

    /// The last device of the chunk behind `from`; `None` when there is none.
    fn end_of_chunk(&self, job: &JobRecord, from: &str) -> Result<Option<String>, SqlError> {
        let upto = self.candidates(&job.job)?.upto();
        let rows = self.sql.query(upto, &[job.job.as_str().into(), from.into(), CHUNK.into()])?;
        rows.first().map_or(Ok(None), |row| row.opt_text(0))
    }

    /// All tasks are there: the job runs, or has nothing to do.
    fn finish(&self, job: &JobRecord) -> Result<(), SqlError> {
        self.sql.execute(FILLED, &[job.job.as_str().into()])?;
        match self.job(&job.job)? {
            Some(job) => self.take_state(&job),
            None => Ok(()),
        }
    }
}

const PREPARING: &str =
    "SELECT j.job, {now} FROM job j WHERE j.state = 'preparing' ORDER BY j.created_at LIMIT 1";
/// Connected devices are ready until they disconnect, others for a while after they were heard.
const INSERT_TASKS: &str = "INSERT INTO task
        (job, device, product, generation, state, stage, from_version, ready_until, ended_at)
    SELECT j.job, d.device, d.product, d.generation,
        CASE WHEN d.version = j.version OR (j.downgrade = 0 AND v.sequence > g.sequence)
            THEN 'skipped' ELSE 'waiting' END,
        {stage}, d.version,
        CASE WHEN d.version IS NULL THEN 0 WHEN d.connected = 1 THEN 9007199254740992
            ELSE d.heard_at + j.reachable_within END,
        CASE WHEN d.version = j.version OR (j.downgrade = 0 AND v.sequence > g.sequence) THEN {now} END
    FROM job j
    JOIN firmware g ON g.product = j.product AND g.version = j.version
    {candidates}
    LEFT JOIN firmware v ON v.product = d.product AND v.version = d.version
    WHERE j.job = $1 AND {in_scope}
    ON CONFLICT DO NOTHING";
/// A device that joins by itself while the job is prepared is one behind which the chunks already are.
const COUNT_TASKS: &str = "UPDATE job SET filled_to = $3,
        (devices, waiting, skipped, stage_members, stage_succeeded, stage_ended) = (
            SELECT job.devices + COUNT(*),
                job.waiting + COUNT(CASE WHEN t.state = 'waiting' THEN 1 END),
                job.skipped + COUNT(CASE WHEN t.state = 'skipped' THEN 1 END),
                job.stage_members + COUNT(CASE WHEN t.stage = 0 THEN 1 END),
                job.stage_succeeded + COUNT(CASE WHEN t.stage = 0 AND t.state = 'skipped' THEN 1 END),
                job.stage_ended + COUNT(CASE WHEN t.stage = 0 AND t.state = 'skipped' THEN 1 END)
            FROM task t WHERE t.job = $1 AND t.device > $2 AND t.device <= $3)
    WHERE job = $1";
const FILLED: &str =
    "UPDATE job SET state = 'running', filled_to = NULL WHERE job = $1 AND state = 'preparing'";
