//! The second migration: what a job needs to be stopped by itself, staged, scheduled, scoped and retried; tags, hops,
//! verification, and messages to the outside. Jobs and tasks are made anew, since their constraints change.

/// Its statements, in order.
pub(super) const STATEMENTS: &[&str] = &[
    "ALTER TABLE product ADD COLUMN refuse_unknown BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE device ADD COLUMN place BIGINT NOT NULL DEFAULT 0",
    "UPDATE device SET place = {random_place}",
    "ALTER TABLE device ADD COLUMN informed_at BIGINT NOT NULL DEFAULT 0",
    BRIDGE,
    KEEP_BRIDGES,
    "CREATE INDEX bridge_silent ON bridge (silent_from)",
    "CREATE INDEX device_of_bridge ON device (bridge, product, device) WHERE connected = 1",
    "ALTER TABLE firmware ADD COLUMN must_pass BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE firmware ADD COLUMN needs_verification BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE firmware ADD COLUMN verify_most BIGINT NOT NULL DEFAULT 5",
    "ALTER TABLE firmware ADD COLUMN verify_least BIGINT NOT NULL DEFAULT 1",
    "CREATE INDEX firmware_must_pass ON firmware (product, sequence) WHERE must_pass = 1",
    "ALTER TABLE event ADD COLUMN message TEXT",
    "CREATE INDEX event_to_tell ON event (number) WHERE message IS NOT NULL",
    "CREATE INDEX event_of_product ON event (product, number)",
    DEVICE_TAG,
    "CREATE INDEX device_tag_of_tag ON device_tag (product, tag, device)",
    "ALTER TABLE job RENAME TO job_of_1",
    JOB,
    KEEP_JOBS,
    "DROP TABLE job_of_1",
    "CREATE INDEX job_running ON job (product, created_at) WHERE state = 'running'",
    "CREATE INDEX job_preparing ON job (created_at) WHERE state = 'preparing'",
    "CREATE INDEX job_staged ON job (created_at) WHERE state = 'running' AND stage < last_stage",
    "CREATE INDEX job_incremental ON job (product)
        WHERE incremental = 1 AND state IN ('preparing', 'running', 'held', 'paused', 'stopped')",
    "CREATE INDEX job_to_purge ON job (created_at) WHERE state = 'deleted' AND filled_to IS NOT NULL",
    "CREATE INDEX job_to_check ON job (checked_at) WHERE state IN ('running', 'held', 'paused')",
    "CREATE INDEX job_of_firmware ON job (product, version)",
    "CREATE INDEX job_newest ON job (created_at)",
    "CREATE UNIQUE INDEX job_of_key ON job (product, creation_key) WHERE creation_key IS NOT NULL",
    "ALTER TABLE task RENAME TO task_of_1",
    TASK,
    KEEP_TASKS,
    "DROP TABLE task_of_1",
    TASK_LIVE,
    "CREATE INDEX task_of_device ON task (product, device)",
    "CREATE INDEX task_due ON task (deadline) WHERE deadline IS NOT NULL",
    "CREATE INDEX task_ready ON task (job, stage, ready_until) WHERE state = 'waiting' AND backing_off = 0",
    "CREATE INDEX task_again ON task (job, stage, ready_until)
        WHERE state = 'waiting' AND backing_off = 0 AND exposed = 1",
    "CREATE INDEX task_push ON task (push_at) WHERE state = 'granted' AND signed = 0",
    "CREATE INDEX task_pushed ON task (push_id) WHERE state = 'granted' AND signed = 0",
    "CREATE INDEX task_took ON task (job, stage) WHERE state = 'succeeded'",
    FORMER,
    SCOPE,
    STAGE,
    HOOK,
    OUTBOX,
    "CREATE INDEX outbox_due ON outbox (hook, due_at) WHERE delivered_at IS NULL AND given_up_at IS NULL",
    "CREATE INDEX outbox_delivered ON outbox (delivered_at) WHERE delivered_at IS NOT NULL",
];

