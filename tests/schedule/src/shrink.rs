//! A schedule that breaks a promise, made short: choices are left out, or made simple, as long as it still does.

use std::time::{Duration, Instant};

use crate::promise::Broken;

/// The shortest script found within `time` for which `breaks` names the promise that `script` breaks.
pub(crate) fn shrunk(
    script: &[u16],
    promise: &str,
    time: Duration,
    mut breaks: impl FnMut(&[u16]) -> Option<Broken>,
) -> Vec<u16> {
    let mut best = script.to_vec();
    let begun = Instant::now();
    let is_late = || begun.elapsed() >= time;
    let mut still_breaks =
        |candidate: &[u16]| breaks(candidate).is_some_and(|broken| broken.promise == promise);
    let mut width = best.len().div_ceil(2).max(1);
    loop {
        let mut has_changed = false;
        let mut at = 0;
        while at < best.len() && !is_late() {
            let end = (at + width).min(best.len());
            let without: Vec<u16> = best[..at].iter().chain(&best[end..]).copied().collect();
            if still_breaks(&without) {
                best = without;
                has_changed = true;
                continue;
            }
            if best[at..end].iter().any(|choice| *choice != 0) {
                let mut simple = best.clone();
                simple[at..end].fill(0);
                if still_breaks(&simple) {
                    best = simple;
                    has_changed = true;
                }
            }
            at = end;
        }
        if is_late() || (width == 1 && !has_changed) {
            return best;
        }
        width = (width / 2).max(1);
    }
}
