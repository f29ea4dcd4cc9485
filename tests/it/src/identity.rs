//! Who a device is, and how it proves it (PROTOCOL §3).

use std::net::SocketAddr;

use rumqttc::MqttOptions;
use sha2::{Digest, Sha256};

/// Larger than anything that the gateway takes.
const MAX_PACKET: usize = 1 << 20;

/// Who a device is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its product's key.
    pub product: String,
    /// Its own key.
    pub device: String,
    /// What it signs its logins with.
    pub secret: String,
}

impl Identity {
    /// A device by its three words.
    pub fn new(product: &str, device: &str, secret: &str) -> Self {
        Self { product: product.to_owned(), device: device.to_owned(), secret: secret.to_owned() }
    }

    /// A login at `broker`.
    pub(crate) fn options(&self, broker: SocketAddr) -> MqttOptions {
        let mut options = MqttOptions::new(self.client_id(), (broker.ip().to_string(), broker.port()));
        options.set_credentials(self.username(), self.password()).set_max_packet_size(MAX_PACKET, MAX_PACKET);
        options
    }

    fn client_id(&self) -> String {
        format!("{}|securemode=2,signmethod=sha256,timestamp=1795455148647|", self.device)
    }

    fn username(&self) -> String {
        format!("{}&{}", self.device, self.product)
    }

    /// PROTOCOL §3: a plain hash of the sorted fields, the secret last.
    fn password(&self) -> String {
        let Self { product, device, secret } = self;
        hex::encode(Sha256::digest(format!(
            "clientId{device}deviceKey{device}productKey{product}timestamp1795455148647{secret}"
        )))
    }
}
