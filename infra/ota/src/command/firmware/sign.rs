//! `ota firmware sign`: calls nobody, so that the key may stay on a machine without a network.

use std::path::PathBuf;

use clap::Args;
use ota_protocol::key::ProductKey;
use ota_protocol::release::{ReleaseSignature, statement};
use ota_protocol::version::Version;
use serde_json::json;

use super::file::FirmwareFile;
use crate::command::release_key::PrivateKey;
use crate::failure::Failure;
use crate::present::{Output, UploadBar};

/// What is signed, and how to do it without this program. A test runs the commands.
const BY_HAND: &str = r#"What is signed (Ed25519) is this text, each line ended by a line feed:

  ota-firmware
  product PK
  version V
  size BYTES
  sha256 64 hex digits, lower case

The same signature by hand:

  printf 'ota-firmware\nproduct %s\nversion %s\nsize %s\nsha256 %s\n' "$PK" "$V" \
    "$(wc -c < "$FILE" | tr -d ' ')" "$(openssl dgst -sha256 -r "$FILE" | cut -d' ' -f1)" > statement.txt
  openssl pkeyutl -sign -inkey "$KEY" -rawin -in statement.txt | od -An -v -tx1 | tr -d ' \n'

A key, and the half of it that the product is told (`ota product set PK --signing-key PUBLIC.pem`):

  openssl genpkey -algorithm ed25519 -out KEY.pem
  openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"#;

/// Prints the signature of a firmware file, in hex.
#[derive(Debug, Args)]
#[command(after_long_help = BY_HAND)]
pub(crate) struct Sign {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Product key
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// The version that the file is registered under
    #[arg(long, value_name = "V", value_parser = Version::parse)]
    version: Version,
    /// The private key, a PEM file
    #[arg(long, value_name = "KEY.pem")]
    key: PathBuf,
}

impl Sign {
    pub(super) fn run(self, output: Output) -> Result<(), Failure> {
        let key = PrivateKey::read(&self.key)?;
        let bar = UploadBar::new();
        let file = FirmwareFile::measure(&self.file, &bar);
        bar.clear();
        let file = file?;
        let signature = signature(&key, &self.product, &self.version, &file)?.to_hex();
        let signed = json!({
            "product": self.product.as_str(),
            "version": self.version.as_str(),
            "size": file.size(),
            "sha256": file.sha256(),
            "signature": signature,
            "public_key": key.public(),
        });
        output.result(&signed.to_string(), || signature)
    }
}

/// The signature of `file` as this version of this product.
pub(super) fn signature(
    key: &PrivateKey,
    product: &ProductKey,
    version: &Version,
    file: &FirmwareFile,
) -> Result<ReleaseSignature, Failure> {
    let statement = statement(product, version, file.size(), file.sha256());
    key.sign(&statement).map_err(|error| Failure::local(&error.into(), "is the key file sound?"))
}
