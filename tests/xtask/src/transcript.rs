//! A gateway and an operator, as the README shows them: the commands are run as they stand there, but for ports,
//! folders and ids, which a reader fills in as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{self, Background};
use crate::readme::without_comment;
use crate::workspace::Workspace;

/// The longest until the gateway is ready, its components being built.
const READY: Duration = Duration::from_mins(2);
/// The longest from SIGTERM until it has stopped.
const STOP: Duration = Duration::from_secs(4);
/// The longest until a command that watches sees that its job is over.
const WATCHED: Duration = Duration::from_secs(20);
/// What stands for the id of the job in the README.
const JOB: &str = "JOB";

/// Starts the gateway of `up` and runs the commands of `operator` against it.
pub(crate) fn play(workspace: &Workspace, ota: &Path, up: &str, operator: &str) -> Result<()> {
    let folder = workspace.target().join("readme");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("image.bin"), b"a firmware")?;

    let [up] = commands(up).try_into().map_err(|_| anyhow::anyhow!("the block up is not one command"))?;
    let arguments = elsewhere(arguments(&up)?, &folder);
    let mut gateway = Background::start(process::program(ota, workspace.root()).args(arguments))?;
    let ready = Ready::parse(&gateway.line("ready ", READY)?)?;
    let mut person = Person { ota, folder, ready, job: None, watching: Vec::new() };
    for command in commands(operator) {
        person.run(&command).with_context(|| format!("`{command}`"))?;
    }
    person.end()?;
    gateway.terminate()?;
    let status = gateway.end(STOP).context("the gateway does not stop")?;
    ensure!(status.success(), "the gateway ended with {status}");
    Ok(())
}

/// What the ready line says.
#[derive(Debug, PartialEq, Eq)]
struct Ready {
    url: String,
    token: String,
}

impl Ready {
    fn parse(line: &str) -> Result<Self> {
        let field = |name: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.map(str::to_owned).with_context(|| format!("no {name} in the ready line"))
        };
        Ok(Self { url: field("http")?, token: field("token")? })
    }
}

/// Who types the commands.
struct Person<'a> {
    ota: &'a Path,
    folder: PathBuf,
    ready: Ready,
    /// The id of the job that was created last.
    job: Option<String>,
    watching: Vec<Background>,
}

impl Person<'_> {
    fn run(&mut self, command: &str) -> Result<()> {
        if command.starts_with("export ") {
            ensure!(command.contains("OTA_URL=") && command.contains("OTA_TOKEN="), "it sets something else");
            return Ok(());
        }
        let arguments = self.with_job(arguments(command)?)?;
        let mut program = self.program();
        program.args(&arguments);
        if arguments.iter().any(|word| word == "watch") {
            // It goes on until the job is over, while the person types on in another terminal.
            self.watching.push(Background::start(&mut program)?);
            return Ok(());
        }
        let output = program.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "it ended with {}: {said}", output.status);
        self.job = created(&said).or(self.job.take());
        Ok(())
    }

    fn end(self) -> Result<()> {
        for mut watch in self.watching {
            watch.end(WATCHED).context("watching does not end with the job")?;
        }
        Ok(())
    }

    fn program(&self) -> Command {
        let mut program = process::program(self.ota, &self.folder);
        program.env("OTA_URL", &self.ready.url).env("OTA_TOKEN", &self.ready.token);
        program
    }

    fn with_job(&self, arguments: Vec<String>) -> Result<Vec<String>> {
        let with_job = |word: String| match &self.job {
            Some(job) if word == JOB => Ok(job.clone()),
            None if word == JOB => bail!("no job was created before"),
            _ => Ok(word),
        };
        arguments.into_iter().map(with_job).collect()
    }
}

/// The commands of a block, one a line.
fn commands(block: &str) -> Vec<String> {
    let commands = block.lines().map(without_comment).filter(|command| !command.is_empty());
    commands.map(str::to_owned).collect()
}

/// What follows `cargo ota`.
fn arguments(command: &str) -> Result<Vec<String>> {
    let arguments =
        command.strip_prefix("cargo ota ").with_context(|| format!("`{command}` is no cargo ota"))?;
    ensure!(!arguments.contains(['\'', '"', '$', '|', '>', '\\']), "`{command}` needs a shell");
    Ok(arguments.split_whitespace().map(str::to_owned).collect())
}

/// The same with a folder and ports of our own.
fn elsewhere(arguments: Vec<String>, folder: &Path) -> Vec<String> {
    let mut before = String::new();
    let mut replaced = Vec::new();
    for argument in arguments {
        let value = match before.as_str() {
            "--dir" => folder.join("state").display().to_string(),
            "--http" | "--mqtt" => "127.0.0.1:0".to_owned(),
            _ => argument.clone(),
        };
        replaced.push(value);
        before = argument;
    }
    replaced
}

/// The id in the hint that follows a new job: "`ota job watch ID` follows it".
fn created(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("ota job watch ")?;
    Some(rest.split(|c: char| !c.is_ascii_alphanumeric()).next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_says_where_and_with_what() {
        let ready = Ready::parse("ready http=http://127.0.0.1:3 mqtt=127.0.0.1:4 token=abc").unwrap();
        assert_eq!(ready, Ready { url: "http://127.0.0.1:3".to_owned(), token: "abc".to_owned() });
        assert!(Ready::parse("ready http=http://127.0.0.1:3").is_err());
    }

    #[test]
    fn a_gateway_of_the_readme_comes_up_elsewhere() {
        let typed = arguments("cargo ota up --dir .ota --http 127.0.0.1:3000 --mqtt 127.0.0.1:1883").unwrap();
        let expected = ["up", "--dir", "/t/state", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
        assert_eq!(elsewhere(typed, Path::new("/t")), expected);
        assert!(arguments("cargo ota up > log").is_err());
        assert!(arguments("rm -r .").is_err());
    }

    #[test]
    fn a_new_job_is_known_by_its_hint() {
        assert_eq!(created("`ota job watch 0a1` follows it\n").as_deref(), Some("0a1"));
        assert_eq!(created("added\n"), None);
    }
}
