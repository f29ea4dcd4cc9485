//! Firmware: registered once, never changed.

use ota_image::Stored;
use ota_protocol::key::ProductKey;
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;

use crate::event::NewEvent;
use crate::record::{Duties, FirmwareRecord};
use crate::transaction::End;
use crate::upload::{DOOM_OBJECT, USE_UPLOAD};
use crate::{Ledger, SqlError};

/// A firmware that is about to be registered.
#[derive(Debug, Clone, Copy)]
pub struct NewFirmware<'f> {
    /// Whose.
    pub product: &'f ProductKey,
    /// As what.
    pub version: &'f Version,
    /// Its bytes, which an upload of this name brought.
    pub stored: &'f Stored,
    /// Which digest devices are told.
    pub sign_method: SignMethod,
    /// What it asks of jobs.
    pub duties: Duties,
    /// Its signature, and the product's key that it is of, both in hex.
    pub signature: Option<(&'f str, &'f str)>,
}

/// What came of registering a firmware.
#[derive(Debug)]
pub enum Pushed {
    /// It is new.
    Created(FirmwareRecord),
    /// The same bytes stand under this version already; the upload just made is not needed.
    Same(FirmwareRecord),
    /// The same bytes stood under this version and were damaged: those just uploaded have taken their place.
    Repaired(FirmwareRecord),
    /// Other bytes stand under this version.
    Taken(FirmwareRecord),
    /// The product is not registered.
    NoProduct,
    /// The upload was given up meanwhile, and its bytes may be gone.
    NoUpload,
}

