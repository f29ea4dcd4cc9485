//! `ota device show`.

use clap::Args;
use ota_protocol::key::{DeviceKey, ProductKey};

use crate::api::{Client, Device};
use crate::clock::now_ms;
use crate::command::job::TaskTable;
use crate::failure::Failure;
use crate::present::{Output, ago, printable};

/// Shows a device and its tasks.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// Device key
    #[arg(value_name = "DK", value_parser = DeviceKey::parse)]
    device: DeviceKey,
}

impl Show {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let answer = client.device(&self.product, &self.device)?;
        output.result(&answer.line(), || {
            let shown = &answer.value;
            let tasks = TaskTable::of_device(&shown.tasks);
            let tasks = if shown.tasks.is_empty() { "no tasks\n".to_owned() } else { tasks };
            format!("{}\n{tasks}", facts(&shown.device, now_ms()))
        })
    }
}

fn facts(device: &Device, now: i64) -> String {
    let version = device
        .version
        .as_deref()
        .map_or_else(|| "unknown: the device has not informed one".to_owned(), printable);
    let heard = device.heard_at().map_or_else(|| "never".to_owned(), |at| ago(at, now));
    let connected = if device.connected { "yes" } else { "no" };
    let tags = if device.tags.is_empty() { "none".to_owned() } else { printable(&device.tags.join(", ")) };
    let generation = match device.generation {
        Some(number) if number > 1 => format!(" generation {number}"),
        Some(_) | None => String::new(),
    };
    format!(
        "device     {}/{}{generation}\nversion    {version}\nconnected  {connected}\nheard      {heard}\ntags       {tags}\n",
        device.product, device.key
    )
}
