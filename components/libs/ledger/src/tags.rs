//! Tags: what an operator calls devices by, besides their keys.

use ota_protocol::key::{DeviceId, ProductKey};

use crate::registry::by_operator;
use crate::transaction::End;
use crate::{Ledger, SqlError};

impl Ledger<'_> {
    /// Gives the device exactly these tags; it joins the incremental jobs whose scope it now meets.
    /// `false` when the device is not registered.
    ///
    /// One transaction, although it may touch many jobs: nothing would come back to a device that has its tags and was
    /// kept from joining. Jobs are taken in the order of their ids.
    pub fn set_tags(&self, id: &DeviceId, tags: &[String]) -> Result<bool, SqlError> {
        let key = [id.product.as_str().into(), id.device.as_str().into()];
        let list = serde_json::to_string(tags).map_err(|error| SqlError(error.to_string()))?;
        self.transaction(|| {
            self.lock_product(&id.product)?;
            self.lock(id)?;
            let Some((device, ..)) = self.device(id)? else { return Ok(End::Rollback(false)) };
            self.sql.execute(FORGET, &key)?;
            let insert = INSERT.replace("{each}", &self.dialect.each(3));
            let [product, device_key] = key.clone();
            self.sql.execute(&insert, &[product, device_key, list.as_str().into()])?;
            self.append(&crate::event::NewEvent {
                detail: Some(&tags.join(", ")),
                ..by_operator("device_tagged", None, Some(id))
            })?;
            if let Some(version) = device.version {
                self.join_held(id, &version)?;
            }
            Ok(End::Commit(true))
        })
    }

    /// The device's tags, in the order of their text.
    pub fn tags(&self, id: &DeviceId) -> Result<Vec<String>, SqlError> {
        let rows = self.sql.query(TAGS, &[id.product.as_str().into(), id.device.as_str().into()])?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// The tags of the devices of a product from `first` to `last`, in the order of their keys.
    pub fn tags_between(
        &self,
        product: &ProductKey,
        first: &str,
        last: &str,
    ) -> Result<Vec<(String, String)>, SqlError> {
        let rows = self.sql.query(TAGS_BETWEEN, &[product.as_str().into(), first.into(), last.into()])?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }
}

const FORGET: &str = "DELETE FROM device_tag WHERE product = $1 AND device = $2";
const INSERT: &str = "INSERT INTO device_tag (product, device, tag)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), e.value FROM {each} WHERE true ON CONFLICT DO NOTHING";
const TAGS: &str = "SELECT tag FROM device_tag WHERE product = $1 AND device = $2 ORDER BY tag";
const TAGS_BETWEEN: &str = "SELECT device, tag FROM device_tag
    WHERE product = $1 AND device >= $2 AND device <= $3 ORDER BY device, tag";
