//! What must hold in every state and at every step, and what must be reachable so that the search says something.

use ota_rollout::rules::Change;
use ota_rollout::{Counters, Happening, JobState, Task, TaskState};
use stateright::Property;

use crate::fleet::Fleet;
use crate::ledger::plus;
use crate::state::State;

/// The loss budget (DESIGN §1), at every commit that exposes one more device or lets one more begin.
pub const BOUND: &str = "no more devices are at risk than the bound";
/// After stop's answer no download begins until the job is resumed.
pub const STOP: &str = "nothing begins while the job does not run";
/// Verdicts change by late successes, reverts, and a person's retry only.
pub const VERDICT: &str = "a verdict is final";
/// One upgrade at a time.
pub const ONE: &str = "a device has one live task";
/// What the job's row counts is what its tasks are.
pub const COUNTED: &str = "counters are the counts of tasks";
/// What was told or began, and has not come back, counts against the budget.
pub const EXPOSED: &str = "a device at risk is exposed";
/// A job that runs can go on: it holds itself, or ends, when nothing would ever happen again.
pub const ALIVE: &str = "a running job can go on";

/// A promise that a single step breaks; the state after it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broken {
    /// [`BOUND`].
    Bound,
    /// [`STOP`].
    Stop,
    /// [`VERDICT`].
    Verdict,
}

/// The promise that a change breaks, if it does: `tasks` are the job's after it, `bound` is what may be at risk then,
/// `stood` is where the job stood when it was made.
pub(crate) fn broken(
    tasks: &[Task],
    bound: i64,
    stood: JobState,
    before: &Task,
    change: &Change,
) -> Option<Broken> {
    let after = &change.task;
    if before.state.is_ended() && before.state != after.state {
        let may_change = matches!(change.event, "succeeded_late" | "reverted" | "retried");
        return (!may_change).then_some(Broken::Verdict);
    }
    let lets_begin = after.admitted && !before.admitted;
    if lets_begin && stood != JobState::Running {
        return Some(Broken::Stop);
    }
    let exposes = after.exposed && !before.exposed && after.state.is_live();
    let counted = tasks.iter().filter(|task| is_at_risk(task) || task.exposed).count();
    let is_over = i64::try_from(counted).is_ok_and(|counted| counted > bound);
    ((exposes || lets_begin) && is_over).then_some(Broken::Bound)
}

/// Whether the device may be lost to its job: it was told, or some attempt began, and it has not come back.
/// Not the ledger's own flag, which a wrong rule may take back too early.
fn is_at_risk(task: &Task) -> bool {
    task.state.is_live() || (task.begun && task.state != TaskState::Succeeded)
}

/// Every property.
pub(crate) fn properties<const J: usize, const D: usize>() -> Vec<Property<Fleet<J, D>>> {
    let mut properties = always();
    if J == 1 {
        properties.extend(sometimes());
    }
    properties
}

fn always<const J: usize, const D: usize>() -> Vec<Property<Fleet<J, D>>> {
    vec![
        Property::always(BOUND, |_, state: &State<J, D>| state.broken != Some(Broken::Bound)),
        Property::always(STOP, |_, state: &State<J, D>| state.broken != Some(Broken::Stop)),
        Property::always(VERDICT, |_, state: &State<J, D>| state.broken != Some(Broken::Verdict)),
        Property::always(ONE, |_, state: &State<J, D>| (0..D).all(|device| state.live_tasks(device) <= 1)),
        Property::always(COUNTED, |_, state: &State<J, D>| {
            (0..J).all(|job| state.job(job).counters == counted(state.tasks_of(job)))
        }),
        Property::always(EXPOSED, |_, state: &State<J, D>| {
            (0..J).flat_map(|job| state.tasks_of(job)).all(|task| !is_at_risk(task) || task.exposed)
        }),
        Property::always(ALIVE, |fleet, state: &State<J, D>| {
            (0..J).all(|job| state.job(job).state != JobState::Running || can_go_on(fleet, state, job))
        }),
    ]
}

fn sometimes<const J: usize, const D: usize>() -> Vec<Property<Fleet<J, D>>> {
    vec![
        Property::sometimes("every device is on the target and the job is done", |_, state: &State<J, D>| {
            state.job(0).state == JobState::Done && state.tasks_of(0).iter().all(is(TaskState::Succeeded))
        }),
        Property::sometimes("the job holds itself", |_, state: &State<J, D>| {
            state.job(0).state == JobState::Held
        }),
        Property::sometimes("the job is stopped while a device downloads", |_, state: &State<J, D>| {
            state.job(0).state == JobState::Stopped
                && state.tasks_of(0).iter().any(is(TaskState::Downloading))
        }),
        Property::sometimes("a device at risk waits for its second try", |_, state: &State<J, D>| {
            state.tasks_of(0).iter().any(|task| task.backing_off && task.exposed)
        }),
        Property::sometimes("a device is at its second try", |_, state: &State<J, D>| {
            state.tasks_of(0).iter().any(|task| task.admitted && task.tries == 2)
        }),
        Property::sometimes("a device times out", |_, state: &State<J, D>| {
            state.tasks_of(0).iter().any(is(TaskState::TimedOut))
        }),
        Property::sometimes("a revert leaves more exposed than the bound", |fleet, state: &State<J, D>| {
            let Counters { exposed, succeeded, .. } = state.job(0).counters;
            exposed > fleet.ledger.order.budget.bound(succeeded)
        }),
        Property::sometimes("a device is turned away for want of budget", |_, state: &State<J, D>| {
            state.held().any(|intent| intent.happening == Happening::Refuse)
        }),
    ]
}

/// Whether a device is at work, or one that waits has its place in the budget or finds one.
fn can_go_on<const J: usize, const D: usize>(fleet: &Fleet<J, D>, state: &State<J, D>, job: usize) -> bool {
    let Counters { exposed, succeeded, .. } = state.job(job).counters;
    let has_slot = fleet.ledger.order.budget.has_slot(exposed, succeeded);
    let may_go_on = |task: &Task| {
        task.state.is_live() || (task.state == TaskState::Waiting && (task.exposed || has_slot))
    };
    state.tasks_of(job).iter().any(may_go_on)
}

fn is(wanted: TaskState) -> impl Fn(&Task) -> bool {
    move |task| task.state == wanted
}

/// The counters of these tasks, counted.
fn counted(tasks: &[Task]) -> Counters {
    tasks.iter().fold(Counters::default(), |sum, task| plus(&sum, &Counters::of(task)))
}
