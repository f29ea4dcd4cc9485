//! The run: what an operator would type, the fleet beside it, and what was seen of both.

use std::cell::OnceCell;
use std::time::Duration;

use ota_protocol::key::{DeviceKey, ProductKey};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::ground::Ground;
use super::plan::{NEW, OLD, Plan};
use super::registration::{self, call, patiently};
use super::view::{Meter, View};
use crate::api::{Answer, Duties, Job, Release, SignMethod, Task};
use crate::failure::{Failure, Kind};
use crate::fleet::{Arrival, Counted, Fleet, Member};
use crate::present::{count, growing, say, seconds, size};

/// How often the job is asked for.
const EVERY: Duration = Duration::from_millis(250);
/// How long nobody of a fleet that comes in may get an answer.
const SILENCE: Duration = Duration::from_mins(1);
/// How long a gateway may be away.
const ABSENCE: Duration = Duration::from_secs(30);
/// How long the call that stops a job may take.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// One run of a plan.
pub(super) struct Course<'a> {
    ground: &'a Ground,
    plan: &'a Plan,
    deadline: Instant,
    begun: Instant,
    /// The job, once there is one.
    job: OnceCell<String>,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) job: Answer<Job>,
    pub(super) tasks: Vec<Task>,
    pub(super) ending: Ending,
    /// What one of the devices that still wait is waiting for, in the gateway's words; of a run that is not over.
    pub(super) waits: Option<String>,
    /// The most devices that were seen exposed at once.
    pub(super) most_exposed: u64,
    /// More devices exposed than the bound of that moment allowed, as one answer of the gateway said.
    pub(super) overrun: Option<Overrun>,
    pub(super) fleet: Counted,
    pub(super) times: Times,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing more will happen unless a person acts.
    Over,
    /// Nobody is at work and nothing has changed for longer than any time-out.
    StandsStill,
    /// The time that the run was given is over.
    OutOfTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrun {
    pub(super) exposed: u64,
    pub(super) bound: u64,
}

/// How long the parts of a run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) registered: Duration,
    pub(super) job: Duration,
    pub(super) whole: Duration,
}

impl<'a> Course<'a> {
    pub(super) fn new(ground: &'a Ground, plan: &'a Plan, within: Duration) -> Self {
        let begun = Instant::now();
        Self { ground, plan, deadline: begun + within, begun, job: OnceCell::new() }
    }

    /// From nothing to a job that is over.
    pub(super) async fn run(&self) -> Result<Seen, Failure> {
        say(&format!("cast      {}; seed {}", self.plan.told(), self.plan.seed));
        let (product, members) = self.in_time("registered", self.register()).await?;
        let registered = self.begun.elapsed();
        self.in_time("given a firmware", self.publish_firmware(&product)).await?;
        let fleet = self.start(members);
        if self.plan.arrival == Arrival::All {
            self.in_time("connected", self.connect(&fleet)).await?;
        }
        let job = self.in_time("given a job", self.create_job(&product)).await?;
        let created = Instant::now();
        let mut seen = self.follow(job, &fleet).await?;
        seen.times = Times { registered, job: created.elapsed(), whole: self.begun.elapsed() };
        if seen.ending != Ending::Over {
            self.abandon().await;
        }
        Ok(seen)
    }

    /// Stops the job, so that it does not wait for devices that are gone; of a gateway of our own nothing stays.
    pub(super) async fn abandon(&self) {
        let Some(job) = self.job.get().filter(|_| !self.ground.is_own()) else { return };
        let asked = job.clone();
        let stopped =
            timeout(STOP_WITHIN, call(&self.ground.client, move |client| client.stop_job(&asked, false)));
        say(&match stopped.await {
            Ok(Ok(_)) => format!("job       {job} is stopped: its devices are gone"),
            Ok(Err(_)) | Err(_) => format!("job       {job} could not be stopped: `ota job stop {job}`"),
        });
    }

    async fn in_time<T>(
        &self,
        what: &str,
        step: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        timeout_at(self.deadline, step).await.unwrap_or_else(|_| {
            let within = seconds((self.deadline - self.begun).as_secs());
            Err(Failure::new(
                Kind::OutOfTime,
                format!("the fleet was not {what} within {within}"),
                "give it longer with --duration, or try fewer --devices",
            ))
        })
    }

    async fn register(&self) -> Result<(ProductKey, Vec<Member>), Failure> {
        let (client, begun) = (&self.ground.client, Instant::now());
        let product = registration::product(client, self.plan.seed).await?;
        let members = registration::devices(client, self.plan, &product).await?;
        let devices = count(members.len() as u64, "device");
        say(&format!("product   {product} with {devices}, registered in {}", tenths(begun.elapsed())));
        Ok((product, members))
    }