impl Ledger<'_> {
    /// Registers what an upload stored, and ends the upload. Once more, when nobody heard of the first time, it tells
    /// the same.
    pub fn create_firmware(&self, new: &NewFirmware<'_>) -> Result<Pushed, SqlError> {
        self.transaction(|| {
            // Two that register at once would count alike, and two that repair would replace one object.
            self.lock_product(new.product)?;
            if !self.has_product(new.product)? {
                return Ok(End::Rollback(Pushed::NoProduct));
            }
            let is_new = self.insert_firmware(new)?;
            let record = self
                .firmware(new.product, new.version)?
                .ok_or_else(|| SqlError("firmware vanished in its own transaction".to_owned()))?;
            if !is_new && record.image.sha256 != new.stored.sha256 {
                return Ok(End::Rollback(Pushed::Taken(record)));
            }
            let is_repair = !is_new && record.quarantined_at.is_some();
            if !is_new && !is_repair {
                return Ok(End::Rollback(Pushed::Same(record)));
            }
            if self.sql.execute(USE_UPLOAD, &[new.stored.object.as_str().into()])? == 0 {
                return Ok(End::Rollback(Pushed::NoUpload));
            }
            if is_repair {
                self.repair(new)?;
            }
            self.append(&NewEvent {
                kind: if is_repair { "firmware_repaired" } else { "firmware_created" },
                product: Some(new.product.as_str()),
                actor: "operator",
                detail: Some(new.version.as_str()),
                ..NewEvent::default()
            })?;
            if !is_repair {
                return Ok(End::Commit(Pushed::Created(record)));
            }
            let repaired = self.firmware(new.product, new.version)?;
            let repaired = repaired.ok_or_else(|| SqlError("firmware vanished while repaired".to_owned()))?;
            Ok(End::Commit(Pushed::Repaired(repaired)))
        })
    }

    fn insert_firmware(&self, new: &NewFirmware<'_>) -> Result<bool, SqlError> {
        let NewFirmware { stored, duties, .. } = new;
        let size = i64::try_from(stored.size).map_err(|_| SqlError(format!("size {}", stored.size)))?;
        let created = self.sql.execute(
            &self.dialect.text(INSERT_FIRMWARE),
            &[
                new.product.as_str().into(),
                new.version.as_str().into(),
                stored.object.as_str().into(),
                size.into(),
                stored.md5.to_string().into(),
                stored.sha256.to_string().into(),
                stored.blocks_root.to_string().into(),
                new.sign_method.as_str().into(),
                i64::from(duties.must_pass).into(),
                i64::from(duties.needs_verification).into(),
                duties.verify_most.into(),
                duties.verify_least.into(),
                stored.store.as_str().into(),
                new.signature.map(|(signature, _)| signature).into(),
                new.signature.map(|(_, key)| key).into(),
            ],
        )?;
        Ok(created == 1)
    }

    /// Puts sound bytes in the place of damaged ones, which the sweep removes. Jobs that were held stay so: resuming is
    /// for people.
    fn repair(&self, new: &NewFirmware<'_>) -> Result<(), SqlError> {
        let (product, version) = (new.product.as_str(), new.version.as_str());
        self.sql.execute(&self.dialect.text(DOOM_OBJECT), &[product.into(), version.into()])?;
        let stored = new.stored;
        self.sql.execute(
            REPAIR,
            &[
                product.into(),
                version.into(),
                stored.object.as_str().into(),
                stored.store.as_str().into(),
                stored.blocks_root.to_string().into(),
                new.signature.map(|(signature, _)| signature).into(),
                new.signature.map(|(_, key)| key).into(),
            ],
        )?;
        Ok(())
    }

    /// The firmware of a version.
    pub fn firmware(
        &self,
        product: &ProductKey,
        version: &Version,
    ) -> Result<Option<FirmwareRecord>, SqlError> {
        let sql = FIRMWARE.replace("{columns}", FirmwareRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[product.as_str().into(), version.as_str().into()])?;
        rows.first().map(|row| FirmwareRecord::read(row, 0)).transpose()
    }

    /// All firmware of a product, oldest first.
    pub fn firmware_of(&self, product: &ProductKey) -> Result<Vec<FirmwareRecord>, SqlError> {
        let sql = FIRMWARE_OF.replace("{columns}", FirmwareRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[product.as_str().into()])?;
        rows.iter().map(|row| FirmwareRecord::read(row, 0)).collect()
    }

    /// The versions of a product that verification jobs brought to devices, each with the most devices that one of them
    /// succeeded on: the firmware is verified when that is its `verify_least`.
    pub fn verified_of(&self, product: &ProductKey) -> Result<Vec<(String, i64)>, SqlError> {
        let rows = self.sql.query(VERIFIED_OF, &[product.as_str().into()])?;
        rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
    }
}

const INSERT_FIRMWARE: &str = "INSERT INTO firmware
        (product, version, sequence, object, size, md5, sha256, blocks_root, sign_method,
            must_pass, needs_verification, verify_most, verify_least, store, signature, signed_by, created_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), COALESCE(MAX(f.sequence), 0) + 1, CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT),
        CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS BIGINT), CAST($10 AS BIGINT),
        CAST($11 AS BIGINT), CAST($12 AS BIGINT), CAST($13 AS TEXT), CAST($14 AS TEXT), CAST($15 AS TEXT), {now}
    FROM firmware f WHERE f.product = $1
    ON CONFLICT DO NOTHING";
const REPAIR: &str = "UPDATE firmware SET object = $3, store = $4, blocks_root = $5, quarantined_at = NULL,
        signature = COALESCE(CAST($6 AS TEXT), signature), signed_by = COALESCE(CAST($7 AS TEXT), signed_by)
    WHERE product = $1 AND version = $2";
const FIRMWARE: &str = "SELECT {columns} FROM firmware f WHERE f.product = $1 AND f.version = $2";
const FIRMWARE_OF: &str = "SELECT {columns} FROM firmware f WHERE f.product = $1 ORDER BY f.sequence";
const VERIFIED_OF: &str = "SELECT version, MAX(succeeded) FROM job
    WHERE product = $1 AND kind = 'verify' GROUP BY version";
