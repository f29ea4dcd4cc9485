//! What an actor is asked to do: a message of a device, a sweep, a word of an operator; each runs the functions of the
//! ledger that its handler runs.

use std::fmt;

use ota_ledger::control::NotChanged;
use ota_ledger::deliver::Recipient;
use ota_ledger::download::{Access, Begun};
use ota_ledger::inform::Told;
use ota_ledger::job::{NewJob, NotCreated};
use ota_ledger::offer::Offers;
use ota_ledger::presence::{Change, Session};
use ota_ledger::progress::Reported;
use ota_ledger::record::FirmwareRecord;
use ota_ledger::{Ledger, SqlError};
use ota_protocol::key::DeviceId;
use ota_protocol::link::Link;
use ota_protocol::version::Version;
use ota_rollout::{Budget, JobState, Terms};

use crate::answer::Answer;
use crate::ground::object_of;
use crate::said::Said;

/// Something to do.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// A device informs a version.
    Inform(Said, Version),
    /// A device reports a step.
    Progress(Said, i32),
    /// A device asks what it may take.
    Ask(DeviceId),
    /// A device downloads: it is let in, begins, or goes on.
    Download(Link),
    /// The last byte was sent.
    Complete(Link),
    /// A device acknowledges a command, with words or without.
    Acknowledge(DeviceId, String, Option<&'static str>),
    /// An HTTP-only device takes its command.
    Fetch(DeviceId),
    /// A session begins.
    Connect(Session),
    /// A session ends.
    Disconnect(Session),
    /// A bridge saw the command acknowledged.
    Delivered(String),
    /// A sweep that is asked by a bridge, or by nobody.
    Sweep(Option<&'static str>),
    /// An operator's.
    Stop(String, bool),
    /// An operator's.
    Pause(String),
    /// An operator's.
    Resume(String),
    /// An operator's, of the loss budget.
    Amend(String, i64),
    /// An operator's.
    Cancel(String, DeviceId),
    /// An operator's.
    Retry(String, DeviceId),
    /// An operator's.
    DeleteJob(String),
    /// An operator's.
    Create(Box<NewJob>),
    /// An operator's.
    Register(DeviceId),
    /// An operator's.
    Replace(DeviceId),
    /// An operator's.
    DeleteDevice(DeviceId),
    /// A block of a firmware was found damaged.
    Quarantine(Version, DeviceId),
}

impl Call {
    /// Runs it.
    pub(crate) fn run(&self, ledger: &Ledger<'_>) -> Answer {
        let failed = |_: SqlError| Answer::Failed;
        match self {
            Self::Inform(..) | Self::Progress(..) | Self::Ask(_) | Self::Fetch(_) | Self::Acknowledge(..) => {
                self.of_device(ledger).unwrap_or_else(failed)
            }
            Self::Download(link) => download(ledger, link).unwrap_or_else(failed),
            Self::Complete(link) => ledger.complete(link).map_or_else(failed, |()| Answer::Nothing),
            Self::Connect(session) => change(ledger, session, Change::Connected).unwrap_or_else(failed),
            Self::Disconnect(session) => change(ledger, session, Change::Disconnected).unwrap_or_else(failed),
            Self::Delivered(push) => ledger.delivered(push).map_or_else(failed, |()| Answer::Nothing),
            Self::Sweep(bridge) => sweep(ledger, *bridge).unwrap_or_else(failed),
            _ => self.of_operator(ledger),
        }
    }

    fn of_device(&self, ledger: &Ledger<'_>) -> Result<Answer, SqlError> {
        let one = |command: Option<Box<_>>| Answer::Commands(command.map(|it| *it).into_iter().collect());
        Ok(match self {
            Self::Inform(said, version) => match ledger.inform(&said.heard, version)? {
                Told::Known(command) => one(command),
                Told::Unknown => Answer::Nothing,
            },
            Self::Progress(said, step) => match ledger.progress(&said.heard, *step, Some("words"))? {
                Reported::Taken(command) => one(command),
                _ => Answer::Nothing,
            },
            Self::Ask(id) => match ledger.offers(id)? {
                Offers::List(list) => Answer::Commands(list),
                Offers::Unknown => Answer::Nothing,
            },
            Self::Acknowledge(id, push, words) => {
                ledger.acknowledge(id, push, *words)?;
                Answer::Nothing
            }
            Self::Fetch(id) => one(ledger.pending(id)?.map(Box::new)),
            _ => Answer::Nothing,
        })
    }

    fn of_operator(&self, ledger: &Ledger<'_>) -> Answer {
        let changed = |result: Result<(), NotChanged>| match result {
            Err(NotChanged::Ledger(_)) => Answer::Failed,
            Ok(()) | Err(_) => Answer::Nothing,
        };
        let done = |is_done: bool| if is_done { Answer::Nothing } else { Answer::Failed };
        match self {
            Self::Stop(job, hard) => match ledger.stop_job(job, *hard) {
                Ok(record) => Answer::Stopped(record.job),
                Err(error) => changed(Err(error)),
            },
            Self::Pause(job) => match ledger.pause_job(job) {
                Ok(record) => Answer::Stopped(record.job),
                Err(error) => changed(Err(error)),
            },
            Self::Resume(job) => changed(ledger.resume_job(job).map(|_| ())),
            Self::Amend(job, loss_budget) => {
                let amend = |terms: Terms| Terms {
                    budget: Budget { loss_budget: *loss_budget, ..terms.budget },
                    ..terms
                };
                changed(ledger.amend_job(job, amend).map(|_| ()))
            }
            Self::Cancel(job, id) => changed(ledger.cancel_task(job, &id.device)),
            Self::Retry(job, id) => changed(ledger.retry_task(job, &id.device)),
            Self::DeleteJob(job) => changed(ledger.delete_job(job)),
            Self::Create(new) => create(ledger, new),
            Self::Register(id) => done(ledger.create_device(id, "sealed").is_ok()),
            Self::Replace(id) => done(ledger.replace_device(id, "sealed anew").is_ok()),
            Self::DeleteDevice(id) => done(ledger.delete_device(id).is_ok()),
            Self::Quarantine(version, id) => done(
                ledger.quarantine(&id.product, version, &object_of(version.as_str()), id, "damaged").is_ok(),
            ),
            _ => Answer::Nothing,
        }
    }

    /// The job that an operator stops with it.
    pub(crate) fn stops(&self) -> Option<&str> {
        match self {
            Self::Stop(job, _) | Self::Pause(job) => Some(job),
            _ => None,
        }
    }

    /// The same as it arrives at `now` (ms): a message is as old as it is.
    pub(crate) fn arriving(self, now: i64) -> Self {
        match self {
            Self::Inform(said, version) => Self::Inform(said.arriving(now), version),
            Self::Progress(said, step) => Self::Progress(said.arriving(now), step),
            other => other,
        }
    }
}

/// What the firmware component does when a device fetches.
fn download(ledger: &Ledger<'_>, link: &Link) -> Result<Answer, SqlError> {
    let served = match ledger.access(link)? {
        Access::MayBegin(firmware) => (ledger.begin(link)? == Begun::Yes).then_some(firmware),
        Access::Returned(_) => {
            ledger.resume(link)?;
            None
        }
        Access::Begun(firmware) => Some(firmware),
        Access::Gone(_) => None,
    };
    let bytes_of = |firmware: Box<FirmwareRecord>| Answer::Served(link.clone(), firmware.version);
    Ok(served.map_or(Answer::Nothing, bytes_of))
}

/// What the access component does with a report.
fn change(ledger: &Ledger<'_>, session: &Session, change: Change) -> Result<Answer, SqlError> {
    let arrived = ledger.changed(&[(session.clone(), change)])?;
    arrived.iter().try_for_each(|id| ledger.grant_connected(id))?;
    Ok(Answer::Nothing)
}

fn sweep(ledger: &Ledger<'_>, bridge: Option<&str>) -> Result<Answer, SqlError> {
    ledger.sweep()?;
    let recipient = bridge.map_or(Recipient::Broker, |name| Recipient::Bridge { name, is_reporting: false });
    let due = ledger.deliveries(recipient, &|| true)?;
    due.failure.map_or(Ok(()), Err)?;
    Ok(Answer::Commands(due.commands.into_iter().map(|(_, command)| command).collect()))
}

/// Creates a job as a person does, who repeats the number that a refusal names.
fn create(ledger: &Ledger<'_>, new: &NewJob) -> Answer {
    let created = match ledger.create_job(new) {
        Err(NotCreated::ExposedElsewhere { exposed, .. }) => {
            ledger.create_job(&NewJob { exposed_elsewhere: exposed, ..new.clone() })
        }
        other => other,
    };
    match created {
        Ok(record) if record.state == JobState::Stopped => Answer::Stopped(record.job),
        Err(NotCreated::Ledger(_)) => Answer::Failed,
        Ok(_) | Err(_) => Answer::Nothing,
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = |link: &Link| format!("{} job {} attempt {}", link.device.device, link.task, link.attempt);
        let session = |session: &Session| {
            format!("{} {} {:?}", session.id.device, session.number, session.bridge.as_deref())
        };
        match self {
            Self::Inform(said, version) => write!(f, "inform {said} version {version}"),
            Self::Progress(said, step) => write!(f, "progress {said} step {step}"),
            Self::Ask(id) => write!(f, "getversion {}", id.device),
            Self::Download(it) => write!(f, "download {}", link(it)),
            Self::Complete(it) => write!(f, "complete {}", link(it)),
            Self::Acknowledge(id, push, _) => write!(f, "acknowledge {} {push}", id.device),
            Self::Fetch(id) => write!(f, "fetch {}", id.device),
            Self::Connect(it) => write!(f, "connect {}", session(it)),
            Self::Disconnect(it) => write!(f, "disconnect {}", session(it)),
            Self::Delivered(push) => write!(f, "delivered {push}"),
            Self::Sweep(bridge) => write!(f, "sweep of {}", bridge.unwrap_or("nobody")),
            Self::Stop(job, false) => write!(f, "stop job {job}"),
            Self::Stop(job, true) => write!(f, "stop job {job} hard"),
            Self::Pause(job) => write!(f, "pause job {job}"),
            Self::Resume(job) => write!(f, "resume job {job}"),
            Self::Amend(job, loss_budget) => write!(f, "amend job {job}: loss budget {loss_budget}"),
            Self::Cancel(job, id) => write!(f, "cancel {} in job {job}", id.device),
            Self::Retry(job, id) => write!(f, "retry {} in job {job}", id.device),
            Self::DeleteJob(job) => write!(f, "delete job {job}"),
            Self::Create(new) => write!(f, "create job {} to {}", new.id, new.to),
            Self::Register(id) => write!(f, "register {}", id.device),
            Self::Replace(id) => write!(f, "replace {}", id.device),
            Self::DeleteDevice(id) => write!(f, "delete {}", id.device),
            Self::Quarantine(version, _) => write!(f, "quarantine {version}"),
        }
    }
}
