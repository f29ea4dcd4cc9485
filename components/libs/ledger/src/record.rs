//! Rows as they are stored, and how they are read: one struct and one column list per table.

mod device;
mod firmware;
mod job;
mod task;
mod upload;

pub use self::device::DeviceRecord;
pub use self::firmware::{Duties, FirmwareRecord};
pub use self::job::JobRecord;
pub use self::task::TaskRecord;
pub use self::upload::{UploadRecord, Way};

use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::version::Version;

use crate::sql::{Row, SqlError};

fn product_key(row: &Row, at: usize) -> Result<ProductKey, SqlError> {
    ProductKey::parse(&row.text(at)?).map_err(|error| SqlError(format!("stored product: {error}")))
}

fn device_id(row: &Row, at: usize) -> Result<DeviceId, SqlError> {
    let device =
        DeviceKey::parse(&row.text(at + 1)?).map_err(|error| SqlError(format!("stored device: {error}")))?;
    Ok(DeviceId { product: product_key(row, at)?, device })
}

fn version(row: &Row, at: usize) -> Result<Option<Version>, SqlError> {
    row.opt_text(at)?
        .map(|text| Version::parse(&text).map_err(|error| SqlError(format!("stored version: {error}"))))
        .transpose()
}
