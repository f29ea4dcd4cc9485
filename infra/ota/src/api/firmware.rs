//! `/api/v1/products/{pk}/firmware`.

use std::io::Read;

use clap::ValueEnum;
use ota_protocol::key::ProductKey;
use serde::Deserialize;

use super::client::{Answer, Client, segment};
use crate::failure::Failure;

/// A registered firmware.
#[derive(Debug, Deserialize)]
pub(crate) struct Firmware {
    pub(crate) product: String,
    pub(crate) version: String,
    /// Its place in the order of registration, the only order there is.
    pub(crate) sequence: i64,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) sign_method: String,
    /// A stored block did not match its digest: it is not served any more.
    pub(crate) quarantined: bool,
}

/// A product's firmware.
#[derive(Debug, Deserialize)]
pub(crate) struct FirmwareList {
    pub(crate) firmware: Vec<Firmware>,
}

/// Which digest devices are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignMethod {
    /// The one that every SDK of the vendor knows.
    Md5,
    /// The stronger one.
    Sha256,
}

impl SignMethod {
    fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
        }
    }
}

/// A firmware to register, with the digest that the gateway must find, too.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    pub(crate) product: &'a ProductKey,
    pub(crate) version: &'a str,
    /// Left to the gateway if absent.
    pub(crate) sign_method: Option<SignMethod>,
    /// Bytes.
    pub(crate) size: u64,
    /// Lower-case hex.
    pub(crate) sha256: &'a str,
}

impl Client {
    /// Uploads a firmware as `body` is read; the same bytes again are no error.
    pub(crate) fn upload_firmware(
        &self,
        upload: &Upload<'_>,
        body: &mut dyn Read,
    ) -> Result<Answer<Firmware>, Failure> {
        let (path, version) = (path(upload.product), segment(upload.version));
        let mut path = format!("{path}/{version}?sha256={}", upload.sha256);
        if let Some(method) = upload.sign_method {
            path.push_str("&sign_method=");
            path.push_str(method.as_str());
        }
        self.upload(&path, upload.size, body)
    }

    pub(crate) fn firmware(&self, product: &ProductKey) -> Result<Answer<FirmwareList>, Failure> {
        self.fetch(&path(product))
    }
}

fn path(product: &ProductKey) -> String {
    format!("/api/v1/products/{}/firmware", segment(product.as_str()))
}
