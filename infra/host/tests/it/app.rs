//! Starts the host with the test guest on a free port and talks to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ota_host::{Host, Limits, Settings};
use tempfile::TempDir;

/// Any single call of a test that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running host; dropping it stops it.
pub(crate) struct App {
    host: Option<Host>,
    pub(crate) url: String,
    state: TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl App {
    /// With the default limits.
    pub(crate) async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub(crate) async fn start_with(limits: Limits) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), limits, "http://unset.invalid").await
    }

    /// With what an earlier host left behind.
    pub(crate) async fn start_in(state: TempDir, limits: Limits, allowed: &str) -> Self {
        let settings = settings(state.path(), limits, allowed);
        Self::start_as(settings, state).await
    }

    /// With the authorities in a PEM file trusted beside the system's.
    pub(crate) async fn start_trusting(authorities: &Path, allowed: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut settings = settings(state.path(), Limits::default(), allowed);
        settings.authorities = Some(authorities.to_owned());
        Self::start_as(settings, state).await
    }

    /// A second host beside this one, on its state, which serves these components.
    pub(crate) async fn beside(&self, components: &[&str]) -> Self {
        let mut settings = self.settings();
        settings.components = components.iter().map(|id| (*id).to_owned()).collect();
        Self::start_as(settings, tempfile::tempdir().unwrap()).await
    }

    async fn start_as(settings: Settings, state: TempDir) -> Self {
        log();
        let host = ota_host::start(settings).await.unwrap();
        Self {
            url: format!("http://{}", host.local_addr()),
            host: Some(host),
            state,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "").await
    }

    /// The text of a 200.
    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    /// The text of the error that the guest got.
    pub(crate) async fn error(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 500, "{path}: {}", answer.text);
        answer.text
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: &'static str) -> Answer {
        let request = self.request(method, path, Bytes::from_static(body.as_bytes()));
        let response = self.send(request).await;
        let (head, body) = response.into_parts();
        let body = within(body.collect()).await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        Request::builder().method(method).uri(format!("{}{path}", self.url)).body(Full::new(body)).unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        within(self.client.request(request)).await.unwrap()
    }

    /// Settings of another host on the same manifest and state, on a free port.
    pub(crate) fn settings(&self) -> Settings {
        settings(self.state.path(), Limits::default(), "http://unset.invalid")
    }

    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Stops the host and gives back its folder.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.host.take().unwrap().stop().await;
        self.state
    }
}

/// Fails the test instead of hanging it.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it ends before the deadline")
}

/// What the host has logged so far, of all tests of this process.
pub(crate) fn logged() -> String {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&log).into_owned()
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps the log, and shows it when a test fails.
fn log() {
    struct Both;
    impl std::io::Write for Both {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            eprint!("{}", String::from_utf8_lossy(bytes));
            let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
            log.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Both).init();
    });
}

fn settings(folder: &Path, limits: Limits, allowed: &str) -> Settings {
    let mut settings = Settings::new(manifest(folder));
    settings.state_dir = folder.join("state");
    settings.listen.set_port(0);
    settings.variables = [("token", "t0ken"), ("allowed", allowed)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    settings.cache_dir = Some(scratch().join("wasm-cache"));
    settings.limits = limits;
    settings
}

fn manifest(folder: &Path) -> PathBuf {
    let text = format!(
        r#"spin_manifest_version = 2
        [application]
        name = "host-tests"
        [variables]
        token = {{ required = true, secret = true }}
        allowed = {{ required = true }}
        unused = {{ default = "x" }}
        [[trigger.http]]
        route = "/..."
        component = "guest"
        [[trigger.http]]
        route = "/request/:first/:second"
        component = "guest"
        [[trigger.http]]
        route = "/handled"
        component = "beside"
        [component.beside]
        source = "{guest}"
        [component.guest]
        source = "{guest}"
        variables = {{ token = "Bearer {{{{ token }}}}" }}
        environment = {{ COLOUR = "green" }}
        allowed_outbound_hosts = ["{{{{ allowed }}}}"]
        key_value_stores = ["default"]
        sqlite_databases = ["default"]
        "#,
        guest = guest().display()
    );
    let path = folder.join("spin.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// The test guest, built once a process.
fn guest() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = scratch().join("guest");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
            .args(["--package", "ota-host-guest", "--target-dir"])
            .arg(&target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "the test guest does not build");
        target.join("wasm32-wasip2/release/ota_host_guest.wasm")
    })
}

/// A folder that outlives the tests: their builds and code caches are kept.
fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
