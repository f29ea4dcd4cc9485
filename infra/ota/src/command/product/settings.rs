//! What may be set of a product, as flags and in words.

use clap::Args;

use crate::api::{Product, ProductSettings, UnknownVersions};
use crate::command::release_key::public_key;
use crate::present::count;

/// What may be set of a product.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// What jobs do with devices whose version is not registered
    #[arg(long, value_enum)]
    unknown_versions: Option<UnknownVersions>,
    /// A public key that firmware may be signed under (Ed25519; hex, base64, or a PEM file); those that are given,
    /// at most 8, take the place of those that are set
    #[arg(long = "signing-key", value_name = "HEX|PUBLIC.pem", value_parser = public_key)]
    signing_keys: Vec<String>,
    /// Take every signing key away
    #[arg(long, conflicts_with = "signing_keys")]
    no_signing_keys: bool,
    /// Whether firmware without a signature is refused
    #[arg(long, value_name = "BOOL")]
    require_signatures: Option<bool>,
    /// Whether devices use the vendor's Java SDK, which takes firmware of at most 2147483647 bytes
    #[arg(long, value_name = "BOOL")]
    java_sdk: Option<bool>,
}

impl Settings {
    pub(super) fn into_wire(self) -> ProductSettings {
        let keys = Some(self.signing_keys).filter(|keys| self.no_signing_keys || !keys.is_empty());
        ProductSettings {
            unknown_versions: self.unknown_versions,
            signing_keys: keys,
            requires_signature: self.require_signatures,
            java_sdk: self.java_sdk,
        }
    }
}

/// A product with what is set of it.
pub(super) fn facts(product: &Product) -> String {
    let unknown = match product.unknown_versions {
        Some(UnknownVersions::Refuse) => "devices with them get nothing",
        Some(UnknownVersions::Older) | None => "count as older than every firmware",
    };
    let java = if product.java_sdk { "yes: firmware has at most 2147483647 bytes" } else { "no" };
    let mut facts =
        vec![format!("product           {}", product.key), format!("unknown versions  {unknown}")];
    facts.push(format!("signatures        {}", signatures(product)));
    facts.extend(product.signing_keys.iter().map(|key| format!("signing key       {key}")));
    facts.push(format!("java sdk          {java}"));
    facts.join("\n")
}

/// `required, 2 keys`.
pub(super) fn signatures(product: &Product) -> String {
    let required = if product.requires_signature { "required" } else { "optional" };
    format!("{required}, {}", count(product.signing_keys.len() as u64, "key"))
}
