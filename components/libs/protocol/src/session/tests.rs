//! A session is a device's own, and nothing else is a session.

use proptest::prelude::*;

use super::*;
use crate::link::Link;
use crate::seal::MAX_TOKEN;
use crate::secret::Secret;

fn keys() -> SealKeys {
    SealKeys::new(&Secret::new("a key of 16 bytes or more"), None).unwrap()
}

fn session(product: &str, device: &str) -> Session {
    let device = DeviceId::parse(product, device).unwrap();
    Session { epoch: 1, device, generation: 2, expires_at: 1_795_455_510_094 }
}

#[test]
fn its_format_does_not_change_unnoticed() {
    let token = "MXwyfDE3OTU0NTU1MTAwOTR8cGt8ZGs.PLSniC7IK5UsM1FHc3tzJMkk1z9eYAaSLI5v5Wh3rZA";
    assert_eq!(session("pk", "dk").sign(&keys()), token);
    assert_eq!(Session::open(token, &keys()), Ok(session("pk", "dk")));
}

#[test]
fn the_session_of_another_device_does_not_carry_over() {
    let token = session("pk", "dk").sign(&keys());
    let opened = Session::open(&token, &keys()).unwrap();
    assert_ne!(opened.device, DeviceId::parse("pk", "other").unwrap());

    let (_, seal) = token.split_once('.').unwrap();
    let other = session("pk", "other").sign(&keys());
    let (body, _) = other.split_once('.').unwrap();
    assert_eq!(Session::open(&format!("{body}.{seal}"), &keys()), Err(SealError::Forged));
}

#[test]
fn a_link_is_no_session() {
    let device = DeviceId::parse("pk", "dk").unwrap();
    let link = Link { epoch: 1, device, task: "1".into(), attempt: 1, expires_at: 1 };
    assert_eq!(Session::open(&link.sign(&keys()), &keys()), Err(SealError::Forged));
}

#[test]
fn a_sealed_text_that_is_no_session_is_refused() {
    for body in
        ["", "1|2|3|pk", "1|2|3|pk|dk|x", "a|2|3|pk|dk", "1|2|3|p k|dk", "1|2|99999999999999999999|pk|dk"]
    {
        let token = keys().seal(PURPOSE, body);
        assert_eq!(Session::open(&token, &keys()), Err(SealError::Content), "{body}");
    }
}

proptest! {
    #[test]
    fn every_session_round_trips_within_the_limit(
        epoch: i64, generation: i64, expires_at: i64, pk in "[A-Za-z0-9_:@-]{1,64}", dk in "[A-Za-z0-9_:@-]{1,64}"
    ) {
        let device = DeviceId::parse(&pk, &dk).unwrap();
        let session = Session { epoch, device, generation, expires_at };
        let token = session.sign(&keys());
        prop_assert!(token.len() <= MAX_TOKEN);
        prop_assert_eq!(Session::open(&token, &keys()), Ok(session));
    }
}
