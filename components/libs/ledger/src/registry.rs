//! Products and devices.

use ota_protocol::key::{DeviceId, ProductKey};
use ota_rollout::stage;

use crate::event::NewEvent;
use crate::record::DeviceRecord;
use crate::transaction::End;
use crate::view::{Assignment, NEXT_FIRMWARE};
use crate::{Ledger, Row, SqlError};

/// A product, counted.
#[derive(Debug, Clone)]
pub struct ProductSummary {
    /// Its key.
    pub product: ProductKey,
    /// How many devices are registered.
    pub devices: i64,
    /// How many firmware are registered.
    pub firmware: i64,
    /// Whether devices whose version is not registered get nothing.
    pub refuses_unknown: bool,
}

impl ProductSummary {
    fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            product: ProductKey::parse(&row.text(0)?)
                .map_err(|error| SqlError(format!("stored product: {error}")))?,
            devices: row.int(1)?,
            firmware: row.int(2)?,
            refuses_unknown: row.int(3)? == 1,
        })
    }
}

/// What came of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is new.
    Created,
    /// It was there already.
    Exists,
    /// Its product is not there.
    NoProduct,
}

impl Ledger<'_> {
    /// Registers a product.
    pub fn create_product(&self, product: &ProductKey) -> Result<Registered, SqlError> {
        self.transaction(|| {
            if self.sql.execute(&self.dialect.text(INSERT_PRODUCT), &[product.as_str().into()])? == 0 {
                return Ok(End::Rollback(Registered::Exists));
            }
            self.append(&by_operator("product_created", Some(product.as_str()), None))?;
            Ok(End::Commit(Registered::Created))
        })
    }

    /// All products.
    pub fn products(&self) -> Result<Vec<ProductSummary>, SqlError> {
        let rows = self.sql.query(PRODUCTS, &[])?;
        rows.iter().map(ProductSummary::read).collect()
    }

    /// One product; `None` when it is not registered.
    pub fn product(&self, product: &ProductKey) -> Result<Option<ProductSummary>, SqlError> {
        self.sql.query(PRODUCT, &[product.as_str().into()])?.first().map(ProductSummary::read).transpose()
    }

    /// Sets whether devices whose version is not registered get nothing, or count as older than every firmware.
    /// Devices that were passed over for it are granted from their next inform or connection on.
    /// `false` when the product is not registered.
    pub fn amend_product(&self, product: &ProductKey, refuses_unknown: bool) -> Result<bool, SqlError> {
        self.transaction(|| {
            let values = [product.as_str().into(), i64::from(refuses_unknown).into()];
            if self.sql.execute(AMEND_PRODUCT, &values)? == 0 {
                return Ok(End::Rollback(self.has_product(product)?));
            }
            let detail =
                if refuses_unknown { "unknown versions are refused" } else { "unknown versions are older" };
            let event = by_operator("product_amended", Some(product.as_str()), None);
            self.append(&NewEvent { detail: Some(detail), ..event })?;
            Ok(End::Commit(true))
        })
    }

    /// Whether the product is registered.
    pub fn has_product(&self, product: &ProductKey) -> Result<bool, SqlError> {
        Ok(!self.sql.query(HAS_PRODUCT, &[product.as_str().into()])?.is_empty())
    }

    /// Registers a device with its encrypted secret.
    pub fn create_device(&self, id: &DeviceId, secret: &str) -> Result<Registered, SqlError> {
        self.transaction(|| {
            if !self.has_product(&id.product)? {
                return Ok(End::Rollback(Registered::NoProduct));
            }
            let place = stage::place(id.product.as_str(), id.device.as_str());
            let values = [id.product.as_str().into(), id.device.as_str().into(), secret.into(), place.into()];
            if self.sql.execute(&self.dialect.text(INSERT_DEVICE), &values)? == 0 {
                return Ok(End::Rollback(Registered::Exists));
            }
            self.append(&by_operator("device_created", None, Some(id)))?;
            Ok(End::Commit(Registered::Created))
        })
    }

    /// The device, with the epoch and the ledger's clock (ms) for what is sealed for it.
    pub fn device(&self, id: &DeviceId) -> Result<Option<(DeviceRecord, i64, i64)>, SqlError> {
        let sql = self.dialect.text(DEVICE).replace("{columns}", DeviceRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[id.product.as_str().into(), id.device.as_str().into()])?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some((DeviceRecord::read(row, 2)?, row.int(1)?, row.int(0)?)))
    }

    /// At most `limit` devices of a product whose keys come after `after`, in the order of keys.
    pub fn devices(
        &self,
        product: &ProductKey,
        after: &str,
        limit: i64,
    ) -> Result<Vec<DeviceRecord>, SqlError> {
        let sql = DEVICES.replace("{columns}", DeviceRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[product.as_str().into(), after.into(), limit.into()])?;
        rows.iter().map(|row| DeviceRecord::read(row, 0)).collect()
    }

    /// The device's tasks of all jobs, newest job first, at most 100.
    pub fn tasks_of(&self, id: &DeviceId) -> Result<Vec<Assignment>, SqlError> {
        let sql = TASKS_OF.replace("{columns}", &Assignment::columns()).replace("{next}", NEXT_FIRMWARE);
        let rows = self.sql.query(&sql, &[id.product.as_str().into(), id.device.as_str().into()])?;
        let read = rows.iter().map(|row| Assignment::read(row, 0));
        Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

pub(crate) fn by_operator<'e>(
    kind: &'e str,
    product: Option<&'e str>,
    device: Option<&'e DeviceId>,
) -> NewEvent<'e> {
    NewEvent { kind, device, product, actor: "operator", ..NewEvent::default() }
}