/// Bridges that hold sessions. One that was not heard counts as silent from `silent_from` on: it is suspected, and what
/// is known of its sessions is doubtful until it reports them anew.
const BRIDGE: &str = "CREATE TABLE bridge (
    bridge TEXT PRIMARY KEY,
    silent_from BIGINT NOT NULL,
    suspected BIGINT NOT NULL DEFAULT 0 CHECK (suspected IN (0, 1)))";
const KEEP_BRIDGES: &str = "INSERT INTO bridge (bridge, silent_from)
    SELECT DISTINCT bridge, 0 FROM device WHERE connected = 1 AND bridge IS NOT NULL";

/// What an operator calls a device by, besides its key.
const DEVICE_TAG: &str = "CREATE TABLE device_tag (
    product TEXT NOT NULL,
    device TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (product, device, tag))";

/// `look_at`: before then the sweep need not look whether the job may grant. `filled_to`: up to which device its
/// tasks are made, or purged; NULL when that is over. `multiplier` and `shift` spread the devices over its stages.
/// `held_lost`, `held_succeeded`: how it stood when it last held itself, and what a resume forgives.
/// `creation_key`: what its creator called its creation; `content`: the digest of what was asked for.
const JOB: &str = "CREATE TABLE job (
    job TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'upgrade' CHECK (kind IN ('upgrade', 'verify')),
    mode TEXT NOT NULL CHECK (mode IN ('push', 'request')),
    state TEXT NOT NULL CHECK (state IN
        ('preparing', 'running', 'held', 'paused', 'stopped', 'done', 'deleted')),
    hard BIGINT NOT NULL DEFAULT 0 CHECK (hard IN (0, 1)),
    held_because TEXT,
    loss_budget BIGINT NOT NULL CHECK (loss_budget > 0),
    growth BIGINT NOT NULL CHECK (growth BETWEEN 0 AND 1000),
    max_failure_rate BIGINT NOT NULL DEFAULT 50 CHECK (max_failure_rate BETWEEN 1 AND 1000),
    max_in_flight BIGINT NOT NULL CHECK (max_in_flight > 0),
    per_minute BIGINT NOT NULL DEFAULT 0 CHECK (per_minute BETWEEN 0 AND 60000),
    paced_until BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 1 CHECK (attempts > 0),
    backoff BIGINT NOT NULL DEFAULT 60000,
    retry_reasons BIGINT NOT NULL DEFAULT 0,
    first_sign_within BIGINT NOT NULL,
    upgrade_timeout BIGINT NOT NULL,
    confirm_within BIGINT NOT NULL,
    reachable_within BIGINT NOT NULL,
    starts_at BIGINT NOT NULL DEFAULT 0,
    windows TEXT,
    look_at BIGINT NOT NULL DEFAULT 0,
    downgrade BIGINT NOT NULL DEFAULT 0 CHECK (downgrade IN (0, 1)),
    incremental BIGINT NOT NULL DEFAULT 0 CHECK (incremental IN (0, 1)),
    scope_devices BIGINT NOT NULL DEFAULT 0,
    scope_from BIGINT NOT NULL DEFAULT 0,
    scope_tags BIGINT NOT NULL DEFAULT 0,
    filled_to TEXT,
    multiplier BIGINT NOT NULL DEFAULT 1,
    shift BIGINT NOT NULL DEFAULT 0,
    stage BIGINT NOT NULL DEFAULT 0,
    last_stage BIGINT NOT NULL DEFAULT 0 CHECK (stage <= last_stage),
    stage_members BIGINT NOT NULL DEFAULT 0,
    stage_succeeded BIGINT NOT NULL DEFAULT 0,
    stage_ended BIGINT NOT NULL DEFAULT 0,
    stage_pass BIGINT NOT NULL DEFAULT 1000,
    stage_soak BIGINT NOT NULL DEFAULT 0,
    stage_passed_at BIGINT,
    forgiven_lost BIGINT NOT NULL DEFAULT 0,
    forgiven_succeeded BIGINT NOT NULL DEFAULT 0,
    held_lost BIGINT NOT NULL DEFAULT 0,
    held_succeeded BIGINT NOT NULL DEFAULT 0,
    devices BIGINT NOT NULL DEFAULT 0,
    waiting BIGINT NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    in_flight BIGINT NOT NULL DEFAULT 0 CHECK (in_flight >= 0),
    succeeded BIGINT NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed BIGINT NOT NULL DEFAULT 0 CHECK (failed >= 0),
    timed_out BIGINT NOT NULL DEFAULT 0 CHECK (timed_out >= 0),
    canceled BIGINT NOT NULL DEFAULT 0 CHECK (canceled >= 0),
    skipped BIGINT NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    exposed BIGINT NOT NULL DEFAULT 0 CHECK (exposed >= in_flight),
    begun BIGINT NOT NULL DEFAULT 0 CHECK (begun >= 0),
    retrying BIGINT NOT NULL DEFAULT 0 CHECK (retrying BETWEEN 0 AND waiting),
    checked_at BIGINT NOT NULL DEFAULT 0,
    creation_key TEXT,
    content TEXT,
    created_at BIGINT NOT NULL,
    CHECK ((creation_key IS NULL) = (content IS NULL)),
    CHECK (devices = waiting + in_flight + succeeded + failed + timed_out + canceled + skipped))";
