//! A job that is created once, however often its creator asks for it: a client that heard no answer asks again.

use ota_image::Sha256;
use ota_protocol::key::DeviceKey;
use ota_protocol::version::Version;
use ota_rollout::{Budget, Retry, Stage, Terms};
use serde_json::json;

use crate::job::{NewJob, NotCreated};
use crate::named::Named;
use crate::record::JobRecord;
use crate::scope::Scope;
use crate::transaction::End;
use crate::{Ledger, SqlError};

/// What a client calls the creation of a job: 1–128 visible ASCII characters, of which it gives each job of a product
/// other ones (`Idempotency-Key` of draft-ietf-httpapi-idempotency-key-header).
///
/// ```
/// use ota_ledger::once::CreationKey;
/// assert_eq!(CreationKey::parse("ci-run-17").unwrap().as_str(), "ci-run-17");
/// assert!(CreationKey::parse("two words").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationKey(String);

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key of {0} characters, must be 1 to {MOST} visible ASCII characters")]
pub struct BadKey(usize);

/// The most characters of a key.
const MOST: usize = 128;

impl CreationKey {
    /// The key that `text` is.
    ///
    /// # Errors
    /// It is empty, too long, or has a space, a control character or one outside ASCII.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let is_sound = (1..=MOST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_sound { Ok(Self(text.to_owned())) } else { Err(BadKey(text.chars().count())) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a job is not created once.
#[derive(Debug, thiserror::Error)]
pub enum NotCreatedOnce {
    /// The key stands for a job that asked for something else.
    #[error("key {key} was given for job {job}, which asked for something else")]
    Another {
        /// The key.
        key: String,
        /// The job that it stands for.
        job: String,
    },
    /// The key stands for a job that was deleted.
    #[error("key {key} was given for job {job}, which was deleted")]
    Deleted {
        /// The key.
        key: String,
        /// The job that it stood for.
        job: String,
    },
    /// It is not created at all.
    #[error(transparent)]
    NotCreated(#[from] NotCreated),
}

impl From<SqlError> for NotCreatedOnce {
    fn from(error: SqlError) -> Self {
        Self::NotCreated(error.into())
    }
}

impl Ledger<'_> {
    /// [`Ledger::create_job`], but when the product has a job under this key: then it is that job, as it is now, if it
    /// was asked for with the same content. The id of `new`, and how many devices it knows to be exposed elsewhere, are
    /// no content; nor is the order of what it names.
    ///
    /// # Errors
    /// The key stands for a job with other content, or for one that was deleted; or the job cannot be created.
    pub fn create_job_once(&self, new: &NewJob, key: &CreationKey) -> Result<JobRecord, NotCreatedOnce> {
        let content = content(new);
        let (created, is_new) = self.transaction(|| {
            // Whoever creates a job of this product at the same time waits here.
            self.lock_product(&new.product)?;
            if let Some(found) = self.under_key(new, key, &content)? {
                return Ok(End::Rollback(found.map(|job| (job, false))));
            }
            Ok(match self.insert_first(new)? {
                Ok(job) => {
                    let values = [job.job.as_str().into(), key.as_str().into(), content.as_str().into()];
                    self.sql.execute(SET_KEY, &values)?;
                    End::Commit(Ok((job, true)))
                }
                Err(why) => End::Rollback(Err(why.into())),
            })
        })??;
        Ok(if is_new { self.with_further(created) } else { created })
    }

    /// The job under `key`, or why it is not the one that `new` asks for; `None` when there is none.
    fn under_key(
        &self,
        new: &NewJob,
        key: &CreationKey,
        content: &str,
    ) -> Result<Option<Result<JobRecord, NotCreatedOnce>>, SqlError> {
        let rows = self.sql.query(UNDER_KEY, &[new.product.as_str().into(), key.as_str().into()])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (job, key) = (row.text(0)?, key.as_str().to_owned());
        if row.text(1)? != content {
            return Ok(Some(Err(NotCreatedOnce::Another { key, job })));
        }
        Ok(Some(self.job(&job)?.ok_or(NotCreatedOnce::Deleted { key, job })))
    }
}

/// The digest of all that `new` asks for.
fn content(new: &NewJob) -> String {
    let Named { scope, canary, canary_soak, stages } = new.named();
    let Scope { devices, from, tags, exclude } = scope;
    let Terms {
        budget: Budget { loss_budget, growth },
        max_failure_rate,
        max_in_flight,
        per_minute,
        retry: Retry { attempts, backoff, reasons },
        first_sign_within,
        upgrade_timeout,
        confirm_within,
        reachable_within,
    } = new.terms;
    let keys = |keys: &[DeviceKey]| keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>();
    let stage = |stage: &Stage| [stage.share, stage.soak, stage.pass];
    let asked_for = json!({
        "product": new.product.as_str(),
        "to": new.to.as_str(),
        "kind": new.kind.as_str(),
        "mode": new.mode.as_str(),
        "starts_at": new.schedule.starts_at(),
        "windows": new.schedule.to_text(),
        "incremental": new.is_incremental,
        "downgrade": new.is_downgrade,
        "devices": keys(&devices),
        "from": from.iter().map(Version::as_str).collect::<Vec<_>>(),
        "tags": tags,
        "exclude": keys(&exclude),
        "canary": keys(&canary),
        "canary_soak": canary_soak,
        "stages": stages.iter().map(stage).collect::<Vec<_>>(),
        "budget": [loss_budget, growth, max_failure_rate, max_in_flight, per_minute],
        "retry": [attempts, backoff, reasons.bits()],
        "within": [first_sign_within, upgrade_timeout, confirm_within, reachable_within],
    });
    Sha256::of(asked_for.to_string().as_bytes()).to_string()
}

const UNDER_KEY: &str = "SELECT j.job, j.content FROM job j WHERE j.product = $1 AND j.creation_key = $2";
const SET_KEY: &str = "UPDATE job SET creation_key = $2, content = $3 WHERE job = $1";
