//! The live view of a job: two bars on a terminal, devices and budget; a line per change elsewhere.

use std::io::{IsTerminal, stderr};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{moment, printable, say};
use crate::api::{Job, OpenStage};

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
        let standing = standing(job).map_or_else(String::new, |standing| format!("; {standing}"));
        match &mut self.view {
            View::Bars { devices, budget } => {
                devices.set_length(job.devices);
                devices.set_position(job.finished());
                devices.set_message(progress(job));
                budget.set_length(job.bound);
                budget.set_position(job.exposed);
                budget.set_message(format!("{}{standing}", job.budget()));
            }
            View::Lines { last } => {
                let done = format!("{} of {} done", job.finished(), job.devices);
                let line = format!("{done}, {}, {}{standing}", progress(job), job.budget());
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

/// What keeps the job from going on freely, if anything does.
fn standing(job: &Job) -> Option<String> {
    let halt = match job.state.as_str() {
        "running" | "done" => None,
        "preparing" => Some("preparing: its tasks are being made".to_owned()),
        state => Some(match &job.held_because {
            Some(why) => format!("{state}: {}", printable(why)),
            None => state.to_owned(),
        }),
    };
    let is_open = job.state == "running";
    let opens = job.opens_at.filter(|_| is_open).map(|at| format!("closed until {}", moment(at)));
    let stage = job.stage.as_ref().filter(|_| is_open).map(stage);
    let retrying = Some(job.retrying).filter(|n| is_open && *n > 0);
    let retrying = retrying.map(|n| format!("{n} waiting to be tried again"));
    let told: Vec<String> = [halt, opens, stage, retrying].into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// `stage 0 of 0 to 2: 3 of 5 succeeded, soaking`.
fn stage(stage: &OpenStage) -> String {
    let OpenStage { open, last, members, succeeded, passed_at, .. } = stage;
    let soaks = if passed_at.is_some() { ", soaking" } else { "" };
    format!("stage {open} of 0 to {last}: {succeeded} of {members} succeeded{soaks}")
}

fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏░")),
        Err(_) => bar,
    }
}
