//! An upload under way.

use ota_image::objects::Writing;
use ota_image::{ObjectId, Store};
use ota_protocol::key::ProductKey;
use ota_protocol::version::Version;

use super::{product_key, version};
use crate::sql::{Row, SqlError};

/// An upload under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRecord {
    /// Whose firmware it is to become.
    pub product: ProductKey,
    /// And as which version.
    pub version: Version,
    /// Where its bytes go.
    pub store: Store,
    /// The object that they make, whose name is that of the upload, and what the store knows it by.
    pub writing: Writing,
    /// The bytes of each part but the last.
    pub part: u64,
    /// How its bytes come.
    pub way: Way,
    /// How many were declared.
    pub size: Option<u64>,
    /// Which digest was declared, in lower-case hex.
    pub sha256: Option<String>,
    /// What its operator said of it. Nothing here reads it.
    pub declared: String,
    /// How many bytes are stored, or verified where they are.
    pub position: u64,
    /// What is known of these. Nothing here reads it.
    pub state: String,
    /// Who writes it.
    pub writer: String,
    /// When it is given up unless more comes (ms).
    pub expires_at: i64,
}

/// How the bytes of a firmware come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In the one request that began it: nobody goes on with it.
    Request,
    /// In requests, one behind the other.
    Gateway,
    /// Straight into the store, by a presigned URL.
    Presigned,
}

impl Way {
    /// `request`, `gateway` or `presigned`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Gateway => "gateway",
            Self::Presigned => "presigned",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Request, Self::Gateway, Self::Presigned].into_iter().find(|way| way.as_str() == text)
    }
}

impl UploadRecord {
    /// One of which nothing came yet, and nothing was declared.
    pub fn new(product: ProductKey, version: Version, store: Store, writing: Writing, way: Way) -> Self {
        Self {
            product,
            version,
            store,
            writing,
            part: 1,
            way,
            size: None,
            sha256: None,
            declared: String::new(),
            position: 0,
            state: String::new(),
            writer: String::new(),
            expires_at: 0,
        }
    }

    /// The most bytes that its store may have of it: a part may be stored that nobody noted.
    pub fn most_stored(&self) -> u64 {
        let noted = self.position.saturating_add(self.part.saturating_mul(2));
        self.size.unwrap_or(0).max(noted)
    }

    pub(crate) const COLUMNS: &str = "u.upload, u.product, u.version, u.store, u.token, u.part, u.way, u.size, \
         u.sha256, u.declared, u.position, u.state, u.writer, u.expires_at";

    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        let bad = |what: &str| SqlError(format!("upload with a bad {what}"));
        let count = |n: usize, what: &str| u64::try_from(row.int(at + n)?).map_err(|_| bad(what));
        Ok(Self {
            product: product_key(row, at + 1)?,
            version: version(row, at + 2)?.ok_or_else(|| bad("version"))?,
            store: Store::parse(&row.text(at + 3)?).ok_or_else(|| bad("store"))?,
            writing: Writing {
                object: ObjectId::parse(&row.text(at)?).map_err(|_| bad("name"))?,
                token: row.text(at + 4)?,
            },
            part: count(5, "part")?,
            way: Way::parse(&row.text(at + 6)?).ok_or_else(|| bad("way"))?,
            size: row
                .opt_int(at + 7)?
                .map(|size| u64::try_from(size).map_err(|_| bad("size")))
                .transpose()?,
            sha256: row.opt_text(at + 8)?,
            declared: row.text(at + 9)?,
            position: count(10, "position")?,
            state: row.text(at + 11)?,
            writer: row.text(at + 12)?,
            expires_at: row.int(at + 13)?,
        })
    }
}
