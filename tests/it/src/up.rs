//! `ota up` as an operator starts it, in a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::Command;

use crate::address::free_address;
use crate::app::compiled;
use crate::artifact;
use crate::http_client::HttpClient;
use crate::ledger::Ledger;
use crate::operator::Operator;
use crate::program::Program;
use crate::workspace;

/// One folder and the same two addresses, however often it is started.
#[derive(Debug)]
pub struct Up {
    folder: TempDir,
    http: SocketAddr,
    mqtt: SocketAddr,
    ledger: Ledger,
    hook_host: Option<String>,
}

/// An `ota up` that serves; killed when dropped.
#[derive(Debug)]
pub struct RunningUp {
    /// Somebody with the token that it printed.
    pub operator: Operator,
    program: Program,
    /// What serves downloads, if it does not.
    _downloads: Option<Program>,
}

/// The components of a gateway that leaves downloads to another process.
const ALL_BUT_FIRMWARE: &str = "inform,progress,getversion,upgrade,access,operator";

impl Up {
    /// An empty folder.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            http: free_address(),
            mqtt: free_address(),
            ledger: Ledger::new(),
            hook_host: None,
        }
    }

    /// The same, with hooks allowed under `host`.
    pub fn with_hooks_at(host: &str) -> Self {
        Self { hook_host: Some(host.to_owned()), ..Self::new() }
    }

    /// Starts it; returns once it says that it serves.
    pub async fn start(&self) -> RunningUp {
        self.start_with(&[], None).await
    }

    /// Starts it in two processes on its folder: one with everything but downloads, which are served at the address
    /// that is returned, too.
    pub async fn start_divided(&self) -> (RunningUp, String) {
        compiled().await;
        let url = format!("http://{}", free_address());
        let mut command = self.command();
        command.args(["--component", "firmware", "--http", url.trim_start_matches("http://")]);
        let mut downloads = Program::start(command);
        assert_eq!(downloads.line("ready ").await, format!("http={url}"));
        let rest = ["--component", ALL_BUT_FIRMWARE, "--public-url", &url];
        (self.start_with(&rest, Some(downloads)).await, url)
    }

    async fn start_with(&self, arguments: &[&str], downloads: Option<Program>) -> RunningUp {
        compiled().await;
        let mut command = self.command();
        command.args(["--http", &self.http.to_string(), "--mqtt", &self.mqtt.to_string()]);
        if let Some(host) = &self.hook_host {
            command.args(["--hook-host", host]);
        }
        command.args(arguments);
        let mut program = Program::start(command);
        let ready = program.line("ready ").await;
        let (http, mqtt) = (format!("http://{}", self.http), self.mqtt.to_string());
        let token = ready.strip_prefix(&format!("http={http} mqtt={mqtt} token="));
        let token = token.unwrap_or_else(|| panic!("not as promised: ready {ready}"));
        let operator = Operator::new(HttpClient::new(http), token);
        RunningUp { operator, program, _downloads: downloads }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(artifact::ota());
        command.args(["up", "--no-build", "--manifest"]).arg(workspace().join("spin.toml"));
        command.arg("--dir").arg(self.state_dir()).args(["--ledger", self.ledger.address()]);
        command
    }

    /// The folder with the databases.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Where operators call.
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Where devices connect.
    pub fn mqtt(&self) -> SocketAddr {
        self.mqtt
    }
}

impl Default for Up {
    fn default() -> Self {
        Self::new()
    }
}

impl RunningUp {
    /// Ends it as a power cut does.
    pub async fn kill(self) {
        self.program.kill().await;
    }

    /// Ends it as a supervisor does: with SIGTERM, and in good order.
    pub async fn terminate(self) {
        self.program.terminate().await;
    }
}
