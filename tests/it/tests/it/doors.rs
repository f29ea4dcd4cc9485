//! Without its secrets a gateway is closed, and says which variable opens each door.

use http::Method;
use ota_it::{Device, Identity, Secrets, TestApp};
use serde_json::json;

/// Every kind of caller, where it knocks, and the variable that it is told about.
const DOORS: [(&str, &str, &str); 15] = [
    ("POST", "/topic/sys/pk/dk/ota/device/inform", "bridge_token"),
    ("POST", "/topic/sys/pk/dk/ota/device/progress", "bridge_token"),
    ("POST", "/topic/sys/pk/dk/ota/device/getversion", "bridge_token"),
    ("POST", "/topic/sys/pk/dk/ota/device/upgrade_reply", "bridge_token"),
    ("POST", "/topic/sys/pk/dk/ota/device/inform?sessionId=x", "link_key"),
    ("POST", "/webhook/rmqtt/inform", "bridge_token"),
    ("POST", "/internal/sweep", "bridge_token"),
    ("GET", "/internal/sweep?token=", "bridge_token"),
    ("POST", "/mqtt/auth", "bridge_token"),
    ("POST", "/mqtt/acl", "bridge_token"),
    ("POST", "/mqtt/presence", "bridge_token"),
    ("GET", "/fleet/ota/2.bin?t=x", "link_key"),
    ("GET", "/multipart/sys/pk/dk/file/download?sessionId=x&fileUri=x&category=ota", "link_key"),
    ("GET", "/api/v1/products", "operator_token"),
    ("GET", "/metrics", "operator_token"),
];

#[tokio::test(flavor = "multi_thread")]
async fn without_secrets_every_door_is_closed_and_names_its_variable() {
    let app = TestApp::start_with(Secrets::Unset).await;
    let signed = r#"{"signMethod":"sha256","lifetime":30000,"sign":"00"}"#;
    let login = app.http.post("/auth/pk/dk", signed).await;
    let mut answers = vec![("/auth/pk/dk", "link_key", login)];
    for (method, path, variable) in DOORS {
        // An empty token must not be the same as an unset one.
        let mut request = app.http.request(method.parse().unwrap(), path, "{}");
        request.headers_mut().insert("authorization", "Bearer ".parse().unwrap());
        answers.push((path, variable, app.http.call(request).await));
    }
    for (path, variable, answer) in answers {
        let error = answer.json(403);
        assert_eq!(error["error"]["code"], "closed", "{path}");
        let hint = error["error"]["hint"].as_str().unwrap();
        assert!(hint.contains(&format!("SPIN_VARIABLE_{}", variable.to_uppercase())), "{path}: {hint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_and_none_is_asked_for() {
    let app = TestApp::start().await;
    for (method, path, variable) in DOORS {
        if variable == "link_key" || path.contains("token=") {
            continue;
        }
        let method: Method = method.parse().unwrap();
        let none = app.http.call(app.http.request(method.clone(), path, "{}")).await;
        assert_eq!(
            (none.status.as_u16(), &none.headers["www-authenticate"]),
            (401, &"Bearer".parse().unwrap())
        );
        // The one secret does not open the other's door.
        let other = if variable == "bridge_token" { Secrets::OPERATOR_TOKEN } else { Secrets::BRIDGE_TOKEN };
        for token in ["wrong", other] {
            let mut request = app.http.request(method.clone(), path, "{}");
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            let wrong = app.http.call(request).await.json(403);
            assert_eq!(wrong["error"]["code"], json!("forbidden"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_a_wrong_secret_and_one_that_is_not_registered_are_not_let_in() {
    let app = TestApp::start().await;
    let operator = app.operator();
    operator.product("pk").await;
    let right = operator.device("pk", "dk").await;
    for wrong in [
        Identity::new("pk", "dk", "not-its-secret"),
        Identity::new("pk", "nobody", &right.secret),
        Identity::new("nothing", "dk", &right.secret),
    ] {
        assert!(Device::is_refused(app.mqtt(), &wrong).await, "{wrong:?}");
    }
    Device::connect(app.mqtt(), &right).await;
}
