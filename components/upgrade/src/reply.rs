//! A device answers a command. Its answer proves that it was received, and nothing else (PROTOCOL §2.9).

use ota_ledger::Ledger;
use ota_platform::topic::{self, Answer, Call};
use ota_platform::{Failure, Gateway, Request, Response};
use ota_protocol::code::Code;
use ota_protocol::message::{UpgradeReply, decode_upgrade_reply};
use ota_protocol::topic::Uplink;

pub(crate) fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    topic::serve(gateway, request, Uplink::UpgradeReply, decode_upgrade_reply, |ledger, call| {
        let answer = acknowledge(ledger, call)?;
        // A device without MQTT hears of a push only in an answer (§4.3); this one it did not mean.
        let command = if call.is_session { ledger.pending(&call.device)? } else { None };
        let command = command.map(|command| gateway.upgrade(&command)).transpose()?;
        Ok(answer.with_command(command))
    })
}

fn acknowledge(ledger: &Ledger<'_>, call: &Call<UpgradeReply>) -> Result<Answer, Failure> {
    let UpgradeReply { push_id, code, message } = &call.params;
    // Without an id nobody knows what was answered.
    let Some(push_id) = push_id else { return Ok(Answer::done()) };
    let words = match code {
        // Python's default is 0, Java's and Node's 200.
        0 | 200 => None,
        code => Some(format!("the device answered {code} {message}").trim_end().to_owned()),
    };
    if ledger.acknowledge(&call.device, push_id, words.as_deref())? {
        return Ok(Answer::done());
    }
    Ok(Answer::refused(Code::DeviceNotFound))
}
