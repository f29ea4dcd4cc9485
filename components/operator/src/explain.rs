//! Why a device gets what it gets.

use ota_platform::{Failure, Gateway, Refusal, Response};
use ota_protocol::key::{DeviceId, DeviceKey};

pub(crate) fn device(_: &Gateway<'_>, id: &DeviceId) -> Result<Response, Failure> {
    Err(Refusal::not_found(format!("nothing explains {id} yet")).into())
}

pub(crate) fn task(_: &Gateway<'_>, job: &str, device: &DeviceKey) -> Result<Response, Failure> {
    Err(Refusal::not_found(format!("nothing explains {device} in {job} yet")).into())
}
