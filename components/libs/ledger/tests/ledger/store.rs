//! A ledger with a clock that the test turns, and the few moves that every test makes.

use std::cell::Cell;

use ota_image::objects::Writing;
use ota_image::{BlocksRoot, Md5, ObjectId, Sha256, Store as Kept, Stored};
use ota_ledger::command::Command;
use ota_ledger::deliver::{Due, Recipient};
use ota_ledger::download::Begun;
use ota_ledger::firmware::{NewFirmware, Pushed};
use ota_ledger::inform::{Heard, Told};
use ota_ledger::job::NewJob;
use ota_ledger::presence::{Change, Session};
use ota_ledger::record::{Duties, JobRecord, TaskRecord, UploadRecord, Way};
use ota_ledger::registry::ProductTerms;
use ota_ledger::sweep::Swept;
use ota_ledger::{Ledger, Sql, SqlError};
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::link::Link;
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;
use ota_rollout::{Counters, JobState, Mode, TaskState, Terms};

pub(crate) use crate::database::START;
use crate::database::{Connection, DIALECT};
use crate::ledger::recorded::Recorded;

/// A ledger in memory.
pub(crate) struct Store {
    pub(crate) sql: Recorded,
    random: Cell<u64>,
}

/// Terms whose times are short and whose budget is `loss_budget`, without growth.
pub(crate) fn terms(loss_budget: i64) -> Terms {
    let budget = ota_rollout::Budget { loss_budget, growth: 0 };
    Terms {
        budget,
        first_sign_within: 10_000,
        upgrade_timeout: 100_000,
        confirm_within: 5_000,
        ..Terms::DEFAULT
    }
}

impl Store {
    /// An empty ledger with the product `pk`.
    pub(crate) fn new() -> Self {
        let store = Self::over(Connection::fresh(), 1);
        store.act(|ledger| ledger.create_product(&pk(), &ProductTerms::default()).unwrap());
        store
    }

    /// The ledger at the other end of `connection`; its ids are not those of another `seed`.
    pub(crate) fn over(connection: Connection, seed: u64) -> Self {
        Self { sql: Recorded::new(connection), random: Cell::new(seed << 32) }
    }

    /// The same with devices `d0`, `d1`, … on version `1` and firmware `2`.
    pub(crate) fn with_devices(count: usize) -> Self {
        let store = Self::new();
        for n in 0..count {
            store.add_device(&format!("d{n}"));
            store.inform(&format!("d{n}"), "1");
        }
        store.add_firmware("2");
        store
    }

