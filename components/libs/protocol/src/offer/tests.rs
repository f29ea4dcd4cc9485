//! What an offer cannot be, and the push byte for byte.

use proptest::prelude::*;

use super::*;

const MD5: &str = "0123456789abcdef0123456789abcdef";
const URL: &str = "https://ota.example/fleet/ota/f.bin?t=a.b";

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn offer(method: SignMethod, sign: &str, url: &str, size: u64) -> Result<Offer, OfferError> {
    Offer::new(version("v1.0"), method, sign, url, size)
}

#[test]
fn a_push_has_the_shape_of_the_protocol() {
    let offer = offer(SignMethod::Md5, MD5, URL, 1024).unwrap();
    let expected = concat!(
        r#"{"id":"700000000000000001","version":"1.0","method":"ota.device.upgrade","#,
        r#""params":{"version":"v1.0","sign":"0123456789abcdef0123456789abcdef","signMethod":"md5","#,
        r#""fileUrl":"https://ota.example/fleet/ota/f.bin?t=a.b","fileSize":1024}}"#,
    );
    assert_eq!(upgrade_command("700000000000000001", &offer), expected);
}

#[test]
fn an_offer_is_what_it_was_made_of() {
    let offer = offer(SignMethod::Sha256, &MD5.repeat(2), URL, 7).unwrap();
    assert_eq!(offer.version().as_str(), "v1.0");
    assert_eq!(offer.sign(), MD5.repeat(2));
    assert_eq!(offer.sign_method(), SignMethod::Sha256);
    assert_eq!((offer.file_url(), offer.file_size()), (URL, 7));
}

#[test]
fn the_size_is_one_that_every_reader_of_json_reads_whole() {
    for size in [2_147_483_647, 2_147_483_648, MAX_FILE_SIZE] {
        assert_eq!(offer(SignMethod::Md5, MD5, URL, size).unwrap().file_size(), size);
    }
    for size in [MAX_FILE_SIZE + 1, u64::MAX] {
        let refused = offer(SignMethod::Md5, MD5, URL, size).unwrap_err();
        assert_eq!(refused, OfferError::Size(size));
        assert_eq!(
            refused.to_string(),
            format!("firmware has {size} bytes, 9007199254740991 are allowed by the devices' protocol")
        );
    }
}

#[test]
fn the_digest_is_lower_case_hex_of_its_method() {
    let upper = offer(SignMethod::Md5, &MD5.to_uppercase(), URL, 1).unwrap();
    assert_eq!(upper.sign(), MD5);
    for (method, sign) in [
        (SignMethod::Md5, ""),
        (SignMethod::Md5, &MD5[1..]),
        (SignMethod::Md5, "g123456789abcdef0123456789abcdef"),
        (SignMethod::Sha256, MD5),
        (SignMethod::Md5, &MD5.repeat(2)),
    ] {
        assert_eq!(offer(method, sign, URL, 1), Err(OfferError::Sign { method }), "{sign}");
    }
    let refused = offer(SignMethod::Md5, "", URL, 1).unwrap_err();
    assert_eq!(refused.to_string(), "sign is not the 32 hex digits of md5");
}

#[test]
fn the_link_is_a_url() {
    let long = format!("https://h/{}", "a".repeat(MAX_FILE_URL));
    for url in ["", &long] {
        assert_eq!(offer(SignMethod::Md5, MD5, url, 1), Err(OfferError::UrlLength(url.len())));
    }
    for bad in [' ', '"', '\\', '\n', '\0', 'é', '<', '{', '\u{7f}'] {
        let url = format!("https://h/{bad}");
        assert_eq!(offer(SignMethod::Md5, MD5, &url, 1), Err(OfferError::UrlCharacter(bad)));
    }
}

proptest! {
    #[test]
    fn every_push_fits_its_header_and_reads_back(
        text in prop_oneof!["[^\\p{Cc}]{1,128}", "😀{128}", "\"{128}"],
        url in "[!-~&&[^\"<>\\\\^`{|}]]{1,2048}",
        id in "[0-9]{15,64}",
        size in 0..=MAX_FILE_SIZE,
    ) {
        let offer = Offer::new(version(&text), SignMethod::Sha256, &MD5.repeat(2), &url, size).unwrap();
        let command = header_value(&upgrade_command(&id, &offer)).unwrap();
        let read: serde_json::Value = serde_json::from_str(&command).unwrap();
        prop_assert_eq!(&read["id"], &id);
        prop_assert_eq!(&read["params"]["version"], &text);
        prop_assert_eq!(&read["params"]["fileUrl"], &url);
        prop_assert_eq!(&read["params"]["fileSize"], size);
    }
}
