//! Whether a firmware may be registered with the signature that it has, or has not.

use ota_ledger::registry::ProductTerms;
use ota_platform::{Gateway, Refusal};
use ota_protocol::release::{ReleaseKey, ReleaseSignature, statement};

use super::declared::Declared;

/// Whether every product requires signatures: `required`, or `optional`, which it is unless set: each product says.
const SIGNATURES: &str = "signatures";

/// The signature and the product's key that made it; `None` where none is given and none is required.
pub(super) fn check(
    gateway: &Gateway<'_>,
    terms: &ProductTerms,
    declared: &Declared,
    size: u64,
    sha256: &str,
) -> Result<Option<(String, String)>, Refusal> {
    let Some(text) = &declared.said.signature else {
        return require_one(gateway, terms, declared).map(|()| None);
    };
    let signature =
        ReleaseSignature::parse(text).map_err(|error| Refusal::bad_request(format!("signature: {error}")))?;
    let statement = statement(&declared.product, &declared.version, size, sha256);
    let keys = terms.signing_keys.iter().filter_map(|key| ReleaseKey::parse(key).ok());
    let key = keys.into_iter().find(|key| key.has_signed(&statement, &signature));
    let key = key.ok_or_else(|| {
        let message = match terms.signing_keys.len() {
            0 => format!("product {} has no signing_keys to check the signature with", declared.product),
            count => format!(
                "the signature is by none of the {count} signing_keys of product {}",
                declared.product
            ),
        };
        Refusal::unprocessable("bad_signature", message)
            .with_hint("what is signed is said in the README: product, version, size and sha256")
    })?;
    Ok(Some((signature.to_hex(), key.to_hex())))
}

/// Refuses a firmware without a signature where one is required: before its bytes come, and again behind them.
pub(super) fn require_one(
    gateway: &Gateway<'_>,
    terms: &ProductTerms,
    declared: &Declared,
) -> Result<(), Refusal> {
    let by_all = match gateway.variables.get(SIGNATURES).as_deref() {
        None | Some("optional") => false,
        // What nobody understands must not open what somebody wanted closed.
        Some(_) => true,
    };
    if declared.said.signature.is_some() || !(by_all || terms.requires_signature) {
        return Ok(());
    }
    let whose = if by_all { "this gateway".to_owned() } else { format!("product {}", declared.product) };
    Err(Refusal::unprocessable(
        "signature_required",
        format!("{whose} takes no firmware without a signature"),
    )
    .with_hint("sign it: ota firmware push --sign-with KEY.pem"))
}
