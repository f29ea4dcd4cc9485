//! `ota demo`: the main job on a fresh machine, every part real: gateway, MQTT, downloads, digests.
//! What it shows is checked as well: it fails when a device ends otherwise than its part was.

mod cast;
mod report;
mod stage;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;

use crate::failure::{Failure, Kind};
use crate::gateway::{Gateway, Interrupt, Ledger, Listen, Manifest, Secrets, StateDir};
use crate::present::{Output, say};

use cast::Cast;
use report::Report;
use stage::Stage;

/// Runs the main job on this machine.
///
/// Starts a gateway in a temporary folder, connects simulated devices to it over MQTT, and upgrades them
/// with a loss budget of 10. One device receives a damaged file, one falls silent, one rolls back.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many devices; with fewer than 4 none of them fails
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=5000))]
    devices: u16,
    /// The Spin application
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,
    /// Take the components as they are
    #[arg(long)]
    no_build: bool,
}

impl Demo {
    pub(super) fn run(self, output: Output) -> Result<(), Failure> {
        super::serve(async move {
            let mut interrupt = Interrupt::catch()?;
            tokio::select! {
                outcome = self.play(output) => outcome,
                () = interrupt.wait() => Err(Failure::new(
                    Kind::Interrupted,
                    "interrupted; the gateway is stopped and its folder removed",
                    "`ota up` runs a gateway that stays",
                )),
            }
        })
    }

    async fn play(self, output: Output) -> Result<(), Failure> {
        let manifest = Manifest::find(&self.manifest)?;
        manifest.prepare(!self.no_build).await?;
        let begun = Instant::now();
        let folder = tempfile::Builder::new()
            .prefix("ota-demo-")
            .tempdir()
            .context("cannot make a temporary folder")
            .map_err(|error| Failure::local(&error, "is TMPDIR a folder you can write to?"))?;
        let state = StateDir::claim(folder.path())?;
        let secrets = Secrets::of(&state, None)?;
        let gateway =
            Gateway::start(&Listen::anywhere(), &manifest, &state, &secrets, &Ledger::Sqlite).await?;
        say(&format!("gateway   {} for operators and downloads, {} for MQTT", gateway.url(), gateway.mqtt()));
        let cast = Cast::of(self.devices);
        let shown = match Stage::new(&gateway, &secrets) {
            Ok(play) => play.perform(&cast).await,
            Err(failure) => Err(failure),
        };
        gateway.stop().await;
        let report = Report::new(shown?, &cast, begun.elapsed());
        output.result(&report.json(), || report.human())?;
        report.verdict()
    }
}
