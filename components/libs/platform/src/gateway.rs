//! Everything a request may use, and the configuration under the names that operators set.

use ota_image::kv::Kv;
use ota_image::transport::Transport;
use ota_ledger::{Dialect, Ledger, Sql};
use ota_protocol::link::Org;
use ota_protocol::seal::{MIN_KEY, SealKeys};
use ota_protocol::secret::Secret;

use crate::closed::Closed;
use crate::crypt::SecretBox;
use crate::failure::Failure;
use crate::ids;
use crate::ports::{Clock, Outbound, Random, Variables};

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
/// Encrypts secrets of devices and hooks at rest.
pub const SECRET_KEY: &str = "secret_key";
/// Still decrypts them while the key is being changed.
pub const SECRET_KEY_PREVIOUS: &str = "secret_key_previous";
/// Where devices reach the gateway: `http(s)://host[:port][/path]`.
pub const PUBLIC_URL: &str = "public_url";
/// The first segment of download paths.
pub const ORGANISATION: &str = "organisation";
/// The broker that takes messages to publish: `http(s)://host:port`, which the manifest allows to be called, and so
/// without a path.
pub const PUBLISH_URL: &str = "publish_url";
/// The path of its publish API.
pub const PUBLISH_PATH: &str = "publish_path";
/// What we present to the broker: a token, or `user:password`.
pub const PUBLISH_TOKEN: &str = "publish_token";
/// Which database is the ledger: `sqlite`, which it is unless set, or `postgres`.
pub const LEDGER: &str = "ledger";
/// Where the ledger's Postgres is: `postgres://user:password@host:port/database?sslmode=require`.
pub const POSTGRES_URL: &str = "postgres_url";
/// Where new firmware is kept: `kv`, the embedded store, which it is unless set, or `s3`.
pub const OBJECTS: &str = "objects";
/// Where the gateway reaches the bucket: `http(s)://host[:port]`, which the manifest allows to be called; with
/// `s3_style = virtual` the host begins with the bucket.
pub const S3_URL: &str = "s3_url";
/// Where devices and operators reach it, if that is somewhere else.
pub const S3_PUBLIC_URL: &str = "s3_public_url";
/// The bucket.
pub const S3_BUCKET: &str = "s3_bucket";
/// Its region, which requests are signed for; `us-east-1` unless set.
pub const S3_REGION: &str = "s3_region";
/// Where in a URL the bucket stands: `path`, which it is unless set, or `virtual`.
pub const S3_STYLE: &str = "s3_style";
/// The name of the key that requests are signed with.
pub const S3_ACCESS_KEY: &str = "s3_access_key";
/// That key.
pub const S3_SECRET_KEY: &str = "s3_secret_key";
/// What makes a temporary key valid.
pub const S3_SESSION_TOKEN: &str = "s3_session_token";
/// What all keys in the bucket begin with; `firmware/` unless set.
pub const S3_PREFIX: &str = "s3_prefix";
/// How firmware in a bucket reaches a device: `stream`, verified on the way, which it is unless set, or `redirect`.
pub const DOWNLOAD: &str = "download";
/// Where operators' hooks are: `http(s)://host[:port]`, which the manifest allows to be called.
pub const HOOK_HOST: &str = "hook_host";

/// The stores, the configuration and the world of one request.
#[derive(Clone, Copy)]
pub struct Gateway<'a> {
    /// Decides.
    pub sql: &'a dyn Sql,
    /// How `sql` is spoken to.
    pub dialect: Dialect,
    /// Tells, and keeps firmware where there is no S3.
    pub kv: &'a dyn Kv,
    /// What the operator set.
    pub variables: &'a dyn Variables,
    /// Where ids and nonces come from.
    pub random: &'a dyn Random,
    /// How old caches are.
    pub clock: &'a dyn Clock,
    /// Services beside us.
    pub outbound: &'a dyn Outbound,
    /// The way to a bucket.
    pub transport: &'a dyn Transport,
}

