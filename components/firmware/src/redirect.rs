//! **Blocks are not verified on the way here**: the device is sent to the bucket, and takes what the bucket has.
//!
//! For hosts that cap bodies or time (`download = redirect`). Everything before the first byte is as it is when the
//! gateway streams: the link, the slot, the begin; and the block that the range begins with is read and verified, so that
//! an object that is gone is found. What comes after that only the device can check, by the digest that it was told.
//! Ranges, and what a broken connection left, are between device and bucket: the URL serves them until it expires.

use std::time::Duration;

use http::header::{CACHE_CONTROL, IF_MATCH, IF_RANGE, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use ota_image::{Image, Store};
use ota_platform::objects::Delivery;
use ota_platform::{Failure, Gateway, Request, Response, response};

/// How long the bucket serves a device that was sent there: who has the URL needs no slot any more.
const FOR: Duration = Duration::from_mins(5);

/// Where the bucket has the firmware, if devices are to fetch it there. What is in the embedded store is streamed, and
/// so is what is asked for by our tag: the bucket has its own, and would answer everything to `If-Range`.
pub(crate) fn to(gateway: &Gateway<'_>, request: &Request, image: &Image) -> Result<Option<String>, Failure> {
    let names_a_tag = [IF_RANGE, IF_MATCH].iter().any(|name| request.headers().contains_key(name));
    if image.store == Store::Kv || gateway.delivery()? == Delivery::Stream || names_a_tag {
        return Ok(None);
    }
    Ok(gateway.objects_of(image.store)?.presigned(&image.object, &Method::GET, FOR))
}

pub(crate) fn answer(location: &str) -> Result<Response, Failure> {
    let mut response = response::empty(StatusCode::FOUND);
    let location = HeaderValue::from_str(location)
        .map_err(|error| Failure::Broken(format!("variable s3_public_url makes no location: {error}")))?;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}
