//! The searches that are run: what is proven, and what must be found when a rule is left out.

use std::fmt;
use std::time::Instant;

use ota_rollout::{Budget, Happening, Informed, Mode, Retry};
use stateright::{Checker, Expectation, Model};

use crate::fleet::Fleet;
use crate::ledger::{Ledger, Order, Rule};
use crate::promise;

/// A search over every reachable state of one fleet.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// What is searched, in words.
    pub name: &'static str,
    shape: Shape,
    ledger: Ledger,
}

/// How large the fleet is, and how much of what may happen to it is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Three devices; gateways hold grants and begins in memory.
    Three,
    /// Two devices, to which whatever there is may happen; gateways hold every decision.
    Two,
    /// Two devices, each in two jobs; gateways hold grants.
    TwoJobs,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// How many states there are.
    pub states: usize,
    /// How many steps lead from one to another.
    pub steps: usize,
    /// How long it took.
    pub seconds: f64,
    /// The promises that break, each with a way there.
    pub broken: Vec<Counterexample>,
    /// What should have been reachable, and is not: the model would prove nothing.
    pub unreached: Vec<&'static str>,
}

/// How a promise breaks.
#[derive(Debug)]
pub struct Counterexample {
    /// Which.
    pub promise: &'static str,
    /// One step a line.
    pub way: Vec<String>,
}

/// Three devices and a budget that successes do not raise.
pub const FIXED: Search = search("3 devices, growth 0", Shape::Three, Mode::Push, 0, None);
/// Three devices and a budget that each success raises by one.
pub const GROWING: Search = search("3 devices, growth 1000", Shape::Three, Mode::Push, 1000, None);
/// Whatever may happen to two devices that are told.
pub const PUSH: Search = search("2 devices, all that may happen, push", Shape::Two, Mode::Push, 1000, None);
/// Whatever may happen to two devices that ask.
pub const REQUEST: Search =
    search("2 devices, all that may happen, request", Shape::Two, Mode::Request, 1000, None);
/// Two devices, each in two jobs.
pub const TWO_JOBS: Search = search("2 devices in 2 jobs", Shape::TwoJobs, Mode::Push, 0, None);

/// What is proven.
pub const PROOFS: [Search; 5] = [FIXED, GROWING, PUSH, REQUEST, TWO_JOBS];

/// What a ledger without one of its rules breaks: the model sees it, so its silence about the others says something.
pub const MUTANTS: [(Search, &str); 7] = [
    (mutant("a slot without the bound", GROWING, Rule::SlotReadsBound), promise::BOUND),
    (mutant("a begin without the job's row", GROWING, Rule::BeginReadsJob), promise::STOP),
    (mutant("a begin without the bound", GROWING, Rule::BeginReadsBound), promise::BOUND),
    (
        mutant("a begin by report, without the bound at a second try", REQUEST, Rule::EachTryBegins),
        promise::BOUND,
    ),
    (mutant("a retry that un-exposes", GROWING, Rule::RetryKeepsExposure), promise::BOUND),
    (mutant("a person's retry that does not settle its job", GROWING, Rule::RetrySettles), promise::ALIVE),
    (mutant("a grant to a device at work", TWO_JOBS, Rule::OneLiveTask), promise::ONE),
];

/// How many steps a mutant is given to break its promise.
pub const DEEPEST: usize = 20;

const fn search(name: &'static str, shape: Shape, mode: Mode, growth: i64, lacks: Option<Rule>) -> Search {
    let retry = Retry { attempts: 2, ..Retry::DEFAULT };
    let order = Order { budget: Budget { loss_budget: 1, growth }, max_in_flight: 300, retry, mode };
    Search { name, shape, ledger: Ledger { order, lacks } }
}

const fn mutant(name: &'static str, of: Search, lacks: Rule) -> Search {
    Search { name, shape: of.shape, ledger: Ledger { order: of.ledger.order, lacks: Some(lacks) } }
}

