//! The host: the ports over spin-sdk, and requests and responses over its HTTP.
//!
//! The only module that calls spin-sdk; entry points name its macro, which must stand in the component itself.
//! Everything is opened when it is first used, so a request pays for what it touches.

mod exchange;
mod http;
mod kv;
mod ledger;
mod outbound;
mod postgres;
mod sqlite;
mod transport;
mod variables;

pub use self::http::{drain, head, method, read, respond, serve, stream};
pub use self::kv::SpinKv;
pub use self::outbound::SpinOutbound;
pub use self::postgres::SpinPostgres;
pub use self::sqlite::SpinSqlite;
pub use self::transport::SpinTransport;
pub use self::variables::SpinVariables;

use self::ledger::SpinLedger;
use crate::closed::Closed;
use crate::gateway::Gateway;
use crate::ports::{SystemClock, SystemRandom};
use crate::store::Store;

/// What one request opens of the host. Dropping it closes everything; an open transaction is rolled back then by
/// SQLite, and by Postgres when its connection is next used, or when its time is up.
pub struct Host {
    sql: SpinLedger,
    kv: SpinKv,
    variables: SpinVariables,
    random: SystemRandom,
    clock: SystemClock,
    outbound: SpinOutbound,
    transport: SpinTransport,
}

impl Host {
    /// The host, with the ledger that the operator chose. Nothing is opened yet.
    pub fn new() -> Result<Self, Closed> {
        let variables = SpinVariables;
        Ok(Self {
            sql: SpinLedger::new(Store::choose(&variables)?),
            kv: SpinKv::default(),
            variables,
            random: SystemRandom,
            clock: SystemClock,
            outbound: SpinOutbound,
            transport: SpinTransport,
        })
    }

    /// The gateway over this host.
    pub fn gateway(&self) -> Gateway<'_> {
        Gateway {
            sql: &self.sql,
            dialect: self.sql.dialect(),
            kv: &self.kv,
            variables: &self.variables,
            random: &self.random,
            clock: &self.clock,
            outbound: &self.outbound,
            transport: &self.transport,
        }
    }
}
