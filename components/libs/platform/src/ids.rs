//! Names that are made up: of objects, and secrets for devices. Jobs and pushes are named by the ledger.

use ota_image::ObjectId;
use ota_protocol::secret::Secret;

use crate::ports::Random;

/// 64 unpredictable bits: what the ledger makes its ids of.
pub fn random_bits(random: &dyn Random) -> u64 {
    u64::from_le_bytes(bytes(random))
}

/// A new id: 24 lower-case hex digits of 96 random bits.
pub fn new_id(random: &dyn Random) -> String {
    hex::encode(bytes::<12>(random))
}

/// A new name for a stored object.
pub fn object_id(random: &dyn Random) -> ObjectId {
    ObjectId::from_random(bytes(random))
}

/// A new device secret: 32 of `[A-Za-z0-9]`, each as likely as any other (190 bits).
pub fn device_secret(random: &dyn Random) -> Secret {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const LENGTH: usize = 32;
    let mut text = String::with_capacity(LENGTH);
    while text.len() < LENGTH {
        for byte in bytes::<64>(random) {
            // 6 bits choose of 64; the two that are no letter are thrown away, so none is preferred.
            if let Some(&letter) = LETTERS.get(usize::from(byte & 0x3f))
                && text.len() < LENGTH
            {
                text.push(char::from(letter));
            }
        }
    }
    Secret::new(text)
}

fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemRandom;

    /// Gives the same byte for ever.
    struct Constant(u8);

    impl Random for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn ids_are_24_lower_case_hex_digits() {
        assert_eq!(new_id(&Constant(0xAB)), "ab".repeat(12));
        assert_ne!(new_id(&SystemRandom), new_id(&SystemRandom));
    }

    #[test]
    fn device_secrets_are_32_letters_and_digits() {
        let secret = device_secret(&SystemRandom);
        assert_eq!(secret.expose().len(), 32);
        assert!(secret.expose().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(secret, device_secret(&SystemRandom));
    }
}
