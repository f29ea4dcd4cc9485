//! The second migration keeps all that a ledger of the first had.

use ota_ledger::{Dialect, Row, Sql, Value};
use ota_rollout::{JobState, Kind, TaskState, Terms};

use crate::database::{Connection, START, WORDS, empty};
use crate::ledger::store::{Store, id, ver};

/// The statements as they were released.
#[path = "../../src/schema/first.rs"]
mod first;

/// A ledger as the first migration left it.
fn released() -> Connection {
    let sql = empty();
    sql.execute("CREATE TABLE migration (number BIGINT PRIMARY KEY)", &[]).unwrap();
    sql.execute("INSERT INTO migration (number) VALUES (1)", &[]).unwrap();
    for statement in first::STATEMENTS {
        let statement =
            WORDS.iter().fold((*statement).to_owned(), |sql, (word, meaning)| sql.replace(word, meaning));
        sql.execute(&statement, &[]).unwrap();
    }
    sql.execute("CREATE TABLE test_clock (at BIGINT NOT NULL)", &[]).unwrap();
    sql.execute("INSERT INTO test_clock VALUES ($1)", &[START.into()]).unwrap();
    sql
}

/// Devices and firmware, and a task in each state in a job in each state.
fn filled() -> Connection {
    let sql = released();
    let run = |statement: &str| assert!(sql.execute(statement, &[]).unwrap() > 0, "{statement}");
    run("INSERT INTO product VALUES ('pk', 1)");
    for n in 1..4 {
        run(&format!(
            "INSERT INTO firmware (product, version, sequence, object, size, md5, sha256, blocks_root, sign_method, created_at)
            VALUES ('pk', '{n}', {n}, '{n:032}', 1000, '{n:032}', '{n:064}', '{n:064}', 'md5', 5)"
        ));
    }
    for n in 0..9 {
        run(&format!(
            "INSERT INTO device (product, device, generation, secret, version, heard_at, created_at)
            VALUES ('pk', 'd{n}', 3, 'sealed', '1', {START}, 7)"
        ));
    }
    for state in ["running", "held", "stopped", "done"] {
        run(&format!("INSERT INTO job (job, product, version, mode, state, held_because, loss_budget, growth,
                max_in_flight, first_sign_within, upgrade_timeout, confirm_within, reachable_within, devices, waiting,
                succeeded, failed, timed_out, canceled, skipped, exposed, begun, created_at)
            VALUES ('{state}', 'pk', '2', 'push', '{state}', 'why', 11, 12, 13, 14000, 15000, 16000, 17000, 6, 1,
                1, 1, 1, 1, 1, 3, 4, 19)"));
        let tasks = [
            ("waiting", 0, 0),
            ("succeeded", 0, 1),
            ("failed", 1, 1),
            ("timed_out", 1, 1),
            ("canceled", 1, 1),
            ("skipped", 0, 0),
        ];
        for (n, (task, exposed, begun)) in tasks.into_iter().enumerate() {
            run(&task_of_1(state, n, task, exposed, begun));
        }
    }
    run(
        "UPDATE job SET devices = 9, in_flight = 3, exposed = exposed + 3, begun = begun + 2 WHERE job = 'running'",
    );
    for (n, (task, begun)) in [("granted", 0), ("downloading", 1), ("upgrading", 1)].into_iter().enumerate() {
        run(&task_of_1("running", n + 6, task, 1, begun));
    }
    run("INSERT INTO event (at, kind, product, job, actor) VALUES (1, 'held', 'pk', 'held', 'gateway')");
    sql
}

fn task_of_1(job: &str, n: usize, state: &str, exposed: i64, begun: i64) -> String {
    let is_live = ["granted", "downloading", "upgrading"].contains(&state);
    let deadline = if is_live { (START + 1000).to_string() } else { "NULL".to_owned() };
    format!("INSERT INTO task (job, device, product, generation, state, attempt, exposed, begun, admitted, signed,
            offered, downloaded, returned, refused, from_version, step, stepped_at, detail, reason, push_id, push_at,
            pushes, granted_at, deadline, ended_at, ready_until)
        VALUES ('{job}', 'd{n}', 'pk', 3, '{state}', 2, {exposed}, {begun}, {begun}, {begun}, 0, 0, 0, 0, '1', 42, 21,
            'words', 'reason', '{job}{n}', 22, 23, 24, {deadline}, 26, {START} + 9000)")
}

/// Every row of `table`, its columns as the first migration had them.
fn rows(sql: &dyn Sql, columns: &str, table: &str) -> Vec<Row> {
    sql.query(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2"), &[]).unwrap()
}

const OF_JOB: &str = "job, product, version, mode, state, held_because, loss_budget, growth, max_in_flight,
    first_sign_within, upgrade_timeout, confirm_within, reachable_within, devices, waiting, in_flight, succeeded,
    failed, timed_out, canceled, skipped, exposed, begun, created_at";
const OF_TASK: &str =
    "job, device, product, generation, state, attempt, exposed, begun, admitted, signed, offered,
    downloaded, returned, refused, from_version, step, stepped_at, detail, reason, push_id, push_at, pushes,
    granted_at, deadline, ended_at, ready_until";
const TABLES: [(&str, &str); 6] = [
    (OF_JOB, "job"),
    (OF_TASK, "task"),
    (
        "product, device, generation, secret, version, heard_at, connected, bridge, session, created_at",
        "device",
    ),
    (
        "product, version, sequence, object, size, md5, sha256, blocks_root, sign_method, quarantined_at",
        "firmware",
    ),
    ("number, at, kind, product, device, job, actor, detail", "event"),
    ("id, epoch", "ledger"),
];

#[test]
fn every_row_of_a_ledger_comes_through() {
    let sql = filled();
    let read = || TABLES.map(|(columns, table)| rows(&sql, columns, table));
    let before = read();
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [4, 27, 9, 3, 1, 1]);
    assert!(ota_ledger::schema::ensure(&sql, dialect()).unwrap());
    assert_eq!(read(), before);
    assert!(!ota_ledger::schema::ensure(&sql, dialect()).unwrap(), "once");
    let renamed = sql.query("SELECT 1 FROM device WHERE place < 0 OR place >= 1000003", &[]).unwrap();
    assert_eq!(renamed, []);
}

fn dialect() -> Dialect {
    crate::database::DIALECT
}

#[test]
fn a_ledger_goes_on_where_it_was() {
    let sql = filled();
    ota_ledger::schema::ensure(&sql, dialect()).unwrap();
    let store = Store::over(sql, 1);
    let record = store.record("running");
    assert_eq!((record.state, record.kind, record.is_incremental), (JobState::Running, Kind::Upgrade, false));
    assert_eq!(
        (record.terms.max_failure_rate, record.terms.retry.attempts),
        (Terms::DEFAULT.max_failure_rate, 1)
    );
    for job in ["running", "held", "stopped", "done"] {
        store.check(job);
    }
    store.inform("d7", "2");
    assert_eq!(store.state("running", "d7"), TaskState::Succeeded);
    store.inform("d2", "2");
    assert_eq!(store.state("running", "d2"), TaskState::Succeeded, "late");
    store.pass(1001);
    assert_eq!(store.sweep().timed_out, 1, "what was upgrading; what was granted and signed nothing lapses");
    store.act(|ledger| ledger.resume_job("held").unwrap());
    store.act(|ledger| ledger.retry_task("done", &id("d3").device).unwrap());
    let command = store.inform("d3", "1").unwrap();
    assert_eq!(command.firmware.version, ver("2"));
    for job in ["running", "held", "stopped", "done"] {
        store.check(job);
    }
}

#[test]
fn migrations_that_race_are_run_once() {
    let shared = crate::database::Shared::empty();
    let number = |sql: &dyn Sql| sql.query("SELECT COUNT(*) FROM migration", &[]).unwrap()[0].0[0].clone();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ota_ledger::schema::ensure(&shared.connect(), dialect()).unwrap());
        }
    });
    assert_eq!(number(&shared.connect()), Value::Int(3));
}
