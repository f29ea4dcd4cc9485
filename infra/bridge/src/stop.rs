//! The signal to stop. A bridge that was dropped has stopped as well.

use tokio::sync::watch;

/// The end that gives the signal; dropping it gives it too.
pub(crate) struct Stop(watch::Sender<bool>);

/// The end that waits for it.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn new() -> (Self, Stopping) {
        let (stop, stopping) = watch::channel(false);
        (Self(stop), Stopping(stopping))
    }

    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Completes when the signal has been given.
    pub(crate) async fn begun(&mut self) {
        // The error says that the sender is gone, which is the signal too.
        drop(self.0.wait_for(|stopping| *stopping).await);
    }
}
