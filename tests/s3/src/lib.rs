//! A real S3 server for tests: `s3s` over a folder, which checks every signature, on a free port of this machine.
//!
//! Tests look into its bucket, alter what is there, and plan what goes wrong with the next requests. It knows nothing
//! of firmware. For what only tests make of it, it fails by panicking.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "what goes wrong here fails the test that runs it"
)]

mod bucket;
mod fault;
mod front;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use s3s::S3Result;
use s3s::auth::SimpleAuth;
use s3s::host::{S3Host, VirtualHost};
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use bucket::{Folder, Uploads};
pub use fault::Fault;
use front::Front;
pub use front::Held;

/// The one bucket.
pub const BUCKET: &str = "firmware";
/// The region that it is in.
pub const REGION: &str = "eu-test-1";
/// The name of the one key.
pub const ACCESS_KEY: &str = "AKIAOTATESTS";
/// The key.
pub const SECRET_KEY: &str = "the-secret-key-of-the-tests";

/// A server with one empty bucket. It ends when it is dropped.
pub struct S3Server {
    address: SocketAddr,
    folder: TempDir,
    uploads: Arc<Uploads>,
    front: Arc<Front>,
    runtime: Option<Runtime>,
}

impl S3Server {
    /// Starts a server; returns when it serves.
    #[expect(clippy::new_without_default, reason = "it starts a server")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("ota-s3-").tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join(BUCKET)).expect("the bucket");
        let uploads = Arc::<Uploads>::default();
        let mut service = S3ServiceBuilder::new(Folder::new(folder.path(), Arc::clone(&uploads)));
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        service.set_host(Local);
        let front = Arc::new(Front::new(service.build()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("the port");
        runtime.spawn(front::serve(listener, Arc::clone(&front)));
        Self { address, folder, uploads, front, runtime: Some(runtime) }
    }

    /// `http://127.0.0.1:port`, in path style.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `http://bucket.localhost:port`, in virtual-host style. Not every system resolves it.
    pub fn virtual_url(&self) -> String {
        format!("http://{BUCKET}.localhost:{}", self.address.port())
    }

    /// Another name of this server in path style, as a public host is: `http://localhost:port`.
    pub fn public_url(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// The variables of `spin.toml` that make a gateway keep its firmware here.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("objects", "s3".to_owned()),
            ("s3_url", self.url()),
            ("s3_bucket", BUCKET.to_owned()),
            ("s3_region", REGION.to_owned()),
            ("s3_access_key", ACCESS_KEY.to_owned()),
            ("s3_secret_key", SECRET_KEY.to_owned()),
        ]
    }

    /// Every key in the bucket, in order.
    pub fn keys(&self) -> Vec<String> {
        let bucket = self.folder.path().join(BUCKET);
        let mut keys = Vec::new();
        let mut folders = vec![bucket.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder of the bucket") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    keys.push(
                        path.strip_prefix(&bucket).expect("in the bucket").to_string_lossy().into_owned(),
                    );
                }
            }
        }
        keys.sort();
        keys
    }

    /// The bytes under `key`.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.path(key)).ok()
    }

    /// Alters the bytes under `key`, behind the server's back.
    pub fn alter(&self, key: &str, alter: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.object(key).unwrap_or_else(|| panic!("there is no {key}"));
        alter(&mut bytes);
        fs::write(self.path(key), bytes).expect("the object");
    }

    /// Takes an object away.
    pub fn delete(&self, key: &str) {
        fs::remove_file(self.path(key)).unwrap_or_else(|error| panic!("{key}: {error}"));
    }

    /// The keys of uploads that are neither completed nor aborted.
    pub fn uploads(&self) -> Vec<String> {
        self.uploads.keys()
    }

    /// What came since the last call, as `GET /firmware/key`, in order.
    pub fn requests(&self) -> Vec<String> {
        self.front.requests()
    }

    /// Plans what becomes of the next requests, one each; those behind are served.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.front.plan(faults);
    }

    /// Refuses what was not signed in a session with this token.
    pub fn require_session(&self, token: &str) {
        self.front.require_session(token);
    }

    /// Serves nothing until the guard is dropped.
    pub fn hold(&self) -> Held<'_> {
        self.front.hold()
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(Path::new(key))
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // Unlike dropping it, this may be done by an asynchronous test.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Finds the bucket in front of `localhost`; any other host is one of path style.
struct Local;

impl S3Host for Local {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.split(':').next().unwrap_or(host);
        Ok(match name.strip_suffix(".localhost") {
            Some(bucket) => VirtualHost::new("localhost").with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}
