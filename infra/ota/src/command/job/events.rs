//! `ota job events`.

use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, Table, moment};

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let events = client.events_of_job(id)?;
    let mut table = Table::new(&["AT", "WHAT", "DEVICE", "BY", "DETAIL"]);
    for event in &events.value {
        table.row([
            moment(event.at),
            event.kind.replace('_', " "),
            event.device.clone().unwrap_or_default(),
            event.actor.clone(),
            event.detail.clone().unwrap_or_default(),
        ]);
    }
    table.print(output, &events.line(), "nothing happened in this job yet")
}
