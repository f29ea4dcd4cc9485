//! The promises hold in every state, and break when the ledger lacks one of its rules.
//! What is printed goes into tests/EVIDENCE.md.

use ota_model::promise;
use ota_model::search::{DEEPEST, FIXED, GROWING, MUTANTS, PUSH, REQUEST, Search, TWO_JOBS};

fn assert_proven(proof: Search) {
    let found = proof.run();
    println!("{}: {found}", proof.name);
    assert_eq!(found.broken.first().map(ToString::to_string), None);
    assert!(found.unreached.is_empty(), "never reached: {:?}", found.unreached);
}

#[test]
fn three_devices_with_a_fixed_budget() {
    assert_proven(FIXED);
}

#[test]
fn three_devices_with_a_budget_that_grows() {
    assert_proven(GROWING);
}

#[test]
fn two_devices_to_which_anything_happens_in_a_push_job() {
    assert_proven(PUSH);
}

#[test]
fn two_devices_to_which_anything_happens_in_a_request_job() {
    assert_proven(REQUEST);
}

#[test]
fn two_devices_in_two_jobs() {
    assert_proven(TWO_JOBS);
}

#[test]
fn a_ledger_that_lacks_a_rule_breaks_its_promise() {
    for (mutant, promise) in MUTANTS {
        let way = mutant.find(promise, DEEPEST).unwrap_or_else(|| panic!("{}: not caught", mutant.name));
        println!("{}: {way}", mutant.name);
    }
}

#[test]
fn a_ledger_with_all_its_rules_keeps_its_promises_for_as_many_steps() {
    for promise in [promise::BOUND, promise::STOP] {
        assert!(GROWING.find(promise, 9).is_none(), "{promise}");
    }
}
