//! What an operator says of a firmware before its first byte.

use http::header::CONTENT_LENGTH;
use ota_image::{Md5, Sha256, Stored};
use ota_ledger::registry::ProductTerms;
use ota_platform::{Refusal, Request, request};
use ota_protocol::key::ProductKey;
use ota_protocol::message::SignMethod;
use ota_protocol::offer::{MAX_FILE_SIZE, MAX_JAVA_FILE_SIZE};
use ota_protocol::release::ReleaseSignature;
use ota_protocol::version::Version;
use serde::{Deserialize, Serialize};

use crate::duties::DeclaredDuties;
use crate::params::{self, quoted};
use crate::route::product_key;

/// What an operator says of a firmware before its first byte.
pub(super) struct Declared {
    pub(super) product: ProductKey,
    pub(super) version: Version,
    pub(super) size: Option<u64>,
    /// In lower case.
    pub(super) sha256: Option<String>,
    pub(super) said: Said,
}

/// The part of it that is kept with an upload as text: what nobody is looked for by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    #[serde(with = "sign_method")]
    pub(super) sign_method: SignMethod,
    md5: Option<String>,
    /// In hex.
    pub(super) signature: Option<String>,
    pub(super) duties: DeclaredDuties,
}

impl Declared {
    /// What the parameters say; the size may be that of the body.
    pub(super) fn of(request: &Request, product: &str, version: &str) -> Result<Self, Refusal> {
        let product = product_key(product)?;
        let version = Version::parse(version)
            .map_err(|error| Refusal::bad_request(format!("version {}: {error}", quoted(version))))?;
        let method = request::parameter(request, "sign_method").unwrap_or_else(|| "md5".to_owned());
        let sign_method = SignMethod::parse(&method).ok_or_else(|| {
            Refusal::bad_request(format!("sign_method is {}, must be md5 or sha256", quoted(&method)))
        })?;
        let signature = request::parameter(request, "signature").filter(|text| !text.is_empty());
        let signature = signature
            .map(|text| ReleaseSignature::parse(&text))
            .transpose()
            .map_err(|error| Refusal::bad_request(format!("signature: {error}")))?;
        Ok(Self {
            product,
            version,
            size: size(request)?,
            sha256: digest(request, "sha256", |text| Sha256::parse(text).map(|digest| digest.to_string()))?,
            said: Said {
                sign_method,
                md5: digest(request, "md5", |text| Md5::parse(text).map(|digest| digest.to_string()))?,
                signature: signature.map(|signature| signature.to_hex()),
                duties: DeclaredDuties::of(request)?,
            },
        })
    }

    /// The most bytes that may come: those that were declared, or what a store that keeps `most` takes for a product with
    /// these terms.
    pub(super) fn limit(&self, terms: &ProductTerms, most: u64) -> Result<u64, Refusal> {
        may_have(self.size.unwrap_or(0), terms, most)?;
        Ok(self.size.unwrap_or_else(|| limit(terms, most)))
    }

    /// What was declared must be what came.
    pub(super) fn check(&self, stored: &Stored) -> Result<(), Refusal> {
        let came = [
            ("size", self.size.map(|size| size.to_string()), stored.size.to_string()),
            ("md5", self.said.md5.clone(), stored.md5.to_string()),
            ("sha256", self.sha256.clone(), stored.sha256.to_string()),
        ];
        let other =
            came.into_iter().find(|(_, declared, found)| declared.as_ref().is_some_and(|it| it != found));
        let Some((what, Some(declared), found)) = other else { return Ok(()) };
        let message = format!("{what} was declared as {declared}, the bytes that came have {found}");
        Err(Refusal::unprocessable("digest_mismatch", message)
            .with_hint("the file changed on its way: send it again"))
    }
}

impl Said {
    /// As it is kept with an upload.
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`Said::to_text`] wrote.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Refuses more bytes than devices with these terms, and a store that keeps `most`, take.
pub(super) fn may_have(size: u64, terms: &ProductTerms, most: u64) -> Result<(), Refusal> {
    let limit = limit(terms, most);
    if size > limit { Err(too_large(size, limit, most)) } else { Ok(()) }
}

fn limit(terms: &ProductTerms, most: u64) -> u64 {
    most.min(if terms.java_sdk { MAX_JAVA_FILE_SIZE } else { MAX_FILE_SIZE })
}

/// The answer to more bytes than `limit`, of which the store would keep `most`.
pub(super) fn too_large(size: u64, limit: u64, most: u64) -> Refusal {
    let is_for_devices = limit == MAX_JAVA_FILE_SIZE;
    let who =
        if is_for_devices { "devices with the vendor's Java SDK take" } else { "the object store takes" };
    let message = format!("firmware has {size} bytes or more, {who} {limit}");
    let refusal = Refusal::new(http::StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
    if is_for_devices {
        refusal.with_hint("if no device of the product uses it, set its java_sdk to false")
    } else if most == ota_image::KV_LIMIT {
        refusal.with_hint("larger firmware needs an S3 bucket: set the variable objects to s3")
    } else {
        refusal
    }
}

/// The parameter `size`, or the length of a body that is the firmware.
fn size(request: &Request) -> Result<Option<u64>, Refusal> {
    if let Some(size) = params::number(request, "size", "a number of bytes")? {
        return u64::try_from(size)
            .map(Some)
            .map_err(|_| Refusal::bad_request(format!("size is {size}, must be a number of bytes")));
    }
    let is_body = *request.method() == http::Method::PUT;
    let length = request::header(request.headers(), CONTENT_LENGTH.as_str()).filter(|_| is_body);
    Ok(length.and_then(|text| text.parse().ok()))
}

/// A digest among the parameters, in lower case.
fn digest<E: std::fmt::Display>(
    request: &Request,
    name: &str,
    parse: impl Fn(&str) -> Result<String, E>,
) -> Result<Option<String>, Refusal> {
    let Some(text) = request::parameter(request, name) else { return Ok(None) };
    parse(&text)
        .map(Some)
        .map_err(|error| Refusal::bad_request(format!("{name} is {}: {error}", quoted(&text))))
}

mod sign_method {
    //! By its name.

    use ota_protocol::message::SignMethod;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(method: &SignMethod, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(method.as_str())
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<SignMethod, D::Error> {
        let text = String::deserialize(from)?;
        SignMethod::parse(&text).ok_or_else(|| D::Error::custom("no sign method"))
    }
}
