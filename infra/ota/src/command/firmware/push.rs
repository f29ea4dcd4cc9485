//! `ota firmware push`: the file is read twice, once for what the gateway must find, too, once as it is sent.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ota_protocol::key::ProductKey;
use ota_protocol::release::ReleaseSignature;
use ota_protocol::version::Version;
use tokio::task;

use super::delivery::{Delivered, Delivery};
use super::file::FirmwareFile;
use super::patience::Patience;
use super::sign::signature;
use crate::api::{Client, Duties, Firmware, Release, SignMethod, Via};
use crate::command::job::times::seconds;
use crate::command::release_key::PrivateKey;
use crate::failure::{Failure, Kind};
use crate::gateway::Interrupt;
use crate::present::{Output, UploadBar, printable, say, size};

/// Uploads a firmware file of any size, in slices that are kept: the same command goes on with an upload that was
/// interrupted.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Product key
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// The version that devices inform once they run it
    #[arg(long, value_name = "V", value_parser = Version::parse)]
    version: Version,
    /// The digest that devices are told [default of the gateway: md5]
    #[arg(long, value_enum)]
    sign_method: Option<SignMethod>,
    /// The Ed25519 signature of the file, in hex or base64 (`ota firmware sign`)
    #[arg(long, value_name = "TEXT", value_parser = ReleaseSignature::parse, conflicts_with = "sign_with")]
    signature: Option<ReleaseSignature>,
    /// Sign the file with this private key, a PEM file
    #[arg(long, value_name = "KEY.pem")]
    sign_with: Option<PathBuf>,
    /// Devices on older firmware pass through this one on their way to newer ones
    #[arg(long)]
    must_pass: bool,
    /// Roll it out only after a verification job (`ota job create --verify`)
    #[arg(long)]
    needs_verification: bool,
    /// The most devices of a verification job, 1 to 1000 [default of the gateway: 5]
    #[arg(long, value_name = "N")]
    verify_most: Option<u32>,
    /// How many devices of a verification job have to succeed [default of the gateway: 1]
    #[arg(long, value_name = "N")]
    verify_least: Option<u32>,
    /// Which way the bytes take
    #[arg(long, value_enum, default_value = "gateway")]
    via: Via,
    /// How long it is tried again while nothing comes forward: 90s, 5m, 2h
    #[arg(long, value_name = "SPAN", value_parser = seconds, default_value = "5m")]
    patience: u32,
}

impl Push {
    pub(super) fn run(self, client: Client, output: Output) -> Result<(), Failure> {
        let bar = UploadBar::new();
        let (via, shown) = (self.via, bar.clone());
        crate::command::serve(async move {
            let mut interrupt = Interrupt::catch()?;
            let pushed = tokio::select! {
                pushed = task::spawn_blocking(move || self.deliver(&client, bar)) => pushed,
                () = interrupt.wait() => {
                    shown.leave();
                    return Err(interrupted(via));
                }
            };
            shown.clear();
            let pushed = pushed.map_err(|error| Failure::local(&error.into(), "this is a bug: report it"))?;
            let answer = match pushed? {
                Delivered::Now(answer) => answer,
                Delivered::Before(answer) => {
                    say("this version is registered already, with the same bytes");
                    answer
                }
            };
            output.result(&answer.line(), || facts(&answer.value))
        })
    }

    fn deliver(&self, client: &Client, bar: UploadBar) -> Result<Delivered, Failure> {
        let key = self.sign_with.as_deref().map(PrivateKey::read).transpose()?;
        let file = FirmwareFile::measure(&self.file, &bar)?;
        let signed = key.map(|key| signature(&key, &self.product, &self.version, &file)).transpose()?;
        let release = Release {
            product: &self.product,
            version: self.version.as_str(),
            sign_method: self.sign_method,
            size: file.size(),
            sha256: file.sha256(),
            md5: Some(file.md5()),
            signature: signed.or(self.signature),
            duties: self.duties(),
        };
        let patience = Patience::new(Duration::from_secs(self.patience.into()));
        Delivery { client, file: &file, release, via: self.via, patience, bar }.run()
    }

    fn duties(&self) -> Duties {
        Duties {
            must_pass: self.must_pass,
            needs_verification: self.needs_verification,
            verify_most: self.verify_most,
            verify_least: self.verify_least,
        }
    }
}

fn facts(firmware: &Firmware) -> String {
    let told =
        |name: &str, value: Option<String>| value.map_or_else(String::new, |it| format!("\n{name}{it}"));
    format!(
        "firmware  {} {}\nsize      {}\nsha256    {}\ntold as   {}{}{}",
        firmware.product,
        printable(&firmware.version),
        size(firmware.size),
        firmware.sha256,
        firmware.sign_method,
        told("signed by ", firmware.signed_by.clone()),
        told("duties    ", firmware.duties())
    )
}

fn interrupted(via: Via) -> Failure {
    let hint = match via {
        Via::Gateway => "the same command goes on where this one stopped",
        Via::Presigned => "the same command sends the file again, unless it was sent to its end",
    };
    Failure::new(Kind::Interrupted, "interrupted, nothing is registered yet", hint)
}
