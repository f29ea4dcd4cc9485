//! The outbox: each try is one sweep's, what fails comes again, and no message is lost.

use std::collections::BTreeSet;

use ota_ledger::hook::Kind;
use ota_ledger::outbox::{Due, TRIED_FOR};
use ota_ledger::{Ledger, Sql};

use crate::database::{DIALECT, Shared};
use crate::ledger::hooks::{add_hook, arrive, claim, claim_one, due, fail, fan_out, happen, hook, new_hook};
use crate::ledger::store::{START, Store};

/// The first wait of a message that did not arrive, with all that may be added to it (ms).
const FIRST_WAIT: i64 = 6_250;
/// No hook pauses for longer (ms).
const LONGEST_PAUSE: i64 = 75_000;

#[test]
fn a_try_is_claimed_by_one_sweep_only() {
    let store = Store::new();
    add_hook(&store, "h");
    happen(&store, Kind::Held, None);
    fan_out(&store);
    let seen = due(&store);
    assert!(claim(&store, &seen[0]).is_some());
    assert!(claim(&store, &seen[0]).is_none(), "the same try");
    assert_eq!(due(&store), []);
}

#[test]
fn a_sweep_that_died_with_a_claim_leaves_the_message_due_again() {
    let store = Store::new();
    add_hook(&store, "h");
    happen(&store, Kind::Held, None);
    fan_out(&store);
    let died = claim_one(&store);
    store.pass(4_999);
    assert_eq!(due(&store), []);
    store.pass(FIRST_WAIT - 4_999);
    let again = claim_one(&store);
    assert_eq!(again.id(), died.id());
    arrive(&store, &again);
    assert_eq!(hook(&store, "h").delivered, 1);
}

#[test]
fn a_failing_hook_is_tried_ever_later_and_says_since_when_and_why() {
    let store = Store::new();
    add_hook(&store, "h");
    happen(&store, Kind::Held, None);
    fan_out(&store);
    let mut waits = Vec::new();
    for _ in 0..5 {
        fail(&store, &claim_one(&store));
        let mut waited = 0;
        while due(&store).is_empty() {
            store.pass(1_000);
            waited += 1;
        }
        waits.push(waited);
    }
    for (waited, least) in waits.iter().zip([5, 10, 20, 40, 80]) {
        assert!((least..=least * 5 / 4 + 1).contains(waited), "{waits:?}");
    }
    let shown = hook(&store, "h");
    assert_eq!((shown.pending, shown.failing_since), (1, Some(START)));
    assert_eq!(shown.last_error.as_deref(), Some("the receiver answered 500"));
    arrive(&store, &claim_one(&store));
    let shown = hook(&store, "h");
    assert_eq!((shown.pending, shown.delivered, shown.failing_since, shown.last_error), (0, 1, None, None));
}

#[test]
fn a_hook_that_fails_is_tried_with_one_message_at_a_time_and_keeps_no_other_waiting() {
    let store = Store::new();
    for id in ["dead", "well"] {
        add_hook(&store, id);
    }
    for _ in 0..10 {
        happen(&store, Kind::Done, None);
    }
    fan_out(&store);
    let seen = due(&store);
    let dead: Vec<&Due> = seen.iter().filter(|due| due.hook == "dead").collect();
    let first = claim(&store, dead[0]).unwrap();
    fail(&store, &first);
    assert!(due(&store).iter().all(|due| due.hook == "well"));
    store.pass(LONGEST_PAUSE);
    let seen: Vec<Due> = due(&store).into_iter().filter(|due| due.hook == "dead").collect();
    assert_eq!(seen.len(), 10);
    assert!(claim(&store, &seen[0]).is_some());
    assert!(claim(&store, &seen[1]).is_none(), "one at a time");
}

#[test]
fn once_a_hook_answers_what_waits_for_it_is_due_at_once() {
    let store = Store::new();
    add_hook(&store, "h");
    for _ in 0..3 {
        happen(&store, Kind::Done, None);
    }
    fan_out(&store);
    for _ in 0..3 {
        let seen = due(&store);
        fail(&store, &claim(&store, &seen[0]).unwrap());
        store.pass(LONGEST_PAUSE);
    }
    fail(&store, &claim(&store, &due(&store)[0]).unwrap());
    assert_eq!(due(&store), []);
    store.act(|ledger| ledger.hook_answers("h").unwrap());
    assert_eq!(due(&store).len(), 3);
    assert_eq!(hook(&store, "h").failing_since, None);
}

#[test]
fn a_message_that_its_receiver_cannot_take_keeps_no_other_for_long() {
    let store = Store::new();
    add_hook(&store, "h");
    happen(&store, Kind::Held, None);
    fan_out(&store);
    for _ in 0..20 {
        fail(&store, &claim_one(&store));
        store.pass(4_500_000);
    }
    fail(&store, &claim_one(&store));
    happen(&store, Kind::Done, None);
    fan_out(&store);
    store.pass(LONGEST_PAUSE);
    let other = claim_one(&store);
    assert_eq!(other.kind, "done");
    arrive(&store, &other);
    assert_eq!(hook(&store, "h").pending, 1);
}