    async fn publish_firmware(&self, product: &ProductKey) -> Result<(), Failure> {
        let (product, bytes) = (product.clone(), self.plan.firmware());
        let firmware = call(&self.ground.client, move |client| {
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
        let bytes = size(firmware.size);
        say(&format!("firmware  {} with {bytes}, sha256 {}", firmware.version, firmware.sha256));
        Ok(())
    }

    fn start(&self, members: Vec<Member>) -> Fleet {
        let last = self.plan.last_arrival();
        if last > Duration::ZERO {
            let devices = count(members.len() as u64, "device");
            say(&format!("fleet     {devices} come in over {}", tenths(last)));
        }
        Fleet::start(self.ground.mqtt, members, self.plan.pace())
    }

    async fn connect(&self, fleet: &Fleet) -> Result<(), Failure> {
        let (meter, begun) = (Meter::new("fleet", "connected", self.plan.devices()), Instant::now());
        let informed = fleet.all_informed(SILENCE, |counted| meter.show(counted.informed)).await;
        meter.finish();
        informed.map_err(|error| {
            let hint = "does --mqtt lead to the bridge of this gateway? OTA_LOG=debug shows more";
            Failure::local(&error, hint)
        })?;
        let devices = count(self.plan.devices() as u64, "device");
        let took = tenths(begun.elapsed());
        say(&format!("fleet     {devices} connected over MQTT in {took}, each informed {OLD}"));
        Ok(())
    }

    async fn create_job(&self, product: &ProductKey) -> Result<Answer<Job>, Failure> {
        let new = self.plan.job(product.as_str());
        let job = call(&self.ground.client, move |client| client.create_job(&new)).await?;
        let Job { id, loss_budget, growth, .. } = &job.value;
        let budget = growing(*loss_budget, *growth);
        say(&format!("job       {id}: {product} to {NEW}, at most lost: {budget}"));
        // It is set once, here.
        let _ = self.job.set(id.clone());
        Ok(job)
    }

    /// Shows the job until its end.
    async fn follow(&self, job: Answer<Job>, fleet: &Fleet) -> Result<Seen, Failure> {
        let mut watch = Watch::new(job, fleet.counted());
        let mut view = View::new();
        let ending = loop {
            let counted = fleet.counted();
            view.show(&watch.job.value, counted);
            if let Some(ending) = watch.ending(self.plan, counted) {
                break ending;
            }
            if Instant::now() >= self.deadline {
                break Ending::OutOfTime;
            }
            sleep(EVERY).await;
            let asked = watch.job.value.id.clone();
            let answer = call(&self.ground.client, move |client| client.job(&asked)).await;
            watch.see(answer, fleet.counted())?;
        };
        view.finish();
        let asked = watch.job.value.id.clone();
        let tasks = call(&self.ground.client, move |client| patiently(|| client.tasks(&asked, None))).await?;
        let mut seen = watch.seen(tasks.value, ending, fleet.counted());
        if ending != Ending::Over {
            // Before the job is stopped, which would be all that there is to say of it.
            seen.waits = self.explain(&seen).await;
        }
        Ok(seen)
    }

    /// It is a help to people: a gateway that gives none does not change how the run ended.
    async fn explain(&self, seen: &Seen) -> Option<String> {
        let task = seen.tasks.iter().find(|task| task.state == "waiting")?;
        let (job, device) = (seen.job.value.id.clone(), DeviceKey::parse(&task.device).ok()?);
        let asked = call(&self.ground.client, move |client| client.explain_in_job(&job, &device));
        let explained = asked.await.ok()?.value;
        let why = &explained.jobs.first()?.why;
        (!why.is_empty()).then(|| format!("{} waits: {}", task.device, why.join("; ")))
    }
}

/// A job as it is asked for again and again.
struct Watch {
    job: Answer<Job>,
    most_exposed: u64,
    overrun: Option<Overrun>,
    /// What counted last, and since when it has been so.
    last: (Figures, Instant),
    heard: Instant,
}

/// What changes while something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Figures {
    finished: u64,
    in_flight: u64,
    exposed: u64,
    informed: u64,
    told: u64,
}

impl Figures {
    fn of(job: &Job, fleet: Counted) -> Self {
        let (finished, in_flight, exposed) = (job.finished(), job.in_flight, job.exposed);
        Self { finished, in_flight, exposed, informed: fleet.informed, told: fleet.told }
    }
}

impl Watch {
    fn new(job: Answer<Job>, fleet: Counted) -> Self {
        let (now, figures) = (Instant::now(), Figures::of(&job.value, fleet));
        let most_exposed = job.value.exposed;
        Self { job, most_exposed, overrun: None, last: (figures, now), heard: now }
    }

    fn see(&mut self, answer: Result<Answer<Job>, Failure>, fleet: Counted) -> Result<(), Failure> {
        let job = match answer {
            Ok(job) => job,
            // It was there a moment ago: the gateway restarts, or is busy.
            Err(_) if self.heard.elapsed() < ABSENCE => return Ok(()),
            Err(failure) => return Err(failure),
        };
        self.heard = Instant::now();
        let (exposed, bound) = (job.value.exposed, job.value.bound);
        self.most_exposed = self.most_exposed.max(exposed);
        if exposed > bound {
            self.overrun.get_or_insert(Overrun { exposed, bound });
        }
        let figures = Figures::of(&job.value, fleet);
        if figures != self.last.0 {
            self.last = (figures, Instant::now());
        }
        self.job = job;
        Ok(())
    }

    fn ending(&self, plan: &Plan, fleet: Counted) -> Option<Ending> {
        let job = &self.job.value;
        let everyone_came = fleet.informed >= plan.devices() as u64;
        let is_quiet = job.in_flight == 0 && self.last.1.elapsed() > plan.patience();
        match () {
            () if job.is_over() => Some(Ending::Over),
            () if everyone_came && is_quiet => Some(Ending::StandsStill),
            () => None,
        }
    }

    fn seen(self, tasks: Vec<Task>, ending: Ending, fleet: Counted) -> Seen {
        let Self { job, most_exposed, overrun, .. } = self;
        let none = Duration::ZERO;
        let times = Times { registered: none, job: none, whole: none };
        Seen { job, tasks, ending, waits: None, most_exposed, overrun, fleet, times }
    }
}

/// `12.3 s`.
pub(super) fn tenths(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
