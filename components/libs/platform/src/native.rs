//! The same ports natively: for tests, and for benchmarks that compare. Behind the feature `native`, so that nothing
//! of it links into a component.

mod postgres;
mod recorder;
mod sqlite;
mod transport;

use std::collections::BTreeMap;

use ota_image::kv::MemoryKv;
use ota_ledger::{Dialect, SqlError};

pub use self::postgres::NativePostgres;
pub use self::recorder::Recorder;
pub use self::sqlite::NativeSqlite;
pub use self::transport::NativeTransport;
use crate::gateway::{
    BRIDGE_TOKEN, Gateway, HOOK_HOST, LINK_KEY, OPERATOR_TOKEN, PUBLIC_URL, PUBLISH_PATH, PUBLISH_TOKEN,
    PUBLISH_URL, SECRET_KEY,
};
use crate::ports::{SystemClock, SystemRandom};

/// A gateway for one test: its own database and store, every door with a key, and a broker that writes down what it
/// is sent. Everything may be looked into and altered.
pub struct World {
    /// Empty; its schema comes with the first decision.
    pub sql: NativeSqlite,
    /// Empty.
    pub kv: MemoryKv,
    /// All that have to be set.
    pub variables: BTreeMap<String, String>,
    /// The broker beside us.
    pub outbound: Recorder,
    /// The way to a bucket.
    pub transport: NativeTransport,
}

impl World {
    /// A world in memory.
    pub fn new() -> Result<Self, SqlError> {
        let variables = [
            (BRIDGE_TOKEN, "the-bridge-token"),
            (OPERATOR_TOKEN, "the-operator-token"),
            (LINK_KEY, "a link key of the tests"),
            (SECRET_KEY, "a secret key of the tests"),
            (PUBLIC_URL, "http://gateway.test"),
            (PUBLISH_URL, "http://broker.test"),
            (PUBLISH_PATH, "/api/v5/publish"),
            (PUBLISH_TOKEN, "the-publish-token"),
            (HOOK_HOST, "https://hooks.test"),
        ];
        Ok(Self {
            sql: NativeSqlite::in_memory()?,
            kv: MemoryKv::default(),
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            outbound: Recorder::default(),
            transport: NativeTransport::default(),
        })
    }

    /// The gateway over this world.
    pub fn gateway(&self) -> Gateway<'_> {
        Gateway {
            sql: &self.sql,
            dialect: Dialect::SQLITE,
            kv: &self.kv,
            variables: &self.variables,
            random: &SystemRandom,
            clock: &SystemClock,
            outbound: &self.outbound,
            transport: &self.transport,
        }
    }
}
