//! The two halves of an Ed25519 key, read from files as OpenSSL writes them, or from text.

use std::fs;
use std::path::Path;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use ota_protocol::release::{ReleaseError, ReleaseKey, ReleaseSignature};

use crate::failure::{Failure, Kind};

/// The half that signs; dropped, it is wiped.
pub(super) struct PrivateKey(SigningKey);

impl PrivateKey {
    /// Reads a PEM file as `openssl genpkey -algorithm ed25519` writes it.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Kind::Local,
                format!("cannot read {}: {error}", path.display()),
                "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes a key",
            )
        })?;
        SigningKey::from_pkcs8_pem(text.trim_start()).map(Self).map_err(|_| {
            let hint = if text.contains("ENCRYPTED") {
                "it has a passphrase: `openssl pkey -in KEY.pem -out OPEN.pem` takes it off"
            } else if text.contains("PUBLIC KEY") {
                "this is the public half; the one that `openssl genpkey` wrote signs"
            } else {
                "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one"
            };
            Failure::new(Kind::Local, format!("{} is no Ed25519 private key", path.display()), hint)
        })
    }

    /// The signature of `statement`.
    pub(super) fn sign(&self, statement: &str) -> Result<ReleaseSignature, ReleaseError> {
        ReleaseSignature::parse(&hex::encode(self.0.sign(statement.as_bytes()).to_bytes()))
    }

    /// The other half, in hex.
    pub(super) fn public(&self) -> String {
        hex::encode(self.0.verifying_key().as_bytes())
    }
}

/// A public key in hex: of `text` in hex or base64, or of the PEM file at that path.
pub(super) fn public_key(text: &str) -> Result<String, String> {
    if let Ok(key) = ReleaseKey::parse(text) {
        return Ok(key.to_hex());
    }
    let pem = fs::read_to_string(text).map_err(|error| {
        format!("neither 64 hex digits, nor 44 characters of base64, nor a file: {error}")
    })?;
    if pem.contains("PRIVATE KEY") {
        let advice = "`openssl pkey -in KEY.pem -pubout -out PUBLIC.pem` writes the public half";
        return Err(format!("this is a private key, which stays where it is: {advice}"));
    }
    let key = VerifyingKey::from_public_key_pem(pem.trim_start())
        .map_err(|_| "the file holds no Ed25519 public key".to_owned())?;
    let key = ReleaseKey::parse(&hex::encode(key.as_bytes())).map_err(|error| error.to_string())?;
    Ok(key.to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 §10.3, and the public half of it.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";
    const HEX: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn both_halves_are_read_as_openssl_writes_them() {
        assert_eq!(PrivateKey::read(file(PRIVATE).path()).unwrap().public(), HEX);
        let public = file(PUBLIC);
        for text in [public.path().to_str().unwrap(), HEX, &HEX.to_uppercase()] {
            assert_eq!(public_key(text).as_deref(), Ok(HEX), "{text}");
        }
    }

    #[test]
    fn one_half_is_not_taken_for_the_other() {
        let failure = PrivateKey::read(file(PUBLIC).path()).err().unwrap();
        assert!(failure.to_string().contains("the public half"), "{failure}");
        let told = public_key(file(PRIVATE).path().to_str().unwrap()).unwrap_err();
        assert!(told.contains("-pubout"), "{told}");
        assert!(public_key("absent").unwrap_err().contains("64 hex digits"));
    }
}
