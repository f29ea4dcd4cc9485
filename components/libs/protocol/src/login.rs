//! The MQTT login (§3): what a broker's auth hook must check.
//!
//! A device proves its secret by a plain hash over its own client id. The timestamp in it is opaque
//! text that devices reuse, so nothing here can tell a fresh login from a replayed one.

mod compression;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::key::{DeviceId, KeyError};
use crate::secret::Secret;

/// The longest client id, in bytes; the Java SDK's have more than 128.
pub const MAX_CLIENT_ID: usize = 2048;

/// A login as client id and username describe it, before the password is checked.
///
/// ```
/// use ota_protocol::{login::MqttLogin, secret::Secret};
/// let client_id = "dev001|securemode=2,signmethod=hmacsha256,timestamp=1795455148647.9988|";
/// let login = MqttLogin::parse(client_id, "dev001&fKInRgVP")?;
/// let password = "77a2614819f3d019a378a4fe2014f434c01618e9f8cf7a789db33fc10cf752fe";
/// assert!(login.verify(password, &Secret::new("DrihKncQARUwVXUvRH6k")));
/// # Ok::<(), ota_protocol::login::LoginError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttLogin {
    device: DeviceId,
    base: String,
    timestamp: String,
    secure_mode: SecureMode,
    hash: Hash,
}

impl MqttLogin {
    /// Client id `base|securemode=N,signmethod=M,timestamp=T|`, username `dk&pk`.
    pub fn parse(client_id: &str, username: &str) -> Result<Self, LoginError> {
        if client_id.len() > MAX_CLIENT_ID {
            return Err(LoginError::TooLong(client_id.len()));
        }
        let (base, rest) = client_id.split_once('|').ok_or(LoginError::ClientId)?;
        let parameters = rest.strip_suffix('|').ok_or(LoginError::ClientId)?;
        if base.is_empty() || parameters.contains('|') {
            return Err(LoginError::ClientId);
        }
        let secure_mode = SecureMode::parse(parameter(parameters, "securemode")?)?;
        let hash = Hash::parse(parameter(parameters, "signmethod")?)?;
        let timestamp = parameter(parameters, "timestamp")?.to_owned();
        if let Some(method) = compression::asked_for(base) {
            return Err(LoginError::Compression(excerpt(method)));
        }
        let device = DeviceId::from_username(username)?;
        Ok(Self { device, base: base.to_owned(), timestamp, secure_mode, hash })
    }

    /// Who logs in.
    pub fn device(&self) -> &DeviceId {
        &self.device
    }

    /// Whose secret the password must prove.
    pub fn secure_mode(&self) -> SecureMode {
        self.secure_mode
    }

    /// The device's own `timestamp`, opaque: a fraction, the year 2050, the same at each reconnect.
    pub fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// Whether the password is the hash over this login and `secret`.
    /// Hex in either case; constant time once it is hex of the right length. Nothing proves an
    /// empty secret.
    pub fn verify(&self, password: &str, secret: &Secret) -> bool {
        let text = format!(
            "clientId{}deviceKey{}productKey{}timestamp{}{}",
            self.base,
            self.device.device,
            self.device.product,
            self.timestamp,
            secret.expose(),
        );
        !secret.is_empty()
            && hex::decode(password).is_ok_and(|offered| self.hash.of(&text).ct_eq(&offered).into())
    }
}

/// The `securemode` of a client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecureMode {
    /// 2: the device's own secret.
    Device,
    /// 3: the product's secret, for a device that does not know its own yet.
    Product,
}

impl SecureMode {
    fn parse(text: &str) -> Result<Self, LoginError> {
        match text {
            "2" => Ok(Self::Device),
            "3" => Ok(Self::Product),
            "4" => Err(LoginError::Channel),
            _ => Err(LoginError::SecureMode(excerpt(text))),
        }
    }
}

/// Why a login is refused before any secret is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    /// More than [`MAX_CLIENT_ID`].
    #[error("client id has {0} bytes, {MAX_CLIENT_ID} are allowed")]
    TooLong(usize),
    /// Not `base|…|`.
    #[error("client id is not base|securemode=…,signmethod=…,timestamp=…|")]
    ClientId,
    /// A parameter that the password depends on is not there.
    #[error("client id has no {0}")]
    Missing(&'static str),
    /// Neither 2, 3 nor 4.
    #[error("securemode {0:?} is not known, 2 and 3 are")]
    SecureMode(String),
    /// 4: a channel for many devices, which has no device and so no firmware.
    #[error("securemode 4 is a channel without a device, which this gateway does not serve")]
    Channel,
    /// A hash that the protocol does not have.
    #[error("signmethod {0:?} is not known, sha256, sha1 and md5 are")]
    SignMethod(String),
    /// The Java SDK asks for compressed payloads, which nothing here can read.
    #[error("compress={0} is not supported, set the SDK's compression to DEFAULT")]
    Compression(String),
    /// The username is not `dk&pk`.
    #[error("username: {0}")]
    Username(#[from] KeyError),
}

/// A plain hash, never an HMAC, whatever its name says (§3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
}

impl Hash {
    fn parse(text: &str) -> Result<Self, LoginError> {
        let name = text.to_ascii_lowercase();
        match name.strip_prefix("hmac").unwrap_or(&name) {
            "md5" => Ok(Self::Md5),
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            _ => Err(LoginError::SignMethod(excerpt(text))),
        }
    }

    fn of(self, text: &str) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha1 => Sha1::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
        }
    }
}

/// A parameter between the bars; a space after a comma is allowed.
fn parameter<'a>(parameters: &'a str, name: &'static str) -> Result<&'a str, LoginError> {
    parameters
        .split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
        .ok_or(LoginError::Missing(name))
}

/// The beginning of a client's own text: enough to recognise it, short enough for a log.
fn excerpt(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests;
