//! What a job costs by the size of its fleet: making its tasks, a sweep with nothing to do, granting 300 devices, and
//! how long another writer waits meanwhile. Over SQLite in a file and over a real Postgres, against a fleet of 1 000.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ota_image::objects::Writing;
use ota_image::{BlocksRoot, Md5, ObjectId, Sha256, Store, Stored};
use ota_ledger::firmware::NewFirmware;
use ota_ledger::job::NewJob;
use ota_ledger::record::{Duties, UploadRecord, Way};
use ota_ledger::registry::ProductTerms;
use ota_ledger::{Dialect, Ledger, Sql};
use ota_platform::native::{NativePostgres, NativeSqlite};
use ota_protocol::key::ProductKey;
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;
use ota_rollout::{Budget, JobState, Terms};

use crate::page::Row;

/// The fleets. The first is the baseline of the others.
const FLEETS: [i64; 3] = [1000, 100_000, 1_000_000];
/// How often a bridge sweeps.
const TICK: Duration = Duration::from_secs(1);
/// Devices that are granted.
const GRANTED: i64 = 300;

/// All rows; about two minutes.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let folder = tempfile::tempdir()?;
    let sqlite = FLEETS.map(|fleet| {
        let path = folder.path().join(format!("{fleet}.db"));
        measure(fleet, Dialect::SQLITE, &move || open_sqlite(&path))
    });
    rows.extend(compare("SQLite", sqlite)?);
    let server = ota_postgres::Server::start()?;
    let postgres = FLEETS.map(|fleet| {
        // Dropped with what was measured in it.
        let database = server.database()?;
        let connect = || Ok(Box::new(NativePostgres::connect(&database.url)?) as Box<dyn Sql>);
        measure(fleet, Dialect::POSTGRES, &connect)
    });
    rows.extend(compare("Postgres", postgres)?);
    Ok(rows)
}

type Opened = Result<Box<dyn Sql>>;

fn open_sqlite(path: &Path) -> Opened {
    Ok(Box::new(NativeSqlite::open(path)?))
}

/// What one fleet cost.
struct Cost {
    fleet: i64,
    /// From the request that creates the job until it runs.
    prepared: Duration,
    /// The longest of the requests and sweeps that made it.
    longest: Duration,
    /// A dry run of a job over the whole fleet.
    dry_run: Duration,
    /// The longest that another writer waited meanwhile.
    waited: Duration,
    /// A sweep that finds nothing to do.
    quiet: Duration,
    /// Sweeps that grant 300 devices.
    granted: Duration,
}

fn measure(fleet: i64, dialect: Dialect, open: &(dyn Fn() -> Opened + Sync)) -> Result<Cost> {
    let sql = open()?;
    ota_ledger::schema::ensure(&*sql, dialect)?;
    let mut random = 7_u64;
    let random = std::cell::RefCell::new(move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        random >> 1
    });
    let draw = || (random.borrow_mut())();
    let ledger = Ledger::new(&*sql, dialect, &draw);
    seed(&ledger, &*sql, fleet)?;
    let begun = Instant::now();
    let dry_run = ledger.dry_run(&new_job(&ledger)?)?;
    ensure!(dry_run.devices == fleet, "the dry run counts {} of {fleet} devices", dry_run.devices);
    let dry_run = begun.elapsed();
    let (prepared, longest, waited) = prepare(&ledger, dialect, open)?;
    let quiet = shortest_of(5, || ledger.sweep().map(|_| ()))?;
    sql.execute(WAKE, &[GRANTED.into()])?;
    let begun = Instant::now();
    let mut granted = 0;
    while granted < GRANTED {
        let swept = ledger.sweep()?;
        ensure!(swept.granted > 0, "{granted} of {GRANTED} devices were granted");
        granted += i64::try_from(swept.granted)?;
    }
    Ok(Cost { fleet, prepared, longest, dry_run, waited, quiet, granted: begun.elapsed() })
}

/// A product with two firmware and a fleet on the first, offline.
fn seed(ledger: &Ledger<'_>, sql: &dyn Sql, fleet: i64) -> Result<()> {
    let product = ProductKey::parse("scale")?;
    ledger.create_product(&product, &ProductTerms::default())?;
    for version in ["1", "2"] {
        let stored = Stored {
            store: Store::Kv,
            object: ObjectId::from_random(*Md5::of(version.as_bytes()).as_bytes()),
            size: 1000,
            md5: Md5::of(version.as_bytes()),
            sha256: Sha256::of(version.as_bytes()),
            blocks_root: BlocksRoot::of(1000, &[]),
        };
        let version = Version::parse(version)?;
        let writing = Writing { object: stored.object.clone(), token: String::new() };
        let upload = UploadRecord::new(product.clone(), version.clone(), Store::Kv, writing, Way::Request);
        ledger.begin_upload(&upload)?;
        ledger.create_firmware(&NewFirmware {
            product: &product,
            version: &version,
            stored: &stored,
            sign_method: SignMethod::Md5,
            duties: Duties::default(),
            signature: None,
        })?;
    }
    // No statement may take longer than 5 s on Postgres.
    for chunk in 0..(fleet + 49_999) / 50_000 {
        let (from, upto) = (chunk * 50_000 + 1, ((chunk + 1) * 50_000).min(fleet));
        sql.execute(SEED, &[from.into(), upto.into()]).context("seeding the fleet")?;
    }
    sql.execute("ANALYZE", &[])?;
    Ok(())
}

