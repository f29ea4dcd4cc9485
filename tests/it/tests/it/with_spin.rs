//! The README's transcript for Spin: its commands as they stand there, against the native host.

use std::fs;

use ota_it::{Secrets, TestApp, workspace};
use serde_json::{Value, json};
use tokio::process::Command;

/// Where Spin listens unless it is told otherwise, and so where the transcript calls.
const SPIN: &str = "http://127.0.0.1:3000";
/// What opens the transcript.
const FENCE: &str = "```sh with-spin\n";

fn transcript() -> String {
    let page = fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, block) = page.split_once(FENCE).unwrap_or_else(|| panic!("no {FENCE} in README.md"));
    let (commands, _) = block.split_once("```").unwrap();
    commands.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_curls_take_one_device_through_a_whole_upgrade() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let commands = transcript();
    assert!(commands.contains(SPIN));
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &commands.replace(SPIN, app.http.url())]).current_dir(folder.path());
    bash.env("SPIN_VARIABLE_OPERATOR_TOKEN", Secrets::OPERATOR_TOKEN);
    let output = bash.output().await.unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{failed}");

    // The last command shows the job. Answers have no newline of their own.
    let (_, job) = said.rsplit_once("}{").unwrap_or_else(|| panic!("no job in {said}"));
    let job: Value = serde_json::from_str(&format!("{{{job}")).unwrap();
    let seen = ["state", "devices", "succeeded", "exposed"].map(|name| &job[name]);
    assert_eq!(seen, [&json!("done"), &json!(1), &json!(1), &json!(0)]);
}
