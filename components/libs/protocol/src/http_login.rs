//! The login of a device that speaks HTTP only (§4.1): `POST /auth/{pk}/{dk}`.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::code::Code;
use crate::json::{self, Scalar};
use crate::key::DeviceId;
use crate::message::{MAX_PAYLOAD, Malformed};
use crate::secret::Secret;

/// How long a session lasts when the device does not say, in milliseconds.
pub const DEFAULT_LIFETIME_MS: i64 = 300_000;

/// The longest session that can be asked for, in milliseconds: a Java `int`, which is what the vendor's SDK keeps it in.
/// The SDK is not told what it got and logs in again when what it asked for is over, so a longer wish is refused rather
/// than cut.
pub const MAX_LIFETIME_MS: i64 = 2_147_483_647;

/// The shortest session, in milliseconds. Shorter wishes get this.
pub const MIN_LIFETIME_MS: i64 = 1_000;

/// How much longer a session holds than was asked for, in milliseconds. A device counts from when it has read the
/// answer, and what it then sends is on its way for at most the 60 s that the SDK waits.
pub const GRACE_MS: i64 = 60_000;

/// A login as its body describes it, before the signature is checked.
///
/// ```
/// use ota_protocol::{http_login::HttpLogin, key::DeviceId, secret::Secret};
/// let device = DeviceId::parse("fKInRgVP", "dev001")?;
/// let body = br#"{"signMethod":"sha256","lifetime":30000,"sign":"a3ac38ccbf6e1217236b8eb06b5b0bd0954dffe959c6aa37236e0881f0e66d30","clientInfo":{}}"#;
/// let login = HttpLogin::decode(&device, body)?;
/// assert_eq!(login.lifetime_ms(), 30_000);
/// assert!(login.verify(&Secret::new("DrihKncQARUwVXUvRH6k")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLogin {
    device: DeviceId,
    /// As the device spelled it, since that is what it signed.
    lifetime: String,
    lifetime_ms: i64,
    sign: String,
}

impl HttpLogin {
    /// `{"signMethod":"sha256","lifetime":<ms>,"sign":"<hex>",…}`; other fields are ignored. So is
    /// `acceptCommandTypes`: the vendor's own sample sends an empty list, and waits for a command.
    pub fn decode(device: &DeviceId, body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > MAX_PAYLOAD {
            return Err(refused(Code::TooLarge, format!("body has {} bytes", body.len())));
        }
        if body.trim_ascii().is_empty() {
            return Err(refused(Code::PayloadEmpty, "body is empty".to_owned()));
        }
        let text = std::str::from_utf8(body).map_err(|_| malformed("body is not UTF-8"))?;
        let mut values = [None; 3];
        json::read(text, ["signMethod", "lifetime", "sign"], &mut values)
            .map_err(|error| malformed(&format!("body is malformed: {error}")))?;
        let [method, lifetime, sign] = values;
        if string(method).as_deref() != Some("sha256") {
            return Err(malformed("signMethod is not sha256"));
        }
        let sign = string(sign).ok_or_else(|| malformed("sign is not a string"))?;
        let (lifetime, lifetime_ms) = lifetime_of(lifetime)?;
        Ok(Self { device: device.clone(), lifetime, lifetime_ms, sign })
    }

    /// Whether the signature is that of `secret`. Constant time once it is hex of the right length.
    /// Nothing proves an empty secret.
    pub fn verify(&self, secret: &Secret) -> bool {
        let signed = format!(
            "deviceKey{}lifetime{}productKey{}signMethodsha256{}",
            self.device.device,
            self.lifetime,
            self.device.product,
            secret.expose(),
        );
        !secret.is_empty()
            && hex::decode(&self.sign).is_ok_and(|sign| Sha256::digest(signed).ct_eq(&sign).into())
    }

    /// How long the session was asked to last: [`MIN_LIFETIME_MS`] to [`MAX_LIFETIME_MS`].
    pub fn lifetime_ms(&self) -> i64 {
        self.lifetime_ms
    }

    /// How long the session holds: its lifetime and [`GRACE_MS`].
    pub fn holds_ms(&self) -> i64 {
        self.lifetime_ms + GRACE_MS
    }
}

/// The spelling that was signed, and the milliseconds to grant.
fn lifetime_of(raw: Option<&RawValue>) -> Result<(String, i64), Malformed> {
    let Some(raw) = raw.filter(|raw| Scalar::of(raw) != Scalar::Null) else {
        return Ok((DEFAULT_LIFETIME_MS.to_string(), DEFAULT_LIFETIME_MS));
    };
    match (Scalar::of(raw).into_text(), Scalar::of(raw).into_integer()) {
        (_, Some(ms)) if ms > MAX_LIFETIME_MS => {
            Err(malformed(&format!("lifetime is {ms} ms, at most {MAX_LIFETIME_MS} can be asked for")))
        }
        (Some(text), Some(ms)) if ms > 0 => Ok((text, ms.max(MIN_LIFETIME_MS))),
        _ => Err(malformed("lifetime is not a positive number of milliseconds")),
    }
}

fn string(raw: Option<&RawValue>) -> Option<String> {
    match raw.map(Scalar::of) {
        Some(Scalar::Text(text)) => Some(text),
        _ => None,
    }
}

fn malformed(message: &str) -> Malformed {
    refused(Code::PayloadFormat, message.to_owned())
}

fn refused(code: Code, message: String) -> Malformed {
    Malformed { id: None, code, message }
}

#[cfg(test)]
mod tests;