const KEEP_JOBS: &str =
    "INSERT INTO job (job, product, version, mode, state, held_because, loss_budget, growth,
        max_in_flight, first_sign_within, upgrade_timeout, confirm_within, reachable_within, devices, waiting,
        in_flight, succeeded, failed, timed_out, canceled, skipped, exposed, begun, created_at,
        held_lost, held_succeeded)
    SELECT job, product, version, mode, state, held_because, loss_budget, growth,
        max_in_flight, first_sign_within, upgrade_timeout, confirm_within, reachable_within, devices, waiting,
        in_flight, succeeded, failed, timed_out, canceled, skipped, exposed, begun, created_at,
        exposed - in_flight, succeeded
    FROM job_of_1";

/// `hop`: the sequence of the firmware that the attempt brings. `times_out_at`: when the attempt ends at the latest.
const TASK: &str = "CREATE TABLE task (
    job TEXT NOT NULL,
    device TEXT NOT NULL,
    product TEXT NOT NULL,
    generation BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'granted', 'downloading', 'upgrading',
        'succeeded', 'failed', 'timed_out', 'canceled', 'skipped')),
    stage BIGINT NOT NULL DEFAULT 0,
    attempt BIGINT NOT NULL DEFAULT 0,
    tries BIGINT NOT NULL DEFAULT 0,
    exposed BIGINT NOT NULL DEFAULT 0 CHECK (exposed IN (0, 1)),
    begun BIGINT NOT NULL DEFAULT 0 CHECK (begun IN (0, 1)),
    admitted BIGINT NOT NULL DEFAULT 0 CHECK (admitted IN (0, 1)),
    signed BIGINT NOT NULL DEFAULT 0 CHECK (signed IN (0, 1)),
    offered BIGINT NOT NULL DEFAULT 0 CHECK (offered IN (0, 1)),
    downloaded BIGINT NOT NULL DEFAULT 0 CHECK (downloaded IN (0, 1)),
    returned BIGINT NOT NULL DEFAULT 0 CHECK (returned IN (0, 1)),
    refused BIGINT NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)),
    backing_off BIGINT NOT NULL DEFAULT 0 CHECK (backing_off IN (0, 1)),
    hop BIGINT,
    from_version TEXT,
    step BIGINT,
    stepped_at BIGINT NOT NULL DEFAULT 0,
    detail TEXT,
    reason TEXT,
    push_id TEXT,
    push_at BIGINT NOT NULL DEFAULT 0,
    pushes BIGINT NOT NULL DEFAULT 0,
    granted_at BIGINT NOT NULL DEFAULT 0,
    begun_at BIGINT NOT NULL DEFAULT 0,
    deadline BIGINT,
    times_out_at BIGINT,
    ended_at BIGINT,
    ready_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (job, device),
    CHECK (state NOT IN ('granted', 'downloading', 'upgrading') OR (exposed = 1 AND deadline IS NOT NULL)),
    CHECK (state NOT IN ('succeeded', 'skipped') OR exposed = 0),
    CHECK (state <> 'succeeded' OR begun = 1),
    CHECK (state NOT IN ('failed', 'timed_out') OR exposed = begun),
    CHECK (state <> 'waiting' OR exposed = begun),
    CHECK (backing_off = 0 OR (state = 'waiting' AND deadline IS NOT NULL)))";
