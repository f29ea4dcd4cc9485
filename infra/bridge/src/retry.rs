//! How long to wait before trying again: doubling pauses with jitter, so that devices that failed together do
//! not return together.

use std::time::Duration;

use crate::Settings;

/// The pauses of one series of attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { next: settings.retry_first, longest: settings.retry_longest }
    }

    /// The pause before the next attempt: half to all of the current step, or what the gateway asked for
    /// (never above `retry_longest`) and up to a quarter more.
    pub(crate) fn pause(&mut self, retry_after: Option<Duration>) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.longest);
        let own = step / 2 + jitter(step / 2);
        match retry_after {
            Some(asked) => {
                let asked = asked.min(self.longest);
                own.max(asked.saturating_add(jitter(asked / 4)))
            }
            None => own,
        }
    }
}

/// A random part of `most`.
fn jitter(most: Duration) -> Duration {
    // Without randomness the pauses are still right, only less spread.
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    most.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(&Settings {
            retry_first: Duration::from_millis(100),
            retry_longest: Duration::from_secs(1),
            ..Settings::default()
        })
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_keep_at_least_half() {
        let mut backoff = backoff();
        for step in [100, 200, 400, 800, 1000, 1000] {
            let pause = backoff.pause(None);
            assert!(pause >= Duration::from_millis(step / 2), "{pause:?} of {step} ms");
            assert!(pause <= Duration::from_millis(step), "{pause:?} of {step} ms");
        }
    }

    #[test]
    fn retry_after_is_honoured_up_to_the_longest() {
        let asked = Duration::from_millis(700);
        let pause = backoff().pause(Some(asked));
        assert!((asked..=asked.mul_f64(1.25)).contains(&pause), "{pause:?}");
        let capped = backoff().pause(Some(Duration::from_hours(24)));
        assert!(capped <= Duration::from_millis(1250), "{capped:?}");
    }
}
