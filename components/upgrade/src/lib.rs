//! `…/ota/device/upgrade`: the commands to devices, and what devices answer to them.
//!
//! Two doors: the `upgrade_reply` topic, and the sweep, which concludes what is due, grants what is free, hands
//! out the commands that are to be delivered, and tells operators' hooks.

mod hooks;
mod leftovers;
mod reply;
mod sweep;

use ota_platform::{Gateway, Request, Response};

/// Serves a device's answer to a command, or one sweep.
pub fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    match request.uri().path() {
        "/internal/sweep" => sweep::handle(gateway, request),
        _ => reply::handle(gateway, request),
    }
}

ota_platform::component!(handle, ota_platform::request::CONTROL_BODY);
