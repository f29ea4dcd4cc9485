//! Who goes first: the canaries and the stages of a job, on the command line.

use clap::Args;
use ota_protocol::key::DeviceKey;

use super::times::seconds;
use crate::api::{Percent, Stage};

/// A part of the devices before the rest.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who goes first")]
pub(super) struct Stages {
    /// These devices first, separated by commas; all of them must succeed before others are told
    #[arg(long, value_name = "DK,…", value_delimiter = ',', value_parser = DeviceKey::parse)]
    pub(super) canary: Vec<DeviceKey>,
    /// How long the job rests after its canaries
    #[arg(long, value_name = "SPAN", value_parser = seconds, requires = "canary")]
    pub(super) canary_soak: Option<u32>,
    /// Up to this share of the devices in per cent, then a rest, such as 5:1h; may be repeated with rising shares, and
    /// the rest of the devices comes last. 5:1h:90 goes on when 90 % of the stage succeeded
    /// [default of the gateway: 50]
    #[arg(long, value_name = "SHARE:SOAK[:PASS]", value_parser = stage)]
    stage: Vec<Stage>,
}

impl Stages {
    /// The stages up to the last device.
    pub(super) fn list(&self) -> Vec<Stage> {
        let rest = Stage { share: Percent::ALL, soak: 0, pass: None };
        let is_open = self.stage.last().is_some_and(|last| last.share != Percent::ALL);
        self.stage.iter().copied().chain(is_open.then_some(rest)).collect()
    }
}

/// `5:3600`, `5:1h:90`, or `100`.
fn stage(text: &str) -> Result<Stage, String> {
    let mut parts = text.split(':');
    let share = Percent::parse(parts.next().unwrap_or_default())?;
    let soak = parts.next().map_or(Ok(0), seconds)?;
    let pass = parts.next().map(Percent::parse).transpose()?;
    match parts.next() {
        None => Ok(Stage { share, soak, pass }),
        Some(_) => Err("a stage is SHARE:SOAK or SHARE:SOAK:PASS, such as 5:1h:90".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(texts: &[&str]) -> String {
        let stage = texts.iter().map(|text| stage(text).unwrap()).collect();
        let stages = Stages { canary: Vec::new(), canary_soak: None, stage };
        serde_json::to_string(&stages.list()).unwrap()
    }

    #[test]
    fn what_no_stage_names_comes_last() {
        assert_eq!(listed(&[]), "[]");
        assert_eq!(listed(&["5:3600"]), r#"[{"share":5,"soak":3600},{"share":100,"soak":0}]"#);
        assert_eq!(
            listed(&["0.5:1h:90", "100"]),
            r#"[{"share":0.5,"soak":3600,"pass":90},{"share":100,"soak":0}]"#
        );
    }

    #[test]
    fn what_is_no_stage_is_refused() {
        for wrong in ["", "0:1h", "5:", "5:1h:", "5:1h:101", "5:1h:90:1", "all"] {
            assert!(stage(wrong).is_err(), "{wrong}");
        }
    }
}
