//! Products and devices.

use ota_protocol::key::{DeviceId, ProductKey};
use ota_rollout::stage;

use crate::event::NewEvent;
use crate::record::DeviceRecord;
use crate::transaction::End;
use crate::view::{Assignment, NEXT_FIRMWARE};
use crate::{Ledger, Row, SqlError, Value};

/// A product, counted.
#[derive(Debug, Clone)]
pub struct ProductSummary {
    /// Its key.
    pub product: ProductKey,
    /// How many devices are registered.
    pub devices: i64,
    /// How many firmware are registered.
    pub firmware: i64,
    /// What is set of it.
    pub terms: ProductTerms,
}

/// What is set of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductTerms {
    /// Whether devices whose version is not registered get nothing, or count as older than every firmware.
    pub refuses_unknown: bool,
    /// The Ed25519 keys that sign its firmware, 64 hex digits each.
    pub signing_keys: Vec<String>,
    /// Whether firmware without a signature of one of them is refused.
    pub requires_signature: bool,
    /// Whether its devices may use the vendor's Java SDK, which reads sizes as an `int`.
    pub java_sdk: bool,
}

impl Default for ProductTerms {
    fn default() -> Self {
        Self { refuses_unknown: false, signing_keys: Vec::new(), requires_signature: false, java_sdk: true }
    }
}

impl ProductSummary {
    fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            product: ProductKey::parse(&row.text(0)?)
                .map_err(|error| SqlError(format!("stored product: {error}")))?,
            devices: row.int(1)?,
            firmware: row.int(2)?,
            terms: ProductTerms::read(row, 3)?,
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
    pub fn create_product(&self, product: &ProductKey, terms: &ProductTerms) -> Result<Registered, SqlError> {
        self.transaction(|| {
            let values = terms.values(product);
            if self.sql.execute(&self.dialect.text(INSERT_PRODUCT), &values)? == 0 {
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

    /// What is set of a product; `None` when it is not registered.
    pub fn product_terms(&self, product: &ProductKey) -> Result<Option<ProductTerms>, SqlError> {
        let rows = self.sql.query(PRODUCT_TERMS, &[product.as_str().into()])?;
        rows.first().map(|row| ProductTerms::read(row, 0)).transpose()
    }

    /// Sets anew what `amend` changes of a product. Devices that were passed over for an unknown version are granted
    /// from their next inform or connection on. `false` when the product is not registered.
    pub fn amend_product(
        &self,
        product: &ProductKey,
        amend: impl FnOnce(&mut ProductTerms),
    ) -> Result<bool, SqlError> {
        self.transaction(|| {
            self.lock_product(product)?;
            let Some(before) = self.product_terms(product)? else { return Ok(End::Rollback(false)) };
            let mut terms = before.clone();
            amend(&mut terms);
            if terms == before {
                return Ok(End::Rollback(true));
            }
            self.sql.execute(AMEND_PRODUCT, &terms.values(product))?;
            let event = by_operator("product_amended", Some(product.as_str()), None);
            self.append(&NewEvent { detail: Some(&terms.since(&before)), ..event })?;
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

impl ProductTerms {
    fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        Ok(Self {
            refuses_unknown: row.int(at)? == 1,
            signing_keys: row.text(at + 1)?.split_whitespace().map(str::to_owned).collect(),
            requires_signature: row.int(at + 2)? == 1,
            java_sdk: row.int(at + 3)? == 1,
        })
    }

    fn values(&self, product: &ProductKey) -> [Value; 5] {
        [
            product.as_str().into(),
            i64::from(self.refuses_unknown).into(),
            self.signing_keys.join(" ").into(),
            i64::from(self.requires_signature).into(),
            i64::from(self.java_sdk).into(),
        ]
    }

    /// What differs from `before`, in words.
    fn since(&self, before: &Self) -> String {
        let mut said = Vec::new();
        if self.refuses_unknown != before.refuses_unknown {
            let how = if self.refuses_unknown { "refused" } else { "older" };
            said.push(format!("unknown versions are {how}"));
        }
        if self.signing_keys != before.signing_keys {
            said.push(match self.signing_keys.as_slice() {
                [] => "no key signs".to_owned(),
                keys => format!("signed by {}", keys.join(" or ")),
            });
        }
        if self.requires_signature != before.requires_signature {
            let how = if self.requires_signature { "required" } else { "not required" };
            said.push(format!("signatures are {how}"));
        }
        if self.java_sdk != before.java_sdk {
            let how = if self.java_sdk { "may" } else { "do not" };
            said.push(format!("devices {how} use the Java SDK"));
        }
        said.join(", ")
    }
}

pub(crate) fn by_operator<'e>(
    kind: &'e str,
    product: Option<&'e str>,
    device: Option<&'e DeviceId>,
) -> NewEvent<'e> {
    NewEvent { kind, device, product, actor: "operator", ..NewEvent::default() }
}

const INSERT_PRODUCT: &str = "INSERT INTO product
        (product, refuse_unknown, signing_keys, requires_signature, java_sdk, created_at)
    VALUES ($1, $2, $3, $4, $5, {now}) ON CONFLICT DO NOTHING";
const PRODUCTS: &str = "SELECT p.product,
        (SELECT COUNT(*) FROM device d WHERE d.product = p.product),
        (SELECT COUNT(*) FROM firmware f WHERE f.product = p.product),
        p.refuse_unknown, p.signing_keys, p.requires_signature, p.java_sdk
    FROM product p ORDER BY p.created_at, p.product";
const PRODUCT: &str = "SELECT p.product,
        (SELECT COUNT(*) FROM device d WHERE d.product = p.product),
        (SELECT COUNT(*) FROM firmware f WHERE f.product = p.product),
        p.refuse_unknown, p.signing_keys, p.requires_signature, p.java_sdk
    FROM product p WHERE p.product = $1";
const PRODUCT_TERMS: &str = "SELECT p.refuse_unknown, p.signing_keys, p.requires_signature, p.java_sdk
    FROM product p WHERE p.product = $1";
const AMEND_PRODUCT: &str =
    "UPDATE product SET refuse_unknown = $2, signing_keys = $3, requires_signature = $4,
        java_sdk = $5 WHERE product = $1";
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
