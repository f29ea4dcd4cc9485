//! Many schedules: the ones that are kept first, then as many as there is time for.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::arena::Arena;
use crate::choices::script;
use crate::shrink::shrunk;
use crate::{Store, Tally};

/// How many schedules are run.
#[derive(Debug, Clone)]
pub struct Limit {
    /// The first seed.
    pub first: u64,
    /// For how long.
    pub time: Duration,
    /// How many at most.
    pub schedules: u64,
    /// For how long a shorter one is looked for when one breaks a promise.
    pub shorter: Duration,
    /// The only promise that is asked for, when one is: who takes a rule away says which promise has to break.
    /// Then no other ends a schedule, nor does a schedule that itself goes wrong end the run.
    pub promise: Option<String>,
}

/// Runs the schedules of `kept` seeds and then of `limit`, on all of `stores` at once, each of which is empty.
///
/// # Panics
/// With the name of the promise, when one is broken: then with its seed, and its steps in words, made as short as
/// could be found.
pub fn run(stores: &[Store], kept: &[u64], limit: &Limit) -> Tally {
    let begun = Instant::now();
    let count = AtomicU64::new(0);
    let is_broken = AtomicBool::new(false);
    // The next seed, whoever is free.
    let next = || {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let kept_one = usize::try_from(n).ok().and_then(|n| kept.get(n).copied());
        let fresh = n.saturating_sub(kept.len() as u64);
        if is_broken.load(Ordering::Relaxed) {
            return None;
        }
        let is_over = begun.elapsed() >= limit.time || fresh >= limit.schedules;
        kept_one.or_else(|| (!is_over).then_some(limit.first + fresh))
    };
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let lanes: Vec<_> =
            stores.iter().map(|store| scope.spawn(|| lane(store, next, limit, &is_broken))).collect();
        for lane in lanes {
            match lane.join() {
                Ok(of_lane) => tally.add(&of_lane),
                Err(panic) => resume_unwind(panic),
            }
        }
    });
    tally
}

/// The steps of the schedule of `seed` on `store`, which is empty, in words: the same each time.
///
/// # Panics
/// When it breaks a promise.
pub fn steps(store: &Store, seeds: &[u64]) -> Vec<String> {
    let arena = Arena::open(store.clone(), None);
    let mut steps = Vec::new();
    for seed in seeds {
        let (_, result, told) = arena.play(&script(*seed));
        assert_eq!(result, Ok(()), "seed {seed}");
        steps.extend(told);
    }
    steps
}

/// One schedule after the other, until there is no seed; nobody goes on when a promise is broken.
///
/// A schedule may go wrong by itself, under a ledger of which a rule was taken away: when another promise is asked for,
/// the next one is played on new connections, and the run fails in the end.
fn lane(store: &Store, next: impl Fn() -> Option<u64>, limit: &Limit, is_broken: &AtomicBool) -> Tally {
    let mut arena = Arena::open(store.clone(), limit.promise.clone());
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    while let Some(seed) = next() {
        let script = script(seed);
        // What a panic leaves behind is not used again.
        let (of_this, result, _) = match catch_unwind(AssertUnwindSafe(|| arena.play(&script))) {
            Ok(played) => played,
            Err(_) if limit.promise.is_some() => {
                println!("the schedule of seed {seed} went wrong, and broke no promise");
                wrong.push(seed);
                drop(arena);
                arena = Arena::open(store.clone(), limit.promise.clone());
                continue;
            }
            Err(panic) => {
                is_broken.store(true, Ordering::Relaxed);
                println!("the schedule of seed {seed} went wrong, and broke no promise");
                resume_unwind(panic)
            }
        };
        tally.add(&of_this);
        let Err(broken) = result else { continue };
        is_broken.store(true, Ordering::Relaxed);
        let promise = broken.promise;
        println!("{promise} is broken by seed {seed}, a shorter schedule is looked for: {}", broken.what);
        let short = shrunk(&script, promise, limit.shorter, |script| arena.play(script).1.err());
        let (_, result, told) = arena.play(&short);
        let what = result.err().unwrap_or(broken).what;
        panic!(
            "{promise}: {what}\nseed {seed}, {} choices of {}:\n{}",
            short.len(),
            script.len(),
            told.join("\n")
        );
    }
    assert!(wrong.is_empty(), "the schedules of seeds {wrong:?} went wrong, and broke no promise");
    tally
}
