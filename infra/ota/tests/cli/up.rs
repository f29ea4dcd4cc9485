//! `ota up` and `ota demo` around an application without components: how they start, stop and refuse to.
//! Their lives with components are in the system tests.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{command, run};

/// An application that the host takes, and nothing in it.
const EMPTY: &str = r#"
spin_manifest_version = 2
[application]
name = "empty"
[variables]
operator_token = { default = "" }
bridge_token = { default = "" }
link_key = { default = "" }
secret_key = { default = "" }
public_url = { default = "" }
[trigger]
http = []
"#;

/// A folder with a manifest, and the path of a state folder that is not there yet.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        Self { folder }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The arguments of `ota up` here.
    fn up(&self, http: &str, mqtt: &str) -> Vec<String> {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let (manifest, dir) = (path(&self.folder.path().join("spin.toml")), path(&self.state()));
        let fixed = ["up", "--http", http, "--mqtt", mqtt, "--manifest", &manifest, "--dir", &dir];
        fixed.map(str::to_owned).into()
    }
}

/// An `ota up` that has said that it is ready; killed when dropped.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: String,
}

impl Running {
    fn start(place: &Place) -> Self {
        Self::start_with(place, Stdio::null())
    }

    fn start_with(place: &Place, stderr: Stdio) -> Self {
        let mut child = command()
            .args(place.up("127.0.0.1:0", "127.0.0.1:0"))
            .env("OTA_LOG", "debug")
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        Self { child, stdout, ready }
    }

    /// The value of `name=` in the ready line.
    fn field(&self, name: &str) -> &str {
        let field = self.ready.split_whitespace().find_map(|word| word.strip_prefix(name));
        field.and_then(|rest| rest.strip_prefix('=')).unwrap()
    }

    /// Sends the signal; the exit code, how long it took, and what else was on stdout.
    fn stop(mut self, signal: &str) -> (Option<i32>, Duration, String) {
        let begun = Instant::now();
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let code = self.child.wait().unwrap().code();
        let took = begun.elapsed();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (code, took, rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_on_one_line_where_it_serves_and_does() {
    let place = Place::new(EMPTY);
    let running = Running::start(&place);
    assert!(running.ready.starts_with("ready http=http://127.0.0.1:"), "{}", running.ready);
    let secrets = fs::read_to_string(place.state().join("secrets.toml")).unwrap();
    assert!(secrets.contains(&format!("operator_token = \"{}\"\n", running.field("token"))));
    for address in [running.field("http").strip_prefix("http://").unwrap(), running.field("mqtt")] {
        TcpStream::connect(address).unwrap();
    }
}

#[test]
fn both_signals_stop_it_cleanly_within_two_seconds() {
    for signal in ["-INT", "-TERM"] {
        let place = Place::new(EMPTY);
        let (code, took, rest) = Running::start(&place).stop(signal);
        assert_eq!((code, rest.as_str()), (Some(0), ""), "{signal}");
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
    }
}

#[test]
fn open_connections_do_not_keep_it_from_stopping() {
    let place = Place::new(EMPTY);
    let running = Running::start(&place);
    let http = TcpStream::connect(running.field("http").strip_prefix("http://").unwrap()).unwrap();
    let mqtt = TcpStream::connect(running.field("mqtt")).unwrap();
    let (code, took, _) = running.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop((http, mqtt));
}

#[test]
fn a_closed_stderr_does_not_end_it() {
    let place = Place::new(EMPTY);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let running = Running::start_with(&place, writer.into());
    let connected = TcpStream::connect(running.field("mqtt")).unwrap();
    assert_eq!(running.stop("-TERM").0, Some(0));
    drop(connected);
}

#[test]
fn a_folder_serves_one_gateway_at_a_time() {
    let place = Place::new(EMPTY);
    let running = Running::start(&place);
    let stderr = run("http://127.0.0.1:9", &place.up("127.0.0.1:0", "127.0.0.1:0")).failed(5);
    assert!(stderr.contains("another gateway runs on the folder"), "{stderr}");
    running.stop("-TERM");
    Running::start(&place).stop("-TERM");
}

#[test]
fn a_part_that_cannot_serve_is_refused_with_the_flag_that_helps() {
    let place = Place::new(EMPTY);
    let part = |component: &str, code| {
        let mut arguments = place.up("127.0.0.1:0", "127.0.0.1:0");
        arguments.extend(["--component".to_owned(), component.to_owned()]);
        run("http://127.0.0.1:9", &arguments).failed(code)
    };
    let stderr = part("access,operator", 2);
    assert!(stderr.contains("--component names no firmware") && stderr.contains("--public-url"), "{stderr}");
    let stderr = part("firmware", 5);
    assert!(stderr.contains("there is no component `firmware`"), "{stderr}");
}

#[test]
fn a_taken_port_is_exit_code_5_with_the_flag_that_helps() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken, free) = (held.local_addr().unwrap().to_string(), "127.0.0.1:0");
    for (http, mqtt, flag) in [(taken.as_str(), free, "--http"), (free, taken.as_str(), "--mqtt")] {
        let place = Place::new(EMPTY);
        let stderr = run("http://127.0.0.1:9", &place.up(http, mqtt)).failed(5);
        assert!(stderr.contains(&format!("{taken} is taken")) && stderr.contains(flag), "{stderr}");
    }
}

#[test]
fn without_a_manifest_it_says_where_one_is_expected() {
    let place = Place::new(EMPTY);
    let absent = place.folder.path().join("absent.toml");
    for command in ["up", "demo"] {
        let arguments = [command, "--manifest", absent.to_str().unwrap()];
        let stderr = run("http://127.0.0.1:9", &arguments).failed(5);
        assert!(stderr.contains("hint: run this inside the gateway's repository"), "{stderr}");
    }
}

#[test]
fn a_component_that_is_not_built_is_named() {
    let component = "[component.inform]\nsource = \"target/wasm32-wasip2/release/ota_inform.wasm\"\n";
    let place = Place::new(&format!("{EMPTY}{component}"));
    let stderr = run("http://127.0.0.1:9", &place.up("127.0.0.1:0", "127.0.0.1:0")).failed(5);
    assert!(stderr.contains("ota_inform.wasm is missing"), "{stderr}");
    assert!(stderr.contains("-p ota-inform"), "{stderr}");
}

#[test]
fn a_token_from_the_environment_serves_this_run_and_is_not_kept() {
    let place = Place::new("spin_manifest_version = 1\n");
    let secrets = || fs::read_to_string(place.state().join("secrets.toml")).unwrap();
    run("http://127.0.0.1:9", &place.up("127.0.0.1:0", "127.0.0.1:0")).failed(5);
    let first = secrets();
    assert!(!first.contains("operator-token"));
    run("http://127.0.0.1:9", &place.up("127.0.0.1:0", "127.0.0.1:0")).failed(5);
    assert_eq!(secrets(), first);
}

#[test]
fn a_variable_in_the_environment_that_the_application_does_not_have_is_named() {
    let place = Place::new(EMPTY);
    let ended = command()
        .args(place.up("127.0.0.1:0", "127.0.0.1:0"))
        .env("SPIN_VARIABLE_S3_BUKET", "firmware")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success() && said.contains("`s3_buket`"), "{said}");
}
