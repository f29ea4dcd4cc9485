//! The whole gateway on free ports of this machine: the real host on the real `spin.toml`, the real bridge before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ota_bridge::Bridge;
use ota_host::Host;
use ota_postgres::Database;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::address::free_address;
use crate::device::Device;
use crate::firmware::Firmware;
use crate::http_client::HttpClient;
use crate::identity::Identity;
use crate::ledger::Ledger;
use crate::operator::Operator;
use crate::wait::eventually;
use crate::{artifact, log, workspace};

/// A running gateway; dropping it stops it and deletes its state.
pub struct TestApp {
    /// Its HTTP side, as anybody reaches it.
    pub http: HttpClient,
    bridge: Bridge,
    _host: Host,
    state: Arc<TempDir>,
    ledger: Ledger,
}

/// The secrets that a gateway is started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// All that are needed.
    Set,
    /// None: every door is closed.
    Unset,
}

impl Secrets {
    /// What operators show.
    pub const OPERATOR_TOKEN: &'static str = "operator-token-of-the-tests";
    /// What the bridge shows.
    pub const BRIDGE_TOKEN: &'static str = "bridge-token-of-the-tests";
    /// What links and sessions are sealed with.
    pub(crate) const LINK_KEY: &'static str = "link-key-of-the-tests";

    /// The variables of `spin.toml`.
    fn variables(self, public_url: String) -> BTreeMap<String, String> {
        let secrets: &[(&str, &str)] = match self {
            Self::Set => &[
                ("operator_token", Self::OPERATOR_TOKEN),
                ("bridge_token", Self::BRIDGE_TOKEN),
                ("link_key", Self::LINK_KEY),
                ("secret_key", "secret-key-of-the-tests"),
            ],
            Self::Unset => &[],
        };
        let mut variables: BTreeMap<_, _> =
            secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        variables.insert("public_url".to_owned(), public_url);
        variables
    }
}

impl TestApp {
    /// A gateway on an empty store.
    pub async fn start() -> Self {
        Self::start_with(Secrets::Set).await
    }

    /// The same with or without secrets. Without, the bridge is turned away, as it should be.
    pub async fn start_with(secrets: Secrets) -> Self {
        let ledger = Ledger::new();
        let variables = ledger.variables();
        let app = Self::begin(secrets, variables, ledger, Arc::new(tempfile::tempdir().unwrap())).await;
        if secrets == Secrets::Set {
            app.until_ready().await;
        }
        app
    }

    /// A gateway on an empty store, with these variables of `spin.toml` besides.
    pub(crate) async fn start_with_variables(chosen: &[(&str, String)]) -> Self {
        let ledger = Ledger::new();
        let mut variables = ledger.variables();
        variables.extend(chosen.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let app = Self::begin(Secrets::Set, variables, ledger, Arc::new(tempfile::tempdir().unwrap())).await;
        app.until_ready().await;
        app
    }

    /// A gateway over this database, whatever the others of this binary decide in.
    pub async fn start_over(database: Database) -> Self {
        let ledger = Ledger::Postgres(Arc::new(database));
        let variables = ledger.variables();
        let app = Self::begin(Secrets::Set, variables, ledger, Arc::new(tempfile::tempdir().unwrap())).await;
        app.until_ready().await;
        app
    }

    /// A gateway whose operator chose a ledger by these variables.
    pub async fn start_choosing(variables: &[(&str, &str)]) -> Self {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::begin(Secrets::Set, variables, Ledger::Sqlite, Arc::new(tempfile::tempdir().unwrap())).await
    }

    /// Another gateway beside this one, on the same stores.
    pub async fn beside(&self) -> Self {
        let ledger = self.ledger.clone();
        Self::begin(Secrets::Set, ledger.variables(), ledger, self.state.clone()).await
    }

    async fn begin(
        secrets: Secrets,
        variables: Vec<(String, String)>,
        ledger: Ledger,
        state: Arc<TempDir>,
    ) -> Self {
        compiled().await;
        let host = host(state.path(), secrets, variables).await;
        let gateway = format!("http://{}", host.local_addr());
        let bridge = ota_bridge::start(ota_bridge::Settings {
            listen: free_address(),
            gateway: gateway.clone(),
            token: Secrets::BRIDGE_TOKEN.to_owned(),
            sweep_every: Duration::from_millis(100),
            presence_every: Duration::from_millis(10),
            ..ota_bridge::Settings::default()
        });
        let bridge = bridge.await.unwrap();
        Self { http: HttpClient::new(gateway), bridge, _host: host, state, ledger }
    }

    /// Waits until its tables are there: who comes while they are being made may be told to come back.
    pub async fn until_ready(&self) {
        let operator = self.operator();
        eventually("the gateway answers", async || {
            let answer = operator.call(Method::GET, "/api/v1/products", "").await;
            assert!([200, 503].contains(&answer.status.as_u16()), "{}", answer.status);
            answer.status.is_success().then_some(())
        })
        .await;
    }

    /// Where devices connect.
    pub fn mqtt(&self) -> SocketAddr {
        self.bridge.local_addr()
    }

    /// Sweeps that the gateway has answered to the bridge.
    pub fn sweeps(&self) -> u64 {
        self.bridge.metrics().sweeps
    }

    /// Changes the ledger behind the gateway's back.
    pub fn alter_ledger(&self, sql: &str) {
        self.ledger.alter(self.state.path(), sql);
    }

    /// The folder with the databases.
    pub fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// Somebody with the operators' token.
    pub fn operator(&self) -> Operator {
        Operator::new(self.http.clone(), Secrets::OPERATOR_TOKEN)
    }

    /// A registered device, connected over MQTT, that has informed `version`.
    pub async fn device(&self, product: &str, device: &str, version: &str) -> Device {
        let identity = self.operator().device(product, device).await;
        self.connect(&identity, version).await
    }

    /// The same for a device that is registered.
    pub async fn connect(&self, identity: &Identity, version: &str) -> Device {
        let mut device = Device::connect(self.mqtt(), identity).await;
        assert_eq!(device.inform(version).await, 200);
        device
    }

    /// The operator of a product `pk` with `firmware`: all that a job needs but devices.
    pub async fn product(&self, firmware: &Firmware) -> Operator {
        let operator = self.operator();
        operator.prepare(firmware).await;
        operator
    }
}

/// Returns once the components are in the host's code cache: the first to ask compiles them for all, which takes a
/// minute after a change and must not count against anything's patience.
pub(crate) async fn compiled() {
    static DONE: OnceCell<()> = OnceCell::const_new();
    let compile = async || {
        log::listen();
        artifact::components();
        let state = tempfile::tempdir().unwrap();
        host(state.path(), Secrets::Unset, Vec::new()).await.stop().await;
    };
    DONE.get_or_init(compile).await;
}

/// The app needs its own address before it starts.
async fn host(state: &Path, secrets: Secrets, chosen: Vec<(String, String)>) -> Host {
    let listen = free_address();
    let mut variables = secrets.variables(format!("http://{listen}"));
    variables.extend(chosen);
    let started = ota_host::start(ota_host::Settings {
        manifest: workspace().join("spin.toml"),
        state_dir: state.to_owned(),
        listen,
        variables,
        ..ota_host::Settings::default()
    });
    started.await.unwrap()
}
