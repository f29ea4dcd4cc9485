//! What a schedule begins with: an emptied ledger, a few devices, four firmware, one or two jobs.

use ota_image::objects::Writing;
use ota_image::{BlocksRoot, Md5, ObjectId, Sha256, Store, Stored};
use ota_ledger::firmware::NewFirmware;
use ota_ledger::job::NewJob;
use ota_ledger::presence::{Change, Session};
use ota_ledger::record::{Duties, UploadRecord, Way};
use ota_ledger::registry::ProductTerms;
use ota_ledger::{Dialect, Ledger, Sql, SqlError, schema};
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;
use ota_rollout::{Budget, Kind, Mode, Reasons, Retry, Schedule, Stage, Terms};

use crate::choices::{Choices, scrambled};

/// The clock of a fresh ledger (ms).
pub(crate) const START: i64 = 1_800_000_000_000;

/// The firmware that some grounds let nobody go around.
pub(crate) const HOP: &str = "2";

/// When jobs may set devices to work: always, or by a clock that begins at 08:00 and is turned by seconds or minutes; in
/// windows that are longer than an attempt may take, and shorter.
const WINDOWS: [&str; 7] =
    ["", "", "", "", "UTC 08:00-08:01,08:02-08:10", "UTC 08:00-08:02,08:03-08:04", "UTC 08:00-08:01"];

/// What there is to begin with.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) devices: Vec<DeviceId>,
    pub(crate) jobs: Vec<NewJob>,
}

/// Makes the tables, if they are not there, and the clock that schedules turn.
pub(crate) fn prepare(sql: &dyn Sql, dialect: Dialect) -> Result<(), SqlError> {
    sql.execute("CREATE TABLE IF NOT EXISTS test_clock (at BIGINT NOT NULL)", &[])?;
    sql.execute("DELETE FROM test_clock", &[])?;
    sql.execute("INSERT INTO test_clock (at) VALUES ($1)", &[START.into()])?;
    schema::ensure(sql, dialect).map(|_| ())
}

impl Ground {
    /// Empties the ledger and lays the ground that `choices` say; each line of `told` says something of it.
    pub(crate) fn lay(
        sql: &dyn Sql,
        dialect: Dialect,
        choices: &mut Choices<'_>,
        told: &mut Vec<String>,
    ) -> Result<Self, SqlError> {
        for statement in EMPTY {
            sql.execute(statement, &[])?;
        }
        sql.execute("UPDATE test_clock SET at = $1", &[START.into()])?;
        let count = std::cell::Cell::new(0);
        let random = || {
            count.set(count.get() + 1);
            scrambled(count.get())
        };
        let ledger = Ledger::new(sql, dialect, &random);
        ledger.create_product(&product(), &ProductTerms::default())?;
        let has_hop = choices.below(4) == 1;
        for name in ["1", HOP, "3", "4"] {
            let duties = Duties { must_pass: has_hop && name == HOP, ..Duties::default() };
            add_firmware(&ledger, name, duties)?;
        }
        let devices: Vec<DeviceId> = (0..4 + choices.below(3)).map(device).collect();
        // The last comes later, or never.
        for id in &devices[..devices.len() - 1] {
            ledger.create_device(id, "sealed")?;
            sql.execute(
                "UPDATE device SET version = '1', heard_at = $3 WHERE product = $1 AND device = $2",
                &[id.product.as_str().into(), id.device.as_str().into(), START.into()],
            )?;
            if choices.below(3) < 2 {
                let session = Session { id: id.clone(), bridge: None, number: 1 };
                ledger.changed(&[(session, Change::Connected)])?;
            }
        }
        let jobs: Vec<NewJob> = (0..=choices.below(2)).map(|number| new_job(number, choices)).collect();
        let hop = if has_hop { ", 2 must be passed" } else { "" };
        told.push(format!("{} devices on 1, and one that comes later{hop}", devices.len() - 1));
        for new in &jobs {
            told.push(described(new));
            // One of them may have nobody to go to.
            let _ = ledger.create_job(new);
        }
        Ok(Self { devices, jobs })
    }
}

