//! The demo's course: what an operator would type, and the fleet beside it.

use std::time::Duration;

use anyhow::Context as _;
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::secret::Secret;
use sha2::{Digest, Sha256};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::cast::{Cast, NEW, OLD, PRODUCT};
use crate::api::{
    Answer, Client, Duties, Job, Mode, NewJob, Percent, ProductSettings, Release, SignMethod, Task, Terms,
};
use crate::failure::{Failure, Kind};
use crate::fleet::{Fault, Fleet, Line, Member, Pace, Random};
use crate::gateway::{Gateway, Secrets};
use crate::present::{JobBar, count, say, size};

/// Bytes: more than one of the 256 KiB pieces that the embedded store keeps, and no multiple of a block.
const FIRMWARE_SIZE: usize = 400_123;
const PACE: Pace = Pace {
    install: Duration::from_millis(300),
    restart: Duration::from_millis(100),
    line: Line { rate: None, slow: Duration::ZERO },
};
/// So wide that losing three holds not even the smallest fleet: the others are to be seen as they come back.
const MAX_FAILURE_RATE: Percent = Percent::whole(40);
/// Calls to register devices that are under way at once.
const REGISTRARS: usize = 8;
/// How often the job is asked for: often enough to see the budget move.
const EVERY: Duration = Duration::from_millis(150);

/// The place where the demo plays.
pub(super) struct Stage {
    client: Client,
    mqtt: std::net::SocketAddr,
}

/// What was seen.
pub(super) struct Shown {
    pub(super) job: Answer<Job>,
    pub(super) tasks: Vec<Task>,
    /// The most devices that were seen exposed at once.
    pub(super) most_exposed: u64,
}

impl Stage {
    pub(super) fn new(gateway: &Gateway, secrets: &Secrets) -> Result<Self, Failure> {
        let client = Client::new(&gateway.url(), Some(secrets.operator_token()))?;
        Ok(Self { client, mqtt: gateway.mqtt() })
    }

    /// From an empty store to a job that is over.
    pub(super) async fn perform(&self, cast: &Cast) -> Result<Shown, Failure> {
        let product = ProductKey::parse(PRODUCT).map_err(|error| broken(&error.into()))?;
        let members = self.register(&product, cast).await?;
        let patience = patience(members.len());
        let fleet = Fleet::start(self.mqtt, members, PACE);
        fleet.all_informed(patience, |_| {}).await.map_err(|error| broken(&error))?;
        let devices = count(cast.parts.len() as u64, "device");
        say(&format!("fleet     {devices} connected over MQTT, each informed {OLD}"));
        if !cast.has_faults() {
            say("          none of them fails: that takes 4 or more devices");
        }
        self.publish_firmware(&product).await?;
        let job = self.create_job().await?;
        say(&format!(
            "job       {}: {PRODUCT} to {NEW}, at most {} lost, held above a failure rate of {}",
            job.value.id, job.value.loss_budget, job.value.max_failure_rate
        ));
        self.follow(job, patience).await
    }

    async fn register(&self, product: &ProductKey, cast: &Cast) -> Result<Vec<Member>, Failure> {
        let key = product.clone();
        self.call(move |client| client.add_product(&key, &ProductSettings::default())).await?;
        let mut calls = JoinSet::new();
        let mut members = Vec::new();
        for part in &cast.parts {
            if calls.len() >= REGISTRARS
                && let Some(member) = calls.join_next().await
            {
                members.push(joined(member)?);
            }
            let (client, product) = (self.client.clone(), product.clone());
            let (name, fault) = (part.device.clone(), part.fault);
            calls.spawn_blocking(move || enrol(&client, product, &name, fault));
        }
        while let Some(member) = calls.join_next().await {
            members.push(joined(member)?);
        }
        say(&format!("product   {PRODUCT} with {}", count(members.len() as u64, "device")));
        Ok(members)
    }

    async fn publish_firmware(&self, product: &ProductKey) -> Result<(), Failure> {
        let product = product.clone();
        let firmware = self.call(move |client| {
            let bytes = Random::new(0, "demo").bytes(FIRMWARE_SIZE);
            let release = Release {
                product: &product,
                version: NEW,
                sign_method: Some(SignMethod::Sha256),
                size: bytes.len() as u64,
                sha256: &hex::encode(Sha256::digest(&bytes)),
                md5: None,
                signature: None,
                duties: Duties::default(),
            };
            client.upload_firmware(&release, &mut &bytes[..])
        });
        let firmware = firmware.await?.value;
        say(&format!(
            "firmware  {} with {}, sha256 {}",
            firmware.version,
            size(firmware.size),
            firmware.sha256
        ));
        Ok(())
    }

    async fn create_job(&self) -> Result<Answer<Job>, Failure> {
        let job = NewJob {
            product: PRODUCT.to_owned(),
            to: NEW.to_owned(),
            mode: Some(Mode::Push),
            terms: Terms {
                loss_budget: Some(10),
                max_failure_rate: Some(MAX_FAILURE_RATE),
                first_sign_within: Some(5),
                upgrade_timeout: Some(4),
                confirm_within: Some(1),
                ..Terms::default()
            },
            ..NewJob::default()
        };
        self.call(move |client| client.create_job(&job)).await
    }

    /// Shows the job until it is over.
    async fn follow(&self, job: Answer<Job>, patience: Duration) -> Result<Shown, Failure> {
        let deadline = Instant::now() + patience;
        let id = job.value.id.clone();
        let mut bar = JobBar::new(&job.value);
        let mut most_exposed = job.value.exposed;
        let mut last = job;
        while !last.value.is_over() {
            if Instant::now() > deadline {
                bar.finish();
                return Err(Failure::new(
                    Kind::Refused,
                    format!("the job is not over after {} s", patience.as_secs()),
                    "OTA_LOG=debug shows more; on a machine under heavy load try fewer --devices",
                ));
            }
            sleep(EVERY).await;
            let asked = id.clone();
            last = self.call(move |client| client.job(&asked)).await?;
            most_exposed = most_exposed.max(last.value.exposed);
            bar.show(&last.value);
        }
        bar.finish();
        let tasks = self.call(move |client| client.tasks(&id, None)).await?.value;
        Ok(Shown { job: last, tasks, most_exposed })
    }

    /// Makes a call off the threads that serve gateway and fleet.
    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Client) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let client = self.client.clone();
        joined(spawn_blocking(move || call(&client)).await)
    }
}

fn enrol(client: &Client, product: ProductKey, name: &str, fault: Option<Fault>) -> Result<Member, Failure> {
    let device = DeviceKey::parse(name).map_err(|error| broken(&error.into()))?;
    let added = client.add_device(&product, &device, None)?;
    Ok(Member {
        id: DeviceId { product, device },
        secret: Secret::new(added.value.secret),
        version: OLD.to_owned(),
        fault,
        arrives: Duration::ZERO,
    })
}

/// How long a fleet of this size may take for anything: it is the machine that is slow, or something is wrong.
fn patience(devices: usize) -> Duration {
    Duration::from_secs(30)
        + Duration::from_millis(300).saturating_mul(u32::try_from(devices).unwrap_or(u32::MAX))
}

fn joined<T>(outcome: Result<Result<T, Failure>, tokio::task::JoinError>) -> Result<T, Failure> {
    outcome.context("a call was cut short").map_err(|error| broken(&error))?
}

fn broken(error: &anyhow::Error) -> Failure {
    Failure::local(error, "OTA_LOG=debug shows more")
}
