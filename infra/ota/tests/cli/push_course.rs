//! `ota firmware push` to real gateways, with everything that happens on the way.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use ota_s3::S3Server;
use sha2::{Digest as _, Sha256};

use crate::gateway::Up;
use crate::program::Outcome;
use crate::strait::Strait;

/// Three slices.
const SIZE: u64 = 20 << 20;
/// In the midst of the second one.
const HALF: u64 = 11 << 20;

/// A file of `SIZE` bytes, and where the state of a gateway may be.
struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> =
            (0..5_u32 << 20).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        fs::write(folder.path().join("fw.bin"), bytes).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("fw.bin")
    }

    fn sha256(&self) -> String {
        hex::encode(Sha256::digest(fs::read(self.file()).unwrap()))
    }

    /// The command line that pushes the file.
    fn push(&self) -> String {
        format!("firmware push {} --product demo --version 2.0", self.file().display())
    }

    fn gateway(&self) -> Up {
        self.gateway_with(&[])
    }

    /// With variables of the application.
    fn gateway_with(&self, variables: &[(&str, String)]) -> Up {
        let up = Up::with(&self.folder.path().join("state"), variables);
        up.run("product add demo").succeeded();
        up
    }
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Outcome {
    Outcome::of(child.wait_with_output().unwrap())
}

fn assert_whole(up: &Up, ground: &Ground) {
    let list = up.json("firmware list demo");
    let list = list["firmware"].as_array().unwrap();
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!((&list[0]["sha256"], &list[0]["size"]), (&ground.sha256().into(), &SIZE.into()));
}

#[test]
fn a_push_that_was_killed_goes_on_where_it_was() {
    let ground = Ground::new();
    let up = ground.gateway();
    let strait = Strait::to(&up.url, HALF);
    let mut first = spawn(up.operator(&strait.url, &ground.push()));
    strait.wait_until_full();
    first.kill().unwrap();
    first.wait().unwrap();
    strait.cut();
    strait.open();
    let before = strait.passed();
    let second = end(spawn(up.operator(&strait.url, &ground.push())));
    assert!(second.stderr.starts_with("going on: "), "{}", second.stderr);
    let sent = strait.passed() - before;
    assert!(sent < SIZE - (7 << 20), "{sent} of {SIZE} bytes were sent again:\n{}", second.stderr);
    second.succeeded();
    assert_whole(&up, &ground);
}

#[test]
fn a_push_outlives_its_gateway() {
    let ground = Ground::new();
    let up = ground.gateway();
    let strait = Strait::to(&up.url, HALF);
    let pushing = spawn(up.operator(&strait.url, &format!("{} --json", ground.push())));
    strait.wait_until_full();
    drop(up);
    let up = ground.gateway();
    strait.lead_to(&up.url);
    strait.open();
    let outcome = end(pushing);
    assert!(outcome.stderr.contains("trying again, for 5 min at the most"), "{}", outcome.stderr);
    assert_eq!(outcome.succeeded().lines().count(), 1);
    assert!(strait.passed() < SIZE + (6 << 20), "{} of {SIZE} bytes were sent", strait.passed());
    assert_whole(&up, &ground);
}

#[test]
fn a_push_to_a_bucket_goes_on_in_whole_parts() {
    let (ground, bucket) = (Ground::new(), S3Server::new());
    let up = ground.gateway_with(&bucket.variables());
    let strait = Strait::to(&up.url, HALF);
    let mut first = spawn(up.operator(&strait.url, &ground.push()));
    strait.wait_until_full();
    first.kill().unwrap();
    first.wait().unwrap();
    strait.cut();
    strait.open();
    let second = end(spawn(up.operator(&strait.url, &ground.push())));
    assert!(second.stderr.starts_with("going on: "), "{}", second.stderr);
    second.succeeded();
    assert_whole(&up, &ground);
    assert_eq!(bucket.uploads(), Vec::<String>::new());
}

