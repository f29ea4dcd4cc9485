//! `ota up`: one machine, one folder, until Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Connect;
use crate::failure::Failure;
use crate::gateway::{Gateway, Interrupt, Ledger, Listen, Manifest, Secrets, StateDir};
use crate::present::{Output, say};

/// Runs the gateway on this machine.
///
/// Once it serves, stdout has one line: `ready http=URL mqtt=ADDR token=TOKEN`.
/// Ctrl-C or SIGTERM stops it within 2 s.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Folder of the store and the secrets
    #[arg(long, value_name = "D", default_value = ".ota")]
    dir: PathBuf,
    /// Where operators call and devices download; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    http: SocketAddr,
    /// Where devices connect; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1883")]
    mqtt: SocketAddr,
    /// The address under which devices reach the HTTP side, if it is another
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where decisions are kept: `sqlite`, in the folder, or `postgres://user:password@host:port/database`
    #[arg(long, value_name = "URL", default_value = "sqlite", env = "OTA_LEDGER", hide_env_values = true)]
    ledger: Ledger,
    /// Where hooks may be, if there are any: `http(s)://host[:port]`
    #[arg(long, value_name = "URL")]
    hook_host: Option<String>,
    /// The Spin application
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,
    /// Take the components as they are
    #[arg(long)]
    no_build: bool,
}

impl Up {
    pub(super) fn run(self, connect: &Connect, output: Output) -> Result<(), Failure> {
        super::serve(self.serve(connect, output))
    }

    async fn serve(self, connect: &Connect, output: Output) -> Result<(), Failure> {
        let mut interrupt = Interrupt::catch()?;
        let manifest = Manifest::find(&self.manifest)?;
        let state = StateDir::claim(&self.dir)?;
        let secrets = Secrets::of(&state, connect.token())?;
        let listen = Listen {
            http: self.http,
            mqtt: self.mqtt,
            public_url: self.public_url,
            hook_host: self.hook_host,
        };
        let start = async {
            manifest.prepare(!self.no_build).await?;
            Gateway::start(&listen, &manifest, &state, &secrets, &self.ledger).await
        };
        let gateway = tokio::select! {
            started = start => started?,
            () = interrupt.wait() => return Ok(()),
        };
        let (http, mqtt, token) = (gateway.url(), gateway.mqtt(), secrets.operator_token());
        let json = serde_json::json!({ "http": http, "mqtt": mqtt, "token": token }).to_string();
        output.result(&json, || format!("ready http={http} mqtt={mqtt} token={token}"))?;
        interrupt.wait().await;
        say("stopping");
        tokio::select! {
            () = gateway.stop() => {}
            () = interrupt.wait() => {}
        }
        Ok(())
    }
}
