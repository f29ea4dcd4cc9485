//! `…/ota/device/inform`: a device says which version it runs, and may be told of a newer one.
//!
//! Decides nothing itself: the ledger takes the version in, and grants; this says it in the device's words.

use ota_ledger::Ledger;
use ota_ledger::inform::{Heard, Told};
use ota_platform::topic::{self, Answer, Call};
use ota_platform::{Failure, Gateway, Request, Response};
use ota_protocol::code::Code;
use ota_protocol::message::{Inform, decode_inform};
use ota_protocol::topic::Uplink;

/// Serves one inform.
pub fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    topic::serve(gateway, request, Uplink::Inform, decode_inform, |ledger, call| {
        inform(gateway, ledger, call)
    })
}

fn inform(gateway: &Gateway<'_>, ledger: &Ledger<'_>, call: &Call<Inform>) -> Result<Answer, Failure> {
    gateway.may_tell()?;
    let heard = Heard { id: call.device.clone(), age: call.age_ms };
    match ledger.inform(&heard, &call.params.version)? {
        Told::Unknown => Ok(Answer::refused(Code::DeviceNotFound)),
        Told::Known(command) => {
            let command = command.map(|command| gateway.upgrade(&command)).transpose()?;
            Ok(Answer::done().with_command(command))
        }
    }
}

ota_platform::component!(handle, ota_platform::request::ENVELOPE_BODY);
