//! What a guest's connection handle stands for: it borrows a connection at its
//! first statement and gives it back when the handle, the request or the
//! instance ends, whichever is first.

use std::sync::Arc;

use rusqlite::InterruptHandle;
use rusqlite::ffi::{self, ErrorCode};
use tokio::task::JoinError;

use super::lease::{Attempt, Lease};
use super::{BUSY_TIMEOUT, Database};
use crate::guest::bindings::fermyon::spin::sqlite::{QueryResult, Value};

/// A guest's connection.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Session {
    database: Arc<Database>,
    lease: Option<Lease>,
}

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// SQLite's own answer.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The host is stopping.
    #[error("the database is closed")]
    Closed(#[from] JoinError),
}

impl Session {
    /// A handle without a connection yet.
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database, lease: None }
    }

    /// Runs one statement; waits up to 5 s for the transactions before it.
    ///
    /// When the future is dropped the statement is interrupted and its
    /// transaction rolled back.
    pub(super) async fn execute(
        &mut self,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, SessionError> {
        let mut lease = match self.lease.take() {
            Some(lease) => lease,
            None => borrow(self.database.clone()).await?,
        };
        let call = Arc::new((statement, parameters));
        let mut attempt;
        (lease, attempt) = run(lease, call.clone()).await?;
        if matches!(attempt, Attempt::MustWait) {
            let turn = self.database.writing.clone().lock_owned();
            if let Ok(writing) = tokio::time::timeout(BUSY_TIMEOUT, turn).await {
                lease.hold(writing);
                (lease, attempt) = run(lease, call).await?;
            }
        }
        self.lease = Some(lease);
        match attempt {
            Attempt::Ran(ran) => Ok(ran?),
            Attempt::MustWait => Err(busy().into()),
        }
    }

    /// Rolls back what is open and gives the connection back; the handle stays good.
    pub(crate) fn release(&mut self) {
        self.lease = None;
    }
}

async fn borrow(database: Arc<Database>) -> Result<Lease, SessionError> {
    match Lease::idle(&database) {
        Some(lease) => Ok(lease),
        None => Ok(tokio::task::spawn_blocking(move || Lease::open(database)).await??),
    }
}

async fn run(mut lease: Lease, call: Arc<(String, Vec<Value>)>) -> Result<(Lease, Attempt), JoinError> {
    let interrupt_handle = lease.interrupt_handle();
    let mut job = tokio::task::spawn_blocking(move || {
        let (statement, parameters) = &*call;
        let attempt = lease.attempt(statement, parameters);
        (lease, attempt)
    });
    // Declared after the job, so dropped before it: while the job is there, so is the
    // lease, and no other borrower's statement can be hit.
    let mut watch = Interrupt(interrupt_handle);
    let done = (&mut job).await;
    watch.0 = None;
    done
}

/// Stops a statement that nobody waits for any more.
struct Interrupt(Option<InterruptHandle>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.interrupt();
        }
    }
}

/// What SQLite's own busy handler would say.
fn busy() -> rusqlite::Error {
    let code = ffi::Error { code: ErrorCode::DatabaseBusy, extended_code: ffi::SQLITE_BUSY };
    rusqlite::Error::SqliteFailure(code, Some("database is locked".to_owned()))
}