/// A job as the choices have it.
pub(crate) fn new_job(number: usize, choices: &mut Choices<'_>) -> NewJob {
    let budget = Budget { loss_budget: choices.of(&[1, 2, 3]), growth: choices.of(&[0, 500, 1000]) };
    let retry = Retry {
        attempts: choices.of(&[1, 2]),
        backoff: 1000,
        reasons: choices.of(&[Reasons::DEFAULT, Reasons::ALL]),
    };
    let terms = Terms {
        budget,
        retry,
        max_failure_rate: choices.of(&[1000, 50]),
        max_in_flight: choices.of(&[300, 300, 1, 2]),
        per_minute: choices.of(&[0, 0, 0, 60]),
        first_sign_within: 10_000,
        upgrade_timeout: 100_000,
        confirm_within: 5_000,
        reachable_within: 60_000,
    };
    let staged = choices.below(4) == 3;
    let halves = [500, 1000].map(|share| Stage { share, soak: 5_000, pass: 500 });
    NewJob {
        kind: choices.of(&[Kind::Upgrade, Kind::Upgrade, Kind::Upgrade, Kind::Verify]),
        mode: choices.of(&[Mode::Push, Mode::Request]),
        terms,
        is_incremental: choices.below(3) == 2,
        stages: if staged { halves.to_vec() } else { Vec::new() },
        schedule: Schedule::parse(0, choices.of(&WINDOWS)).unwrap(),
        ..NewJob::new(
            format!("{}", (b'a' + u8::try_from(number).unwrap_or(0)) as char),
            product(),
            version(choices.of(&["3", "3", "4"])),
        )
    }
}

fn described(new: &NewJob) -> String {
    let terms = &new.terms;
    format!(
        "job {}: {} {} to {}, budget {} + {}, {} attempts ({}), rate {}, at work {}, pace {}{}{} {}",
        new.id,
        new.mode.as_str(),
        new.kind.as_str(),
        new.to,
        terms.budget.loss_budget,
        terms.budget.growth,
        terms.retry.attempts,
        terms.retry.reasons,
        terms.max_failure_rate,
        terms.max_in_flight,
        terms.per_minute,
        if new.is_incremental { ", incremental" } else { "" },
        if new.stages.is_empty() { "" } else { ", two stages" },
        new.schedule.to_text(),
    )
}

fn add_firmware(ledger: &Ledger<'_>, name: &str, duties: Duties) -> Result<(), SqlError> {
    let stored = Stored {
        store: Store::Kv,
        object: object_of(name),
        size: 1000,
        md5: Md5::of(name.as_bytes()),
        sha256: Sha256::of(name.as_bytes()),
        blocks_root: BlocksRoot::of(1000, &[]),
    };
    let writing = Writing { object: stored.object.clone(), token: String::new() };
    ledger.begin_upload(&UploadRecord::new(product(), version(name), Store::Kv, writing, Way::Request))?;
    let new = NewFirmware {
        product: &product(),
        version: &version(name),
        stored: &stored,
        sign_method: SignMethod::Md5,
        duties,
        signature: None,
    };
    ledger.create_firmware(&new).map(|_| ())
}

pub(crate) fn product() -> ProductKey {
    ProductKey::parse("pk").unwrap()
}

pub(crate) fn device(number: usize) -> DeviceId {
    DeviceId { product: product(), device: DeviceKey::parse(&format!("d{number}")).unwrap() }
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

const EMPTY: [&str; 10] = [
    "DELETE FROM event",
    "DELETE FROM outbox",
    "DELETE FROM scope",
    "DELETE FROM stage",
    "DELETE FROM former",
    "DELETE FROM task",
    "DELETE FROM job",
    "DELETE FROM device",
    "DELETE FROM firmware",
    "DELETE FROM product",
];

/// The object that a version is stored as.
pub(crate) fn object_of(version: &str) -> ObjectId {
    ObjectId::from_random(*Md5::of(version.as_bytes()).as_bytes())
}
