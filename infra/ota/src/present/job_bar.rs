//! The live view of a job: two bars on a terminal, devices and budget; a line per change elsewhere.

use std::io::{IsTerminal, stderr};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::say;
use crate::api::Job;

/// A job as it goes, on stderr.
pub(crate) struct JobBar {
    view: View,
}

enum View {
    Bars { devices: ProgressBar, budget: ProgressBar },
    Lines { last: String },
}

impl JobBar {
    /// Shows the job from now on.
    pub(crate) fn new(job: &Job) -> Self {
        let view = if stderr().is_terminal() {
            let bars = MultiProgress::new();
            View::Bars {
                devices: bars.add(bar("devices {bar:30} {pos} of {len}  {msg}")),
                budget: bars.add(bar("budget  {bar:30} {msg}")),
            }
        } else {
            View::Lines { last: String::new() }
        };
        let mut shown = Self { view };
        shown.show(job);
        shown
    }

    /// Shows what changed.
    pub(crate) fn show(&mut self, job: &Job) {
        match &mut self.view {
            View::Bars { devices, budget } => {
                devices.set_length(job.devices);
                devices.set_position(job.finished());
                devices.set_message(progress(job));
                budget.set_length(job.bound);
                budget.set_position(job.exposed);
                budget.set_message(job.budget());
            }
            View::Lines { last } => {
                let line = format!(
                    "{} of {} done, {}, {}",
                    job.finished(),
                    job.devices,
                    progress(job),
                    job.budget()
                );
                if line != *last {
                    say(&line);
                    *last = line;
                }
            }
        }
    }

    /// Leaves the last state on the screen.
    pub(crate) fn finish(&self) {
        if let View::Bars { devices, budget } = &self.view {
            devices.abandon();
            budget.abandon();
        }
    }
}

fn progress(job: &Job) -> String {
    format!("{} succeeded, {} in flight, {} lost", job.succeeded, job.in_flight, job.lost())
}

fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏░")),
        Err(_) => bar,
    }
}
