//! A file as it goes out: one bar on a terminal, a line per tenth elsewhere; on stderr, like everything said to a person.

use std::io::{IsTerminal, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::words::{seconds, size};
use super::{printable, say};

/// What is done with the bytes that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// They are read for their digests.
    Reading,
    /// They are sent.
    Uploading,
    /// The gateway reads them again.
    Verifying,
}

/// How far a file is. Clones show the same bar.
#[derive(Debug, Clone)]
pub(crate) struct UploadBar {
    view: View,
}

#[derive(Debug, Clone)]
enum View {
    Bar(ProgressBar),
    Lines(Lines),
}

/// What the lines were about so far.
#[derive(Debug, Clone)]
struct Lines {
    phase: Phase,
    total: u64,
    /// Where and when this phase began, which is what its rate is measured from.
    begun: (u64, Instant),
    told: u64,
}

impl UploadBar {
    pub(crate) fn new() -> Self {
        let view = if stderr().is_terminal() {
            let bar = ProgressBar::new(0);
            let template = "{msg:9} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            View::Bar(match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏░")),
                Err(_) => bar,
            })
        } else {
            View::Lines(Lines { phase: Phase::Reading, total: 0, begun: (0, Instant::now()), told: 0 })
        };
        Self { view }
    }

    /// From now on `phase` is shown, which is at `position` of `total` bytes.
    pub(crate) fn begin(&mut self, phase: Phase, total: u64, position: u64) {
        match &mut self.view {
            View::Bar(bar) => {
                bar.set_message(phase.as_str());
                bar.set_length(total);
                bar.set_position(position);
                bar.reset_eta();
            }
            View::Lines(lines) => {
                // Reading is over before a line about it would be read.
                if phase != Phase::Reading && (lines.phase, lines.total) != (phase, total) {
                    say(&format!("{} {}", phase.as_str(), size(total)));
                }
                *lines =
                    Lines { phase, total, begun: (position, Instant::now()), told: tenth(position, total) };
            }
        }
    }

    /// That many bytes more were read, which a bar shows at once.
    pub(crate) fn tick(&self, bytes: u64) {
        if let View::Bar(bar) = &self.view {
            bar.inc(bytes);
        }
    }

    /// The bytes before `position` are done.
    pub(crate) fn reach(&mut self, position: u64) {
        match &mut self.view {
            View::Bar(bar) => bar.set_position(position),
            View::Lines(lines) => lines.reach(position),
        }
    }

    /// Says something while the bar goes on.
    pub(crate) fn say(&self, text: &str) {
        match &self.view {
            View::Bar(bar) => bar.suspend(|| say(text)),
            View::Lines(_) => say(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let View::Bar(bar) = &self.view {
            bar.finish_and_clear();
        }
    }

    /// Leaves the bar as it is.
    pub(crate) fn leave(&self) {
        if let View::Bar(bar) = &self.view {
            bar.abandon();
        }
    }
}

impl Lines {
    fn reach(&mut self, position: u64) {
        let reached = tenth(position, self.total);
        if reached <= self.told {
            return;
        }
        self.told = reached;
        let (from, since) = self.begun;
        let told = told(
            self.phase,
            position,
            self.total,
            position.saturating_sub(from),
            since.elapsed().as_millis(),
        );
        say(&printable(&told));
    }
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Uploading => "uploading",
            Self::Verifying => "verifying",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Reading => "read",
            Self::Uploading => "sent",
            Self::Verifying => "verified",
        }
    }
}

fn tenth(position: u64, total: u64) -> u64 {
    (u128::from(position) * 10)
        .checked_div(total.into())
        .and_then(|it| it.try_into().ok())
        .unwrap_or_default()
}

/// `sent 3.0 MiB of 30.0 MiB, 1.5 MiB/s, 18 s left`; `moved` bytes took `ms` to come that far.
fn told(phase: Phase, position: u64, total: u64, moved: u64, ms: u128) -> String {
    let rate = u128::from(moved) * 1000 / ms.max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let left = match total.saturating_sub(position) {
        0 => String::new(),
        left => format!(", {} left", seconds(left.div_ceil(rate.max(1)))),
    };
    format!("{} {} of {}, {}/s{left}", phase.done(), size(position), size(total), size(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_bytes_rate_and_what_is_left() {
        const MIB: u64 = 1 << 20;
        assert_eq!(
            told(Phase::Uploading, 3 * MIB, 30 * MIB, 3 * MIB, 2000),
            "sent 3.0 MiB of 30.0 MiB, 1.5 MiB/s, 18 s left"
        );
        assert_eq!(told(Phase::Verifying, MIB, MIB, MIB, 0), "verified 1.0 MiB of 1.0 MiB, 1000.0 MiB/s");
    }

    #[test]
    fn nothing_has_no_tenths() {
        assert_eq!((tenth(0, 0), tenth(29, 30), tenth(30, 30), tenth(u64::MAX, u64::MAX)), (0, 9, 10, 10));
    }
}
