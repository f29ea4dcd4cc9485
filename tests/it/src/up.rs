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
}

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
        compiled().await;
        let mut command = Command::new(artifact::ota());
        command.args(["up", "--no-build", "--manifest"]).arg(workspace().join("spin.toml"));
        command.arg("--dir").arg(self.state_dir());
        command.args(["--http", &self.http.to_string(), "--mqtt", &self.mqtt.to_string()]);
        command.args(["--ledger", self.ledger.address()]);
        if let Some(host) = &self.hook_host {
            command.args(["--hook-host", host]);
        }
        let mut program = Program::start(command);
        let ready = program.line("ready ").await;
        let (http, mqtt) = (format!("http://{}", self.http), self.mqtt.to_string());
        let token = ready.strip_prefix(&format!("http={http} mqtt={mqtt} token="));
        let token = token.unwrap_or_else(|| panic!("not as promised: ready {ready}"));
        RunningUp { operator: Operator::new(HttpClient::new(http), token), program }
    }

    /// The folder with the databases.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
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
