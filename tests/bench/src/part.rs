//! One host of a gateway: what it serves, from which folder, and how it is started in a process of its own.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ota_host::Settings;
use serde::{Deserialize, Serialize};

use crate::gateway::TOKEN;
use crate::process::Process;
use crate::workspace;

/// The argument with which this program is a host, and nothing else.
pub(crate) const SERVE: &str = "serve";

/// A host of the application, or of some of its components.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) manifest: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: String,
    /// All of them if empty.
    pub(crate) components: Vec<String>,
}

impl Part {
    /// All components that ship, on a free port, over the stores in `folder`.
    pub(crate) fn whole(folder: &Path) -> Result<Self> {
        // The app must know its own address before it starts.
        let listen = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.local_addr()?;
        Ok(Self {
            manifest: workspace().join("spin.toml"),
            state: folder.join("state"),
            listen,
            public_url: format!("http://{listen}"),
            components: Vec::new(),
        })
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::new(&self.manifest);
        settings.state_dir.clone_from(&self.state);
        settings.listen = self.listen;
        settings.components.clone_from(&self.components);
        settings.cache_dir = Some(workspace().join("target/wasm-cache"));
        settings.variables = [
            ("operator_token", TOKEN),
            ("bridge_token", TOKEN),
            ("link_key", "a link key of the benchmarks"),
            ("secret_key", "a secret key of the benchmarks"),
            ("public_url", &self.public_url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        settings
    }

    /// Starts this program again, as the host; returns once it serves.
    pub(crate) async fn start(&self) -> Result<Process> {
        let mut process =
            Process::start(&std::env::current_exe()?, &[SERVE.to_owned(), serde_json::to_string(self)?])?;
        process.ready().await.context("the host did not start")?;
        Ok(process)
    }
}

/// Is the host that `part` describes, until stdin ends: with whoever started it.
pub(crate) fn serve(part: &str) -> Result<()> {
    let part: Part = serde_json::from_str(part)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let host = runtime.block_on(ota_host::start(part.settings()))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "ready")?;
    stdout.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.block_on(host.stop());
    Ok(())
}
