//! What the devices did, counted as they do it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters that all devices of a fleet share; clones count into the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    informed: AtomicU64,
    online: AtomicU64,
    told: AtomicU64,
    downloading: AtomicU64,
    received: AtomicU64,
    resumed: AtomicU64,
    silent: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Devices whose first inform was answered.
    pub(crate) informed: u64,
    /// Devices in an MQTT session now.
    pub(crate) online: u64,
    /// Commands that reached devices, repetitions included.
    pub(crate) told: u64,
    /// Devices that download now.
    pub(crate) downloading: u64,
    /// Bytes of firmware that arrived.
    pub(crate) received: u64,
    /// Downloads that went on where they had broken off.
    pub(crate) resumed: u64,
    /// Devices that died.
    pub(crate) silent: u64,
}

impl Tally {
    pub(crate) fn counted(&self) -> Counted {
        let counters = &self.0;
        Counted {
            informed: counters.informed.load(Relaxed),
            online: counters.online.load(Relaxed),
            told: counters.told.load(Relaxed),
            downloading: counters.downloading.load(Relaxed),
            received: counters.received.load(Relaxed),
            resumed: counters.resumed.load(Relaxed),
            silent: counters.silent.load(Relaxed),
        }
    }

    pub(super) fn informed(&self) {
        self.0.informed.fetch_add(1, Relaxed);
    }

    pub(super) fn told(&self) {
        self.0.told.fetch_add(1, Relaxed);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.0.received.fetch_add(bytes, Relaxed);
    }

    pub(super) fn resumed(&self) {
        self.0.resumed.fetch_add(1, Relaxed);
    }

    pub(super) fn fell_silent(&self) {
        self.0.silent.fetch_add(1, Relaxed);
    }

    /// A device is online until this is dropped.
    pub(super) fn online(&self) -> Present {
        Present::new(self, |counters| &counters.online)
    }

    /// A device downloads until this is dropped.
    pub(super) fn downloading(&self) -> Present {
        Present::new(self, |counters| &counters.downloading)
    }
}

/// One in a counter of those that are there now.
#[derive(Debug)]
pub(super) struct Present {
    tally: Tally,
    counter: fn(&Counters) -> &AtomicU64,
}

impl Present {
    fn new(tally: &Tally, counter: fn(&Counters) -> &AtomicU64) -> Self {
        counter(&tally.0).fetch_add(1, Relaxed);
        Self { tally: tally.clone(), counter }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        (self.counter)(&self.tally.0).fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_there_leave_when_dropped() {
        let tally = Tally::default();
        let (first, second) = (tally.online(), tally.online());
        drop(first);
        tally.received(10);
        assert_eq!(tally.counted(), Counted { online: 1, received: 10, ..Counted::default() });
        drop(second);
        assert_eq!(tally.counted().online, 0);
    }
}
