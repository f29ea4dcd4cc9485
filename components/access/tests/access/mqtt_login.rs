//! `POST /mqtt/auth`.

use http::StatusCode;
use ota_platform::Response;
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

/// The vectors of PROTOCOL §3: client id, password.
const VECTORS: [(&str, &str); 3] = [
    (
        "dev001{ip=127.0.0.1,version=enos-mqtt-2.2.16,compress=DEFAULT}|securemode=2,signmethod=sha256,timestamp=1795455510094|",
        "a23121163df477f76656699e0858271c460e24cdc0edce14a23a486d8eb5afea",
    ),
    (
        "dev001|securemode=2,signmethod=hmacsha256,timestamp=1795455148647.9988|",
        "77a2614819f3d019a378a4fe2014f434c01618e9f8cf7a789db33fc10cf752fe",
    ),
    (
        "dev001|securemode=2, signmethod=sha256, timestamp=1795455388084|",
        "D09262FAF9887A9820F5CD4414AA0D1A0FBBD6682943735F266300A12EA7B654",
    ),
];
const USERNAME: &str = "dev001&fKInRgVP";

#[test]
fn the_three_vectors_of_the_sdks_come_in_as_json_and_as_a_form() {
    let bed = registered();
    for (client_id, password) in VECTORS {
        let form = format!(
            "clientid={}&username={}&password={password}",
            client_id.replace('|', "%7C").replace('=', "%3D").replace(' ', "+"),
            USERNAME.replace('&', "%26")
        );
        for body in [login(client_id, USERNAME, password), form] {
            let response = ask(&bed, "", &body);
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(json(&response)["result"], "allow", "{body}");
        }
    }
}

#[test]
fn who_comes_in_is_told_all_its_rights_and_that_there_are_no_others() {
    let bed = registered();
    let (client_id, password) = VECTORS[0];
    let allowed = json(&ask(&bed, "", &login(client_id, USERNAME, password)));
    for (field, value) in [
        ("superuser", json!(false)),
        ("is_superuser", json!(false)),
        ("product", json!("fKInRgVP")),
        ("device", json!("dev001")),
    ] {
        assert_eq!(allowed[field], value, "{field}");
    }
    let rules = allowed["acl"].as_array().unwrap();
    let (last, own) = rules.split_last().unwrap();
    assert_eq!(*last, json!({"permission": "deny", "action": "all", "topic": "#"}));
    assert_eq!(own.len(), 8);
    for rule in own {
        let topic = rule["topic"].as_str().unwrap();
        assert_eq!(rule["permission"], "allow");
        assert!(topic.starts_with("/sys/fKInRgVP/dev001/ota/device/"), "{topic}");
        assert!(!topic.contains(['+', '#']), "{topic}");
        let asked =
            json!({"clientid": client_id, "username": USERNAME, "action": rule["action"], "topic": topic});
        let may = bed.send(&bed.by_bridge("/mqtt/acl", asked.to_string()));
        assert_eq!(json(&may)["result"], "allow", "both ways of asking agree on {topic}");
    }
}

#[test]
fn an_unknown_device_and_a_wrong_password_are_told_apart_to_nobody() {
    let bed = registered();
    let (client_id, password) = VECTORS[1];
    let altered = format!("{}0", &password[..63]);
    let wrong = [
        login(client_id, USERNAME, &altered),
        login(client_id, USERNAME, ""),
        login(client_id, USERNAME, "not hex"),
        login(client_id, USERNAME, &password[..62]),
        login(client_id, USERNAME, &format!("{password}00")),
        login(client_id, "dev002&fKInRgVP", password),
        login(client_id, "dev001&other", password),
        login(client_id, "dev003&fKInRgVP", password),
        login(&client_id.replace("9988", "9989"), USERNAME, password),
        login(&client_id.replace("dev001|", "dev002|"), USERNAME, password),
        login(&client_id.replace("sha256", "md5"), USERNAME, password),
        json!({"clientid": client_id, "username": USERNAME}).to_string(),
        json!({"clientid": client_id, "username": USERNAME, "password": null}).to_string(),
    ];
    for body in wrong {
        let response = ask(&bed, "", &body);
        assert_eq!(response.status(), StatusCode::OK);
        let denied = json!({
            "result": "deny", "reason": "the device is not registered, or its password is wrong",
        });
        assert_eq!(json(&response), denied, "{body}");
    }
}

