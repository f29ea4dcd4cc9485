//! Hooks: where operators want to be told of what happened to their jobs.
//!
//! A decision writes an event and nothing else; what becomes of the events that somebody wants to hear of is the
//! business of [`crate::outbox`].

use ota_protocol::key::ProductKey;

use crate::event::NewEvent;
use crate::transaction::End;
use crate::{Ledger, Row, SqlError};

/// The most hooks that there may be at a time.
pub const MOST_HOOKS: i64 = 32;

/// What an operator can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A job stopped itself.
    Held,
    /// A person stopped a job.
    Stopped,
    /// Every task of a job has its verdict.
    Done,
    /// A stored block of a firmware is damaged.
    Quarantined,
    /// The first device of a job failed or fell silent.
    FirstFailure,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Held, Self::Stopped, Self::Done, Self::Quarantined, Self::FirstFailure];

    /// Its one word.
    ///
    /// ```
    /// use ota_ledger::hook::Kind;
    /// assert_eq!(Kind::FirstFailure.as_str(), "first_failure");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Stopped => "stopped",
            Self::Done => "done",
            Self::Quarantined => "quarantined",
            Self::FirstFailure => "first_failure",
        }
    }

    /// The kind with this word.
    ///
    /// ```
    /// use ota_ledger::hook::Kind;
    /// assert_eq!(Kind::parse("held"), Some(Kind::Held));
    /// assert_eq!(Kind::parse("Held"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A hook to be created.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// Its id, from [`Ledger::new_hook_id`].
    pub id: String,
    /// Where messages are posted.
    pub url: String,
    /// What they are signed with, encrypted.
    pub secret: String,
    /// The product that it is told of; `None`: all.
    pub product: Option<ProductKey>,
    /// What it is told of.
    pub kinds: Vec<Kind>,
}

/// A hook, and how well its messages arrive.
#[derive(Debug, Clone)]
pub struct HookRecord {
    /// Its id.
    pub hook: String,
    /// Where messages are posted.
    pub url: String,
    /// What they are signed with, encrypted.
    pub secret: String,
    /// The product that it is told of; `None`: all.
    pub product: Option<ProductKey>,
    /// What it is told of.
    pub kinds: Vec<Kind>,
    /// When it was created (ms).
    pub created_at: i64,
    /// Since when nothing arrives (ms); `None` while all is well.
    pub failing_since: Option<i64>,
    /// Why a message that is still to arrive did not.
    pub last_error: Option<String>,
    /// Messages that are still to arrive.
    pub pending: i64,
    /// Messages that arrived.
    pub delivered: i64,
    /// When the last one arrived (ms).
    pub delivered_at: Option<i64>,
    /// Messages that did not arrive in a week.
    pub given_up: i64,
    /// The ledger's clock when it was read (ms).
    pub now: i64,
}

/// Why a hook is not created.
#[derive(Debug, thiserror::Error)]
pub enum HookNotCreated {
    /// The product is not registered.
    #[error("product {0} is not registered")]
    NoProduct(ProductKey),
    /// There are as many as there may be.
    #[error("there are {MOST_HOOKS} hooks, no more may be added")]
    TooMany,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] SqlError),
}

