//! What became of the devices in the gateway, summed up by their parts.

use std::collections::HashMap;

use serde::Serialize;

use super::fate::Fate;
use super::plan::Plan;
use crate::api::Task;
use crate::fleet::Fault;

/// The devices of one part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Sum {
    pub(super) devices: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) timed_out: u64,
    pub(super) canceled: u64,
    pub(super) skipped: u64,
    /// Granted, downloading or upgrading.
    pub(super) in_flight: u64,
    pub(super) waiting: u64,
    /// Exposed and not at work: gone, as far as anyone knows.
    pub(super) lost: u64,
}

impl Sum {
    fn add(&mut self, task: &Task) {
        self.devices += 1;
        let (field, is_live) = match task.state.as_str() {
            "succeeded" => (&mut self.succeeded, false),
            "failed" => (&mut self.failed, false),
            "timed_out" => (&mut self.timed_out, false),
            "canceled" => (&mut self.canceled, false),
            "skipped" => (&mut self.skipped, false),
            "waiting" => (&mut self.waiting, false),
            _ => (&mut self.in_flight, true),
        };
        *field += 1;
        self.lost += u64::from(task.exposed && !is_live);
    }
}

/// The parts of a plan and what became of each, in the order of the plan's kinds.
#[derive(Debug)]
pub(super) struct Sums {
    pub(super) parts: Vec<(Option<Fault>, Sum)>,
    /// Devices that ended otherwise than their part says, each with a sentence.
    pub(super) out_of_part: Vec<String>,
    /// Devices without a verdict that are not silent for good.
    pub(super) unfinished: u64,
}

impl Sums {
    pub(super) fn of(plan: &Plan, tasks: &[Task]) -> Self {
        let tasks: HashMap<&str, &Task> = tasks.iter().map(|task| (task.device.as_str(), task)).collect();
        let mut parts: Vec<_> = plan.kinds().map(|kind| (kind, Sum::default())).collect();
        let (mut out_of_part, mut unfinished) = (Vec::new(), 0);
        for part in plan.parts() {
            let Some(task) = tasks.get(part.device.as_str()) else {
                out_of_part.push(format!("{} has no task", part.device));
                continue;
            };
            if let Some((_, sum)) = parts.iter_mut().find(|(kind, _)| *kind == part.fault) {
                sum.add(task);
            }
            let fate = Fate::of(part.fault);
            unfinished += u64::from(!has_ended(task) && fate != Fate::TimesOut);
            if has_ended(task) && !fate.is_met(&task.state) {
                let word = part.fault.map_or("sound", Fault::word);
                let state = task.state.replace('_', " ");
                let why = task.why();
                let why = if why.is_empty() || why == state { String::new() } else { format!(" ({why})") };
                out_of_part.push(format!("{}, which is {word}, ended as {state}{why}", part.device));
            }
        }
        Self { parts, out_of_part, unfinished }
    }
}

/// Whether it has a verdict of its own.
fn has_ended(task: &Task) -> bool {
    matches!(task.state.as_str(), "succeeded" | "failed" | "timed_out" | "skipped")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::command::fleet::plan::tests::plan;

    fn task(device: &str, state: &str, exposed: bool) -> Task {
        let task = json!({ "task": "1", "device": device, "state": state, "attempt": 1, "exposed": exposed });
        serde_json::from_value(task).unwrap()
    }

    #[test]
    fn parts_are_summed_and_whoever_left_its_part_is_named() {
        let plan = plan(4, "brick=0.5", "all", 7);
        let (bricks, sound): (Vec<_>, Vec<_>) = plan.parts().partition(|part| part.fault.is_some());
        let tasks = [
            task(&bricks[0].device, "timed_out", true),
            task(&bricks[1].device, "downloading", true),
            task(&sound[0].device, "succeeded", false),
            task(&sound[1].device, "timed_out", true),
        ];
        let sums = Sums::of(&plan, &tasks);
        let sound_sum = Sum { devices: 2, succeeded: 1, timed_out: 1, lost: 1, ..Sum::default() };
        let brick_sum = Sum { devices: 2, timed_out: 1, in_flight: 1, lost: 1, ..Sum::default() };
        assert_eq!(sums.parts, [(None, sound_sum), (Some(Fault::Brick), brick_sum)]);
        let named = format!("{}, which is sound, ended as timed out", sound[1].device);
        assert_eq!(sums.out_of_part, [named]);
    }

    #[test]
    fn a_device_without_a_task_is_out_of_its_part() {
        let sums = Sums::of(&plan(1, "", "all", 7), &[]);
        assert_eq!(sums.out_of_part, ["device-01 has no task"]);
    }
}
