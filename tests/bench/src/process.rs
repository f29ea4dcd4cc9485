//! A process that is measured from outside: what it has of memory and has used of the processors.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Of the times in `/proc`, per second: what Linux has told programs since 2.6, whatever its own clock is.
const TICKS: u64 = 100;

/// A running program, which ends when this is dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(program: &Path, arguments: &[String]) -> Result<Self> {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        Ok(Self { child })
    }

    /// Waits for its first line.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        let stdout = self.child.stdout.take().context("its output was taken")?;
        let mut line = String::new();
        ensure!(BufReader::new(stdout).read_line(&mut line).await? > 0, "it ended without a word");
        Ok(())
    }

    /// Memory that is really there (resident), in MB.
    pub(crate) fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|rest| rest.trim().strip_suffix(" kB"));
        let kilobytes: u32 = kilobytes.context("the system tells no resident memory")?.trim().parse()?;
        Ok(f64::from(kilobytes) * 1024.0 / 1e6)
    }

    /// Time on the processors so far, its own and the kernel's for it.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu(&self.id()?.to_string())
    }

    fn id(&self) -> Result<u32> {
        self.child.id().context("the process has ended")
    }
}

/// The same of this process.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu("self")
}

fn cpu(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program, in parentheses, may have spaces; times are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')').context("the system tells no times")?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let mut next = || times.next().context("the system tells no times");
    Ok(Duration::from_millis((next()?? + next()??) * 1000 / TICKS))
}