const INSERT_PRODUCT: &str =
    "INSERT INTO product (product, created_at) VALUES ($1, {now}) ON CONFLICT DO NOTHING";
const PRODUCTS: &str = "SELECT p.product,
        (SELECT COUNT(*) FROM device d WHERE d.product = p.product),
        (SELECT COUNT(*) FROM firmware f WHERE f.product = p.product), p.refuse_unknown
    FROM product p ORDER BY p.created_at, p.product";
const PRODUCT: &str = "SELECT p.product,
        (SELECT COUNT(*) FROM device d WHERE d.product = p.product),
        (SELECT COUNT(*) FROM firmware f WHERE f.product = p.product), p.refuse_unknown
    FROM product p WHERE p.product = $1";
const AMEND_PRODUCT: &str =
    "UPDATE product SET refuse_unknown = $2 WHERE product = $1 AND refuse_unknown <> $2";
const HAS_PRODUCT: &str = "SELECT 1 FROM product WHERE product = $1";
/// A device that was deleted and comes again is other hardware: what its key was told before is void, though its tasks
/// be purged. Each generation but the first has its event.
const INSERT_DEVICE: &str =
    "INSERT INTO device (product, device, secret, place, generation, informed_at, created_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT),
        (SELECT COALESCE(MAX(g.generation), 0) + 1 FROM (
            SELECT MAX(t.generation) AS generation FROM task t WHERE t.product = $1 AND t.device = $2
            UNION ALL SELECT COUNT(*) FROM event e WHERE e.product = $1 AND e.device = $2
                AND e.kind IN ('device_replaced', 'device_deleted')) AS g), {now}, {now}
    WHERE true ON CONFLICT DO NOTHING";
const DEVICE: &str = "SELECT {now}, l.epoch, {columns} FROM ledger l CROSS JOIN device d
    WHERE d.product = $1 AND d.device = $2";
const DEVICES: &str = "SELECT {columns} FROM device d
    WHERE d.product = $1 AND d.device > $2 ORDER BY d.device LIMIT $3";
const TASKS_OF: &str = "SELECT {columns} FROM task t
    JOIN job j ON j.job = t.job
    JOIN device d ON d.product = t.product AND d.device = t.device
    LEFT JOIN firmware v ON v.product = d.product AND v.version = d.version
    JOIN firmware g ON g.product = j.product AND g.version = j.version
    JOIN firmware f ON f.product = j.product AND f.sequence = {next}
    WHERE t.product = $1 AND t.device = $2 AND j.state <> 'deleted' ORDER BY j.created_at DESC LIMIT 100";