    pub(crate) fn act<T>(&self, act: impl FnOnce(&Ledger<'_>) -> T) -> T {
        // A counter scrambled well enough to look random, and the same in each run.
        let random = || {
            self.random.set(self.random.get() + 1);
            self.random.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        act(&Ledger::new(&self.sql, DIALECT, &random))
    }

    pub(crate) fn turn_to(&self, at: i64) {
        self.sql.execute("UPDATE test_clock SET at = $1", &[at.into()]).unwrap();
    }

    pub(crate) fn now(&self) -> i64 {
        self.sql.query("SELECT at FROM test_clock", &[]).unwrap()[0].int(0).unwrap()
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.sql.execute("UPDATE test_clock SET at = at + $1", &[ms.into()]).unwrap();
    }

    pub(crate) fn add_device(&self, device: &str) {
        self.act(|ledger| ledger.create_device(&id(device), "sealed").unwrap());
    }

    pub(crate) fn add_firmware(&self, version: &str) {
        self.add_firmware_with(version, Duties::default());
    }

    pub(crate) fn add_firmware_with(&self, version: &str, duties: Duties) {
        let pushed = self.try_firmware(version, duties);
        assert!(matches!(pushed, Ok(Pushed::Created(_))), "{pushed:?}");
    }

    /// Registers the version until it stands, whoever else does too.
    pub(crate) fn push_firmware(&self, version: &str) {
        while self.try_firmware(version, Duties::default()).is_err() {}
    }

    fn try_firmware(&self, version: &str, duties: Duties) -> Result<Pushed, SqlError> {
        let object = object_of(version);
        let stored = Stored {
            store: Kept::Kv,
            object: object.clone(),
            size: 1000,
            md5: Md5::of(version.as_bytes()),
            sha256: Sha256::of(version.as_bytes()),
            blocks_root: BlocksRoot::of(1000, &[]),
        };
        let writing = Writing { object, token: String::new() };
        let upload = UploadRecord::new(pk(), ver(version), Kept::Kv, writing, Way::Request);
        let new = NewFirmware {
            product: &pk(),
            version: &ver(version),
            stored: &stored,
            sign_method: SignMethod::Md5,
            duties,
            signature: None,
        };
        self.act(|ledger| {
            ledger.begin_upload(&upload)?;
            ledger.create_firmware(&new)
        })
    }

    pub(crate) fn job(&self, mode: Mode, terms: Terms) -> String {
        self.job_to("2", mode, terms)
    }

    pub(crate) fn job_to(&self, to: &str, mode: Mode, terms: Terms) -> String {
        self.create(NewJob { mode, terms, ..self.new_job(to) })
    }

    /// A job to `to` that says nothing else.
    pub(crate) fn new_job(&self, to: &str) -> NewJob {
        NewJob { terms: terms(10), ..NewJob::new(self.job_id(), pk(), ver(to)) }
    }

    /// Creates a job that knows what its firmware has exposed in others; its id.
    pub(crate) fn create(&self, new: NewJob) -> String {
        let jobs = self.act(|ledger| ledger.jobs(None, None, 1000).unwrap());
        let exposed_elsewhere =
            jobs.iter().filter(|job| job.to == new.to).map(|job| job.counters.exposed).sum();
        let new = NewJob { exposed_elsewhere, ..new };
        self.act(|ledger| ledger.create_job(&new).unwrap()).job
    }

    /// An id that no job has.
    pub(crate) fn job_id(&self) -> String {
        self.random.set(self.random.get() + 1);
        format!("{:012x}", self.random.get())
    }

    /// The device informs; the command that it is answered with.
    pub(crate) fn inform(&self, device: &str, version: &str) -> Option<Command> {
        self.inform_aged(device, version, None)
    }

    pub(crate) fn inform_aged(&self, device: &str, version: &str, age: Option<i64>) -> Option<Command> {
        let heard = Heard { id: id(device), age };
        match self.act(|ledger| ledger.inform(&heard, &ver(version)).unwrap()) {
            Told::Known(command) => command.map(|command| *command),
            Told::Unknown => panic!("{device} is not registered"),
        }
    }

    /// The device informs version 1, is granted, and its download begins; the link.
    pub(crate) fn begin(&self, device: &str) -> Link {
        let link = self.inform(device, "1").unwrap().link;
        assert_eq!(self.act(|ledger| ledger.begin(&link).unwrap()), Begun::Yes);
        link
    }

    /// The device begins and comes back on version 2.
    pub(crate) fn succeed(&self, device: &str) {
        self.begin(device);
        self.inform(device, "2");
    }

    /// The device begins and says that it could not flash the image.
    pub(crate) fn fail(&self, device: &str) {
        self.begin(device);
        self.report(device, -4);
    }

    pub(crate) fn report(&self, device: &str, step: i32) {
        self.act(|ledger| ledger.progress(&heard(device), step, None).unwrap());
    }

    /// The device connects through the bridge `b1`, or loses its session.
    pub(crate) fn connect(&self, device: &str) {
        self.session_begins(&session(device, self.last_session(device) + 1));
    }

    pub(crate) fn disconnect(&self, device: &str) {
        self.session_ends(&session(device, self.last_session(device)));
    }

    fn last_session(&self, device: &str) -> i64 {
        let rows = self.sql.query("SELECT session FROM device WHERE device = $1", &[device.into()]);
        rows.unwrap()[0].int(0).unwrap()
    }

    pub(crate) fn session_begins(&self, session: &Session) {
        self.try_session(session).unwrap();
    }

    /// What a report of one session does: it is written, and its device granted what it may have.
    pub(crate) fn try_session(&self, session: &Session) -> Result<(), SqlError> {
        self.act(|ledger| {
            let arrived = ledger.changed(&[(session.clone(), Change::Connected)])?;
            arrived.iter().try_for_each(|id| ledger.grant_connected(id))
        })
    }

    pub(crate) fn session_ends(&self, session: &Session) {
        self.act(|ledger| ledger.changed(&[(session.clone(), Change::Disconnected)]).unwrap());
    }

    /// What is to be delivered now, however long it takes.
    pub(crate) fn due_for(&self, recipient: Recipient<'_>) -> Due {
        self.act(|ledger| ledger.deliveries(recipient, &|| true).unwrap())
    }

    pub(crate) fn sweep(&self) -> Swept {
        self.try_sweep().unwrap()
    }

    pub(crate) fn try_sweep(&self) -> Result<Swept, SqlError> {
        self.act(|ledger| {
            let swept = ledger.sweep()?;
            Ok(swept)
        })
    }

    pub(crate) fn tasks(&self, job: &str) -> Vec<TaskRecord> {
        self.act(|ledger| ledger.tasks(job, None, "", 10_000).unwrap())
    }

    /// The devices of the job's tasks in `state`.
    pub(crate) fn devices_in(&self, job: &str, state: TaskState) -> Vec<String> {
        let tasks = self.tasks(job);
        tasks.iter().filter(|task| task.task.state == state).map(|task| task.id.device.to_string()).collect()
    }

    pub(crate) fn task(&self, job: &str, device: &str) -> TaskRecord {
        let tasks = self.tasks(job);
        tasks.into_iter().find(|task| task.id.device.as_str() == device).unwrap()
    }

    /// How many tasks of the job were let begin a download.
    pub(crate) fn admitted(&self, job: &str) -> usize {
        self.tasks(job).iter().filter(|task| task.task.admitted).count()
    }

    pub(crate) fn state(&self, job: &str, device: &str) -> TaskState {
        self.task(job, device).task.state
    }

    pub(crate) fn record(&self, job: &str) -> JobRecord {
        self.act(|ledger| ledger.job(job).unwrap().unwrap())
    }

    /// Counters are the counts of tasks, with those of replaced hardware; those of the open stage too; and whoever is at
    /// risk has a deadline.
    pub(crate) fn check(&self, job: &str) {
        assert_eq!(self.act(|ledger| ledger.miscounts(job).unwrap()), Vec::<String>::new());
        let record = self.record(job);
        let tasks = self.tasks(job);
        let members: Vec<_> = tasks.iter().filter(|task| task.stage == record.stage).collect();
        let count = |is: fn(TaskState) -> bool| members.iter().filter(|task| is(task.task.state)).count();
        let former =
            "SELECT COUNT(*), COUNT(CASE WHEN state IN ('succeeded', 'skipped') THEN 1 END) FROM former
            WHERE job = $1 AND stage = $2";
        let former = self.sql.query(former, &[job.into(), record.stage.into()]).unwrap();
        let [gone, gone_well] = [0, 1].map(|n| usize::try_from(former[0].int(n).unwrap()).unwrap());
        let counted =
            [members.len() + gone, count(has_arrived) + gone_well, count(TaskState::is_ended) + gone];
        let stand = record.stand;
        let counters = [stand.members, stand.succeeded, stand.ended];
        if record.last_stage > 0 {
            assert_eq!(counted.map(|n| i64::try_from(n).unwrap()), counters, "the open stage of {job}");
        }
        let is_left =
            |task: &&TaskRecord| task.task.exposed && !task.task.state.is_ended() && task.deadline.is_none();
        assert_eq!(tasks.iter().find(is_left).map(|task| task.id.to_string()), None, "at risk for ever");
    }

    /// Where the job stands, and why it holds.
    pub(crate) fn standing(&self, job: &str) -> (JobState, String) {
        let record = self.record(job);
        (record.state, record.held_because.unwrap_or_default())
    }

    pub(crate) fn counters(&self, job: &str) -> Counters {
        self.record(job).counters
    }

    /// What the world outside is told about the job, in order.
    pub(crate) fn messages(&self, job: &str) -> Vec<String> {
        let select = "SELECT message FROM event WHERE job = $1 AND message IS NOT NULL ORDER BY number";
        self.sql.query(select, &[job.into()]).unwrap().iter().map(|row| row.text(0).unwrap()).collect()
    }

    /// The kinds of the job's events, in order.
    pub(crate) fn events(&self, job: &str) -> Vec<String> {
        let events = self.act(|ledger| ledger.events(Some(job), 0, 10_000).unwrap());
        events.into_iter().map(|event| event.kind).collect()
    }
}

fn session(device: &str, number: i64) -> Session {
    Session { id: id(device), bridge: Some("b1".to_owned()), number }
}

/// Whether the device is on the target.
fn has_arrived(state: TaskState) -> bool {
    matches!(state, TaskState::Succeeded | TaskState::Skipped)
}

pub(crate) fn pk() -> ProductKey {
    ProductKey::parse("pk").unwrap()
}

pub(crate) fn id(device: &str) -> DeviceId {
    DeviceId { product: pk(), device: DeviceKey::parse(device).unwrap() }
}

pub(crate) fn heard(device: &str) -> Heard {
    Heard { id: id(device), age: None }
}

pub(crate) fn ver(version: &str) -> Version {
    Version::parse(version).unwrap()
}

/// The object that a version of the tests is stored as.
pub(crate) fn object_of(version: &str) -> ObjectId {
    ObjectId::from_random(*Md5::of(version.as_bytes()).as_bytes())
}