#[test]
fn a_login_that_cannot_be_right_is_denied_with_its_reason() {
    let bed = registered();
    let long = format!("{}|securemode=2,signmethod=sha256,timestamp=1|", "x".repeat(3000));
    for (client_id, username, reason) in [
        (
            "dev001{compress=GZIP}|securemode=2,signmethod=sha256,timestamp=1|",
            USERNAME,
            "compress=GZIP is not supported, set the SDK's compression to DEFAULT",
        ),
        (
            "dev001{ip=1,compress=LZ4}|securemode=2,signmethod=sha256,timestamp=1|",
            USERNAME,
            "compress=LZ4 is not supported, set the SDK's compression to DEFAULT",
        ),
        (
            "dev001|securemode=3,signmethod=sha256,timestamp=1|",
            USERNAME,
            "securemode 3 (product secret) is not served, log in with the device's own",
        ),
        (
            "%channel%|securemode=4,signmethod=sha256,timestamp=1|",
            "%channel%&fKInRgVP",
            "securemode 4 is a channel without a device, which this gateway does not serve",
        ),
        (
            "dev001|securemode=5,signmethod=sha256,timestamp=1|",
            USERNAME,
            "securemode \"5\" is not known, 2 and 3 are",
        ),
        (
            "dev001|securemode=2,signmethod=none,timestamp=1|",
            USERNAME,
            "signmethod \"none\" is not known, sha256, sha1 and md5 are",
        ),
        ("dev001|securemode=2,signmethod=sha256|", USERNAME, "client id has no timestamp"),
        ("dev001|signmethod=sha256,timestamp=1|", USERNAME, "client id has no securemode"),
        ("dev001", USERNAME, "client id is not base|securemode=…,signmethod=…,timestamp=…|"),
        (&long, USERNAME, "client id has 3044 bytes, 2048 are allowed"),
        (VECTORS[0].0, "dev001", "username: username is not device key & product key"),
        (
            VECTORS[0].0,
            "../dev001&fKInRgVP",
            "username: device key contains '/', only letters, digits and . _ : @ - are allowed",
        ),
        (VECTORS[0].0, "..&fKInRgVP", "username: device key may be neither . nor .."),
    ] {
        let denied = json(&ask(&bed, "", &login(client_id, username, VECTORS[0].1)));
        assert_eq!(denied, json!({"result": "deny", "reason": reason}));
        let response = ask(&bed, "?style=status", &login(client_id, username, VECTORS[0].1));
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
}

#[test]
fn a_broker_that_reads_the_status_alone_is_told_by_the_status() {
    let bed = registered();
    let (client_id, password) = VECTORS[0];
    let right = login(client_id, USERNAME, password);
    let wrong = login(client_id, USERNAME, &"0".repeat(64));
    for (style, status) in
        [("?style=status", StatusCode::FORBIDDEN), ("?style=json", StatusCode::OK), ("", StatusCode::OK)]
    {
        assert_eq!(ask(&bed, style, &right).status(), StatusCode::OK);
        assert_eq!(ask(&bed, style, &wrong).status(), status);
    }
    for style in ["?style=", "?style=xml", "?style=Status", "?style=%00"] {
        assert_eq!(ask(&bed, style, &right).status(), StatusCode::BAD_REQUEST, "{style}");
    }
}

#[test]
fn a_request_that_is_no_login_is_400_and_lets_nobody_in() {
    let bed = registered();
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"\xff",
        br#"{"username":"a&b","password":"p"}"#,
        br#"{"clientid":"c","password":"p"}"#,
        br#"{"clientid":"undefined","username":"a&b"}"#,
        br#"{"clientid":1,"username":"a&b"}"#,
        br#"{"clientid":"c","username":"a&b","password":5}"#,
        br#"{"clientid":"c","clientid":"d","username":"a&b"}"#,
        b"clientid=%ff&username=a",
        b"username=a%26b&password=p",
        &large,
    ] {
        let response = bed.send(&bed.by_bridge("/mqtt/auth", body));
        assert!(response.status().is_client_error(), "{:.60}", String::from_utf8_lossy(body));
        assert!(!String::from_utf8_lossy(response.body()).contains("allow\""));
    }
}

#[test]
fn a_secret_that_does_not_open_lets_nobody_in() {
    let mut bed = registered();
    let (client_id, password) = VECTORS[0];
    let body = login(client_id, USERNAME, password);
    bed.variables.insert("secret_key".to_owned(), "another key of the tests".to_owned());
    assert_eq!(ask(&bed, "", &body).status(), StatusCode::SERVICE_UNAVAILABLE);
    bed.variables.insert("secret_key_previous".to_owned(), "a secret key of the tests".to_owned());
    assert_eq!(json(&ask(&bed, "", &body))["result"], "allow", "the key was rotated");
    bed.variables.remove("secret_key");
    let closed = ask(&bed, "", &body);
    assert_eq!(closed.status(), StatusCode::FORBIDDEN);
    assert!(String::from_utf8_lossy(closed.body()).contains("secret_key"));
}

/// A gateway that knows the device of the vectors, and another.
fn registered() -> Testbed {
    let bed = Testbed::new();
    for (path, body) in [
        ("/api/v1/products", json!({"product": "fKInRgVP"})),
        ("/api/v1/products/fKInRgVP/devices", json!({"device": "dev001", "secret": "DrihKncQARUwVXUvRH6k"})),
        ("/api/v1/products/fKInRgVP/devices", json!({"device": "dev002", "secret": "another"})),
    ] {
        assert_eq!(bed.operate(http::Method::POST, path, body.to_string()).status(), StatusCode::CREATED);
    }
    bed
}

fn login(client_id: &str, username: &str, password: &str) -> String {
    let login: Value =
        json!({"clientid": client_id, "username": username, "password": password, "ipaddr": "127.0.0.1"});
    login.to_string()
}

fn ask(bed: &Testbed, query: &str, body: &str) -> Response {
    bed.send(&bed.by_bridge(&format!("/mqtt/auth{query}"), body))
}
