//! How often a healthy job is held: the real rules of jobs, devices that fail by chance.

use ota_rollout::{Budget, Counters, Forgiven, Job, JobState, Terms};

use crate::Figures;
use crate::random::Random;

/// Devices of a job.
const DEVICES: i64 = 2000;
/// Jobs for each rate.
const JOBS: u64 = 1000;

pub(crate) fn figures() -> Figures {
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    // What the design promises, and some room: a thousand jobs are a sample.
    for (failing, most) in [(10, 25), (20, 60), (30, 150)] {
        let held = (0..JOBS).filter(|seed| is_held(*seed, failing)).count();
        let percent = format!("{}.{}", held / 10, held % 10);
        if held > most {
            broken.push(format!("{percent} % of jobs were held at a true rate of {} %", failing / 10));
        }
        rows.push(vec![format!("{} %", failing / 10), format!("{percent} %")]);
    }
    Figures {
        title: "Healthy jobs that the gate holds",
        about: "1 000 seeded jobs of 2 000 devices for each true rate of failure, with the default budget, growth and \
                gate (5 %); devices end in random order.",
        head: vec!["true rate of failure", "jobs held"],
        rows,
        broken,
    }
}

/// Whether a job whose devices fail at `failing` per mille is held before it is done.
fn is_held(seed: u64, failing: u64) -> bool {
    let mut random = Random::seeded(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ failing);
    let terms = Terms::DEFAULT;
    let mut job = Job {
        state: JobState::Running,
        budget: Budget::DEFAULT,
        max_failure_rate: terms.max_failure_rate,
        counters: Counters { waiting: DEVICES, ..Counters::default() },
        forgiven: Forgiven::default(),
        is_incremental: false,
        stage: None,
    };
    loop {
        let counters = &mut job.counters;
        while counters.waiting > 0
            && counters.in_flight < terms.max_in_flight
            && terms.budget.has_slot(counters.exposed, counters.succeeded)
        {
            counters.waiting -= 1;
            counters.in_flight += 1;
            counters.exposed += 1;
        }
        counters.in_flight -= 1;
        if random.happens(failing) {
            counters.failed += 1;
        } else {
            counters.succeeded += 1;
            counters.exposed -= 1;
        }
        match job.settle() {
            Some((JobState::Done, _)) => return false,
            Some(_) => return true,
            None => {}
        }
    }
}
