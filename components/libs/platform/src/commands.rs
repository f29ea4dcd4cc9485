//! The commands that a bridge is to deliver, as it reads them.

use ota_ledger::Ledger;
use ota_protocol::topic::upgrade_topic;
use serde::Serialize;

use crate::failure::{Failure, Refusal};
use crate::gateway::Gateway;

/// A command on its way to a session.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    product: String,
    device: String,
    topic: String,
    payload: String,
}

/// The longest name of a bridge, in characters.
const LONGEST_BRIDGE: usize = 128;

/// `name`, if it can be a bridge's: 1 to 128 printable ASCII characters.
pub fn bridge_name(name: &str) -> Result<&str, Refusal> {
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if (1..=LONGEST_BRIDGE).contains(&name.len()) && name.bytes().all(is_printable) {
        return Ok(name);
    }
    let message = format!("bridge is no name of 1 to {LONGEST_BRIDGE} printable ASCII characters");
    Err(Refusal::bad_request(message))
}

/// The commands that are due for the sessions that `bridge` holds. One that cannot be written, since its firmware or
/// what is configured does not fit into it, goes to the log and keeps no other from its device.
pub fn for_bridge(
    gateway: &Gateway<'_>,
    ledger: &Ledger<'_>,
    bridge: &str,
) -> Result<Vec<Delivery>, Failure> {
    let commands = ledger.deliveries(Some(bridge))?;
    let delivery = |(device, command): &(_, _)| match deliver(gateway, device, command) {
        Ok(delivery) => Some(delivery),
        Err(failure) => {
            eprintln!("the command for {device} cannot be written: {failure}");
            None
        }
    };
    Ok(commands.iter().filter_map(delivery).collect())
}

fn deliver(
    gateway: &Gateway<'_>,
    device: &ota_protocol::key::DeviceId,
    command: &ota_ledger::command::Command,
) -> Result<Delivery, Failure> {
    Ok(Delivery {
        product: device.product.to_string(),
        device: device.device.to_string(),
        topic: upgrade_topic(device),
        payload: gateway.upgrade(command)?,
    })
}
