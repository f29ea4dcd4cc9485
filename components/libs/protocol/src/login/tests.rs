//! §3: the vectors of three SDKs, and everything near them that must not pass.

use proptest::prelude::*;

use super::*;

const SECRET: &str = "DrihKncQARUwVXUvRH6k";
const USERNAME: &str = "dev001&fKInRgVP";
const JAVA_BASE: &str = "dev001{ip=127.0.0.1,version=enos-mqtt-2.2.16,compress=DEFAULT}";

fn login(client_id: &str) -> MqttLogin {
    MqttLogin::parse(client_id, USERNAME).unwrap()
}

fn secret() -> Secret {
    Secret::new(SECRET)
}

/// base, timestamp, signmethod, password: as three SDKs made them.
const VECTORS: [(&str, &str, &str, &str); 3] = [
    (
        JAVA_BASE,
        "1795455510094",
        "sha256",
        "a23121163df477f76656699e0858271c460e24cdc0edce14a23a486d8eb5afea",
    ),
    (
        "dev001",
        "1795455148647.9988",
        "hmacsha256",
        "77a2614819f3d019a378a4fe2014f434c01618e9f8cf7a789db33fc10cf752fe",
    ),
    ("dev001", "1795455388084", "sha256", "D09262FAF9887A9820F5CD4414AA0D1A0FBBD6682943735F266300A12EA7B654"),
];

fn client_id(base: &str, timestamp: &str, method: &str) -> String {
    format!("{base}|securemode=2,signmethod={method},timestamp={timestamp}|")
}

#[test]
fn the_vectors_of_the_sdks_pass() {
    for (base, timestamp, method, password) in VECTORS {
        let login = login(&client_id(base, timestamp, method));
        assert!(login.verify(password, &secret()), "{base} {timestamp}");
        assert_eq!(login.device().to_string(), "fKInRgVP/dev001");
        assert_eq!(login.secure_mode(), SecureMode::Device);
        assert_eq!(login.timestamp(), timestamp);
    }
}

#[test]
fn hex_is_compared_without_case() {
    for (base, timestamp, method, password) in VECTORS {
        let login = login(&client_id(base, timestamp, method));
        assert!(login.verify(&password.to_ascii_lowercase(), &secret()));
        assert!(login.verify(&password.to_ascii_uppercase(), &secret()));
    }
}

#[test]
fn no_altered_password_passes() {
    for (base, timestamp, method, password) in VECTORS {
        let login = login(&client_id(base, timestamp, method));
        for position in 0..password.len() {
            let mut altered = password.to_owned();
            let other = if altered.as_bytes()[position] == b'0' { "1" } else { "0" };
            altered.replace_range(position..=position, other);
            assert!(!login.verify(&altered, &secret()), "{altered}");
        }
        for wrong in ["", SECRET, "zz", &password[2..], &format!("{password}00"), &format!(" {password}")] {
            assert!(!login.verify(wrong, &secret()), "{wrong:?}");
        }
    }
}

#[test]
fn a_password_proves_only_its_own_login() {
    let (base, timestamp, method, password) = VECTORS[1];
    let id = client_id(base, timestamp, method);
    assert!(!login(&id).verify(password, &Secret::new("another secret")));
    let others = [
        (client_id("dev002", timestamp, method), USERNAME),
        (client_id(base, "1795455148647.9989", method), USERNAME),
        (client_id(base, timestamp, "sha1"), USERNAME),
        (id.clone(), "dev002&fKInRgVP"),
        (id.clone(), "dev001&fKInRgVq"),
    ];
    for (client_id, username) in others {
        let login = MqttLogin::parse(&client_id, username).unwrap();
        assert!(!login.verify(password, &secret()), "{client_id} {username}");
    }
}

#[test]
fn nothing_proves_an_empty_secret() {
    let text = "clientIddev001deviceKeydev001productKeyfKInRgVPtimestamp1";
    let login = login(&client_id("dev001", "1", "sha256"));
    assert!(!login.verify(&hex::encode(Hash::Sha256.of(text)), &Secret::new("")));
}

#[test]
fn every_hash_is_plain_whatever_its_name() {
    let md5 = "675deb7676df2972270cdac4fba96e88";
    let sha1 = "749e198b804a10111b9f5ba87f259b539ca3df97";
    let sha256 = "0b0fbd375e4a1b9ff86e3fd40c94d9fb782e49d9fa31fe83c5062c0b6d1577c5";
    for (method, password) in [
        ("md5", md5),
        ("hmacmd5", md5),
        ("sha1", sha1),
        ("hmacsha1", sha1),
        ("sha256", sha256),
        ("hmacsha256", sha256),
        ("hmacSHA256", sha256),
    ] {
        assert!(login(&client_id("dev001", "1", method)).verify(password, &secret()), "{method}");
    }
}

#[test]
fn the_c_sdk_puts_its_product_before_its_key_and_lives_in_2050() {
    let login = login("fKInRgVP.dev001|securemode=2,signmethod=hmacsha1,timestamp=2524608000000|");
    assert!(login.verify("072f166bdc00bee4a97089dd2dfdbd28ba833b01", &secret()));
}

