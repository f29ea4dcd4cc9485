//! Where a host is in its life, seen by everything it has started.

use tokio::sync::watch;

/// Only ever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// No new connection, and each ends with its current request.
    Draining,
    /// Guests are stopped where they are.
    Aborting,
}

/// The side that decides; dropping it aborts.
#[derive(Debug)]
pub(crate) struct Control(watch::Sender<Phase>);

/// The side that watches.
#[derive(Debug, Clone)]
pub(crate) struct Phases(watch::Receiver<Phase>);

impl Control {
    /// Enters a phase.
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.send_replace(phase);
    }
}

impl Phases {
    /// A life that begins with serving.
    pub(crate) fn begin() -> (Control, Self) {
        let (control, phases) = watch::channel(Phase::Serving);
        (Control(control), Self(phases))
    }

    /// Returns once the host is in this phase or beyond, or gone.
    pub(crate) async fn reached(&self, phase: Phase) {
        let mut phases = self.0.clone();
        // An error says that the host was dropped, which is the last phase of all.
        let _ = phases.wait_for(|now| *now >= phase).await;
    }
}
