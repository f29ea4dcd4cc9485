//! Where the gateways of a test binary decide: the binary's name says it, and nothing else knows.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ota_postgres::{Database, Server};
use postgres::{Client, NoTls};
use rusqlite::Connection;

/// What the binary is called that runs every test over Postgres.
const OVER_POSTGRES: &str = "it_postgres-";

/// The ledger of a gateway, or of several, empty at first; dropping the last removes it.
#[derive(Debug, Clone)]
pub(crate) enum Ledger {
    /// In the gateway's own folder.
    Sqlite,
    /// A database of its own, in the server that the tests of this process share.
    Postgres(Arc<Database>),
}

impl Ledger {
    /// A new one.
    pub(crate) fn new() -> Self {
        let binary = std::env::current_exe().unwrap();
        let name = binary.file_name().unwrap().to_string_lossy();
        if name.starts_with(OVER_POSTGRES) {
            Self::Postgres(Arc::new(Server::shared().and_then(Server::database).unwrap()))
        } else {
            Self::Sqlite
        }
    }

    /// As variables of `spin.toml`.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let variables = match self {
            Self::Sqlite => vec![("ledger", "sqlite".to_owned())],
            Self::Postgres(database) => vec![
                ("ledger", "postgres".to_owned()),
                ("postgres_url", database.url.clone()),
                ("postgres_host", database.host()),
            ],
        };
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Runs a statement in it, beside the gateway whose state is in `state_dir`.
    pub(crate) fn alter(&self, state_dir: &Path, sql: &str) {
        match self {
            Self::Sqlite => {
                let database = Connection::open(state_dir.join("sqlite_db.db")).unwrap();
                database.busy_timeout(Duration::from_secs(10)).unwrap();
                database.execute(sql, ()).unwrap();
            }
            // Its client drives a runtime of its own, which a thread that serves another must not.
            Self::Postgres(database) => thread::scope(|scope| {
                let run = || Client::connect(&database.url, NoTls)?.batch_execute(sql);
                scope.spawn(run).join().unwrap().unwrap();
            }),
        }
    }

    /// As `ota up --ledger` has it.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(database) => &database.url,
        }
    }
}
