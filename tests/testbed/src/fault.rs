//! Stores that fail at the n-th call, and what must come of it: an answer that says so, and once the message is
//! repeated the state that would have been.

use std::cell::Cell;

use http::StatusCode;
use ota_platform::Response;

use crate::Testbed;

/// How a call to a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and says so.
    Refused,
    /// It is done, and its answer is lost.
    Unheard,
    /// It is not done, nor is any after it.
    Gone,
}

impl Fault {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Refused, Self::Unheard, Self::Gone];
}

/// The calls to a store: how many there were, and which is to fail.
#[derive(Default)]
pub(crate) struct Calls {
    count: Cell<usize>,
    plan: Cell<Option<(usize, Fault)>>,
    has_failed: Cell<bool>,
}

impl Calls {
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    /// The `n`-th call from now (from 0) fails.
    pub(crate) fn fail_at(&self, n: usize, fault: Fault) {
        self.plan.set(Some((self.count.get() + n, fault)));
        self.has_failed.set(false);
    }

    /// Nothing fails any more; whether something did.
    pub(crate) fn heal(&self) -> bool {
        self.plan.set(None);
        self.has_failed.get()
    }

    /// Makes a call: `Err` when it fails.
    pub(crate) fn make<T, E>(
        &self,
        call: impl FnOnce() -> Result<T, E>,
        failure: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let n = self.count.get();
        self.count.set(n + 1);
        let fault = self.plan.get().and_then(|(at, fault)| match fault {
            Fault::Gone => (n >= at).then_some(fault),
            Fault::Refused | Fault::Unheard => (n == at).then_some(fault),
        });
        let Some(fault) = fault else { return call() };
        self.has_failed.set(true);
        if fault == Fault::Unheard {
            call()?;
        }
        Err(failure())
    }
}

/// A situation, and a message that comes in it.
pub struct Scene<'s, C> {
    /// Makes the situation, always the same.
    pub set: &'s dyn Fn(&Testbed) -> C,
    /// Sends the message.
    pub message: &'s dyn Fn(&Testbed, &C) -> Response,
    /// Whether the message may come again although it was answered, as every device's may.
    pub is_repeatable: bool,
}

/// Sends the message with every fault at every call to a store: it is answered as it would be or with 503, and once
/// it was repeated, the state is the one without the fault. How many faults were tried.
pub fn survives<C>(scene: &Scene<'_, C>, faults: &[Fault]) -> usize {
    let expected = play(scene, &|_| {}, &|_| false);
    let mut tried = 0;
    for fault in faults {
        for store in [Store::Sql, Store::Kv] {
            for n in 0.. {
                let played = play(scene, &|bed| store.fail_at(bed, n, *fault), &|bed| store.heal(bed));
                if !played.has_failed {
                    break;
                }
                tried += 1;
                let what = format!("{fault:?} at call {n} to {store:?}");
                let status = played.first;
                assert!(
                    is_like(status, expected.first) || status == StatusCode::SERVICE_UNAVAILABLE,
                    "{what}: answered {status}, without a fault {}",
                    expected.first
                );
                assert!(is_like(played.told, expected.told), "{what}: in the end {}", played.told);
                assert_eq!(
                    played.has_command, expected.has_command,
                    "{what}: whether there was a command in the end"
                );
                assert_eq!(played.state, expected.state, "{what}: the state in the end");
            }
        }
    }
    tried
}

struct Played {
    /// The status of the first answer.
    first: StatusCode,
    /// The status of the answer in the end, once the message was repeated if it had to be.
    told: StatusCode,
    has_command: bool,
    has_failed: bool,
    state: String,
}

fn play<C>(scene: &Scene<'_, C>, before: &dyn Fn(&Testbed), after: &dyn Fn(&Testbed) -> bool) -> Played {
    let bed = Testbed::new();
    let context = (scene.set)(&bed);
    before(&bed);
    let mut response = (scene.message)(&bed, &context);
    let has_failed = after(&bed);
    let first = response.status();
    if first == StatusCode::SERVICE_UNAVAILABLE {
        response = (scene.message)(&bed, &context);
    }
    let (told, has_command) = (response.status(), response.headers().contains_key("command-payload"));
    if scene.is_repeatable {
        (scene.message)(&bed, &context);
    }
    Played { first, told, has_command, has_failed, state: bed.state() }
}

/// What is created and not heard of is there already when it is created again.
fn is_like(status: StatusCode, expected: StatusCode) -> bool {
    status == expected || (status.is_success() && expected.is_success())
}

#[derive(Debug, Clone, Copy)]
enum Store {
    Sql,
    Kv,
}

impl Store {
    fn fail_at(self, bed: &Testbed, n: usize, fault: Fault) {
        match self {
            Self::Sql => bed.sql.fail_at(n, fault),
            Self::Kv => bed.kv.fail_at(n, fault),
        }
    }

    fn heal(self, bed: &Testbed) -> bool {
        match self {
            Self::Sql => bed.sql.heal(),
            Self::Kv => bed.kv.heal(),
        }
    }
}
