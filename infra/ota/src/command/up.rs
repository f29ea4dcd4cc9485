//! `ota up`: one machine, one folder, until Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Connect;
use crate::failure::Failure;
use crate::gateway::{Interrupt, Ledger, Listen, Manifest, Secrets, Serving, check_downloads, environment};
use crate::present::{Output, say};

/// Runs the gateway on this machine.
///
/// Once it serves, stdout has one line: `ready http=URL mqtt=ADDR token=TOKEN`.
/// Ctrl-C or SIGTERM stops it within 2 s.
///
/// Other variables of the application are set by the environment, as for Spin: `SPIN_VARIABLE_OBJECTS=s3` and those
/// in infra/deploy/settings keep firmware in a bucket. Keys and tokens are those in the folder.
///
/// With `--component` it serves a part of it. Slow downloads in a process of their own keep no message waiting:
/// `ota up --component firmware --http ADDR --dir D` beside `ota up --public-url http://ADDR --dir D`.
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
    /// Serve this component of the application only, as `spin up --component-id` does; may be given several times.
    /// Without `access`, which lets devices in, there is no MQTT, and the folder may be one that a gateway runs on
    #[arg(long = "component", value_name = "ID", value_delimiter = ',')]
    components: Vec<String>,
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
        check_downloads(&self.components, self.public_url.as_deref())?;
        let state = Serving::folder(&self.dir, &self.components)?;
        let secrets = Secrets::of(&state, connect.token())?;
        let listen = Listen {
            http: self.http,
            mqtt: self.mqtt,
            components: self.components,
            public_url: self.public_url,
            hook_host: self.hook_host,
            variables: environment(),
        };
        let start = async {
            manifest.prepare(!self.no_build).await?;
            Serving::start(&listen, &manifest, &state, &secrets, &self.ledger).await
        };
        let serving = tokio::select! {
            started = start => started?,
            () = interrupt.wait() => return Ok(()),
        };
        let (http, mqtt, token) = (serving.url(), serving.mqtt(), secrets.operator_token());
        let json = serde_json::json!({ "http": http, "mqtt": mqtt, "token": token }).to_string();
        output.result(&json, || match mqtt {
            Some(mqtt) => format!("ready http={http} mqtt={mqtt} token={token}"),
            None => format!("ready http={http}"),
        })?;
        interrupt.wait().await;
        say("stopping");
        tokio::select! {
            () = serving.stop() => {}
            () = interrupt.wait() => {}
        }
        Ok(())
    }
}
