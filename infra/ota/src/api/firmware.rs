//! `/api/v1/products/{pk}/firmware`.

use std::io::Read;

use clap::ValueEnum;
use ota_protocol::key::ProductKey;
use ota_protocol::release::ReleaseSignature;
use serde::Deserialize;

use super::client::{Answer, Client, segment};
use crate::failure::Failure;

/// A registered firmware.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the wire")]
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
    /// The key that its signature was checked with, in hex.
    #[serde(default)]
    pub(crate) signed_by: Option<String>,
    /// A stored block did not match its digest: it is not served any more.
    pub(crate) quarantined: bool,
    #[serde(default)]
    pub(crate) must_pass: bool,
    #[serde(default)]
    pub(crate) needs_verification: bool,
    /// Whether a verification job of it has succeeded.
    #[serde(default)]
    pub(crate) verified: bool,
}

impl Firmware {
    /// What it asks of jobs, if anything: `must pass, needs verification`.
    pub(crate) fn duties(&self) -> Option<String> {
        let verification = match (self.needs_verification, self.verified) {
            (false, _) => None,
            (true, false) => Some("needs verification"),
            (true, true) => Some("verified"),
        };
        let duties: Vec<&str> =
            self.must_pass.then_some("must pass").into_iter().chain(verification).collect();
        (!duties.is_empty()).then(|| duties.join(", "))
    }
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

/// What a firmware asks of the jobs that bring it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Duties {
    /// A device on an older one passes through it on its way to a newer one.
    pub(crate) must_pass: bool,
    /// It is rolled out only after a verification job.
    pub(crate) needs_verification: bool,
    /// The most devices of a verification job.
    pub(crate) verify_most: Option<u32>,
    /// How many of them have to succeed.
    pub(crate) verify_least: Option<u32>,
}

/// A firmware to register, with the digests that the gateway must find, too.
#[derive(Debug, Clone)]
pub(crate) struct Release<'a> {
    pub(crate) product: &'a ProductKey,
    pub(crate) version: &'a str,
    /// Left to the gateway if absent.
    pub(crate) sign_method: Option<SignMethod>,
    /// Bytes.
    pub(crate) size: u64,
    /// Lower-case hex.
    pub(crate) sha256: &'a str,
    /// The same of the weaker digest, which devices may be told.
    pub(crate) md5: Option<&'a str>,
    pub(crate) signature: Option<ReleaseSignature>,
    pub(crate) duties: Duties,
}

impl Release<'_> {
    pub(super) fn path(&self) -> String {
        format!("{}/{}", path(self.product), segment(self.version))
    }

    /// What the gateway is told besides the bytes, as a query.
    pub(super) fn query(&self) -> String {
        let Duties { must_pass, needs_verification, verify_most, verify_least } = self.duties;
        let told = [
            Some(format!("size={}&sha256={}", self.size, self.sha256)),
            self.md5.map(|md5| format!("md5={md5}")),
            self.signature.map(|signature| format!("signature={}", signature.to_hex())),
            self.sign_method.map(|method| format!("sign_method={}", method.as_str())),
            must_pass.then(|| "must_pass=true".to_owned()),
            needs_verification.then(|| "needs_verification=true".to_owned()),
            verify_most.map(|most| format!("verify_most={most}")),
            verify_least.map(|least| format!("verify_least={least}")),
        ];
        told.into_iter().flatten().collect::<Vec<_>>().join("&")
    }
}

impl Client {
    /// Uploads a small firmware in one request, as `body` is read; the same bytes again are no error.
    pub(crate) fn upload_firmware(
        &self,
        release: &Release<'_>,
        body: &mut dyn Read,
    ) -> Result<Answer<Firmware>, Failure> {
        self.upload(&format!("{}?{}", release.path(), release.query()), release.size, body)
    }

    pub(crate) fn firmware(&self, product: &ProductKey) -> Result<Answer<FirmwareList>, Failure> {
        self.fetch(&path(product))
    }
}

fn path(product: &ProductKey) -> String {
    format!("/api/v1/products/{}/firmware", segment(product.as_str()))
}
