//! A server is ours, keeps each test's database apart, and is gone with whoever started it.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ota_postgres::{Server, Settings};
use postgres::{Client, NoTls};

/// Set for a process of this binary that is to be killed.
const VICTIM: &str = "OTA_POSTGRES_VICTIM";

fn connect(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap()
}

fn setting(client: &mut Client, name: &str) -> String {
    client.query_one(&format!("SHOW {name}"), &[]).unwrap().get(0)
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let server = Server::shared().unwrap();
    let (one, other) = (server.database().unwrap(), server.database().unwrap());
    connect(&one.url).batch_execute("CREATE TABLE mine (n BIGINT)").unwrap();
    assert!(connect(&other.url).query("SELECT n FROM mine", &[]).is_err());
    assert!(connect(&one.url).query("SELECT n FROM mine", &[]).unwrap().is_empty());
    assert_eq!(one.host(), format!("postgres://{}", server.address()));
}

#[test]
fn a_copy_has_what_its_template_had_and_is_its_own() {
    let server = Server::shared().unwrap();
    let template = server.database().unwrap();
    connect(&template.url)
        .batch_execute("CREATE TABLE kept (n BIGINT); INSERT INTO kept VALUES (7)")
        .unwrap();
    let copy = server.copy(&template).unwrap();
    let rows = connect(&copy.url).query("DELETE FROM kept RETURNING n", &[]).unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [7]);
    assert_eq!(connect(&template.url).query("SELECT n FROM kept", &[]).unwrap().len(), 1);
}

#[test]
fn a_database_goes_with_its_guard_though_somebody_is_connected() {
    let database = Server::shared().unwrap().database().unwrap();
    let url = database.url.clone();
    let mut client = connect(&url);
    drop(database);
    assert!(client.query("SELECT 1", &[]).is_err());
    assert!(Client::connect(&url, NoTls).is_err());
}

#[test]
fn it_is_durable_unless_it_is_to_be_fast() {
    let database = Server::shared().unwrap().database().unwrap();
    let mut client = connect(&database.url);
    assert_eq!(setting(&mut client, "fsync"), "on");
    assert_eq!(setting(&mut client, "synchronous_commit"), "on");
    let fast = Server::start_with(&Settings { is_fast: true, ..Settings::default() }).unwrap();
    let database = fast.database().unwrap();
    assert_eq!(setting(&mut connect(&database.url), "fsync"), "off");
}

#[test]
fn nobody_comes_in_without_the_password() {
    let database = Server::shared().unwrap().database().unwrap();
    let (before, after) = database.url.split_once('@').unwrap();
    let (user, _) = before.rsplit_once(':').unwrap();
    assert!(Client::connect(&format!("{user}:wrong@{after}"), NoTls).is_err());
    assert!(Client::connect(&format!("{user}@{after}"), NoTls).is_err());
}

#[test]
fn texts_sort_as_people_sort_them() {
    let database = Server::shared().unwrap().database().unwrap();
    let mut client = connect(&database.url);
    let first: String =
        client.query_one("SELECT MIN(t) FROM (VALUES ('B'), ('a')) v(t)", &[]).unwrap().get(0);
    assert_eq!(first, "a", "bytes would say B");
}

#[test]
fn a_killed_server_comes_back_with_what_was_committed() {
    let mut server = Server::start().unwrap();
    let database = server.database().unwrap();
    let mut client = connect(&database.url);
    client.batch_execute("CREATE TABLE kept (n BIGINT); INSERT INTO kept VALUES (7)").unwrap();
    let mut open = client.transaction().unwrap();
    open.execute("INSERT INTO kept VALUES (8)", &[]).unwrap();
    server.kill().unwrap();
    assert!(Client::connect(&database.url, NoTls).is_err());
    server.restart().unwrap();
    let rows = connect(&database.url).query("SELECT n FROM kept", &[]).unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [7]);
}

#[test]
fn a_server_that_is_dropped_is_gone() {
    let server = Server::start().unwrap();
    let address = server.address();
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_killed_process_leaves_no_server_behind() {
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_victim", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let said = lines.find_map(|line| line.unwrap().split_once("server at ").map(|(_, said)| said.to_owned()));
    let address = said.unwrap();
    assert!(TcpStream::connect(&address).is_ok());
    victim.kill().unwrap();
    victim.wait().unwrap();
    let begun = Instant::now();
    while TcpStream::connect(&address).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the server outlives its owner");
        sleep(Duration::from_millis(20));
    }
}

/// Does nothing by itself: it is the process that the test above kills.
#[test]
fn the_victim() {
    if env::var_os(VICTIM).is_some() {
        println!("server at {}", Server::shared().unwrap().address());
        sleep(Duration::from_mins(1));
    }
}
