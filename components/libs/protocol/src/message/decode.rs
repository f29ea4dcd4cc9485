//! From bytes to requests.

use serde_json::value::RawValue;
use thiserror::Error;

use super::{
    Getversion, Inform, MAX_ID, MAX_PAYLOAD, MAX_TEXT, Malformed, Progress, Request, RequestId, Step,
    StepError, UpgradeReply,
};
use crate::code::Code;
use crate::json::{self, JsonError, Scalar};
use crate::version::{Version, VersionError};

/// A device's report of its version.
///
/// ```
/// use ota_protocol::message::decode_inform;
/// let python = br#"{"id": "1", "version": "1.0", "method": "ota.inform", "params": {"version": 1.0}}"#;
/// let request = decode_inform(python)?;
/// assert_eq!(request.params.version.as_str(), "1.0");
/// assert_eq!(request.id.unwrap().as_json(), "\"1\"");
/// # Ok::<(), ota_protocol::message::Malformed>(())
/// ```
pub fn decode_inform(payload: &[u8]) -> Result<Request<Inform>, Malformed> {
    decode(payload, ["id", "params"], |[_, params]| {
        let [version] = fields(params, ["version"])?;
        let version = version.ok_or(Defect::Missing("params.version"))?;
        let text = Scalar::of(version)
            .into_text()
            .ok_or(Defect::Kind { name: "params.version", expected: "a string or a number" })?;
        Ok(Inform { version: Version::parse(&text)? })
    })
}

/// A device's report of how far its upgrade is.
///
/// ```
/// use ota_protocol::message::decode_progress;
/// let java = br#"{"method":"ota.device.progress","id":"3","params":{"step":"20","desc":"20"},"version":"1.1"}"#;
/// let progress = decode_progress(java)?.params;
/// assert_eq!((progress.step.as_i32(), progress.desc.as_deref()), (20, Some("20")));
/// # Ok::<(), ota_protocol::message::Malformed>(())
/// ```
pub fn decode_progress(payload: &[u8]) -> Result<Request<Progress>, Malformed> {
    decode(payload, ["id", "params"], |[_, params]| {
        let [step, desc] = fields(params, ["step", "desc"])?;
        let step = step.ok_or(Defect::Missing("params.step"))?;
        let step = Scalar::of(step)
            .into_integer()
            .ok_or(Defect::Kind { name: "params.step", expected: "an integer" })?;
        Ok(Progress { step: Step::new(step)?, desc: words(desc, "params.desc")? })
    })
}

/// A device's question what it may upgrade to; its params are ignored.
///
/// ```
/// use ota_protocol::message::decode_getversion;
/// assert!(decode_getversion(br#"{"id": "2", "method": "Ota.device.getversion", "params": {}}"#).is_ok());
/// assert!(decode_getversion(b"").is_err());
/// ```
pub fn decode_getversion(payload: &[u8]) -> Result<Request<Getversion>, Malformed> {
    decode(payload, ["id"], |_| Ok(Getversion))
}

/// A device's answer to a push.
///
/// ```
/// use ota_protocol::message::decode_upgrade_reply;
/// let python = br#"{"id": "77", "code": "500", "data": {}, "message": "command handler execution failed"}"#;
/// let reply = decode_upgrade_reply(python)?.params;
/// assert_eq!((reply.push_id.as_deref(), reply.code), (Some("77"), 500));
/// # Ok::<(), ota_protocol::message::Malformed>(())
/// ```
pub fn decode_upgrade_reply(payload: &[u8]) -> Result<Request<UpgradeReply>, Malformed> {
    decode(payload, ["id", "code", "message"], |[id, code, message]| {
        let code = code.ok_or(Defect::Missing("code"))?;
        let expected = "an integer";
        let code = Scalar::of(code).into_integer().ok_or(Defect::Kind { name: "code", expected })?;
        let push_id = id.and_then(|id| Scalar::of(id).into_text());
        Ok(UpgradeReply {
            push_id: push_id.map(|id| without_nul(id, "id")).transpose()?,
            code,
            message: words(message, "message")?.unwrap_or_default(),
        })
    })
}

/// Opens a payload, reads what `params` asks for, and keeps the id for either outcome.
/// `id` must be the first of the names.
fn decode<'a, const N: usize, T>(
    payload: &'a [u8],
    names: [&'static str; N],
    params: impl FnOnce([Option<&'a RawValue>; N]) -> Result<T, Defect>,
) -> Result<Request<T>, Malformed> {
    let refuse = |id, code, message| Err(Malformed { id, code, message });
    if payload.len() > MAX_PAYLOAD {
        let message = format!("payload has {} bytes, {MAX_PAYLOAD} are allowed", payload.len());
        return refuse(None, Code::TooLarge, message);
    }
    if payload.trim_ascii().is_empty() {
        return refuse(None, Code::PayloadEmpty, Code::PayloadEmpty.default_message().to_owned());
    }
    let Ok(text) = std::str::from_utf8(payload) else {
        return refuse(None, Code::PayloadFormat, "payload is not UTF-8".to_owned());
    };
    let mut values = [None; N];
    let outcome = json::read(text, names, &mut values);
    let raw_id = values.first().copied().flatten();
    let id = raw_id.and_then(RequestId::of);
    match outcome {
        // A cut or doubled id might be that of another request of this device.
        Err(error @ (JsonError::Twice("id") | JsonError::Syntax { cut: true, .. })) => {
            refuse(None, Code::PayloadFormat, format!("payload is malformed: {error}"))
        }
        Err(error) => refuse(id, Code::PayloadFormat, format!("payload is malformed: {error}")),
        Ok(()) if raw_id.is_some() && id.is_none() => {
            refuse(None, Code::PayloadFormat, format!("id is longer than {MAX_ID} bytes"))
        }
        Ok(()) => match params(values) {
            Ok(params) => Ok(Request { id, params }),
            Err(defect) => refuse(id, Code::PayloadFormat, defect.to_string()),
        },
    }
}

/// What is wrong with a field of a payload that is JSON.
#[derive(Debug, Error)]
enum Defect {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{name} is not {expected}")]
    Kind { name: &'static str, expected: &'static str },
    #[error("{0} contains U+0000")]
    Nul(&'static str),
    #[error("params: {0}")]
    Params(#[from] JsonError),
    #[error(transparent)]
    Version(#[from] VersionError),
    #[error(transparent)]
    Step(#[from] StepError),
}

fn fields<'a, const N: usize>(
    params: Option<&'a RawValue>,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Defect> {
    let params = params.ok_or(Defect::Missing("params"))?;
    let mut values = [None; N];
    json::read(params.get(), names, &mut values)?;
    Ok(values)
}

/// Text for people: a string, or any other value as it is spelled. A report is not lost over it.
fn words(raw: Option<&RawValue>, name: &'static str) -> Result<Option<String>, Defect> {
    let text = match raw.map(Scalar::of) {
        None | Some(Scalar::Null) => return Ok(None),
        Some(Scalar::Text(text)) => text,
        Some(Scalar::Number(text) | Scalar::Other(text)) => text.to_owned(),
    };
    let mut text = without_nul(text, name)?;
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    Ok(Some(text))
}

/// Postgres has no U+0000 in text, so none comes in.
fn without_nul(text: String, name: &'static str) -> Result<String, Defect> {
    if text.contains('\0') { Err(Defect::Nul(name)) } else { Ok(text) }
}
