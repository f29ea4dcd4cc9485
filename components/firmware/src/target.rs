//! Which link a download presents: in the file's own URL, or through the session of a device without MQTT.

use ota_platform::{Failure, Gateway, Refusal, Request, door};
use ota_protocol::link::{DownloadRequest, FileRequest, Link};

/// The link of a request, opened. A link that is not ours is 403; without one 401.
pub(crate) fn link(gateway: &Gateway<'_>, request: &Request) -> Result<Link, Failure> {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    if let Some(download) = DownloadRequest::parse(path, query) {
        let Some(session) = door::session(gateway, request, &download.device)? else {
            return Err(Refusal::unauthorized("no sessionId came").into());
        };
        gateway.decide(|ledger| door::check(ledger, &session))?;
        let link = opened(gateway, &download.token().unwrap_or_default())?;
        if link.device != download.device {
            return Err(Refusal::forbidden("the link is another device's").into());
        }
        return Ok(link);
    }
    match FileRequest::parse(path, query) {
        Some(file) => opened(gateway, &file.token),
        None => Err(Refusal::not_found("there is nothing at this path").into()),
    }
}

fn opened(gateway: &Gateway<'_>, token: &str) -> Result<Link, Failure> {
    if token.is_empty() {
        return Err(Refusal::unauthorized("the link has no token")
            .with_hint("use the fileUrl of the command as it came")
            .into());
    }
    Link::open(token, &gateway.link_keys()?)
        .map_err(|_| Refusal::forbidden("the link is not one of ours").into())
}
