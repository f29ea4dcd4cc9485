//! A device as the schedule plays it: what it runs and ran, what it was told, what it said before.

use std::collections::BTreeSet;

use ota_ledger::command::Command;
use ota_ledger::presence::Session;
use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;

use crate::call::Call;
use crate::choices::Choices;
use crate::ground::version;
use crate::said::Said;

/// A device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    /// Rises with its hardware; 0 before it was registered.
    generation: i64,
    /// The version that it runs.
    runs: Version,
    /// What it ran before.
    ran: Version,
    /// Everything that it ever ran, the last still.
    history: Vec<Span>,
    /// The versions that it informed in messages of which the ledger could not know when they were said.
    blurred: BTreeSet<String>,
    /// Every command and offer that it ever got.
    told: Vec<Command>,
    /// Everything that it ever said.
    said: Vec<Call>,
    /// The number of its last session.
    session: i64,
}

/// A time in which it ran one version.
#[derive(Debug)]
struct Span {
    generation: i64,
    version: Version,
    /// Its end (ms); `None` while it runs.
    until: Option<i64>,
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
    (8, Deed::Again),
];

/// More than this of what it was told or said is forgotten.
const KEPT: usize = 12;

impl Device {
    pub(crate) fn new(id: DeviceId, runs: &str) -> Self {
        let runs = version(runs);
        Self {
            id,
            generation: 0,
            ran: runs.clone(),
            runs,
            history: Vec::new(),
            blurred: BTreeSet::new(),
            told: Vec::new(),
            said: Vec::new(),
            session: 1,
        }
    }

    /// Whether its hardware of `generation` ran `version` at some moment from `since` (ms) on.
    pub(crate) fn has_run(&self, generation: i64, version: &str, since: i64) -> bool {
        self.spans(generation, since).any(|span| span.version.as_str() == version)
    }

    /// Whether its hardware of `generation` ran something else than `version` at some moment from `since` (ms) on.
    pub(crate) fn has_left(&self, generation: i64, version: &str, since: i64) -> bool {
        self.spans(generation, since).any(|span| span.version.as_str() != version)
    }

    fn spans(&self, generation: i64, since: i64) -> impl Iterator<Item = &Span> {
        let is_meant = move |span: &&Span| {
            span.generation == generation && span.until.is_none_or(|until| until >= since)
        };
        self.history.iter().filter(is_meant)
    }

    /// It informed `version` in a message of which the ledger could not know when it was said.
    pub(crate) fn blur(&mut self, version: &Version) {
        self.blurred.insert(version.to_string());
    }

    /// Whether it ever did.
    pub(crate) fn is_blurred(&self, version: &str) -> bool {
        self.blurred.contains(version)
    }

    /// It got a command or an offer.
    pub(crate) fn take(&mut self, command: Command) {
        if self.told.len() >= KEPT {
            self.told.remove(0);
        }
        self.told.push(command);
    }

    /// Its hardware is of `generation` at `now` (ms). Another than before runs 1, whatever the old one got and said and
    /// what may still be under way.
    pub(crate) fn is_of(&mut self, generation: i64, now: i64) {
        if generation != self.generation {
            self.generation = generation;
            self.run(version("1"), now);
            self.ran = version("1");
        }
    }

    fn run(&mut self, version: Version, now: i64) {
        if let Some(last) = self.history.last_mut() {
            last.until = Some(now);
        }
        self.history.push(Span { generation: self.generation, version: version.clone(), until: None });
        self.ran = std::mem::replace(&mut self.runs, version);
    }

    /// What it says at `now` (ms); `None` when it has nothing to say it with.
    pub(crate) fn says(&mut self, choices: &mut Choices<'_>, now: i64) -> Option<Call> {
        let deed = choices.weighted(&DEEDS)?;
        let call = match self.does(deed, choices, now) {
            Some(call) => call,
            // It was told nothing yet.
            None if choices.below(2) == 0 => Call::Inform(self.say(choices, now), self.runs.clone()),
            None => Call::Ask(self.id.clone()),
        };
        if self.said.len() >= KEPT {
            self.said.remove(0);
        }
        self.said.push(call.clone());
        Some(call)
    }

    fn does(&mut self, deed: Deed, choices: &mut Choices<'_>, now: i64) -> Option<Call> {
        let last = self.told.last().cloned();
        Some(match deed {
            Deed::Inform => Call::Inform(self.say(choices, now), self.runs.clone()),
            Deed::Flash => {
                let flashed = last?.firmware.version;
                self.run(flashed, now);
                Call::Inform(self.say(choices, now), self.runs.clone())
            }
            Deed::RollBack => {
                self.run(self.ran.clone(), now);
                Call::Inform(self.say(choices, now), self.runs.clone())
            }
            Deed::Stray => {
                let elsewhere = choices.of(&["7", "1", "3", "4", "2"]);
                self.run(version(elsewhere), now);
                Call::Inform(self.say(choices, now), self.runs.clone())
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
            Deed::Step => Call::Progress(self.say(choices, now), choices.of(&[0, 30, 80, 100])),
            Deed::Fail => Call::Progress(self.say(choices, now), choices.of(&[-2, -1, -3, -4, -5, -77])),
            Deed::Connect => {
                self.session += 1;
                Call::Connect(self.session(choices))
            }
            Deed::Disconnect => Call::Disconnect(self.session(choices)),
            Deed::Again => self.said.get(choices.below(self.said.len())).cloned()?,
        })
    }

    fn kept(&self, choices: &mut Choices<'_>) -> Option<Command> {
        self.told.get(choices.below(self.told.len())).cloned()
    }

    /// To a listening bridge, which knows when it took the message, or to anybody.
    fn say(&self, choices: &mut Choices<'_>, now: i64) -> Said {
        Said::new(self.id.clone(), self.generation, now, choices.below(2) == 1)
    }

    /// It connects once more.
    pub(crate) fn connects(&mut self) -> Call {
        self.session += 1;
        Call::Connect(Session { id: self.id.clone(), bridge: None, number: self.session })
    }

    fn session(&self, choices: &mut Choices<'_>) -> Session {
        let bridge = choices.of(&[None, Some("b")]).map(str::to_owned);
        Session { id: self.id.clone(), bridge, number: self.session }
    }
}
