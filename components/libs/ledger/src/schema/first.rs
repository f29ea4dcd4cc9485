//! The first migration: products, devices, firmware, jobs, tasks, events. Released, and so never changed again.

/// Its statements, in order.
pub(super) const STATEMENTS: &[&str] = &[
    LEDGER,
    FIRST_LEDGER,
    PRODUCT,
    DEVICE,
    FIRMWARE,
    JOB,
    JOB_RUNNING,
    TASK,
    TASK_LIVE,
    TASK_OF_DEVICE,
    TASK_DUE,
    TASK_READY,
    TASK_PUSH,
    TASK_PUSHED,
    EVENT,
    EVENT_OF_JOB,
    EVENT_OF_DEVICE,
];

/// One row: which ledger this is, and the epoch that every link carries. Restore starts a new epoch.
const LEDGER: &str = "CREATE TABLE ledger (
    id TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL)";
const FIRST_LEDGER: &str = "INSERT INTO ledger (id, epoch) VALUES ({random_id}, 1)";

const PRODUCT: &str = "CREATE TABLE product (
    product TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL)";

const DEVICE: &str = "CREATE TABLE device (
    product TEXT NOT NULL,
    device TEXT NOT NULL,
    generation BIGINT NOT NULL DEFAULT 1,
    secret TEXT NOT NULL,
    version TEXT,
    heard_at BIGINT NOT NULL DEFAULT 0,
    connected BIGINT NOT NULL DEFAULT 0 CHECK (connected IN (0, 1)),
    bridge TEXT,
    session BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (product, device))";

const FIRMWARE: &str = "CREATE TABLE firmware (
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    object TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size > 0),
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    blocks_root TEXT NOT NULL,
    sign_method TEXT NOT NULL CHECK (sign_method IN ('md5', 'sha256')),
    quarantined_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (product, version),
    UNIQUE (product, sequence))";

const JOB: &str = "CREATE TABLE job (
    job TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('push', 'request')),
    state TEXT NOT NULL CHECK (state IN ('running', 'held', 'stopped', 'done')),
    held_because TEXT,
    loss_budget BIGINT NOT NULL CHECK (loss_budget > 0),
    growth BIGINT NOT NULL CHECK (growth BETWEEN 0 AND 1000),
    max_in_flight BIGINT NOT NULL CHECK (max_in_flight > 0),
    first_sign_within BIGINT NOT NULL,
    upgrade_timeout BIGINT NOT NULL,
    confirm_within BIGINT NOT NULL,
    reachable_within BIGINT NOT NULL,
    devices BIGINT NOT NULL,
    waiting BIGINT NOT NULL CHECK (waiting >= 0),
    in_flight BIGINT NOT NULL DEFAULT 0 CHECK (in_flight >= 0),
    succeeded BIGINT NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed BIGINT NOT NULL DEFAULT 0 CHECK (failed >= 0),
    timed_out BIGINT NOT NULL DEFAULT 0 CHECK (timed_out >= 0),
    canceled BIGINT NOT NULL DEFAULT 0 CHECK (canceled >= 0),
    skipped BIGINT NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    exposed BIGINT NOT NULL DEFAULT 0 CHECK (exposed >= in_flight),
    begun BIGINT NOT NULL DEFAULT 0 CHECK (begun >= 0),
    created_at BIGINT NOT NULL,
    CHECK (devices = waiting + in_flight + succeeded + failed + timed_out + canceled + skipped))";
const JOB_RUNNING: &str = "CREATE INDEX job_running ON job (product, created_at) WHERE state = 'running'";

const TASK: &str = "CREATE TABLE task (
    job TEXT NOT NULL,
    device TEXT NOT NULL,
    product TEXT NOT NULL,
    generation BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'granted', 'downloading', 'upgrading',
        'succeeded', 'failed', 'timed_out', 'canceled', 'skipped')),
    attempt BIGINT NOT NULL DEFAULT 0,
    exposed BIGINT NOT NULL DEFAULT 0 CHECK (exposed IN (0, 1)),
    begun BIGINT NOT NULL DEFAULT 0 CHECK (begun IN (0, 1)),
    admitted BIGINT NOT NULL DEFAULT 0 CHECK (admitted IN (0, 1)),
    signed BIGINT NOT NULL DEFAULT 0 CHECK (signed IN (0, 1)),
    offered BIGINT NOT NULL DEFAULT 0 CHECK (offered IN (0, 1)),
    downloaded BIGINT NOT NULL DEFAULT 0 CHECK (downloaded IN (0, 1)),
    returned BIGINT NOT NULL DEFAULT 0 CHECK (returned IN (0, 1)),
    refused BIGINT NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)),
    from_version TEXT,
    step BIGINT,
    stepped_at BIGINT NOT NULL DEFAULT 0,
    detail TEXT,
    reason TEXT,
    push_id TEXT,
    push_at BIGINT NOT NULL DEFAULT 0,
    pushes BIGINT NOT NULL DEFAULT 0,
    granted_at BIGINT NOT NULL DEFAULT 0,
    deadline BIGINT,
    ended_at BIGINT,
    ready_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (job, device),
    CHECK (state NOT IN ('granted', 'downloading', 'upgrading') OR (exposed = 1 AND deadline IS NOT NULL)),
    CHECK (state NOT IN ('succeeded', 'skipped') OR exposed = 0),
    CHECK (state <> 'succeeded' OR begun = 1),
    CHECK (state NOT IN ('failed', 'timed_out') OR exposed = begun))";

/// One live task per device, whatever races.
const TASK_LIVE: &str = "CREATE UNIQUE INDEX task_live ON task (product, device)
    WHERE state IN ('granted', 'downloading', 'upgrading')";
const TASK_OF_DEVICE: &str = "CREATE INDEX task_of_device ON task (product, device)";
/// The sweep's four questions: what is due, who may be granted, what is to be delivered.
const TASK_DUE: &str = "CREATE INDEX task_due ON task (deadline)
    WHERE state IN ('granted', 'downloading', 'upgrading')";
const TASK_READY: &str = "CREATE INDEX task_ready ON task (job, ready_until) WHERE state = 'waiting'";
const TASK_PUSH: &str = "CREATE INDEX task_push ON task (push_at) WHERE state = 'granted' AND signed = 0";

const TASK_PUSHED: &str = "CREATE INDEX task_pushed ON task (push_id) WHERE state = 'granted' AND signed = 0";

/// Append-only: history and audit.
const EVENT: &str = "CREATE TABLE event (
    number {serial},
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    product TEXT,
    device TEXT,
    job TEXT,
    actor TEXT NOT NULL,
    detail TEXT)";
const EVENT_OF_JOB: &str = "CREATE INDEX event_of_job ON event (job, number)";
const EVENT_OF_DEVICE: &str = "CREATE INDEX event_of_device ON event (product, device, number)";
