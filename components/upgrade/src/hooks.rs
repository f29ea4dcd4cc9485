//! Messages to operators' hooks: the last part of a sweep, since nothing else may wait for a receiver.
//!
//! What a decision had to say stands in the outbox. A receiver that is slow costs a sweep at most [`TIME`] and one
//! try; one that fails is tried with one message, and then left alone for a while.

use std::collections::BTreeSet;

use ota_ledger::outbox::{Delivery, Due};
use ota_platform::crypt::Owner;
use ota_platform::hook::{self, NotDelivered, Outgoing};
use ota_platform::watch::Watch;
use ota_platform::{Failure, Gateway};

/// The most messages that one sweep sends.
const MOST: i64 = 8;

/// For how long one sweep begins to send messages (ms).
const TIME: i64 = 2_000;
/// How old a sweep is when it begins to send no second message (ms): the first is sent however late it is.
const TELL_UNTIL: i64 = 4_000;

/// Tells hooks what they are to be told, as far as that goes now. A failure here is no failure of the sweep: what was
/// not told is due again.
pub(crate) fn tell(gateway: &Gateway<'_>, sweep: &Watch<'_>) {
    if let Err(failure) = tell_due(gateway, sweep) {
        eprintln!("hooks are told later: {failure}");
    }
}

fn tell_due(gateway: &Gateway<'_>, sweep: &Watch<'_>) -> Result<(), Failure> {
    let due = gateway.decide(|ledger| {
        ledger.fan_out()?;
        Ok(ledger.due(MOST)?)
    })?;
    let watch = Watch::start(gateway.clock);
    let has_time = || watch.is_before(TIME) && sweep.is_before(TELL_UNTIL);
    let mut failing = BTreeSet::new();
    for (n, due) in due.iter().enumerate() {
        if n > 0 && !has_time() {
            break;
        }
        if !failing.contains(&due.hook) && !has_passed(gateway, due)? {
            failing.insert(&due.hook);
        }
    }
    Ok(())
}

/// Makes the next try of a message; whether its hook may be sent another one now.
fn has_passed(gateway: &Gateway<'_>, due: &Due) -> Result<bool, Failure> {
    // Another sweep is at it, or nobody wants it any more.
    let Some(delivery) = gateway.decide(|ledger| Ok(ledger.claim(due)?))? else { return Ok(true) };
    match send(gateway, &delivery) {
        Ok(()) => {
            gateway.decide(|ledger| Ok(ledger.told(&delivery)?))?;
            Ok(true)
        }
        Err(error) => {
            gateway.decide(|ledger| Ok(ledger.untold(&delivery, &error.to_string())?))?;
            Ok(false)
        }
    }
}

fn send(gateway: &Gateway<'_>, delivery: &Delivery) -> Result<(), NotDelivered> {
    let secret = gateway
        .secret_keys()?
        .open(Owner::Hook(&delivery.hook), &delivery.secret)
        .map_err(|_| NotDelivered::Secret)?;
    let outgoing = Outgoing {
        url: &delivery.url,
        secret: &secret,
        delivery: &delivery.id(),
        now: delivery.now,
        body: &hook::message(delivery),
    };
    hook::send(gateway, &outgoing).map(|_| ())
}
