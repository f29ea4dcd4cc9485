//! `/api/v1/uploads`: a firmware that comes in by several requests, or by way of the bucket.

use std::io::Read;

use clap::ValueEnum;
use serde::Deserialize;

use super::client::{Answer, Client};
use super::firmware::{Firmware, Release};
use crate::failure::Failure;

/// Which way the bytes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// To the gateway, in slices
    Gateway,
    /// To its bucket, in one request, by an address that the gateway signs
    Presigned,
}

impl Via {
    fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Presigned => "presigned",
        }
    }
}

/// An upload under way.
#[derive(Debug, Deserialize)]
pub(crate) struct Upload {
    #[serde(rename = "upload")]
    pub(crate) id: String,
    /// Bytes of the firmware.
    pub(crate) size: u64,
    /// Bytes of it that are stored for good, or, where they came by way of the bucket, verified.
    pub(crate) position: u64,
    /// The most bytes to send at once.
    pub(crate) slice: u64,
    /// Where the bytes may be brought, for an hour.
    pub(crate) put_url: Option<String>,
}

/// How far a firmware has come in.
#[derive(Debug)]
pub(crate) enum Intake {
    /// There is more to send, or to verify.
    UnderWay(Upload),
    /// It is registered.
    Registered(Box<Answer<Firmware>>),
}

impl Client {
    /// Begins the upload of a firmware, or finds the same one under way, or its firmware.
    pub(crate) fn begin_upload(&self, release: &Release<'_>, via: Via) -> Result<Intake, Failure> {
        let answer =
            self.order(&format!("{}/uploads?{}&via={}", release.path(), release.query(), via.as_str()))?;
        self.intake(answer)
    }

    /// Sends the `length` bytes from the upload's position on; what is stored then may be less.
    pub(crate) fn append(
        &self,
        upload: &Upload,
        length: u64,
        body: &mut dyn Read,
    ) -> Result<Answer<Upload>, Failure> {
        let path = format!("/api/v1/uploads/{}?position={}", upload.id, upload.position);
        self.upload(&path, length, body)
    }

    /// Has the firmware verified and registered; to be called again while it is under way.
    pub(crate) fn finalize(&self, upload: &Upload) -> Result<Intake, Failure> {
        let answer = self.order(&format!("/api/v1/uploads/{}/finalize", upload.id))?;
        self.intake(answer)
    }

    /// Gives an upload up.
    pub(crate) fn abandon(&self, upload: &Upload) -> Result<(), Failure> {
        self.remove(&format!("/api/v1/uploads/{}", upload.id))
    }

    /// Only an upload has the field `upload`.
    fn intake(&self, answer: Answer<serde_json::Value>) -> Result<Intake, Failure> {
        if answer.value.get("upload").is_some() {
            return Ok(Intake::UnderWay(self.told::<Upload>(answer)?.value));
        }
        Ok(Intake::Registered(Box::new(self.told(answer)?)))
    }
}
