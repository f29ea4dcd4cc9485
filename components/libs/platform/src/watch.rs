//! How old a piece of work is, by the wall clock: it says when to leave the rest to the next one, and decides nothing
//! else.

use crate::ports::Clock;

/// Runs since it was started.
pub struct Watch<'c> {
    clock: &'c dyn Clock,
    started_at: i64,
}

impl<'c> Watch<'c> {
    /// One that starts now.
    pub fn start(clock: &'c dyn Clock) -> Self {
        Self { clock, started_at: clock.now_ms() }
    }

    /// Whether less than `ms` milliseconds passed. A clock that was set back says no: what ends too early is followed by
    /// another.
    pub fn is_before(&self, ms: i64) -> bool {
        (0..ms).contains(&self.clock.now_ms().saturating_sub(self.started_at))
    }
}