#[test]
fn parameters_come_in_any_order_with_spaces_and_strangers() {
    let sha256 = "0b0fbd375e4a1b9ff86e3fd40c94d9fb782e49d9fa31fe83c5062c0b6d1577c5";
    for id in [
        "dev001|securemode=2, signmethod=sha256, timestamp=1|",
        "dev001|timestamp=1,signmethod=sha256,securemode=2|",
        "dev001|lan=C,securemode=2,signmethod=sha256,timestamp=1,x|",
    ] {
        assert!(login(id).verify(sha256, &secret()), "{id}");
    }
}

#[test]
fn securemode_3_asks_for_the_products_secret_and_4_is_refused() {
    let id = |mode| format!("dev001|securemode={mode},signmethod=sha256,timestamp=1|");
    assert_eq!(login(&id("3")).secure_mode(), SecureMode::Product);
    assert_eq!(MqttLogin::parse(&id("4"), "%channel%&fKInRgVP"), Err(LoginError::Channel));
    for mode in ["1", "22", "02", "-2", "two"] {
        assert_eq!(MqttLogin::parse(&id(mode), USERNAME), Err(LoginError::SecureMode(mode.to_owned())));
    }
}

#[test]
fn compressed_payloads_are_refused_by_name() {
    for method in ["GZIP", "LZ4", "LZO", "ZSTD"] {
        let base = format!("dev001{{ip=127.0.0.1,version=enos-mqtt-2.2.16,compress={method}}}");
        let refused = MqttLogin::parse(&client_id(&base, "1", "sha256"), USERNAME).unwrap_err();
        assert_eq!(refused, LoginError::Compression(method.to_owned()));
        assert_eq!(
            refused.to_string(),
            format!("compress={method} is not supported, set the SDK's compression to DEFAULT")
        );
    }
    for base in [
        "dev001",
        "dev001{}",
        "dev001{ip=1}",
        "dev001{compress=DEFAULT}",
        "dev001{ip=1, compress=}",
        JAVA_BASE,
    ] {
        assert!(MqttLogin::parse(&client_id(base, "1", "sha256"), USERNAME).is_ok(), "{base}");
    }
}

#[test]
fn a_client_id_of_another_shape_is_refused() {
    for id in [
        "",
        "dev001",
        "|securemode=2,signmethod=sha256,timestamp=1|",
        "dev001|",
        "dev001|securemode=2,signmethod=sha256,timestamp=1",
        "dev001|securemode=2|signmethod=sha256,timestamp=1|",
        "dev001|securemode=2,signmethod=sha256,timestamp=1||",
        "dev001|securemode=2,signmethod=sha256,timestamp=1|x",
    ] {
        assert_eq!(MqttLogin::parse(id, USERNAME), Err(LoginError::ClientId), "{id:?}");
    }
    for (id, missing) in [
        ("dev001||", "securemode"),
        ("dev001|signmethod=sha256,timestamp=1|", "securemode"),
        ("dev001|securemode=2,timestamp=1|", "signmethod"),
        ("dev001|securemode=2,signmethod=sha256|", "timestamp"),
        ("dev001|securemode=2,signmethod=sha256,timestamp=|", "timestamp"),
    ] {
        assert_eq!(MqttLogin::parse(id, USERNAME), Err(LoginError::Missing(missing)), "{id:?}");
    }
    let unknown = client_id("dev001", "1", "sha512");
    assert_eq!(MqttLogin::parse(&unknown, USERNAME), Err(LoginError::SignMethod("sha512".to_owned())));
}

#[test]
fn a_username_that_is_no_device_is_refused() {
    let id = client_id("dev001", "1", "sha256");
    for username in ["", "dev001", "dev001&", "&fKInRgVP", "dev001&fKInRgVP&x", "dev/001&pk", "undefined"] {
        assert!(matches!(MqttLogin::parse(&id, username), Err(LoginError::Username(_))), "{username:?}");
    }
}

#[test]
fn long_client_ids_are_served_and_endless_ones_refused() {
    let long = client_id(&"d".repeat(1500), "1", "sha256");
    assert!(MqttLogin::parse(&long, USERNAME).is_ok(), "the Java SDK's are above 128");
    let endless = client_id(&"d".repeat(MAX_CLIENT_ID), "1", "sha256");
    assert_eq!(MqttLogin::parse(&endless, USERNAME), Err(LoginError::TooLong(endless.len())));
    let loud = client_id("dev001", "1", &"x".repeat(1900));
    assert!(MqttLogin::parse(&loud, USERNAME).unwrap_err().to_string().len() < 200);
}

proptest! {
    #[test]
    fn no_login_panics(client_id in ".*", username in ".*", password in ".*") {
        if let Ok(login) = MqttLogin::parse(&client_id, &username) {
            login.verify(&password, &secret());
        }
    }

    #[test]
    fn no_login_near_a_real_one_panics(
        base in "[a-z{}=,|&é]{0,20}", parameters in "[a-z0-9=, |]{0,40}", username in "[a-z&%]{0,10}"
    ) {
        let _refused_or_not = MqttLogin::parse(&format!("{base}|{parameters}|"), &username);
        let id = client_id(&base, "1", "sha256");
        let _refused_or_not = MqttLogin::parse(&id, USERNAME);
    }
}
