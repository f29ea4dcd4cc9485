//! Postgres as Spin has it: a pool of connections for each address, handed on
//! as they are left. Whoever ends inside a transaction leaves it open for the
//! next, who must roll back first; so does this host, since what runs on it is
//! to run on Spin.
//!
//! Unlike Spin's, a wait for a connection ends.

mod address;
mod host;
mod tls;
mod value;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use self::tls::Tls;

/// Connections to one address.
const CONNECTIONS: usize = 64;
/// Addresses with a pool; at one more all are forgotten.
const ADDRESSES: usize = 16;
/// How long a request waits for a connection to be given back.
const WAIT: Duration = Duration::from_secs(2);
/// How long a connection may take to be made, and to answer when it is used again.
const CONNECT: Duration = Duration::from_secs(10);
const RECYCLE: Duration = Duration::from_secs(2);

/// The pools of one host.
pub(crate) struct Pools {
    tls: Tls,
    pools: Mutex<HashMap<String, Pool>>,
}

/// A guest's connection: one of a pool's, until its request ends.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Lent(Option<Object>);

impl Pools {
    /// No pool yet; certificates are trusted by the system's authorities and those in the PEM file `authorities`.
    pub(crate) fn new(authorities: Option<&Path>) -> Result<Self> {
        Ok(Self { tls: Tls::new(authorities)?, pools: Mutex::default() })
    }

    /// A connection to `address`, which `config` was read from.
    async fn lend(&self, address: &str, config: Config) -> Result<Lent> {
        let pool = self.pool(address, config)?;
        let connection = pool.get().await.context("no connection")?;
        Ok(Lent(Some(connection)))
    }

    fn pool(&self, address: &str, config: Config) -> Result<Pool> {
        // The map is whole between any two statements, so a panic elsewhere harms nothing.
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(address) {
            return Ok(pool.clone());
        }
        if pools.len() >= ADDRESSES {
            pools.clear();
        }
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Clean };
        let manager = match config.get_ssl_mode() {
            SslMode::Disable => Manager::from_config(config, NoTls, recycling),
            _ => Manager::from_config(config, self.tls.connector(), recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(RECYCLE))
            .runtime(Runtime::Tokio1)
            .build()?;
        pools.insert(address.to_owned(), pool.clone());
        Ok(pool)
    }
}

impl Lent {
    /// Gives the connection back as it is; the handle is good for nothing afterwards.
    pub(crate) fn release(&mut self) {
        self.0 = None;
    }
}
