//! The key-value store: one `SQLite` file with the table of Spin's own default
//! store, written by one thread that commits together what came together.

mod host;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;

#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub use host::Store;
use writer::{Change, Writer};

/// The table as `spin up` creates it.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";
const GET: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2)";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";

/// The largest that there is (bytes): values may be large, and each page of one is a read of its own.
const PAGE: u32 = 65_536;
/// Pages that the log of changes may have before they go to their places: 4 MiB, as by default.
const CHECKPOINT: u32 = 64;

/// Reading connections kept open.
const READERS: usize = 16;

/// The stores of all labels; clones are the same stores.
#[derive(Clone)]
pub(crate) struct KeyValue(Arc<Inner>);

struct Inner {
    path: std::path::PathBuf,
    readers: Mutex<Vec<Connection>>,
    writer: Writer,
}

/// What went wrong, in words: all that the interface can carry.
pub(crate) type Failure = String;

impl KeyValue {
    /// Opens, or creates, the file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = create(path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            readers: Mutex::default(),
            writer: Writer::start(connection)?,
        })))
    }

    async fn value(&self, store: Arc<str>, key: String) -> Result<Option<Vec<u8>>, Failure> {
        self.read(move |reader| {
            let mut statement = reader.prepare_cached(GET)?;
            statement.query_row((&*store, &key), |row| row.get(0)).optional()
        })
        .await
    }

    async fn exists(&self, store: Arc<str>, key: String) -> Result<bool, Failure> {
        self.read(move |reader| {
            let mut statement = reader.prepare_cached(EXISTS)?;
            statement.query_row((&*store, &key), |row| row.get(0))
        })
        .await
    }

    async fn keys(&self, store: Arc<str>) -> Result<Vec<String>, Failure> {
        self.read(move |reader| {
            let mut statement = reader.prepare_cached(KEYS)?;
            let keys = statement.query_map([&*store], |row| row.get(0))?;
            keys.collect()
        })
        .await
    }

    /// Returns once the change is on disk.
    async fn write(&self, change: Change) -> Result<(), Failure> {
        let (done, committed) = oneshot::channel();
        self.0.writer.submit(change, done).await?;
        committed.await.unwrap_or_else(|_| Err("the store is closed".to_owned()))
    }

    /// Reads on this thread when a connection is at hand: readers wait for nobody, and to hand a value of some
    /// kilobytes over to another thread costs as much as to read it.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = self.0.clone();
        let idle = inner.readers().pop();
        if let Some(reader) = idle {
            return inner.query(reader, query).map_err(|error| error.to_string());
        }
        let read = tokio::task::spawn_blocking(move || inner.read(query));
        match read.await {
            Ok(found) => found.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The connection that writes, the table made if it is not there. A file that `spin up` made keeps its smaller pages.
fn create(path: &Path) -> rusqlite::Result<Connection> {
    let first = Connection::open(path)?;
    first.busy_timeout(crate::sqlite::BUSY_TIMEOUT)?;
    first.pragma_update(None, "page_size", PAGE)?;
    first.execute(CREATE, ())?;
    drop(first);
    let connection = crate::sqlite::open(path)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    Ok(connection)
}

impl Inner {
    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.query(crate::sqlite::open(&self.path)?, query)
    }

    fn query<T>(
        &self,
        reader: Connection,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let found = query(&reader);
        let mut readers = self.readers();
        if readers.len() < READERS {
            readers.push(reader);
        }
        found
    }

    /// The list is whole between any two statements, so a panic elsewhere harms nothing.
    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
