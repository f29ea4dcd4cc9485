//! Waiting: always for something, never for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything that must happen may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The first value that `look` finds; fails, naming `what`, when there is none within [`PATIENCE`].
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    looked(PATIENCE, what, look).await
}

/// The same for what the gateway itself puts off, by up to a minute: a hook that failed is left alone, the longer the
/// more often, and on a busy machine it has failed more often by the time that its receiver is there.
pub async fn in_the_end<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    looked(PATIENCE + Duration::from_secs(75), what, look).await
}

async fn looked<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        sleep(LOOK_EVERY).await;
    }
}

/// The future's value; fails, naming `what`, when it takes longer than [`PATIENCE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}
