//! The live view of a fleet: bars on a terminal; elsewhere a line a second, when something changed.

use std::cell::RefCell;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::api::Job;
use crate::fleet::Counted;
use crate::present::{say, size};

/// The least time between two lines.
const EVERY: Duration = Duration::from_secs(1);
/// The least time between two lines about something that only has to pass.
const SELDOM: Duration = Duration::from_secs(5);

/// A number that grows towards another: on a terminal a bar, elsewhere a line every few seconds.
pub(super) struct Meter {
    label: &'static str,
    what: &'static str,
    total: u64,
    bar: Option<ProgressBar>,
    last: RefCell<Instant>,
}

impl Meter {
    /// `LABEL  [bar] 12 of 40 WHAT`.
    pub(super) fn new(label: &'static str, what: &'static str, total: usize) -> Self {
        let total = total as u64;
        let bar = stderr().is_terminal().then(|| {
            let template = format!("{label:<10}{{bar:30}} {{pos}} of {{len}} {what}");
            styled(ProgressBar::new(total), &template)
        });
        Self { label, what, total, bar, last: RefCell::new(Instant::now()) }
    }

    pub(super) fn show(&self, number: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(number),
            None if self.last.borrow().elapsed() >= SELDOM && number < self.total => {
                say(&format!("{:<10}{number} of {} {}", self.label, self.total, self.what));
                self.last.replace(Instant::now());
            }
            None => {}
        }
    }

    /// Makes room for the line that says how it ended.
    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A job as it goes and the fleet beside it.
pub(super) struct View {
    begun: Instant,
    form: Form,
}

enum Form {
    Bars { devices: ProgressBar, budget: ProgressBar, fleet: ProgressBar },
    Lines { last: String, at: Option<Instant> },
}

impl View {
    pub(super) fn new() -> Self {
        let form = if stderr().is_terminal() {
            let bars = MultiProgress::new();
            let add = |template| styled(bars.add(ProgressBar::new(0)), template);
            Form::Bars {
                devices: add("devices   {bar:30} {pos} of {len} done  {msg}"),
                budget: add("budget    {bar:30} {msg}"),
                fleet: add("fleet     {bar:30} {msg}"),
            }
        } else {
            Form::Lines { last: String::new(), at: None }
        };
        Self { begun: Instant::now(), form }
    }

    /// Shows what changed.
    pub(super) fn show(&mut self, job: &Job, fleet: Counted) {
        let begun = self.begun;
        match &mut self.form {
            Form::Bars { devices, budget, fleet: there } => {
                devices.set_length(job.devices);
                devices.set_position(job.finished());
                devices.set_message(progress(job));
                budget.set_length(job.bound);
                budget.set_position(job.exposed);
                budget.set_message(job.budget());
                there.set_length(job.devices);
                there.set_position(fleet.online);
                there.set_message(doing(fleet));
            }
            Form::Lines { last, at } => {
                let done = format!("{} of {} done", job.finished(), job.devices);
                let line = format!("{done}: {}; {}; {}", progress(job), job.budget(), doing(fleet));
                let is_due = at.is_none_or(|at| at.elapsed() >= EVERY) || job.is_over();
                if line != *last && is_due {
                    say(&format!("{:>6.1} s  {line}", begun.elapsed().as_secs_f64()));
                    (*last, *at) = (line, Some(Instant::now()));
                }
            }
        }
    }

    /// Leaves the last state on the screen.
    pub(super) fn finish(self) {
        if let Form::Bars { devices, budget, fleet } = self.form {
            for bar in [devices, budget, fleet] {
                bar.abandon();
            }
        }
    }
}

fn progress(job: &Job) -> String {
    format!("{} succeeded, {} lost, {} in flight", job.succeeded, job.lost(), job.in_flight)
}

/// What the devices do: `3990 online, 12 downloading, 96.3 MiB received, 10 silent`.
fn doing(fleet: Counted) -> String {
    let received = size(fleet.received);
    let mut words = vec![
        format!("{} online", fleet.online),
        format!("{} downloading", fleet.downloading),
        format!("{received} received"),
    ];
    if fleet.resumed > 0 {
        words.push(format!("{} resumed", fleet.resumed));
    }
    if fleet.silent > 0 {
        words.push(format!("{} silent", fleet.silent));
    }
    words.join(", ")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏░")),
        Err(_) => bar,
    }
}
