//! `ota fleet` against real gateways: one of its own, and one that is there already.
//! The components must be built where `spin.toml` expects them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::gateway::{MANIFEST, Up, compile};
use crate::program::{Outcome, command, run, words};

/// `ota fleet` with these words, over components as they are.
fn fleet(line: &str) -> Command {
    let mut command = command();
    command.env_remove("OTA_MQTT").arg("fleet").args(words(line));
    command.args(["--no-build", "--manifest", MANIFEST]);
    command
}

fn outcome(mut command: Command) -> Outcome {
    Outcome::of(command.output().unwrap())
}

/// The object that a run printed which must have ended as cast.
fn run_of(line: &str) -> Value {
    compile();
    let outcome = outcome(fleet(&format!("{line} --json")));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn a_sound_fleet_comes_back_whole() {
    let job = run_of("--devices 50 --seed 1");
    assert_eq!((&job["state"], &job["succeeded"], &job["lost"]), (&"done".into(), &50.into(), &0.into()));
    assert_eq!((&job["seed"], &job["as_cast"], &job["ending"]), (&1.into(), &true.into(), &"over".into()));
    assert_eq!(job["received_bytes"], 50 * 100_000);
    assert!(job["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{job}");
    assert!(job["most_exposed"].as_u64().is_some_and(|most| most <= 14), "{job}");
}

#[test]
fn a_fleet_that_bricks_loses_the_budget_and_says_so_last() {
    compile();
    let outcome = outcome(fleet("--devices 60 --faults brick=1.0 --loss-budget 6 --upgrade-timeout 3s"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let last = outcome.stdout.lines().last().unwrap();
    let says = "It bricked everything that took it: lost 6 of 60, the budget was 6; the job held itself: ";
    assert!(last.starts_with(says), "{}", outcome.stdout);
    let row = outcome.stdout.lines().find(|line| line.starts_with("brick ")).unwrap();
    assert_eq!(words(row)[..6], ["brick", "60", "0", "6", "54", "6"], "{}", outcome.stdout);
}

#[test]
fn each_fault_ends_as_its_part_says() {
    let faults = [
        ("brick", 2, "timed_out", 2),
        ("rollback", 2, "failed", 2),
        ("bad-digest", 2, "failed", 2),
        ("download-fail", 2, "failed", 2),
        ("wrong-version", 2, "failed", 2),
        ("ignores", 2, "timed_out", 0),
        ("refuses", 2, "failed", 0),
        ("flap", 10, "succeeded", 0),
        ("slow", 4, "succeeded", 0),
        ("cached", 4, "succeeded", 0),
    ];
    let rates = faults.map(|(fault, number, ..)| format!("{fault}={}", f64::from(number) / 100.0)).join(",");
    // So much goes wrong that the job would hold itself.
    let terms = "--upgrade-timeout 8 --loss-budget 40 --max-failure-rate 100";
    let job = run_of(&format!("--devices 100 --seed 3 {terms} --faults {rates}"));
    assert_eq!((&job["state"], &job["resumed_downloads"]), (&"done".into(), &10.into()), "{job}");
    for (fault, number, state, lost) in faults {
        let sum = &job["faults"][fault];
        let found = (&sum["devices"], &sum[state], &sum["lost"]);
        assert_eq!(found, (&number.into(), &number.into(), &lost.into()), "{fault}: {sum}");
    }
    assert_eq!(job["faults"]["sound"]["succeeded"], 68);
}

#[test]
fn a_gateway_that_is_there_gets_a_product_a_run_and_the_same_cast_for_the_same_seed() {
    let up = Up::start();
    let line = format!("--devices 30 --seed 5 --arrival ramp:2 --faults refuses=0.1,flap=0.1 {}", up.flags());
    let (first, second) = (run_of(&line), run_of(&line));
    assert_eq!((&first["product"], &second["product"]), (&"fleet-5".into(), &"fleet-5.2".into()));
    assert_eq!(first["faults"], second["faults"]);
    assert_eq!((&second["succeeded"], &second["failed"]), (&27.into(), &3.into()));
}

#[test]
fn a_run_that_is_not_over_in_time_says_what_it_waits_for_stops_its_job_and_exits_7() {
    let up = Up::start();
    // The job is there before the devices, so that the time cannot be over before it.
    let line = "--devices 3 --arrival ramp:1 --link 1k --duration 12s --loss-budget 1 --growth 0";
    let outcome = outcome(fleet(&format!("{line} {}", up.flags())));
    assert_eq!(outcome.code, 7, "{}", outcome.stderr);
    let says = "error: the job was not over in time: 0 of 3 done; device-";
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    let waits = " waits: the loss budget has no slot: 1 exposed of 1\n";
    assert!(outcome.stderr.contains(waits), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("the job was not over in time"), "{}", outcome.stdout);
    assert_eq!(up.newest_job()["state"], "stopped");
}

#[test]
fn ctrl_c_stops_the_job_and_exits_130() {
    let up = Up::start();
    let mut running = fleet(&format!("--devices 20 --link 1k {}", up.flags()));
    let mut running = running.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(running.stderr.take().unwrap());
    let mut said = String::new();
    while !said.lines().any(|line| line.starts_with("job ")) {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let sent = Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(sent.success());
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("error: interrupted"), "{said}");
    assert_eq!(up.newest_job()["state"], "stopped");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_started() {
    for (line, says) in [
        ("--faults brick=2", "`2` is no rate"),
        ("--faults brick=0.9,slow=0.2", "sum to 1.1"),
        ("--arrival never", "`never` is no arrival"),
        ("--devices 0", "0 is not in"),
        ("--link 0", "`0` is no amount of bytes"),
    ] {
        let stderr = outcome(fleet(line)).failed(2);
        assert!(stderr.contains(says), "{line}: {stderr}");
    }
    let stderr = outcome(fleet("--mqtt 127.0.0.1:1")).failed(2);
    assert!(stderr.contains("error: no operator token"), "{stderr}");
}

#[test]
fn a_gateway_that_is_not_there_is_exit_code_3() {
    assert!(Path::new(MANIFEST).is_file());
    let stderr = run("http://127.0.0.1:9", &["fleet", "--devices", "1"]).failed(3);
    assert!(stderr.contains("cannot reach http://127.0.0.1:9"), "{stderr}");
}
