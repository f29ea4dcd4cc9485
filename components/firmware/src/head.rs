//! The head of a download: what is asked, whether it may begin, and what the status line says.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
};
use http::{HeaderValue, Method, StatusCode};
use ota_image::{ByteRange, Conditions, ETag, ReadError, Reader, Selection, select};
use ota_ledger::download::Access;
use ota_ledger::record::FirmwareRecord;
use ota_platform::{Failure, Gateway, Request, Response, request, response};
use ota_protocol::link::Link;

use crate::attempt::{begin, complete, damaged, gone};
use crate::body::Body;
use crate::{redirect, target};

/// What goes out.
pub enum Download<'g> {
    /// An answer whose body, if any, is at hand: HEAD, 304, 416, errors.
    Answer(Response),
    /// The head of an answer, and its body to stream.
    Stream(Response, Box<Body<'g>>),
}

/// Opens a download. When it returns a stream, the begin is committed and the first piece verified.
pub fn open<'g>(gateway: &'g Gateway<'g>, request: &Request) -> Download<'g> {
    match decide(gateway, request) {
        Ok(download) => download,
        Err(failure) => Download::Answer(failure.into_response()),
    }
}

fn decide<'g>(gateway: &'g Gateway<'g>, request: &Request) -> Result<Download<'g>, Failure> {
    request::require(request, &[Method::GET, Method::HEAD], "GET, HEAD")?;
    let link = target::link(gateway, request)?;
    let (firmware, has_begun) = admit(gateway, request, &link)?;
    let image = &firmware.image;
    let etag = ETag::of(image.sha256);
    let selection = select(request.method(), &Conditions::from(request.headers()), image.size, &etag);
    let range = match selection {
        Selection::Full => ByteRange::whole(image.size),
        Selection::Part(range) => Some(range),
        Selection::NotModified => {
            // The device has the bytes and may flash them: that is a begin like any other. HEAD only asks.
            if *request.method() == Method::GET {
                begin(gateway, &link, has_begun)?;
                complete(gateway, &link);
            }
            return Ok(Download::Answer(head(StatusCode::NOT_MODIFIED, &etag)));
        }
        Selection::PreconditionFailed => {
            return Ok(Download::Answer(head(StatusCode::PRECONDITION_FAILED, &etag)));
        }
        Selection::Unsatisfiable => None,
    };
    let Some(range) = range else { return Ok(Download::Answer(unsatisfiable(image.size, &etag))) };
    let response = with_range(selection, range, image.size, &etag);
    if *request.method() == Method::HEAD {
        return Ok(Download::Answer(response));
    }
    let redirect = redirect::to(gateway, request, image)?;
    // What is redirected is not read here; its first block stands for the rest.
    let wanted = if redirect.is_some() { range.first_byte() } else { range };
    gateway.release();
    let reader = match Reader::open(gateway.objects_of(image.store)?, image, wanted) {
        Ok(reader) => reader,
        Err(ReadError::Store(error)) => return Err(error.into()),
        Err(error @ ReadError::Damaged { .. }) => return Err(damaged(gateway, &link, &firmware, &error)),
    };
    begin(gateway, &link, has_begun)?;
    if let Some(location) = redirect {
        return Ok(Download::Answer(redirect::answer(&location)?));
    }
    // The tail alone, read before anything else as some bundle formats are, is not the whole.
    let is_last = range.last() + 1 == image.size && (range.first() == 0 || has_begun);
    let body = Body::new(gateway, link, *firmware, reader, is_last);
    Ok(Download::Stream(response, Box::new(body)))
}

/// The firmware that `link` opens now, and whether its attempt has begun.
fn admit(
    gateway: &Gateway<'_>,
    request: &Request,
    link: &Link,
) -> Result<(Box<FirmwareRecord>, bool), Failure> {
    let mut access = gateway.decide(|ledger| Ok(ledger.access(link)?))?;
    if matches!(access, Access::Returned(_)) && *request.method() == Method::GET {
        gateway.decide(|ledger| Ok(ledger.resume(link)?))?;
        // Its verdict may have come first: then nothing was resumed, and nothing may leave.
        access = gateway.decide(|ledger| Ok(ledger.access(link)?))?;
    }
    match access {
        Access::Begun(firmware) | Access::Returned(firmware) => Ok((firmware, true)),
        Access::MayBegin(firmware) => Ok((firmware, false)),
        Access::Gone(why) => Err(gone(why).into()),
    }
}

fn with_range(selection: Selection, range: ByteRange, size: u64, etag: &ETag) -> Response {
    let is_part = matches!(selection, Selection::Part(_));
    let mut response = head(if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }, etag);
    set(&mut response, CONTENT_LENGTH, &range.len().to_string());
    set(&mut response, CONTENT_TYPE, "application/octet-stream");
    if is_part {
        set(&mut response, CONTENT_RANGE, &range.content_range(size));
    }
    response
}

fn unsatisfiable(size: u64, etag: &ETag) -> Response {
    let mut response = head(StatusCode::RANGE_NOT_SATISFIABLE, etag);
    set(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// What every answer about a firmware says: it is this device's alone, and nothing may keep or change it.
fn head(status: StatusCode, etag: &ETag) -> Response {
    let mut response = response::empty(status);
    set(&mut response, ETAG, etag.as_str());
    set(&mut response, ACCEPT_RANGES, "bytes");
    set(&mut response, CACHE_CONTROL, "private, no-store, no-transform");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    // Every value here is made of digits and fixed text.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
