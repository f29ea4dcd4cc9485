//! Only what we sealed, for this purpose, with a key that still counts, opens.

use proptest::prelude::*;

use super::*;

const RECEIPT: Purpose = Purpose::new("receipt");

fn keys(current: &str, previous: Option<&str>) -> SealKeys {
    SealKeys::new(&Secret::new(current), previous.map(Secret::new).as_ref()).unwrap()
}

fn ours() -> SealKeys {
    keys("a key of 16 bytes or more", None)
}

#[test]
fn a_key_below_16_bytes_is_refused() {
    for (current, previous, length) in
        [("", None, 0), ("fifteen bytes..", None, 15), ("sixteen bytes...", Some(""), 0)]
    {
        let refused = SealKeys::new(&Secret::new(current), previous.map(Secret::new).as_ref()).unwrap_err();
        assert_eq!(refused, SealError::WeakKey(length));
    }
    assert!(SealKeys::new(&Secret::new("sixteen bytes..."), None).is_ok());
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", ours()), "SealKeys(…)");
}

#[test]
fn a_rotated_key_opens_until_it_is_dropped_and_never_seals() {
    let (old, new) = ("the key of last year", "the key of this year");
    let token = keys(old, None).seal(RECEIPT, "x");
    assert_eq!(keys(new, Some(old)).open(RECEIPT, &token).as_deref(), Ok("x"));
    assert_eq!(keys(new, None).open(RECEIPT, &token), Err(SealError::Forged));
    let token = keys(new, Some(old)).seal(RECEIPT, "x");
    assert_eq!(keys(old, None).open(RECEIPT, &token), Err(SealError::Forged));
}

#[test]
fn a_foreign_key_opens_nothing() {
    let token = ours().seal(RECEIPT, "x");
    assert_eq!(keys("a key of 16 bytes or mors", None).open(RECEIPT, &token), Err(SealError::Forged));
}

#[test]
fn a_token_is_worth_nothing_for_another_purpose() {
    let token = ours().seal(RECEIPT, "x");
    for other in ["", "receip", "receipt ", "receipts", "Receipt", "link"] {
        assert_eq!(ours().open(Purpose::new(other), &token), Err(SealError::Forged), "{other:?}");
    }
}

#[test]
fn purpose_and_body_cannot_be_shifted_into_each_other() {
    // Both would hash the same bytes if nothing stood between them.
    let shifted = URL_SAFE_NO_PAD.encode("body");
    let token = ours().seal(Purpose::new("pur"), "body");
    let (_, seal) = token.split_once('.').unwrap();
    for cut in 1..shifted.len() {
        let (head, tail) = shifted.split_at(cut);
        let purpose = Purpose::new(format!("pur{head}").leak());
        assert_eq!(ours().open(purpose, &format!("{tail}.{seal}")), Err(SealError::Forged));
    }
}

#[test]
fn what_is_no_token_is_refused() {
    for token in ["", ".", "..", "a", "a.b", "!.!", "eA", "eA.", ".eA", "eA==.eA==", "eA.eA.eA", "é.é"] {
        assert!(ours().open(RECEIPT, token).is_err(), "{token:?}");
    }
    let token = ours().seal(RECEIPT, "x");
    for other in [format!("{token}="), format!(" {token}"), format!("{token}\n"), format!("{token}.")] {
        assert!(ours().open(RECEIPT, &other).is_err(), "{other:?}");
    }
    assert_eq!(ours().open(RECEIPT, &"a".repeat(513)), Err(SealError::TooLong(513)));
}

proptest! {
    #[test]
    fn what_is_sealed_opens_and_is_safe_in_a_url(body in ".{0,80}") {
        let token = ours().seal(RECEIPT, &body);
        prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
        prop_assert_eq!(ours().open(RECEIPT, &token), Ok(body));
    }

    #[test]
    fn no_altered_token_opens(body in "[a-z0-9|]{1,80}", position in any::<prop::sample::Index>(), to in "[A-Za-z0-9._-]") {
        let token = ours().seal(RECEIPT, &body);
        let position = position.index(token.len());
        let mut altered = token.clone();
        altered.replace_range(position..=position, &to);
        prop_assume!(altered != token);
        prop_assert!(ours().open(RECEIPT, &altered).is_err());
    }

    #[test]
    fn no_text_panics(token in ".*") {
        prop_assert!(ours().open(RECEIPT, &token).is_err());
    }
}
