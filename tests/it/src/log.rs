//! What host, guests and bridge say: kept for the tests that look for traps, and printed where the test runner
//! shows it when a test fails, and only then.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;

static TRAPS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Every line so far that tells of a guest which trapped, in all tests of this process.
pub fn traps() -> Vec<String> {
    TRAPS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Begins to listen, once a process.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(|| Listener).init();
    });
}

/// Takes one event at a time.
struct Listener;

impl Write for Listener {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        // `eprint!` and not stderr itself: the test runner captures it, thread by thread.
        eprint!("{text}");
        if text.contains("a guest trapped") {
            TRAPS.lock().unwrap_or_else(PoisonError::into_inner).push(text.into_owned());
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
