//! Everything a request may use, and the configuration under the names that operators set.

use ota_image::kv::Kv;
use ota_ledger::sql::Sql;
use ota_protocol::link;
use ota_protocol::seal::SealKeys;
use ota_protocol::secret::Secret;

use crate::crypt::SecretBox;
use crate::failure::Failure;
use crate::ports::{Outbound, Random, Variables};

/// Opens the bridge door: what bridges and brokers present.
pub const BRIDGE_TOKEN: &str = "bridge_token";
/// Still opens the bridge door while the token is being changed.
pub const BRIDGE_TOKEN_PREVIOUS: &str = "bridge_token_previous";
/// Opens the operator door.
pub const OPERATOR_TOKEN: &str = "operator_token";
/// Seals links and sessions.
pub const LINK_KEY: &str = "link_key";
/// Still opens links and sessions while the key is being changed.
pub const LINK_KEY_PREVIOUS: &str = "link_key_previous";
/// Encrypts device secrets at rest.
pub const SECRET_KEY: &str = "secret_key";
/// Still decrypts device secrets while the key is being changed.
pub const SECRET_KEY_PREVIOUS: &str = "secret_key_previous";
/// Where devices reach the gateway: `http(s)://host[:port][/path]`.
pub const PUBLIC_URL: &str = "public_url";
/// The first segment of download paths.
pub const ORGANISATION: &str = "organisation";
/// Where the broker takes messages to publish.
pub const PUBLISH_URL: &str = "publish_url";
/// What we present to the broker: a token, or `user:password`.
pub const PUBLISH_TOKEN: &str = "publish_token";

/// The stores, the configuration and the world of one request.
#[derive(Clone, Copy)]
pub struct Gateway<'a> {
    /// Decides.
    pub sql: &'a dyn Sql,
    /// Tells, and keeps firmware where there is no S3.
    pub kv: &'a dyn Kv,
    /// What the operator set.
    pub variables: &'a dyn Variables,
    /// Where ids and nonces come from.
    pub random: &'a dyn Random,
    /// Services beside us.
    pub outbound: &'a dyn Outbound,
}

impl Gateway<'_> {
    /// The keys that seal links and sessions.
    pub fn link_keys(&self) -> Result<SealKeys, Closed> {
        let current = self.secret(LINK_KEY)?;
        let previous = self.secret(LINK_KEY_PREVIOUS).ok();
        Ok(SealKeys::new(&current, previous.as_ref()))
    }

    /// The box that device secrets are kept in.
    pub fn secret_keys(&self) -> Result<SecretBox, Closed> {
        let current = self.secret(SECRET_KEY)?;
        let previous = self.secret(SECRET_KEY_PREVIOUS).ok();
        Ok(SecretBox::new(&current, previous.as_ref()))
    }

    /// Where devices reach the gateway, without a slash at its end.
    pub fn public_url(&self) -> Result<String, Closed> {
        let url = self.required(PUBLIC_URL)?;
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// The first segment of download paths; `fleet` unless set.
    pub fn organisation(&self) -> String {
        self.variables
            .get(ORGANISATION)
            .unwrap_or_else(|| link::DEFAULT_ORGANISATION.to_owned())
    }

    /// The secret in `variable`.
    pub fn secret(&self, variable: &'static str) -> Result<Secret, Closed> {
        self.required(variable).map(Secret::new)
    }

    /// The value of `variable`, without which something stays closed.
    pub fn required(&self, variable: &'static str) -> Result<String, Closed> {
        self.variables.get(variable).ok_or(Closed { variable })
    }

    /// Runs `decide`, and once more when it failed on a ledger that had to be created or migrated first.
    /// So a new database costs one failed statement, and a current one nothing.
    pub fn decide<T>(&self, decide: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        match decide() {
            Err(Failure::Ledger(error)) => match ota_ledger::schema::ensure(self.sql) {
                Ok(true) => decide(),
                Ok(false) => Err(Failure::Ledger(error)),
                Err(error) => Err(Failure::Ledger(error)),
            },
            done => done,
        }
    }
}

/// A door or a function is closed, because a variable that it needs is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("closed: variable {variable} is not set")]
pub struct Closed {
    /// The variable to set.
    pub variable: &'static str,
}
