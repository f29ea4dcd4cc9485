//! The catalogue: what a product has open, kept in the key-value store so that a question with the answer
//! "nothing" costs one read of it. A cache of the ledger: lost or stale, it costs a read, never correctness.

use ota_image::kv::{Kv, KvError};
use ota_protocol::key::ProductKey;
use serde::{Deserialize, Serialize};

use crate::{Ledger, SqlError};

/// What a product has open for devices that ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// When it was read from the ledger (ms, the reader's clock).
    checked_at: i64,
    /// The open request jobs.
    open: Vec<Open>,
}

/// One open request job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    job: String,
    version: String,
}

/// A catalogue older than this is read again (ms).
pub const FRESH_FOR: u64 = 5000;

impl Catalogue {
    /// The catalogue of `product`, from `kv` when it is fresh at `now` (ms), else from the ledger.
    ///
    /// A key-value store that fails is passed over: the ledger answers.
    pub fn of(product: &ProductKey, kv: &dyn Kv, ledger: &Ledger<'_>, now: i64) -> Result<Self, SqlError> {
        let key = key(product);
        if let Some(kept) = kv.get(&key).ok().flatten().and_then(|bytes| Self::decode(&bytes))
            && now.abs_diff(kept.checked_at) <= FRESH_FOR
        {
            return Ok(kept);
        }
        let Some(open) = ledger.open_requests(product)? else {
            // What strangers ask for is not kept.
            return Ok(Self { checked_at: now, open: Vec::new() });
        };
        let open = open.into_iter().map(|(job, version)| Open { job, version }).collect();
        let catalogue = Self { checked_at: now, open };
        // A cache that cannot be written is read from the ledger next time.
        let _: Result<(), KvError> = kv.set(&key, &catalogue.encode());
        Ok(catalogue)
    }

    /// Forgets what is kept of `product`, whose jobs have just changed: the next device that asks need not wait for
    /// the catalogue to age. A store that fails is passed over: then it does.
    pub fn forget(product: &ProductKey, kv: &dyn Kv) {
        let _: Result<(), KvError> = kv.delete(&key(product));
    }

    /// Whether a device that asks may be offered anything.
    pub fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn key(product: &ProductKey) -> String {
    format!("catalog:{product}")
}
