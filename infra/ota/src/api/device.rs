//! `/api/v1/products/{pk}/devices`.

use std::fmt;

use ota_protocol::key::{DeviceKey, ProductKey};
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, segment};
use super::task::Task;
use crate::failure::Failure;

/// A device as the gateway knows it. Times are ms since 1970.
#[derive(Debug, Deserialize)]
pub(crate) struct Device {
    pub(crate) product: String,
    #[serde(rename = "device")]
    pub(crate) key: String,
    /// What it informed last; `None` until it has.
    pub(crate) version: Option<String>,
    pub(crate) connected: bool,
    heard_at: Option<i64>,
    /// Rises when the hardware is replaced.
    #[serde(default)]
    pub(crate) generation: Option<i64>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

impl Device {
    /// When it was last heard from; `None` if it never was.
    pub(crate) fn heard_at(&self) -> Option<i64> {
        self.heard_at.filter(|at| *at > 0)
    }
}

/// A device and its tasks, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct DeviceWithTasks {
    #[serde(flatten)]
    pub(crate) device: Device,
    #[serde(default)]
    pub(crate) tasks: Vec<Task>,
}

/// The answer to a new device, or to new hardware: the only one that ever shows its secret.
#[derive(Deserialize)]
pub(crate) struct NewDevice {
    pub(crate) product: String,
    pub(crate) device: String,
    pub(crate) secret: String,
    /// Rises when the hardware is replaced.
    #[serde(default)]
    pub(crate) generation: Option<i64>,
}

impl fmt::Debug for NewDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewDevice({}/{})", self.product, self.device)
    }
}

#[derive(Serialize)]
struct DeviceToAdd<'a> {
    device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

#[derive(Serialize)]
struct Hardware<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

/// All tags of a device.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tags {
    pub(crate) tags: Vec<String>,
}

impl Client {
    /// Registers a device; without a secret the gateway makes one.
    pub(crate) fn add_device(
        &self,
        product: &ProductKey,
        device: &DeviceKey,
        secret: Option<&str>,
    ) -> Result<Answer<NewDevice>, Failure> {
        self.send(&path(product), &DeviceToAdd { device: device.as_str(), secret })
    }

    pub(crate) fn device(
        &self,
        product: &ProductKey,
        device: &DeviceKey,
    ) -> Result<Answer<DeviceWithTasks>, Failure> {
        self.fetch(&path_of(product, device))
    }

    /// Gives the key to new hardware: what the old had to do is void. Without a secret the gateway makes one.
    pub(crate) fn replace_device(
        &self,
        product: &ProductKey,
        device: &DeviceKey,
        secret: Option<&str>,
    ) -> Result<Answer<NewDevice>, Failure> {
        self.send(&format!("{}/replace", path_of(product, device)), &Hardware { secret })
    }

    pub(crate) fn delete_device(&self, product: &ProductKey, device: &DeviceKey) -> Result<(), Failure> {
        self.remove(&path_of(product, device))
    }

    /// Gives the device exactly these tags.
    pub(crate) fn tag_device(
        &self,
        product: &ProductKey,
        device: &DeviceKey,
        tags: Vec<String>,
    ) -> Result<Answer<Tags>, Failure> {
        self.put(&format!("{}/tags", path_of(product, device)), &Tags { tags })
    }

    /// Every device of the product.
    pub(crate) fn devices(&self, product: &ProductKey) -> Result<Answer<Vec<Device>>, Failure> {
        self.fetch_all(&path(product), "devices")
    }
}

fn path(product: &ProductKey) -> String {
    format!("/api/v1/products/{}/devices", segment(product.as_str()))
}

fn path_of(product: &ProductKey, device: &DeviceKey) -> String {
    format!("{}/{}", path(product), segment(device.as_str()))
}
