//! How long a job takes until so many devices are on the target, when all goes well.

use ota_rollout::forecast::{Plan, forecast};
use ota_rollout::{Budget, Terms};

use crate::Figures;

/// How long one device takes (ms): ten minutes.
const EACH: i64 = 600_000;

pub(crate) fn figures() -> Figures {
    let limits = [("300 at work (the default)", Terms::DEFAULT.max_in_flight), ("10 000 at work", 10_000)];
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for (limit, max_in_flight) in limits {
        let plan = Plan {
            devices: 100_000,
            budget: Budget::DEFAULT,
            max_in_flight,
            per_minute: 0,
            stages: &[],
            each: EACH,
        };
        let found = forecast(&plan);
        let reached = [found.thousand, found.ten_thousand, found.hundred_thousand];
        if reached.iter().any(Option::is_none) {
            broken.push(format!("{limit}: not every mark is reached"));
        }
        let cells = reached.map(|time| time.map_or_else(String::new, hours));
        rows.push([limit.to_owned()].into_iter().chain(cells).collect());
    }
    Figures {
        title: "Time until so many healthy devices are on the target",
        about: "A job over 100 000 reachable devices with the default budget (10) and growth (one for every ten that \
                came back), ten minutes a device.",
        head: vec!["limit", "1 000", "10 000", "100 000"],
        rows,
        broken,
    }
}

/// `5 h 20 min`
fn hours(ms: i64) -> String {
    let minutes = (ms + 59_999) / 60_000;
    if minutes < 60 { format!("{minutes} min") } else { format!("{} h {} min", minutes / 60, minutes % 60) }
}
