//! A registered device, as stored.

use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;

use super::{device_id, version};
use crate::sql::{Row, SqlError};

/// A registered device.
#[derive(Debug, Clone)]
pub struct DeviceRecord {
    /// Who it is.
    pub id: DeviceId,
    /// Rises when its hardware is replaced.
    pub generation: i64,
    /// Its secret, encrypted.
    pub secret: String,
    /// What it last informed, `None` until it did.
    pub version: Option<Version>,
    /// When it was last heard (ms), as far as written: at most every 300 s.
    pub heard_at: i64,
    /// Whether a bridge or broker holds its session.
    pub is_connected: bool,
    /// When it said that version (ms), as far as written: what it said before then is outdated. Registration and
    /// replacement count as such a word.
    pub informed_at: i64,
}

impl DeviceRecord {
    pub(crate) const COLUMNS: &str =
        "d.product, d.device, d.generation, d.secret, d.version, d.heard_at, d.connected, d.informed_at";
    pub(crate) const WIDTH: usize = 8;

    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        Ok(Self {
            id: device_id(row, at)?,
            generation: row.int(at + 2)?,
            secret: row.text(at + 3)?,
            version: version(row, at + 4)?,
            heard_at: row.int(at + 5)?,
            is_connected: row.int(at + 6)? == 1,
            informed_at: row.int(at + 7)?,
        })
    }
}