const KEEP_TASKS: &str = "INSERT INTO task (job, device, product, generation, state, attempt, tries, exposed,
        begun, admitted, signed, offered, downloaded, returned, refused, from_version, step, stepped_at, detail,
        reason, push_id, push_at, pushes, granted_at, begun_at, deadline, times_out_at, ended_at, ready_until)
    SELECT job, device, product, generation, state, attempt, attempt, exposed,
        begun, admitted, signed, offered, downloaded, returned, refused, from_version, step, stepped_at, detail,
        reason, push_id, push_at, pushes, granted_at, CASE WHEN begun = 1 THEN granted_at ELSE 0 END,
        CASE WHEN state IN ('granted', 'downloading', 'upgrading') THEN deadline END, deadline, ended_at, ready_until
    FROM task_of_1";

/// Tasks of hardware that was replaced, which made room for those of the new: a task is one device in one job, and what
/// became of the old hardware stays counted, its exposure for ever.
const FORMER: &str = "CREATE TABLE former (
    job TEXT NOT NULL,
    device TEXT NOT NULL,
    generation BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('succeeded', 'failed', 'timed_out', 'canceled', 'skipped')),
    stage BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    exposed BIGINT NOT NULL CHECK (exposed IN (0, 1)),
    begun BIGINT NOT NULL CHECK (begun IN (0, 1)),
    reason TEXT,
    ended_at BIGINT,
    PRIMARY KEY (job, device, generation))";

/// One live task per device, whatever races.
const TASK_LIVE: &str = "CREATE UNIQUE INDEX task_live ON task (product, device)
    WHERE state IN ('granted', 'downloading', 'upgrading')";

/// What a job names one by one: devices, source versions, tags, excluded devices, canaries.
const SCOPE: &str = "CREATE TABLE scope (
    job TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('device', 'from', 'tag', 'exclude', 'canary')),
    value TEXT NOT NULL,
    PRIMARY KEY (job, kind, value))";

/// The stages of a job: a device is in the first whose `upto` lies above its place. How its members stand is counted
/// here until it opens, and in the job from then on, so that it opens at once, whatever its size.
const STAGE: &str = "CREATE TABLE stage (
    job TEXT NOT NULL,
    stage BIGINT NOT NULL,
    upto BIGINT NOT NULL,
    soak BIGINT NOT NULL,
    pass BIGINT NOT NULL,
    members BIGINT NOT NULL DEFAULT 0 CHECK (members >= 0),
    succeeded BIGINT NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    ended BIGINT NOT NULL DEFAULT 0 CHECK (ended BETWEEN succeeded AND members),
    PRIMARY KEY (job, stage))";

/// Where messages go; the secret is sealed. `failures` counts those in a row, whatever the message: while there are
/// any, the hook is left alone until `paused_until`. What arrived is counted here, since the outbox forgets it.
const HOOK: &str = "CREATE TABLE hook (
    hook TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    product TEXT,
    kinds TEXT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    last_error TEXT,
    paused_until BIGINT NOT NULL DEFAULT 0,
    delivered BIGINT NOT NULL DEFAULT 0,
    delivered_at BIGINT,
    created_at BIGINT NOT NULL,
    removed_at BIGINT)";

/// Messages on their way: one event to one hook.
const OUTBOX: &str = "CREATE TABLE outbox (
    hook TEXT NOT NULL,
    event BIGINT NOT NULL,
    kind TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    delivered_at BIGINT,
    given_up_at BIGINT,
    PRIMARY KEY (hook, event))";
