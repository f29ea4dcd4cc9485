//! The host: the ports over spin-sdk, and requests and responses over its HTTP.
//!
//! The only module that calls spin-sdk; entry points name its macro, which must stand in the component itself. Everything is opened when it is first used, so a request pays for
//! what it touches.

mod http;
mod kv;
mod outbound;
mod sqlite;
mod variables;

pub use self::http::{head, method, read, respond, serve, stream};
pub use self::kv::SpinKv;
pub use self::outbound::SpinOutbound;
pub use self::sqlite::SpinSqlite;
pub use self::variables::SpinVariables;

use crate::gateway::Gateway;
use crate::ports::{SystemClock, SystemRandom};

/// What one request opens of the host. Dropping it closes everything, and rolls an open transaction back.
#[derive(Default)]
pub struct Host {
    sql: SpinSqlite,
    kv: SpinKv,
    variables: SpinVariables,
    random: SystemRandom,
    clock: SystemClock,
    outbound: SpinOutbound,
}

impl Host {
    /// The gateway over this host.
    pub fn gateway(&self) -> Gateway<'_> {
        Gateway {
            sql: &self.sql,
            kv: &self.kv,
            variables: &self.variables,
            random: &self.random,
            clock: &self.clock,
            outbound: &self.outbound,
        }
    }
}

/// Runs `act` with the gateway over the host.
pub fn with_gateway<T>(act: impl FnOnce(&Gateway<'_>) -> T) -> T {
    act(&Host::default().gateway())
}