/// Creates the job and sweeps until it runs, while another writer does what a device would.
fn prepare(
    ledger: &Ledger<'_>,
    dialect: Dialect,
    open: &(dyn Fn() -> Opened + Sync),
) -> Result<(Duration, Duration, Duration)> {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let sql = open()?;
            let mut waited = Duration::ZERO;
            while !is_done.load(Ordering::Relaxed) {
                let begun = Instant::now();
                sql.execute(dialect.begin, &[])?;
                sql.execute(WRITE, &[])?;
                sql.execute("COMMIT", &[])?;
                waited = waited.max(begun.elapsed());
                thread::sleep(Duration::from_millis(5));
            }
            Ok::<_, anyhow::Error>(waited)
        });
        let begun = Instant::now();
        let made = make(ledger);
        let prepared = begun.elapsed();
        is_done.store(true, Ordering::Relaxed);
        let waited = writer.join().map_err(|_| anyhow::anyhow!("the other writer panicked"))??;
        Ok((prepared, made?, waited))
    })
}

/// A job over the whole fleet, which nothing but its devices keeps from granting.
fn new_job(ledger: &Ledger<'_>) -> Result<NewJob> {
    let budget = Budget { loss_budget: 1_000_000, growth: 0 };
    let terms = Terms { budget, max_in_flight: 1_000_000, ..Terms::DEFAULT };
    let product = ProductKey::parse("scale")?;
    Ok(NewJob { terms, ..NewJob::new(ledger.new_job_id(), product, Version::parse("2")?) })
}

/// The longest request.
fn make(ledger: &Ledger<'_>) -> Result<Duration> {
    let new = new_job(ledger)?;
    let begun = Instant::now();
    ledger.create_job(&new)?;
    let mut longest = begun.elapsed();
    loop {
        let begun = Instant::now();
        ledger.sweep()?;
        longest = longest.max(begun.elapsed());
        thread::sleep(TICK.saturating_sub(begun.elapsed()));
        let job = ledger.job(&new.id)?.context("the job is there")?;
        if job.state != JobState::Preparing {
            ensure!(job.counters.waiting == job.devices, "the job is {:?}", job.state);
            return Ok(longest);
        }
    }
}

fn shortest_of(times: u32, mut act: impl FnMut() -> Result<(), ota_ledger::SqlError>) -> Result<Duration> {
    let mut shortest = Duration::MAX;
    for _ in 0..times {
        let begun = Instant::now();
        act()?;
        shortest = shortest.min(begun.elapsed());
    }
    Ok(shortest)
}

/// The larger fleets against the smallest, and the largest against what it may cost.
fn compare(database: &str, costs: [Result<Cost>; 3]) -> Result<Vec<Row>> {
    let costs = costs.into_iter().collect::<Result<Vec<_>>>()?;
    let Some((small, large)) = costs.split_first() else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for cost in large {
        let is_largest = Some(cost.fleet) == FLEETS.last().copied();
        for ((what, measured, most), (_, baseline, _)) in cost.parts().into_iter().zip(small.parts()) {
            let row = |against: String, baseline: Duration| Row {
                what: format!("{database}, {} devices: {what}", cost.fleet),
                measured: measured.as_secs_f64() * 1000.0,
                against,
                baseline: baseline.as_secs_f64() * 1000.0,
                unit: "ms",
            };
            rows.push(row(format!("{} devices", small.fleet), baseline));
            rows.extend(is_largest.then(|| row("the most that it may".to_owned(), most)));
        }
    }
    Ok(rows)
}

impl Cost {
    /// Each cost, and the most that it may be for a million devices.
    fn parts(&self) -> [(&'static str, Duration, Duration); 6] {
        let seconds = Duration::from_secs;
        [
            ("tasks of a job made", self.prepared, seconds(60)),
            ("the longest request of it", self.longest, seconds(5)),
            ("a dry run", self.dry_run, seconds(5)),
            ("the longest wait of another writer", self.waited, seconds(1)),
            ("a quiet sweep", self.quiet, Duration::from_millis(100)),
            ("300 devices granted", self.granted, seconds(1)),
        ]
    }
}

/// On version 1, never heard: nobody is reachable.
const SEED: &str = "INSERT INTO device (product, device, secret, version, place, created_at)
    WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2)
    SELECT 'scale', 'd' || CAST(1000000 + i AS TEXT), 'sealed', '1', i * 7919 % 1000003, 0 FROM n";
/// The first devices of the fleet connect.
const WAKE: &str = "UPDATE task SET ready_until = 9007199254740992 WHERE product = 'scale' AND device IN
    (SELECT d.device FROM device d WHERE d.product = 'scale' ORDER BY d.device LIMIT $1)";
const WRITE: &str = "UPDATE device SET session = session + 1 WHERE product = 'scale' AND device = 'd1000001'";