#[test]
fn a_presigned_push_passes_the_gateway_by() {
    let (ground, bucket) = (Ground::new(), S3Server::new());
    let mut variables = bucket.variables();
    variables.push(("s3_public_url", bucket.public_url()));
    let up = ground.gateway_with(&variables);
    let strait = Strait::to(&up.url, u64::MAX);
    let outcome = end(spawn(up.operator(&strait.url, &format!("{} --via presigned", ground.push()))));
    outcome.succeeded();
    assert!(strait.passed() < 64 << 10, "{} bytes went to the gateway", strait.passed());
    assert_whole(&up, &ground);
}

#[test]
fn a_gateway_without_a_bucket_has_no_presigned_push() {
    let ground = Ground::new();
    let stderr = ground.gateway().run(&format!("{} --via presigned", ground.push())).failed(1);
    assert!(stderr.ends_with("hint: send the bytes to the gateway: --via gateway\n"), "{stderr}");
}

#[test]
fn an_interrupted_push_says_that_it_goes_on() {
    let ground = Ground::new();
    let up = ground.gateway();
    let strait = Strait::to(&up.url, HALF);
    let pushing = spawn(up.operator(&strait.url, &ground.push()));
    strait.wait_until_full();
    let sent = Command::new("kill").args(["-INT", &pushing.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let stderr = end(pushing).failed(130);
    assert!(stderr.ends_with("hint: the same command goes on where this one stopped\n"), "{stderr}");
}

#[test]
fn without_a_terminal_there_is_a_line_now_and_then() {
    let ground = Ground::new();
    let up = ground.gateway();
    let outcome = up.run(&ground.push());
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines[0], "uploading 20.0 MiB");
    assert!(lines[1].starts_with("sent 8.0 MiB of 20.0 MiB, ") && lines[1].ends_with(" left"), "{lines:?}");
    assert!(lines.len() < 12, "{lines:?}");
    outcome.succeeded();
    assert_whole(&up, &ground);
}

#[test]
fn the_same_bytes_are_registered_once_and_others_are_refused() {
    let ground = Ground::new();
    let up = ground.gateway();
    let first = up.json(&ground.push());
    let again = up.run(&format!("{} --json", ground.push()));
    assert!(again.stderr.contains("registered already"), "{}", again.stderr);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&again.succeeded()).unwrap()["sequence"],
        first["sequence"]
    );
    fs::write(ground.file(), "other").unwrap();
    let stderr = up.run(&ground.push()).failed(1);
    assert!(stderr.contains("version 2.0 is registered with other bytes (409"), "{stderr}");
    assert!(stderr.contains("hint: a firmware never changes"), "{stderr}");
}

#[test]
fn a_file_that_changes_while_it_is_pushed_is_not_registered() {
    let grow = |file: &mut File| {
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"more").unwrap();
    };
    // Neither its length nor its time tells of it.
    let falsify = |file: &mut File| {
        let changed_at = file.metadata().unwrap().modified().unwrap();
        file.seek(SeekFrom::Start(SIZE - 4)).unwrap();
        file.write_all(b"less").unwrap();
        file.set_modified(changed_at).unwrap();
    };
    let changes: [&dyn Fn(&mut File); 2] = [&grow, &falsify];
    for change in changes {
        let ground = Ground::new();
        let up = ground.gateway();
        let strait = Strait::to(&up.url, HALF);
        let pushing = spawn(up.operator(&strait.url, &ground.push()));
        strait.wait_until_full();
        change(&mut File::options().write(true).open(ground.file()).unwrap());
        strait.open();
        let stderr = end(pushing).failed(5);
        assert!(stderr.contains("fw.bin changed while it was pushed"), "{stderr}");
        assert_eq!(up.json("firmware list demo")["firmware"].as_array().unwrap().len(), 0);
        // As it is now, it is another upload.
        up.run(&ground.push()).succeeded();
    }
}
