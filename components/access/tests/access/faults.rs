//! The database fails at the n-th statement of a login or a presence, for every n.

use ota_platform::Response;
use ota_testbed::{Fault, Scene, Testbed, survives};
use serde_json::json;

use crate::IMAGE;

#[test]
fn an_http_login_survives_every_fault() {
    let set = |bed: &Testbed| bed.set_fleet(1, IMAGE);
    let login = |bed: &Testbed, (): &()| -> Response {
        let signed = "deviceKeyd0lifetime300000productKeypksignMethodsha256secret-of-d0";
        let body =
            json!({"signMethod": "sha256", "sign": ota_testbed::sha256(signed.as_bytes())}).to_string();
        bed.send(&http::Request::post("/auth/pk/d0").body(body.into_bytes()).unwrap())
    };
    assert!(survives(&Scene { set: &set, message: &login, is_repeatable: true }, &Fault::ALL) >= 3);
}

#[test]
fn an_mqtt_login_survives_every_fault() {
    let set = |bed: &Testbed| bed.set_fleet(1, IMAGE);
    let login = |bed: &Testbed, (): &()| -> Response {
        let client_id = "d0|securemode=2,signmethod=sha256,timestamp=1|";
        let password = ota_testbed::sha256(b"clientIdd0deviceKeyd0productKeypktimestamp1secret-of-d0");
        let body = json!({"clientid": client_id, "username": "d0&pk", "password": password}).to_string();
        bed.send(&bed.by_bridge("/mqtt/auth?style=status", body))
    };
    assert!(survives(&Scene { set: &set, message: &login, is_repeatable: true }, &Fault::ALL) >= 3);
}

#[test]
fn a_presence_of_many_survives_every_fault() {
    let set = |bed: &Testbed| {
        bed.set_fleet(2, IMAGE);
        bed.add_job("push", json!({}));
    };
    let presence = |bed: &Testbed, (): &()| -> Response {
        let event = |event: &str, device: &str, session: i64| json!({"event": event, "product": "pk", "device": device, "bridge": "b", "session": session});
        let events = json!([
            event("connected", "d0", 1),
            event("connected", "d1", 2),
            event("disconnected", "d0", 1),
            event("connected", "stranger", 3),
        ]);
        bed.send(&bed.by_bridge("/mqtt/presence", events.to_string()))
    };
    assert!(survives(&Scene { set: &set, message: &presence, is_repeatable: true }, &Fault::ALL) >= 10);
}
