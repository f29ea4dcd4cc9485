//! A device as the schedule plays it: what it runs, what it was told, what it said before.

use ota_ledger::command::Command;
use ota_ledger::inform::Heard;
use ota_ledger::presence::Session;
use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;

use crate::call::Call;
use crate::choices::Choices;
use crate::ground::version;

/// A device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    /// The version that it runs.
    runs: Version,
    /// What it ran before.
    ran: Version,
    /// Every command and offer that it ever got.
    told: Vec<Command>,
    /// Everything that it ever said, and when (ms).
    said: Vec<(i64, Call)>,
    /// The number of its last session.
    session: i64,
}

/// What a device may do next.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Inform,
    Flash,
    RollBack,
    Stray,
    Ask,
    Fetch,
    Download,
    OldDownload,
    Complete,
    Acknowledge,
    Step,
    Fail,
    Connect,
    Disconnect,
    Again,
}

/// How often it does what.
const DEEDS: [(usize, Deed); 15] = [
    (4, Deed::Inform),
    (6, Deed::Flash),
    (2, Deed::RollBack),
    (1, Deed::Stray),
    (5, Deed::Ask),
    (1, Deed::Fetch),
    (14, Deed::Download),
    (2, Deed::OldDownload),
    (5, Deed::Complete),
    (2, Deed::Acknowledge),
    (4, Deed::Step),
    (2, Deed::Fail),
    (1, Deed::Connect),
    (1, Deed::Disconnect),
    (4, Deed::Again),
];

/// More than this of what it was told or said is forgotten.
const KEPT: usize = 12;

impl Device {
    pub(crate) fn new(id: DeviceId, runs: &str) -> Self {
        let runs = version(runs);
        Self { id, ran: runs.clone(), runs, told: Vec::new(), said: Vec::new(), session: 1 }
    }

    /// It got a command or an offer.
    pub(crate) fn take(&mut self, command: Command) {
        if self.told.len() >= KEPT {
            self.told.remove(0);
        }
        self.told.push(command);
    }

    /// Other hardware under the same key: what the old one got and said may still be under way.
    pub(crate) fn is_replaced(&mut self) {
        self.runs = version("1");
        self.ran = version("1");
    }

    /// What it says at `now` (ms); `None` when it has nothing to say it with.
    pub(crate) fn says(&mut self, choices: &mut Choices<'_>, now: i64) -> Option<Call> {
        let deed = choices.weighted(&DEEDS)?;
        let call = match self.does(deed, choices, now) {
            Some(call) => call,
            // It was told nothing yet.
            None if choices.below(2) == 0 => Call::Inform(self.heard(choices), self.runs.clone()),
            None => Call::Ask(self.id.clone()),
        };
        if self.said.len() >= KEPT {
            self.said.remove(0);
        }
        self.said.push((now, call.clone()));
        Some(call)
    }

    fn does(&mut self, deed: Deed, choices: &mut Choices<'_>, now: i64) -> Option<Call> {
        let last = self.told.last().cloned();
        Some(match deed {
            Deed::Inform => Call::Inform(self.heard(choices), self.runs.clone()),
            Deed::Flash => {
                let flashed = last?.firmware.version;
                self.ran = std::mem::replace(&mut self.runs, flashed);
                Call::Inform(self.heard(choices), self.runs.clone())
            }
            Deed::RollBack => {
                std::mem::swap(&mut self.runs, &mut self.ran);
                Call::Inform(self.heard(choices), self.runs.clone())
            }
            Deed::Stray => {
                let elsewhere = choices.of(&["7", "1", "3", "4", "2"]);
                self.ran = std::mem::replace(&mut self.runs, version(elsewhere));
                Call::Inform(self.heard(choices), self.runs.clone())
            }
            Deed::Ask => Call::Ask(self.id.clone()),
            Deed::Fetch => Call::Fetch(self.id.clone()),
            Deed::Download => Call::Download(last?.link),
            Deed::OldDownload => Call::Download(self.kept(choices)?.link),
            Deed::Complete => Call::Complete(last?.link),
            Deed::Acknowledge => {
                let push = self.kept(choices)?.push_id?;
                let words = choices.of(&[None, Some("200: taken")]);
                match choices.below(2) {
                    0 => Call::Delivered(push),
                    _ => Call::Acknowledge(self.id.clone(), push, words),
                }
            }
            Deed::Step => Call::Progress(self.heard(choices), choices.of(&[0, 30, 80, 100])),
            Deed::Fail => Call::Progress(self.heard(choices), choices.of(&[-2, -1, -3, -4, -5, -77])),
            Deed::Connect => {
                self.session += 1;
                Call::Connect(self.session(choices))
            }
            Deed::Disconnect => Call::Disconnect(self.session(choices)),
            Deed::Again => {
                let (at, call) = self.said.get(choices.below(self.said.len())).cloned()?;
                call.later(now - at)
            }
        })
    }

    fn kept(&self, choices: &mut Choices<'_>) -> Option<Command> {
        self.told.get(choices.below(self.told.len())).cloned()
    }

    /// From a listening bridge, which knows when it took the message, or from anybody.
    fn heard(&self, choices: &mut Choices<'_>) -> Heard {
        Heard { id: self.id.clone(), age: choices.of(&[None, Some(0), Some(3)]) }
    }

    fn session(&self, choices: &mut Choices<'_>) -> Session {
        let bridge = choices.of(&[None, Some("b")]).map(str::to_owned);
        Session { id: self.id.clone(), bridge, number: self.session }
    }
}
