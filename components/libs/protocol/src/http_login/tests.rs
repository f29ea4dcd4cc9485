//! §4.1, and what must not pass for it.

use proptest::prelude::*;

use super::*;

const SIGN_30000: &str = "a3ac38ccbf6e1217236b8eb06b5b0bd0954dffe959c6aa37236e0881f0e66d30";
const SIGN_300000: &str = "15ab21d52f9286b882bb0bab0dd9dde7d037b32c6d622b819d9616fd3d3da4de";

fn device() -> DeviceId {
    DeviceId::parse("fKInRgVP", "dev001").unwrap()
}

fn secret() -> Secret {
    Secret::new("DrihKncQARUwVXUvRH6k")
}

fn body(lifetime: &str, sign: &str) -> String {
    format!(
        r#"{{"signMethod":"sha256","lifetime":{lifetime},"sign":"{sign}","clientInfo":{{}},"acceptCommandTypes":["CMD_OTA_UPGRADE"]}}"#
    )
}

fn decode(body: &str) -> Result<HttpLogin, Malformed> {
    HttpLogin::decode(&device(), body.as_bytes())
}

#[test]
fn a_signed_login_passes() {
    let login = decode(&body("30000", SIGN_30000)).unwrap();
    assert_eq!(login.lifetime_ms(), 30_000);
    assert!(login.verify(&secret()));
    assert!(decode(&body("30000", &SIGN_30000.to_uppercase())).unwrap().verify(&secret()));
    assert!(decode(&body("\"30000\"", SIGN_30000)).unwrap().verify(&secret()));
}

#[test]
fn a_login_that_names_no_lifetime_has_the_default_one() {
    for body in [
        format!(r#"{{"signMethod":"sha256","sign":"{SIGN_300000}"}}"#),
        format!(r#"{{"signMethod":"sha256","lifetime":null,"sign":"{SIGN_300000}"}}"#),
    ] {
        let login = decode(&body).unwrap();
        assert_eq!(login.lifetime_ms(), 300_000);
        assert!(login.verify(&secret()));
    }
}

#[test]
fn lifetimes_stay_within_their_limits() {
    let table = [
        ("1", MIN_LIFETIME_MS),
        ("1000", 1000),
        ("86400001", 86_400_001),
        ("2147483647", MAX_LIFETIME_MS),
        ("30000.0", 30_000),
    ];
    for (lifetime, granted) in table {
        assert_eq!(decode(&body(lifetime, "00")).unwrap().lifetime_ms(), granted, "{lifetime}");
    }
    for lifetime in ["0", "-1", "1.5", "1e400", "99999999999999999999", "\"\"", "\"x\"", "[]", "{}", "true"] {
        let refused = decode(&body(lifetime, "00")).unwrap_err();
        assert_eq!(refused.message, "lifetime is not a positive number of milliseconds", "{lifetime}");
    }
    for lifetime in ["2147483648", "9223372036854775807", "\"2147483648\""] {
        let refused = decode(&body(lifetime, "00")).unwrap_err();
        assert_eq!(refused.code, Code::PayloadFormat);
        assert!(refused.message.ends_with("at most 2147483647 can be asked for"), "{}", refused.message);
    }
}

#[test]
fn a_session_holds_longer_than_its_device_counts_by_what_a_request_may_take() {
    assert_eq!(decode(&body("30000", "00")).unwrap().holds_ms(), 90_000);
    assert_eq!(decode(&body("1", "00")).unwrap().holds_ms(), 61_000);
}

#[test]
fn what_else_a_client_says_of_itself_changes_nothing() {
    for rest in [
        "",
        r#","clientInfo":{"ip":"10.0.0.1","version":"0.2"},"acceptCommandTypes":[]"#,
        r#","clientInfo":null,"acceptCommandTypes":null"#,
        r#","clientInfo":"x","acceptCommandTypes":"CMD_OTA_UPGRADE""#,
        r#","clientInfo":[[[{}]]],"acceptCommandTypes":["CMD_OTHER"]"#,
        r#","acceptCommandTypes":["CMD_OTA_UPGRADE"],"acceptCommandTypes":5,"new":{"a":1}"#,
    ] {
        let body = format!(r#"{{"signMethod":"sha256","lifetime":30000,"sign":"{SIGN_30000}"{rest}}}"#);
        assert!(decode(&body).unwrap().verify(&secret()), "{rest}");
    }
}

#[test]
fn a_signature_proves_only_its_own_login() {
    let own = body("30000", SIGN_30000);
    assert!(!decode(&body("30001", SIGN_30000)).unwrap().verify(&secret()));
    assert!(!decode(&own).unwrap().verify(&Secret::new("another secret")));
    for (product, device) in [("fKInRgVP", "dev002"), ("other", "dev001")] {
        let other = DeviceId::parse(product, device).unwrap();
        assert!(!HttpLogin::decode(&other, own.as_bytes()).unwrap().verify(&secret()));
    }
    for sign in ["", "zz", &SIGN_30000[2..], SIGN_300000] {
        assert!(!decode(&body("30000", sign)).unwrap().verify(&secret()), "{sign}");
    }
}

#[test]
fn nothing_proves_an_empty_secret() {
    let signed = "deviceKeydev001lifetime30000productKeyfKInRgVPsignMethodsha256";
    let sign = hex::encode(Sha256::digest(signed));
    assert!(!decode(&body("30000", &sign)).unwrap().verify(&Secret::new("")));
}

#[test]
fn a_body_of_another_shape_is_refused_with_its_code() {
    let large = " ".repeat(MAX_PAYLOAD + 1);
    let table = [
        ("", Code::PayloadEmpty),
        (" \n", Code::PayloadEmpty),
        (large.as_str(), Code::TooLarge),
        ("[]", Code::PayloadFormat),
        ("{", Code::PayloadFormat),
        ("{}", Code::PayloadFormat),
        (r#"{"signMethod":"sha256"}"#, Code::PayloadFormat),
        (r#"{"signMethod":"sha256","sign":1}"#, Code::PayloadFormat),
        (r#"{"signMethod":"md5","sign":"00"}"#, Code::PayloadFormat),
        (r#"{"signMethod":7,"sign":"00"}"#, Code::PayloadFormat),
        (r#"{"signMethod":"sha256","sign":"00","sign":"01"}"#, Code::PayloadFormat),
    ];
    for (body, code) in table {
        assert_eq!(decode(body).unwrap_err().code, code, "{}", &body[..body.len().min(40)]);
    }
    assert_eq!(HttpLogin::decode(&device(), b"{\xff}").unwrap_err().code, Code::PayloadFormat);
}

proptest! {
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(login) = HttpLogin::decode(&device(), &body) {
            login.verify(&secret());
        }
    }
}
