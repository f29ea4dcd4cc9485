//! How long an upload that does not come forward is tried again, and how often.

use std::time::{Duration, Instant};

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait, unless the server asks for a longer one.
const LONGEST: Duration = Duration::from_secs(15);

/// A bounded time of trying again, counted from the first setback since anything came forward.
#[derive(Debug)]
pub(super) struct Patience {
    most: Duration,
    since: Option<Instant>,
    tries: u32,
}

impl Patience {
    pub(super) fn new(most: Duration) -> Self {
        Self { most, since: None, tries: 0 }
    }

    /// Something came forward.
    pub(super) fn renew(&mut self) {
        (self.since, self.tries) = (None, 0);
    }

    /// How long to wait before the next try, `least` if there is time for it; `None` when there is no more time.
    pub(super) fn pause(&mut self, least: Duration) -> Option<Duration> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let left = self.most.checked_sub(since.elapsed()).filter(|left| !left.is_zero())?;
        let backoff = FIRST.saturating_mul(1 << self.tries.min(10)).min(LONGEST);
        self.tries += 1;
        Some(backoff.max(least).min(left))
    }

    pub(super) fn most(&self) -> Duration {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_something_comes_forward() {
        let mut patience = Patience::new(Duration::from_mins(5));
        let pause = |patience: &mut Patience| patience.pause(Duration::ZERO).unwrap().as_millis();
        assert_eq!([(); 3].map(|()| pause(&mut patience)), [250, 500, 1000]);
        assert_eq!([(); 9].map(|()| pause(&mut patience)).last(), Some(&15_000));
        patience.renew();
        assert_eq!(pause(&mut patience), 250);
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_more_than_there_is() {
        let mut patience = Patience::new(Duration::from_mins(5));
        assert_eq!(patience.pause(Duration::from_secs(40)), Some(Duration::from_secs(40)));
        assert!(patience.pause(Duration::from_hours(1)).unwrap() <= Duration::from_mins(5));
        assert_eq!(Patience::new(Duration::ZERO).pause(Duration::ZERO), None);
    }
}
