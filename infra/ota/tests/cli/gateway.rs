//! Real gateways, as `ota up` runs them. The components must be built where `spin.toml` expects them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use crate::program::{Outcome, command, words};

pub(crate) const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");

/// The components are compiled once, before several runs at once would do it. How that run ends does not matter:
/// compiling may take all the time that its device has.
pub(crate) fn compile() {
    static COMPILED: LazyLock<()> = LazyLock::new(|| {
        let mut first = command();
        first.args(["fleet", "--devices", "1", "--no-build", "--manifest", MANIFEST]);
        first.output().unwrap();
    });
    LazyLock::force(&COMPILED);
}

/// An `ota up` that serves; killed when dropped.
pub(crate) struct Up {
    child: Child,
    pub(crate) url: String,
    pub(crate) mqtt: String,
    pub(crate) token: String,
    folder: Option<tempfile::TempDir>,
}

impl Up {
    /// With a state of its own.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut up = Self::on(&folder.path().join("state"));
        up.folder = Some(folder);
        up
    }

    /// On the state in `folder`.
    pub(crate) fn on(folder: &Path) -> Self {
        Self::with(folder, &[])
    }

    /// On the state in `folder`, with variables of the application.
    pub(crate) fn with(folder: &Path, variables: &[(&str, String)]) -> Self {
        compile();
        let named = |(name, value): &(&str, String)| {
            (format!("SPIN_VARIABLE_{}", name.to_uppercase()), value.clone())
        };
        let mut child = command()
            .envs(variables.iter().map(named))
            .args(["up", "--no-build", "--manifest", MANIFEST, "--json"])
            .args(["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--dir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap();
        let field = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { child, url: field("http"), mqtt: field("mqtt"), token: field("token"), folder: None }
    }

    /// The flags that lead here.
    pub(crate) fn flags(&self) -> String {
        format!("--url {} --token {} --mqtt {}", self.url, self.token, self.mqtt)
    }

    /// The program with these words, by way of `url`.
    pub(crate) fn operator(&self, url: &str, line: &str) -> Command {
        let mut operator = command();
        operator.args(words(line)).args(["--url", url, "--token", &self.token]);
        operator
    }

    /// Runs the program with these words to its end.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        Outcome::of(self.operator(&self.url, line).output().unwrap())
    }

    /// What the program prints with these words.
    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{line} --json")).succeeded()).unwrap()
    }

    pub(crate) fn newest_job(&self) -> Value {
        self.json("job list")["jobs"][0].clone()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
