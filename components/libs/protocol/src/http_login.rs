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

/// The longest session, in milliseconds: a day. Longer wishes get this.
pub const MAX_LIFETIME_MS: i64 = 86_400_000;

/// The shortest session, in milliseconds. Shorter wishes get this.
pub const MIN_LIFETIME_MS: i64 = 1_000;

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
    /// `{"signMethod":"sha256","lifetime":<ms>,"sign":"<hex>",…}`; other fields are ignored.
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

    /// How long the session shall last: [`MIN_LIFETIME_MS`] to [`MAX_LIFETIME_MS`].
    pub fn lifetime_ms(&self) -> i64 {
        self.lifetime_ms
    }
}

/// The spelling that was signed, and the milliseconds to grant.
fn lifetime_of(raw: Option<&RawValue>) -> Result<(String, i64), Malformed> {
    let Some(raw) = raw.filter(|raw| Scalar::of(raw) != Scalar::Null) else {
        return Ok((DEFAULT_LIFETIME_MS.to_string(), DEFAULT_LIFETIME_MS));
    };
    match (Scalar::of(raw).into_text(), Scalar::of(raw).into_integer()) {
        (Some(text), Some(ms)) if ms > 0 => Ok((text, ms.clamp(MIN_LIFETIME_MS, MAX_LIFETIME_MS))),
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
