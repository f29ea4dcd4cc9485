//! Firmware: registered once, never changed.

use ota_image::Stored;
use ota_protocol::key::ProductKey;
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;

use crate::event::NewEvent;
use crate::record::{Duties, FirmwareRecord};
use crate::transaction::End;
use crate::{Ledger, SqlError};

/// What came of registering a firmware.
#[derive(Debug)]
pub enum Pushed {
    /// It is new.
    Created(FirmwareRecord),
    /// The same bytes stand under this version already; the upload just made is not needed.
    Same(FirmwareRecord),
    /// Other bytes stand under this version.
    Taken(FirmwareRecord),
    /// The product is not registered.
    NoProduct,
}

impl Ledger<'_> {
    /// Registers the stored bytes as `version` of `product`.
    pub fn create_firmware(
        &self,
        product: &ProductKey,
        version: &Version,
        stored: &Stored,
        sign_method: SignMethod,
        duties: Duties,
    ) -> Result<Pushed, SqlError> {
        self.transaction(|| {
            if !self.has_product(product)? {
                return Ok(End::Rollback(Pushed::NoProduct));
            }
            let size = i64::try_from(stored.size).map_err(|_| SqlError(format!("size {}", stored.size)))?;
            let created = self.sql.execute(
                &self.dialect.text(INSERT_FIRMWARE),
                &[
                    product.as_str().into(),
                    version.as_str().into(),
                    stored.object.as_str().into(),
                    size.into(),
                    stored.md5.to_string().into(),
                    stored.sha256.to_string().into(),
                    stored.blocks_root.to_string().into(),
                    sign_method.as_str().into(),
                    i64::from(duties.must_pass).into(),
                    i64::from(duties.needs_verification).into(),
                    duties.verify_most.into(),
                    duties.verify_least.into(),
                ],
            )?;
            let record = self
                .firmware(product, version)?
                .ok_or_else(|| SqlError("firmware vanished in its own transaction".to_owned()))?;
            if created == 0 {
                let is_same = record.image.sha256 == stored.sha256;
                return Ok(End::Rollback(if is_same { Pushed::Same(record) } else { Pushed::Taken(record) }));
            }
            self.append(&NewEvent {
                kind: "firmware_created",
                device: None,
                product: Some(product.as_str()),
                job: None,
                actor: "operator",
                detail: Some(version.as_str()),
                message: None,
            })?;
            Ok(End::Commit(Pushed::Created(record)))
        })
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
            must_pass, needs_verification, verify_most, verify_least, created_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), COALESCE(MAX(f.sequence), 0) + 1, CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT),
        CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS BIGINT), CAST($10 AS BIGINT),
        CAST($11 AS BIGINT), CAST($12 AS BIGINT), {now}
    FROM firmware f WHERE f.product = $1
    ON CONFLICT DO NOTHING";
const FIRMWARE: &str = "SELECT {columns} FROM firmware f WHERE f.product = $1 AND f.version = $2";
const FIRMWARE_OF: &str = "SELECT {columns} FROM firmware f WHERE f.product = $1 ORDER BY f.sequence";
const VERIFIED_OF: &str = "SELECT version, MAX(succeeded) FROM job
    WHERE product = $1 AND kind = 'verify' GROUP BY version";
