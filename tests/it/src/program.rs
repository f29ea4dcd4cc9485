//! Another process, read line by line, and killed when dropped.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::wait::within;

/// A running program. What it says is shown when the test fails.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts `command`.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        tokio::spawn(show(child.stderr.take().unwrap()));
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdout }
    }

    /// Reads lines until one begins so; the rest of that one.
    pub async fn line(&mut self, beginning: &str) -> String {
        let search = async {
            loop {
                let line = self.stdout.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("it ended without saying {beginning:?}"));
                eprintln!("{line}");
                if let Some(rest) = line.strip_prefix(beginning) {
                    return rest.trim().to_owned();
                }
            }
        };
        within(&format!("a line {beginning:?}"), search).await
    }

    /// The same, the rest being JSON.
    pub async fn json(&mut self, beginning: &str) -> Value {
        serde_json::from_str(&self.line(beginning).await).unwrap()
    }

    /// Ends it as a power cut does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop, as a supervisor does.
    pub async fn terminate(self) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success());
        self.finish().await;
    }

    /// Waits until it has ended, which must be in good order.
    pub async fn finish(mut self) {
        let status = within("it ends", self.child.wait()).await.unwrap();
        assert!(status.success(), "{status}");
    }
}

/// Prints where the test runner captures it.
async fn show(stderr: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        eprintln!("{line}");
    }
}