impl Ledger<'_> {
    /// The id of a new hook: 12 hexadecimal digits.
    pub fn new_hook_id(&self) -> String {
        self.new_job_id()
    }

    /// Creates a hook. Repeating it, because nobody heard that it was done, changes nothing.
    pub fn create_hook(&self, new: &NewHook) -> Result<HookRecord, HookNotCreated> {
        self.transaction(|| {
            if let Some(product) = &new.product
                && !self.has_product(product)?
            {
                return Ok(End::Rollback(Err(HookNotCreated::NoProduct(product.clone()))));
            }
            let kinds: Vec<&str> = new.kinds.iter().map(|kind| kind.as_str()).collect();
            let product = new.product.as_ref().map(ProductKey::as_str);
            let created = self.sql.execute(
                &self.dialect.text(INSERT),
                &[
                    new.id.as_str().into(),
                    new.url.as_str().into(),
                    new.secret.as_str().into(),
                    product.into(),
                    kinds.join(",").into(),
                    MOST_HOOKS.into(),
                ],
            )?;
            if created == 1 {
                self.append(&by_operator("hook_created", &new.id, product))?;
            }
            // Read before the commit: behind it nothing may fail, or its creator would create it again.
            Ok(End::Commit(self.hook(&new.id)?.ok_or(HookNotCreated::TooMany)))
        })?
    }

    /// The hook `id`, unless it was removed.
    pub fn hook(&self, id: &str) -> Result<Option<HookRecord>, SqlError> {
        let sql = self.dialect.text(&format!("{SELECT} AND h.hook = $1"));
        self.sql.query(&sql, &[id.into()])?.first().map(HookRecord::read).transpose()
    }

    /// Every hook, oldest first.
    pub fn hooks(&self) -> Result<Vec<HookRecord>, SqlError> {
        let sql = self.dialect.text(&format!("{SELECT} ORDER BY h.created_at, h.hook"));
        let rows = self.sql.query(&sql, &[])?;
        rows.iter().map(HookRecord::read).collect()
    }

    /// Removes a hook with what it was not told yet; `false` when there never was one. Its secret is forgotten.
    pub fn remove_hook(&self, id: &str) -> Result<bool, SqlError> {
        self.transaction(|| {
            if self.sql.execute(&self.dialect.text(REMOVE), &[id.into()])? == 1 {
                self.sql.execute(FORGET, &[id.into()])?;
                self.append(&by_operator("hook_removed", id, None))?;
            }
            Ok(End::Commit(!self.sql.query(WAS_THERE, &[id.into()])?.is_empty()))
        })
    }
}

impl HookRecord {
    fn read(row: &Row) -> Result<Self, SqlError> {
        let bad = |what: &str| SqlError(format!("hook with a bad {what}"));
        let product = row.opt_text(3)?.map(|text| ProductKey::parse(&text)).transpose();
        let kinds = row.text(4)?;
        Ok(Self {
            hook: row.text(0)?,
            url: row.text(1)?,
            secret: row.text(2)?,
            product: product.map_err(|_| bad("product"))?,
            kinds: kinds
                .split(',')
                .map(|word| Kind::parse(word).ok_or_else(|| bad("kind")))
                .collect::<Result<_, _>>()?,
            created_at: row.int(5)?,
            failing_since: row.opt_int(6)?,
            last_error: row.opt_text(7)?,
            pending: row.int(8)?,
            delivered: row.int(9)?,
            delivered_at: row.opt_int(10)?,
            given_up: row.int(11)?,
            now: row.int(12)?,
        })
    }
}

fn by_operator<'e>(kind: &'e str, hook: &'e str, product: Option<&'e str>) -> NewEvent<'e> {
    NewEvent { kind, product, actor: "operator", detail: Some(hook), ..NewEvent::default() }
}

const INSERT: &str = "INSERT INTO hook (hook, url, secret, product, kinds, created_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), {now}
    WHERE (SELECT COUNT(*) FROM hook h WHERE h.removed_at IS NULL) < $6
    ON CONFLICT DO NOTHING";
const SELECT: &str = "SELECT h.hook, h.url, h.secret, h.product, h.kinds, h.created_at, h.failing_since,
        COALESCE(h.last_error, (SELECT MAX(o.last_error) FROM outbox o WHERE o.hook = h.hook
            AND o.delivered_at IS NULL AND o.given_up_at IS NULL)),
        (SELECT COUNT(*) FROM outbox o WHERE o.hook = h.hook
            AND o.delivered_at IS NULL AND o.given_up_at IS NULL),
        h.delivered, h.delivered_at,
        (SELECT COUNT(o.given_up_at) FROM outbox o WHERE o.hook = h.hook), {now}
    FROM hook h WHERE h.removed_at IS NULL";
const REMOVE: &str = "UPDATE hook SET removed_at = {now}, secret = '' WHERE hook = $1 AND removed_at IS NULL";
const FORGET: &str = "DELETE FROM outbox WHERE hook = $1 AND delivered_at IS NULL AND given_up_at IS NULL";
const WAS_THERE: &str = "SELECT 1 FROM hook WHERE hook = $1";