#[test]
fn after_a_week_a_message_is_given_up_and_an_event_says_so() {
    let store = Store::new();
    add_hook(&store, "h");
    happen(&store, Kind::Held, None);
    fan_out(&store);
    assert_eq!(fail(&store, &claim_one(&store)), 0);
    store.pass(TRIED_FOR - 1);
    assert_eq!(fail(&store, &claim_one(&store)), 0);
    store.pass(LONGEST_PAUSE);
    assert_eq!(fail(&store, &claim_one(&store)), 1);
    store.pass(2 * TRIED_FOR);
    assert_eq!(due(&store), []);
    let shown = hook(&store, "h");
    assert_eq!((shown.pending, shown.given_up, shown.delivered), (0, 1, 0));
    let events = store.act(|ledger| ledger.events(None, 0, 100).unwrap());
    let last = events.last().unwrap();
    assert_eq!(last.kind, "hook_gave_up");
    assert_eq!(last.detail.as_deref(), Some("h: 1 messages: the receiver answered 500"));
    assert_eq!(fan_out(&store), 0, "that itself is told to nobody");
}

#[test]
fn nothing_is_given_up_that_was_never_tried() {
    let store = Store::new();
    add_hook(&store, "h");
    for _ in 0..2 {
        happen(&store, Kind::Held, None);
    }
    fan_out(&store);
    store.pass(2 * TRIED_FOR);
    assert_eq!(fail(&store, &claim(&store, &due(&store)[0]).unwrap()), 1);
    assert_eq!((hook(&store, "h").pending, hook(&store, "h").given_up), (1, 1));
}

#[test]
fn a_message_put_into_an_outbox_while_its_hook_was_removed_is_dropped() {
    let store = Store::new();
    add_hook(&store, "h");
    happen(&store, Kind::Held, None);
    fan_out(&store);
    store.sql.execute("UPDATE hook SET removed_at = 1", &[]).unwrap();
    let seen = due(&store);
    assert!(claim(&store, &seen[0]).is_none());
    store.pass(TRIED_FOR);
    assert_eq!(due(&store), []);
}

#[test]
fn a_quiet_sweep_of_the_outbox_is_two_reads() {
    let store = Store::new();
    add_hook(&store, "h");
    let (count, ()) = store.sql.count(|| {
        fan_out(&store);
        due(&store);
    });
    assert_eq!(count, 2);
}

/// Sweeps that run at once, each over a connection of its own, as in production.
#[test]
fn of_sweeps_at_once_each_message_is_sent_by_one() {
    let shared = Shared::new();
    let random = || 7;
    let sql = shared.connect();
    let ledger = Ledger::new(&sql, DIALECT, &random);
    for id in ["a", "b"] {
        ledger.create_hook(&new_hook(id, &Kind::ALL)).unwrap();
    }
    for _ in 0..30 {
        let insert = "INSERT INTO event (at, kind, actor, message) VALUES (1, 'held', 'gateway', 'held')";
        sql.execute(insert, &[]).unwrap();
    }
    let sent: Vec<String> = std::thread::scope(|scope| {
        let sweep = || {
            let sql = shared.connect();
            let ledger = Ledger::new(&sql, DIALECT, &random);
            let mut sent = Vec::new();
            for _ in 0..10 {
                ledger.fan_out().unwrap();
                for due in ledger.due(8).unwrap() {
                    if let Some(delivery) = ledger.claim(&due).unwrap() {
                        sent.push(delivery.id());
                        ledger.told(&delivery).unwrap();
                    }
                }
            }
            sent
        };
        let sweeps: Vec<_> = (0..4).map(|_| scope.spawn(sweep)).collect();
        sweeps.into_iter().flat_map(|sweep| sweep.join().unwrap()).collect()
    });
    let distinct: BTreeSet<&String> = sent.iter().collect();
    assert_eq!((sent.len(), distinct.len()), (60, 60));
}

#[test]
fn a_message_that_arrived_is_forgotten_after_a_day_and_stays_counted() {
    let store = Store::new();
    for id in ["h", "fails"] {
        add_hook(&store, id);
    }
    for _ in 0..3 {
        happen(&store, Kind::Held, None);
    }
    fan_out(&store);
    for due in due(&store) {
        if let Some(delivery) = claim(&store, &due) {
            if due.hook == "h" {
                arrive(&store, &delivery);
            } else {
                fail(&store, &delivery);
            }
        }
    }
    let arrived_at = store.now();
    let left = || {
        let left = "SELECT hook, COUNT(*) FROM outbox GROUP BY hook ORDER BY hook";
        let rows = store.sql.query(left, &[]).unwrap();
        rows.iter().map(|row| (row.text(0).unwrap(), row.int(1).unwrap())).collect::<Vec<_>>()
    };
    store.pass(86_399_999);
    store.sweep();
    assert_eq!(left(), [("fails".to_owned(), 3), ("h".to_owned(), 3)]);
    store.pass(1);
    store.sweep();
    assert_eq!(left(), [("fails".to_owned(), 3)], "what is still to arrive is kept");
    let shown = hook(&store, "h");
    assert_eq!((shown.delivered, shown.delivered_at, shown.pending), (3, Some(arrived_at), 0));
    assert_eq!(fan_out(&store), 0, "and none is put there again");
}

#[test]
fn a_message_that_is_told_twice_arrived_once() {
    let store = Store::new();
    add_hook(&store, "h");
    happen(&store, Kind::Held, None);
    fan_out(&store);
    let delivery = claim_one(&store);
    arrive(&store, &delivery);
    arrive(&store, &delivery);
    assert_eq!(hook(&store, "h").delivered, 1);
}
