//! The login of a device (PROTOCOL §3) as the Java SDK writes it.

use std::fmt;

use ota_protocol::key::DeviceId;
use ota_protocol::secret::Secret;
use sha2::{Digest, Sha256};

/// What a device says in its CONNECT.
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Login {
    /// With the device's own secret (secure mode 2); `timestamp` is opaque text.
    pub(crate) fn new(device: &DeviceId, secret: &Secret, timestamp: &str) -> Self {
        let DeviceId { product, device } = device;
        let base = format!("{device}{{ip=127.0.0.1,version=enos-mqtt-2.2.16,compress=DEFAULT}}");
        let signed = format!(
            "clientId{base}deviceKey{device}productKey{product}timestamp{timestamp}{}",
            secret.expose()
        );
        Self {
            client_id: format!("{base}|securemode=2,signmethod=sha256,timestamp={timestamp}|"),
            username: format!("{device}&{product}"),
            password: hex::encode(Sha256::digest(signed.as_bytes())),
        }
    }
}

/// Without the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.client_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_one_of_the_java_sdk() {
        let device = DeviceId::parse("fKInRgVP", "dev001").unwrap();
        let secret = Secret::new("DrihKncQARUwVXUvRH6k");
        let login = Login::new(&device, &secret, "1795455510094");
        assert_eq!(login.username, "dev001&fKInRgVP");
        assert_eq!(
            login.client_id,
            "dev001{ip=127.0.0.1,version=enos-mqtt-2.2.16,compress=DEFAULT}\
             |securemode=2,signmethod=sha256,timestamp=1795455510094|"
        );
        assert_eq!(login.password, "a23121163df477f76656699e0858271c460e24cdc0edce14a23a486d8eb5afea");
    }
}
