//! Other programs: run with their output shown, read whole, or followed line by line up to a deadline.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long the output of a program that has ended may still come.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Set by `cargo run` for us. What is built depends on some of them: passed on, they would have it built twice.
const OURS: [&str; 6] = [
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "LD_LIBRARY_PATH",
];

/// A program that runs in `folder`, without input, in the environment that this one was called in.
pub(crate) fn program(name: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).stdin(Stdio::null());
    for (variable, _) in env::vars_os() {
        let is_ours =
            variable.to_str().is_some_and(|name| OURS.contains(&name) || name.starts_with("CARGO_PKG_"));
        if is_ours {
            command.env_remove(variable);
        }
    }
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo(folder: &Path) -> Command {
    program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), folder)
}

/// Runs it with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    succeeded(command, status)
}

/// Runs it and returns what it wrote to its standard output; its messages are shown.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs it silently and says whether it succeeded; a program that is not there does not.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs it and hands each line of both its outputs to `line`, as it comes. `None`: it was still running after `within`
/// and was killed.
pub(crate) fn follow(
    command: &mut Command,
    within: Duration,
    mut line: impl FnMut(&str),
) -> Result<Option<ExitStatus>> {
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| format!("cannot run {}", shown(command)))?;
    let lines = lines_of(&mut child);
    let deadline = Instant::now() + within;
    let mut ended = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(text) => line(&text),
            Err(RecvTimeoutError::Disconnected) => return Ok(Some(child.wait()?)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some((status, at)) = ended {
            // A process that it left behind holds its output open.
            if Instant::now() > at + LAST_WORDS {
                return Ok(Some(status));
            }
        } else if let Some(status) = child.try_wait()? {
            ended = Some((status, Instant::now()));
        } else if Instant::now() > deadline {
            child.kill().context("cannot kill what runs for too long")?;
            child.wait()?;
            return Ok(None);
        }
    }
}

/// A program that runs beside this one, until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Background {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Background {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.with_context(|| format!("cannot run {}", shown(command)))?;
        let lines = lines_of(&mut child);
        Ok(Self { child, lines })
    }

    /// The first line that begins with `prefix`, of either output.
    pub(crate) fn line(&self, prefix: &str, within: Duration) -> Result<String> {
        let deadline = Instant::now() + within;
        let mut before = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.starts_with(prefix) {
                return Ok(line);
            }
            before.push(line);
        }
        bail!("no line {prefix:?} came within {} s; it said: {}", within.as_secs(), before.join(" / "))
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("it was still running after {} s", within.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end, as Ctrl-C or a service manager would.
    pub(crate) fn terminate(&self) -> Result<()> {
        run(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = [name].into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        forward(output, sender.clone());
    }
    if let Some(output) = child.stderr.take() {
        forward(output, sender);
    }
    lines
}

/// Sends each line until the output ends or nobody listens any more.
fn forward(output: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            if sender.send(text.trim_end().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = program("sh", Path::new("."));
        shell.args(["-c", script]);
        shell
    }

    fn followed(script: &str, within: Duration) -> (Option<ExitStatus>, Vec<String>) {
        let mut lines = Vec::new();
        let status = follow(&mut shell(script), within, |line| lines.push(line.to_owned())).unwrap();
        lines.sort();
        (status, lines)
    }

    #[test]
    fn both_outputs_are_followed_to_their_end() {
        let (status, lines) = followed("echo a; echo b >&2; exit 3", Duration::from_secs(20));
        assert_eq!(status.unwrap().code(), Some(3));
        assert_eq!(lines, ["a", "b"]);
    }

    #[test]
    fn what_runs_for_too_long_is_killed() {
        let begun = Instant::now();
        let (status, _) = followed("exec sleep 60", Duration::from_millis(300));
        assert!(status.is_none());
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_child_that_is_left_behind_does_not_hold_us_up() {
        let begun = Instant::now();
        let (status, lines) = followed("sleep 30 & echo done", Duration::from_secs(50));
        assert!(status.unwrap().success());
        assert_eq!(lines, ["done"]);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_program_in_the_background_says_its_line_and_ends_when_asked() {
        let mut server =
            Background::start(&mut shell("trap 'exit 4' TERM; echo ready x; while :; do sleep 0.1; done"))
                .unwrap();
        assert_eq!(server.line("ready ", Duration::from_secs(20)).unwrap(), "ready x");
        server.terminate().unwrap();
        assert_eq!(server.end(Duration::from_secs(20)).unwrap().code(), Some(4));
    }

    #[test]
    fn a_program_that_says_something_else_is_quoted() {
        let server = Background::start(&mut shell("echo port taken >&2")).unwrap();
        let error = server.line("ready ", Duration::from_secs(20)).unwrap_err().to_string();
        assert!(error.contains("port taken"), "{error}");
    }

    #[test]
    fn a_failure_names_its_command() {
        let error = run(&mut shell("exit 7")).unwrap_err().to_string();
        assert_eq!(error, "`sh -c exit 7` failed (exit status: 7)");
        assert!(!succeeds(&mut program("no-such-program", Path::new("."))));
    }
}
