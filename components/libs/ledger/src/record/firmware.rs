//! A firmware, as registered.

use ota_image::{BlocksRoot, Image, Md5, ObjectId, Sha256, Store};
use ota_protocol::key::ProductKey;
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;

use super::{product_key, version};
use crate::sql::{Row, SqlError};

/// A firmware, as registered.
#[derive(Debug, Clone)]
pub struct FirmwareRecord {
    /// Whose devices it is for.
    pub product: ProductKey,
    /// What a device informs that runs it.
    pub version: Version,
    /// Its place in the order of registration, from 1: the only order there is.
    pub sequence: i64,
    /// Its bytes.
    pub image: Image,
    /// Their MD5.
    pub md5: Md5,
    /// Which digest devices are told.
    pub sign_method: SignMethod,
    /// When a block was found damaged (ms).
    pub quarantined_at: Option<i64>,
    /// What it asks of jobs.
    pub duties: Duties,
    /// The product's key that signed it, in hex.
    pub signed_by: Option<String>,
}

/// What a firmware asks of the jobs that bring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duties {
    /// A device on an older one has to pass through it on its way to a newer one.
    pub must_pass: bool,
    /// It may be rolled out only after a verification job.
    pub needs_verification: bool,
    /// The most devices of a verification job, 1..=1000.
    pub verify_most: i64,
    /// How many of them have to succeed.
    pub verify_least: i64,
}

impl Default for Duties {
    fn default() -> Self {
        Self { must_pass: false, needs_verification: false, verify_most: 5, verify_least: 1 }
    }
}

impl FirmwareRecord {
    pub(crate) const COLUMNS: &str = "f.product, f.version, f.sequence, f.object, f.size, f.md5, f.sha256, \
         f.blocks_root, f.sign_method, f.quarantined_at, f.must_pass, f.needs_verification, f.verify_most, \
         f.verify_least, f.store, f.signed_by";
    pub(crate) const WIDTH: usize = 16;

    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        let bad = |what: &str| SqlError(format!("firmware with a bad {what}"));
        let method = row.text(at + 8)?;
        Ok(Self {
            product: product_key(row, at)?,
            version: version(row, at + 1)?.ok_or_else(|| bad("version"))?,
            sequence: row.int(at + 2)?,
            image: Image {
                store: Store::parse(&row.text(at + 14)?).ok_or_else(|| bad("store"))?,
                object: ObjectId::parse(&row.text(at + 3)?).map_err(|_| bad("object"))?,
                size: u64::try_from(row.int(at + 4)?).map_err(|_| bad("size"))?,
                sha256: Sha256::parse(&row.text(at + 6)?).map_err(|_| bad("sha256"))?,
                blocks_root: BlocksRoot::parse(&row.text(at + 7)?).map_err(|_| bad("blocks root"))?,
            },
            md5: Md5::parse(&row.text(at + 5)?).map_err(|_| bad("md5"))?,
            sign_method: SignMethod::parse(&method).ok_or_else(|| bad("sign method"))?,
            quarantined_at: row.opt_int(at + 9)?,
            duties: Duties {
                must_pass: row.int(at + 10)? == 1,
                needs_verification: row.int(at + 11)? == 1,
                verify_most: row.int(at + 12)?,
                verify_least: row.int(at + 13)?,
            },
            signed_by: row.opt_text(at + 15)?,
        })
    }

    /// The digest that devices are told, in lower-case hex.
    pub fn sign(&self) -> String {
        match self.sign_method {
            SignMethod::Md5 => self.md5.to_string(),
            SignMethod::Sha256 => self.image.sha256.to_string(),
        }
    }
}
