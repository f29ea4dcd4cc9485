//! A link serves one device, one attempt, and nobody can write one.

use proptest::prelude::*;

use super::*;
use crate::seal::MAX_TOKEN;
use crate::secret::Secret;
use crate::session::Session;

fn keys() -> SealKeys {
    SealKeys::new(&Secret::new("a key of 16 bytes or more"), None).unwrap()
}

fn link() -> Link {
    let device = DeviceId::parse("pk", "dk").unwrap();
    Link { epoch: 1, device, task: "42".to_owned(), attempt: 2, expires_at: 1_795_455_510_094 }
}

#[test]
fn its_format_does_not_change_unnoticed() {
    let token = "MXwyfDE3OTU0NTU1MTAwOTR8cGt8ZGt8NDI.VostInxZIl3EcD09x_vnmmKQ6fminpWjcJsAskHVIHo";
    assert_eq!(link().sign(&keys()), token);
    assert_eq!(Link::open(token, &keys()), Ok(link()));
}

#[test]
fn a_link_cannot_be_rewritten() {
    let token = link().sign(&keys());
    let (_, seal) = token.split_once('.').unwrap();
    let others = [
        Link { device: DeviceId::parse("pk", "other").unwrap(), ..link() },
        Link { device: DeviceId::parse("other", "dk").unwrap(), ..link() },
        Link { epoch: 2, ..link() },
        Link { attempt: 3, ..link() },
        Link { task: "43".to_owned(), ..link() },
        Link { expires_at: i64::MAX, ..link() },
    ];
    for other in others {
        let other = other.sign(&keys());
        let (body, _) = other.split_once('.').unwrap();
        assert_eq!(Link::open(&format!("{body}.{seal}"), &keys()), Err(SealError::Forged));
    }
}

#[test]
fn a_link_under_a_foreign_key_is_refused() {
    let foreign = SealKeys::new(&Secret::new("another key of 16 bytes"), None).unwrap();
    assert_eq!(Link::open(&link().sign(&foreign), &keys()), Err(SealError::Forged));
}

#[test]
fn a_session_is_no_link() {
    let device = link().device;
    let session = Session { epoch: 1, device, generation: 1, expires_at: 1 };
    assert_eq!(Link::open(&session.sign(&keys()), &keys()), Err(SealError::Forged));
}

#[test]
fn a_sealed_text_that_is_no_link_is_refused() {
    for body in ["", "1|2|3|pk|dk", "a|2|3|pk|dk|t", "1||3|pk|dk|t", "1|2|3|..|dk|t", "1|2|1e3|pk|dk|t"] {
        let token = keys().seal(PURPOSE, body);
        assert_eq!(Link::open(&token, &keys()), Err(SealError::Content), "{body}");
    }
}

proptest! {
    #[test]
    fn every_link_round_trips_within_the_limit(
        epoch: i64, attempt: i64, expires_at: i64, task in "[ -~]{0,64}",
        pk in "[A-Za-z0-9_:@-]{1,64}", dk in "[A-Za-z0-9_:@-]{1,64}",
    ) {
        let device = DeviceId::parse(&pk, &dk).unwrap();
        let link = Link { epoch, device, task, attempt, expires_at };
        let token = link.sign(&keys());
        prop_assert!(token.len() <= MAX_TOKEN);
        prop_assert_eq!(Link::open(&token, &keys()), Ok(link));
    }
}
