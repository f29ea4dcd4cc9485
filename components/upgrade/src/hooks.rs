//! Messages to operators' hooks: the last part of a sweep, since nothing else may wait for a receiver.
//!
//! What a decision had to say stands in the outbox. A receiver that is slow costs a sweep at most [`TIME`] and one
//! try; one that fails is tried with one message, and then left alone for a while.

use std::collections::BTreeSet;
use std::time::Duration;

use ota_ledger::outbox::{Delivery, Due};
use ota_platform::crypt::Owner;
use ota_platform::hook::{self, NotDelivered, Outgoing};
use ota_platform::{Failure, Gateway};

/// The most messages that one sweep sends.
const MOST: i64 = 8;

/// For how long one sweep begins to send messages.
const TIME: Duration = Duration::from_secs(2);

/// Tells hooks what they are to be told, as far as that goes now. A failure here is no failure of the sweep: what was
/// not told is due again.
pub(crate) fn tell(gateway: &Gateway<'_>) {
    if let Err(failure) = tell_due(gateway) {
        eprintln!("hooks are told later: {failure}");
    }
}

fn tell_due(gateway: &Gateway<'_>) -> Result<(), Failure> {
    let due = gateway.decide(|ledger| {
        ledger.fan_out()?;
        Ok(ledger.due(MOST)?)
    })?;
    let begun = gateway.clock.now_ms();
    let time = i64::try_from(TIME.as_millis()).unwrap_or(i64::MAX);
    let mut failing = BTreeSet::new();
    for due in &due {
        if gateway.clock.now_ms().saturating_sub(begun) >= time {
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