impl Gateway<'_> {
    /// The keys that seal links and sessions.
    pub fn link_keys(&self) -> Result<SealKeys, Closed> {
        let current = self.key(LINK_KEY)?;
        let previous = self.previous_key(LINK_KEY_PREVIOUS)?;
        SealKeys::new(&current, previous.as_ref()).map_err(|_| Closed::too_short(LINK_KEY))
    }

    /// The box that secrets of devices and hooks are kept in.
    pub fn secret_keys(&self) -> Result<SecretBox, Closed> {
        let current = self.key(SECRET_KEY)?;
        let previous = self.previous_key(SECRET_KEY_PREVIOUS)?;
        Ok(SecretBox::new(&current, previous.as_ref()))
    }

    /// Where devices reach the gateway, without a slash at its end.
    pub fn public_url(&self) -> Result<String, Closed> {
        let url = self.required(PUBLIC_URL)?;
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// The first segment of download paths; `fleet` unless set.
    pub fn organisation(&self) -> Result<Org, Closed> {
        match self.variables.get(ORGANISATION) {
            Some(text) => Org::parse(&text).map_err(|_| Closed {
                variable: ORGANISATION,
                reason: "is no name of 1 to 64 letters and digits, or is one of our own paths",
            }),
            None => Ok(Org::default()),
        }
    }

    /// The token in `variable`.
    pub fn token(&self, variable: &'static str) -> Result<Secret, Closed> {
        self.required(variable).map(Secret::new)
    }

    /// The value of `variable`, without which something stays closed.
    pub fn required(&self, variable: &'static str) -> Result<String, Closed> {
        self.variables.get(variable).ok_or(Closed { variable, reason: "is not set" })
    }

    /// Gives the ledger's connection back while nothing is asked of it: a pool has few, and bodies and object stores take
    /// long. To be called outside transactions; the next statement takes one again.
    pub fn release(&self) {
        self.sql.release();
    }

    /// Whether a device can be told of firmware: what a grant leads to is checked before one is made.
    pub fn may_tell(&self) -> Result<(), Closed> {
        self.link_keys()?;
        self.public_url()?;
        self.organisation().map(|_| ())
    }

    /// Runs `decide` over the ledger, and once more when the ledger failed and its schema is current, or could then be
    /// made so. So a new database costs one failed statement, and a commit of which nobody heard is found, not repeated.
    pub fn decide<T>(&self, decide: impl Fn(&Ledger<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        self.decide_again(decide, true)
    }

    /// The same for what comes again by itself and has a time to end in: it may have waited for long, and is run once
    /// more only when the schema was not current.
    pub fn decide_in_time<T>(
        &self,
        decide: impl Fn(&Ledger<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.decide_again(decide, false)
    }

    fn decide_again<T>(
        &self,
        decide: impl Fn(&Ledger<'_>) -> Result<T, Failure>,
        always: bool,
    ) -> Result<T, Failure> {
        let random = || ids::random_bits(self.random);
        let ledger = Ledger::new(self.sql, self.dialect, &random);
        match decide(&ledger) {
            Err(Failure::Ledger(failed)) => {
                if !ota_ledger::schema::ensure(self.sql, self.dialect)? && !always {
                    return Err(failed.into());
                }
                decide(&ledger)
            }
            done => done,
        }
    }

    fn key(&self, variable: &'static str) -> Result<Secret, Closed> {
        let key = self.required(variable)?;
        if key.len() < MIN_KEY {
            return Err(Closed::too_short(variable));
        }
        Ok(Secret::new(key))
    }

    /// A previous key may be absent; one that is there and too short is no less of a mistake.
    fn previous_key(&self, variable: &'static str) -> Result<Option<Secret>, Closed> {
        match self.variables.get(variable) {
            Some(_) => self.key(variable).map(Some),
            None => Ok(None),
        }
    }
}
