//! The commands that a bridge is to deliver, as it reads them.

use ota_ledger::Ledger;
use ota_ledger::deliver::Recipient;
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

/// What a bridge is to be answered.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// The commands.
    pub commands: Vec<Delivery>,
    /// Whether it must report all of its sessions.
    pub must_report: bool,
    /// Whether there was no time for some commands.
    pub more: bool,
    /// Why some could not be taken, and are due again.
    pub failure: Option<Failure>,
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

/// The commands that are due for the sessions that a bridge holds, and none further once `has_time` says no. One that
/// cannot be written, since its firmware or what is configured does not fit into it, goes to the log and keeps no other
/// from its device.
pub fn for_bridge(
    gateway: &Gateway<'_>,
    ledger: &Ledger<'_>,
    bridge: Recipient<'_>,
    has_time: &dyn Fn() -> bool,
) -> Result<Deliveries, Failure> {
    let due = ledger.deliveries(bridge, has_time)?;
    let delivery = |(device, command): &(_, _)| match deliver(gateway, device, command) {
        Ok(delivery) => Some(delivery),
        Err(failure) => {
            eprintln!("the command for {device} cannot be written: {failure}");
            None
        }
    };
    Ok(Deliveries {
        commands: due.commands.iter().filter_map(delivery).collect(),
        must_report: due.must_report,
        more: due.more,
        failure: due.failure.map(Failure::from),
    })
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
