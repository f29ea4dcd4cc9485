//! What may happen next: gateways that read, commit or crash, devices and a network that say anything at any time, an
//! operator.

use std::fmt;

use ota_rollout::Happening;
use stateright::{Model, Property};

use crate::ledger::{End, Ledger};
use crate::promise;
use crate::state::{GATEWAYS, Intent, State};

/// `D` devices under `J` jobs of one kind, on a ledger that several gateways share.
///
/// Devices and network are as bad as can be: whatever a device may ever say arrives at any moment, any number of times
/// or never, at any gateway. So messages that are lost, duplicated, reordered or late by any time need no store: each is
/// one that arrives now. Deadlines pass at any moment, too.
#[derive(Debug, Clone, Copy)]
pub struct Fleet<const J: usize, const D: usize> {
    /// The ledger.
    pub ledger: Ledger,
    /// What may happen to a task.
    pub happenings: &'static [Happening],
    /// Which decisions a gateway holds in memory for a while.
    ///
    /// A transaction reads again, so what it waited for in memory is a message that comes later: each decision that is
    /// left out here is a step that is taken at once, and loses no behaviour.
    pub held: &'static [Happening],
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A gateway takes a message, or its sweep finds a task; it reads, and comes to a decision.
    Read(usize, Intent),
    /// It runs the transaction of its decision, which reads again.
    Commit(usize),
    /// It dies with its decision. (Dying after a commit, before the answer, is a message that comes once more.)
    Crash(usize),
    /// A gateway reads and commits at once.
    Decide(Intent),
    /// The operator stops a job.
    Stop(usize),
    /// The operator resumes a job.
    Resume(usize),
}

impl<const J: usize, const D: usize> Fleet<J, D> {
    /// The decisions that a handler can come to by what it reads now.
    fn intents(&self, state: &State<J, D>, mut then: impl FnMut(Intent)) {
        for (job, device) in (0..J).flat_map(|job| (0..D).map(move |device| (job, device))) {
            // Of all links that the device ever got, the older are refused at the first read.
            let attempt = state.task(job, device).attempt;
            for happening in self.happenings.iter().copied() {
                let links = if has_link(happening) { attempt..=attempt + 1 } else { 0..=0 };
                for link in links {
                    let intent = Intent { job, device, happening, link };
                    if self.ledger.may_intend(state, &intent) {
                        then(intent);
                    }
                }
            }
        }
    }

    /// The state after `action`, its devices under their own names; `None` when nothing changes.
    fn act(&self, state: &State<J, D>, action: Action) -> Option<State<J, D>> {
        Some(match action {
            Action::Read(gateway, intent) => state.holding(gateway, Some(intent)),
            Action::Commit(gateway) => self.commit(state, gateway)?,
            Action::Crash(gateway) => state.holding(gateway, None),
            Action::Decide(intent) => match self.ledger.transact(state, &intent) {
                End::Commit(after) => *after,
                End::Later | End::Rollback => return None,
            },
            Action::Stop(job) => state.with_job(job, Ledger::stop(*state.job(job))?),
            Action::Resume(job) => state.with_job(job, self.ledger.resume(*state.job(job))?),
        })
    }

    /// The steps from one representative to the next, told of devices that keep their names.
    pub(crate) fn retell(&self, states: &[State<J, D>]) -> Vec<Action> {
        let mut now = State::new();
        let mut told = Vec::new();
        for next in states.iter().skip(1) {
            let mut actions = Vec::new();
            self.actions(&now, &mut actions);
            let step = actions.into_iter().find_map(|action| {
                let after = self.act(&now, action)?.without_past();
                (after.clone().representative() == *next).then_some((action, after))
            });
            let Some((action, after)) = step else { break };
            told.push(action);
            now = after;
        }
        told
    }

    fn commit(&self, state: &State<J, D>, gateway: usize) -> Option<State<J, D>> {
        let intent = state.held_by(gateway)?;
        Some(match self.ledger.transact(state, &intent) {
            End::Commit(after) => after.holding(gateway, None),
            // It tells the ledger that the device was turned away, in a transaction of its own.
            End::Later => state.holding(gateway, Some(Intent { happening: Happening::Refuse, ..intent })),
            End::Rollback => state.holding(gateway, None),
        })
    }
}

/// Whether it comes by a download link.
fn has_link(happening: Happening) -> bool {
    matches!(happening, Happening::Begin | Happening::Refuse | Happening::Resume | Happening::Complete)
}

impl<const J: usize, const D: usize> Model for Fleet<J, D> {
    type State = State<J, D>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![State::new()]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        if state.broken.is_some() {
            return;
        }
        let idle = (0..GATEWAYS).find(|gateway| state.held_by(*gateway).is_none());
        self.intents(state, |intent| match idle {
            _ if !self.held.contains(&intent.happening) => actions.push(Action::Decide(intent)),
            Some(gateway) => actions.push(Action::Read(gateway, intent)),
            None => {}
        });
        let busy = (0..GATEWAYS).filter(|gateway| state.held_by(*gateway).is_some());
        actions.extend(busy.flat_map(|gateway| [Action::Commit(gateway), Action::Crash(gateway)]));
        actions.extend((0..J).flat_map(|job| [Action::Stop(job), Action::Resume(job)]));
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        Some(self.act(state, action)?.representative())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promise::properties()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(gateway, intent) => write!(f, "gateway {gateway} reads: {intent}"),
            Self::Commit(gateway) => write!(f, "gateway {gateway} commits"),
            Self::Crash(gateway) => write!(f, "gateway {gateway} dies"),
            Self::Decide(intent) => write!(f, "a gateway reads and commits: {intent}"),
            Self::Stop(job) => write!(f, "job {job} is stopped"),
            Self::Resume(job) => write!(f, "job {job} is resumed"),
        }
    }
}
