//! Why a device gets what it gets: `…/explain`.

use ota_protocol::key::{DeviceKey, ProductKey};
use serde::Deserialize;

use super::client::{Answer, Client, segment};
use super::device::Device;
use crate::failure::Failure;

/// A device, and what each open job has for it.
#[derive(Debug, Deserialize)]
pub(crate) struct Explanation {
    pub(crate) device: Device,
    pub(crate) jobs: Vec<ExplainedJob>,
}

/// What a job has for a device.
#[derive(Debug, Deserialize)]
pub(crate) struct ExplainedJob {
    #[serde(rename = "job")]
    pub(crate) id: String,
    pub(crate) to: String,
    /// What the device would be told next: the target, or a version on the way.
    pub(crate) next: Option<String>,
    /// `granted now`, `at work`, `ended`, `waits` or `not in the job`.
    pub(crate) verdict: String,
    /// One reason each, in the order in which they would have to be cleared.
    pub(crate) why: Vec<String>,
    /// The earliest moment at which that may change by itself (ms since 1970), if it can.
    pub(crate) until: Option<i64>,
}

impl Client {
    /// Why the device gets what it gets from one job.
    pub(crate) fn explain_in_job(
        &self,
        job: &str,
        device: &DeviceKey,
    ) -> Result<Answer<Explanation>, Failure> {
        self.fetch(&format!("/api/v1/jobs/{}/explain/{}", segment(job), segment(device.as_str())))
    }

    /// Why the device gets what it gets from every job.
    pub(crate) fn explain(
        &self,
        product: &ProductKey,
        device: &DeviceKey,
    ) -> Result<Answer<Explanation>, Failure> {
        let (product, device) = (segment(product.as_str()), segment(device.as_str()));
        self.fetch(&format!("/api/v1/products/{product}/devices/{device}/explain"))
    }
}