/// Whatever may happen to a task.
pub const EVERYTHING: &[Happening] = &[
    Happening::Grant,
    Happening::Offer,
    Happening::Acknowledge,
    Happening::Begin,
    Happening::Refuse,
    Happening::Resume,
    Happening::Complete,
    Happening::Step(0),
    Happening::Step(80),
    // Tried again.
    Happening::Step(-2),
    // Not tried again.
    Happening::Step(-1),
    Happening::Inform(Informed::Target),
    Happening::Inform(Informed::Hop),
    Happening::Inform(Informed::Source),
    Happening::Inform(Informed::Newer),
    Happening::Inform(Informed::Other),
    Happening::Due,
    Happening::Cancel,
    Happening::Retry,
];

/// Without what is another word for the same to a push job with no hops.
const PUSHED: &[Happening] = &[
    Happening::Grant,
    Happening::Acknowledge,
    Happening::Begin,
    Happening::Resume,
    Happening::Complete,
    Happening::Step(0),
    Happening::Step(80),
    Happening::Step(-2),
    Happening::Inform(Informed::Target),
    Happening::Inform(Informed::Source),
    Happening::Inform(Informed::Other),
    Happening::Due,
    Happening::Cancel,
    Happening::Retry,
];

/// What moves a device between jobs.
const CONTESTED: &[Happening] = &[
    Happening::Grant,
    Happening::Begin,
    Happening::Step(-2),
    Happening::Inform(Informed::Target),
    Happening::Inform(Informed::Source),
    Happening::Due,
];

impl Search {
    /// Searches every state.
    pub fn run(&self) -> Found {
        self.explore(usize::MAX)
    }

    /// Searches ever deeper until `promise` breaks, so that the way there is a shortest one; `None` when it holds for
    /// `deepest` steps.
    pub fn find(&self, promise: &str, deepest: usize) -> Option<Counterexample> {
        let mut found = (1..=deepest).flat_map(|depth| self.explore(depth).broken);
        found.find(|counterexample| counterexample.promise == promise)
    }

    /// Searches no further than `deepest` steps from the start.
    fn explore(&self, deepest: usize) -> Found {
        let ledger = self.ledger;
        match self.shape {
            Shape::Three => {
                let held = &[Happening::Grant, Happening::Begin];
                explore(Fleet::<1, 3> { ledger, happenings: PUSHED, held }, deepest)
            }
            Shape::Two => {
                explore(Fleet::<1, 2> { ledger, happenings: EVERYTHING, held: EVERYTHING }, deepest)
            }
            Shape::TwoJobs => {
                let held = &[Happening::Grant];
                explore(Fleet::<2, 2> { ledger, happenings: CONTESTED, held }, deepest)
            }
        }
    }
}

fn explore<const J: usize, const D: usize>(fleet: Fleet<J, D>, deepest: usize) -> Found {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    // The checker counts states on a way, the start among them.
    let deepest = deepest.saturating_add(2);
    let checker = fleet.checker().threads(threads).target_max_depth(deepest).spawn_bfs().join();
    let seconds = started.elapsed().as_secs_f64();
    let mut found = Found {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        seconds,
        broken: Vec::new(),
        unreached: Vec::new(),
    };
    let discoveries = checker.discoveries();
    for property in checker.model().properties() {
        match (property.expectation, discoveries.get(property.name)) {
            (Expectation::Always, Some(path)) => {
                let states: Vec<_> = path.clone().into_states();
                let way = checker.model().retell(&states).iter().map(ToString::to_string).collect();
                found.broken.push(Counterexample { promise: property.name, way });
            }
            (Expectation::Sometimes, None) => found.unreached.push(property.name),
            _ => {}
        }
    }
    found
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, steps, seconds, .. } = self;
        write!(f, "states {states}, steps {steps}, {seconds:.1} s")
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}” breaks after {} steps", self.promise, self.way.len())?;
        self.way.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}
