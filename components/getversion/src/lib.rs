//! `…/ota/device/getversion`: a device asks what it may take.
//!
//! For a product with nothing open the answer costs one read of the key-value store; otherwise the ledger says
//! which of the open firmware this device may take.

use ota_ledger::Ledger;
use ota_ledger::catalogue::Catalogue;
use ota_ledger::offer::Offers;
use ota_platform::topic::{self, Answer, Call};
use ota_platform::{Failure, Gateway, Request, Response};
use ota_protocol::code::Code;
use ota_protocol::message::{Getversion, decode_getversion};
use ota_protocol::topic::Uplink;

/// Serves one getversion.
pub fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    topic::serve(gateway, request, Uplink::Getversion, decode_getversion, |ledger, call| {
        getversion(gateway, ledger, call)
    })
}

fn getversion(
    gateway: &Gateway<'_>,
    ledger: &Ledger<'_>,
    call: &Call<Getversion>,
) -> Result<Answer, Failure> {
    // A device without MQTT hears of a push only in an answer (§4.3).
    let command = if call.is_session { ledger.pending(&call.device)? } else { None };
    let command = command.map(|command| gateway.upgrade(&command)).transpose()?;
    let catalogue = Catalogue::of(&call.device.product, gateway.kv, ledger, gateway.clock.now_ms())?;
    if !catalogue.has_open() {
        return Ok(Answer::offers(Vec::new()).with_command(command));
    }
    match ledger.offers(&call.device)? {
        Offers::Unknown => Ok(Answer::refused(Code::DeviceNotFound)),
        Offers::List(commands) => {
            let offers: Result<Vec<_>, _> = commands.iter().map(|command| gateway.offer(command)).collect();
            Ok(Answer::offers(offers?).with_command(command))
        }
    }
}

ota_platform::component!(handle, ota_platform::request::ENVELOPE_BODY);
