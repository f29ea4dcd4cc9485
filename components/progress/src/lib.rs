//! `…/ota/device/progress`: a device says how far it is, or why it stopped.
//!
//! Decides nothing itself: the ledger knows which task is meant and what the step does to it.

use ota_ledger::Ledger;
use ota_ledger::inform::Heard;
use ota_ledger::progress::Reported;
use ota_platform::topic::{self, Answer, Call};
use ota_platform::{Failure, Gateway, Request, Response};
use ota_protocol::code::Code;
use ota_protocol::message::{Progress, decode_progress};
use ota_protocol::topic::Uplink;

/// Serves one progress report.
pub fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    topic::serve(gateway, request, Uplink::Progress, decode_progress, |ledger, call| {
        progress(gateway, ledger, call)
    })
}

fn progress(gateway: &Gateway<'_>, ledger: &Ledger<'_>, call: &Call<Progress>) -> Result<Answer, Failure> {
    let heard = Heard { id: call.device.clone(), age: call.age_ms };
    let Progress { step, desc } = &call.params;
    Ok(match ledger.progress(&heard, step.as_i32(), desc.as_deref())? {
        Reported::Unknown => Answer::refused(Code::DeviceNotFound),
        Reported::NoTask => Answer::refused(Code::TaskNotFound),
        Reported::NotStarted => Answer::refused(Code::TaskNotStarted),
        Reported::Taken(command) => {
            let command = command.map(|command| gateway.upgrade(&command)).transpose()?;
            Answer::done().with_command(command)
        }
    })
}

ota_platform::component!(handle, ota_platform::request::ENVELOPE_BODY);
