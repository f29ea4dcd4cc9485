//! Prints, as Markdown, what programs that others wrote say of a download from the real host; the exit code is 1 when
//! one of them is not content, which the last line then says.
//!
//! Each judge is a device of one job and fetches over the `fileUrl` of its own command. What changes from run to run
//! (addresses, tokens, times, speeds) is left out, so that a change of the page is a change of what was said.

mod case;
mod fetchers;
mod redbot;

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use ota_it::{Device, Firmware, SignMethod, TestApp, eventually, fetch_some};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::case::{Case, Verdict};

/// Large enough for four connections.
const SIZE: usize = 8 * 1024 * 1024;

/// Fails when it is not content.
type Judge = fn(&Case) -> Result<Verdict>;

/// Those who judge, by the key of their device.
const JUDGES: [(&str, Judge); 4] = [
    ("curl", fetchers::curl),
    ("wget", fetchers::wget),
    ("aria2", fetchers::aria2),
    ("redbot", redbot::judge),
];

const HEAD: &str = "\
# The judges

Written by `cargo verify`, not by hand.
Programs that others wrote fetch a firmware over the `fileUrl` of a device's command, from the real host: what they say of it is theirs.
Addresses, tokens, times and speeds are left out.
";

#[tokio::main]
async fn main() -> ExitCode {
    match judge().await {
        Ok(page) => {
            println!("{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn judge() -> Result<String> {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", SIZE).signed(SignMethod::Sha256);
    let operator = app.product(&firmware).await;
    let mut devices: Vec<Device> = Vec::new();
    for (key, _) in JUDGES {
        devices.push(app.device("pk", key, "1").await);
    }
    let job = operator.job(&firmware, json!({})).await;
    let mut verdicts = Vec::new();
    for ((key, judge), device) in JUDGES.iter().zip(&mut devices) {
        let url = device.command().await.file_url;
        // A connection that broke off in the middle of it.
        let mut half = fetch_some(&url, SIZE / 2).await;
        half.truncate(SIZE / 2);
        let case = Case::new(url, &firmware, &half)?;
        verdicts.push(block_in_place(|| judge(&case)).with_context(|| format!("{key} is not content"))?);
        eventually("the gateway knows that it has the last byte", async || {
            let task = operator.task(&job, key).await;
            (task.get("state").and_then(Value::as_str) == Some("upgrading")).then_some(())
        })
        .await;
    }
    let shown = operator.show(&job).await;
    let begun = shown.get("begun").and_then(Value::as_u64);
    ensure!(begun == Some(JUDGES.len() as u64), "each judge is one download: {shown}");
    Ok(page(&verdicts))
}

fn page(verdicts: &[Verdict]) -> String {
    let rows = verdicts.iter().map(|Verdict { judge, found, .. }| format!("| {judge} | {found} |"));
    let sections = verdicts.iter().map(|Verdict { judge, command, said, after, .. }| {
        format!("## {judge}\n\n```\n$ {command}\n{}\n```\n{after}", said.trim_end())
    });
    let judges: Vec<&str> = verdicts.iter().map(|verdict| verdict.judge.as_str()).collect();
    let table = ["| judge | what it found |".to_owned(), "|---|---|".to_owned()].into_iter().chain(rows);
    let (table, sections): (Vec<String>, Vec<String>) = (table.collect(), sections.collect());
    format!("{HEAD}\n{}\n\n{}\nContent: {}.", table.join("\n"), sections.join("\n"), judges.join(", "))
}
