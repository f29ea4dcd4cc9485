//! What a device does, without the doing: a state machine from what happens to what it does next.
//! No I/O, no clock; `session` brings it what happens and carries out what it wants.

use super::download::NoFirmware;
use super::fault::Fault;
use super::message::{Command, Message};
use super::reception::{Fetched, Kept, Manner};

/// Something that happens to a device.
#[derive(Debug)]
pub(crate) enum Happening {
    /// It is connected, for the first time or again.
    Connected,
    /// It was told to upgrade.
    Told(Command),
    /// Its request with this id was answered with this code.
    Answered { id: String, code: i64 },
    /// Its download ended.
    Downloaded(Result<Fetched, NoFirmware>),
    /// The new image is in its place, or should be.
    Installed,
    /// A while passed without anything else.
    Waited,
}

/// Something that a device wants done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Publish this.
    Send(Message),
    /// Download what the command names.
    Download { command: Command, manner: Manner },
    /// Write the image, which takes its time.
    Install,
    /// Leave in good order and come back.
    Restart,
    /// Break off the connection and come back.
    BreakOff,
    /// Break off the connection and stay away for good.
    Vanish,
}

/// A device between power-on and the end of its days.
#[derive(Debug)]
pub(crate) struct Device {
    version: String,
    fault: Option<Fault>,
    phase: Phase,
    next_id: u64,
    /// The inform that no answer has come to yet.
    unanswered: Option<String>,
    has_informed: bool,
    /// Whether it has lost its connections once.
    has_flapped: bool,
}

#[derive(Debug)]
enum Phase {
    /// Runs its version and waits.
    Running,
    Downloading(Command),
    /// Has the start of the file, and no connection.
    CutOff(Command, Kept),
    Installing(Command),
}

impl Device {
    pub(crate) fn new(version: String, fault: Option<Fault>) -> Self {
        let (phase, unanswered) = (Phase::Running, None);
        Self { version, fault, phase, next_id: 1, unanswered, has_informed: false, has_flapped: false }
    }

    /// Whether the gateway has answered that it knows the version.
    pub(crate) fn has_informed(&self) -> bool {
        self.has_informed
    }

    /// What the device does about `happening`, in order.
    pub(crate) fn on(&mut self, happening: Happening) -> Vec<Wish> {
        match happening {
            Happening::Connected | Happening::Waited if self.must_inform(&happening) => {
                vec![self.inform()]
            }
            Happening::Connected => self.resume(),
            Happening::Waited => Vec::new(),
            Happening::Told(command) => self.told(command),
            Happening::Answered { id, code } => {
                self.answered(&id, code);
                Vec::new()
            }
            Happening::Downloaded(outcome) => self.downloaded(outcome),
            Happening::Installed => self.installed(),
        }
    }

    /// At each connection, unless it is in the middle of an upgrade; and again until it is answered.
    fn must_inform(&self, happening: &Happening) -> bool {
        let is_connected = matches!(happening, Happening::Connected);
        matches!(self.phase, Phase::Running) && (is_connected || self.unanswered.is_some())
    }

    fn inform(&mut self) -> Wish {
        let id = self.id();
        self.unanswered = Some(id.clone());
        Wish::Send(Message::inform(&id, &self.version))
    }

    fn answered(&mut self, id: &str, code: i64) {
        if code == 200 && self.unanswered.as_deref() == Some(id) {
            self.unanswered = None;
            self.has_informed = true;
        }
    }

    /// Receipt first. One upgrade at a time: a command in the middle of one is a repetition.
    fn told(&mut self, command: Command) -> Vec<Wish> {
        if self.fault == Some(Fault::Ignores) {
            return Vec::new();
        }
        let receipt = Wish::Send(Message::upgrade_reply(&command.id));
        let next = match self.phase {
            Phase::Running if command.version == self.version => vec![self.inform()],
            Phase::Running => self.take_up(command),
            Phase::Downloading(_) | Phase::CutOff(..) | Phase::Installing(_) => Vec::new(),
        };
        std::iter::once(receipt).chain(next).collect()
    }

    fn take_up(&mut self, command: Command) -> Vec<Wish> {
        let manner = match self.fault {
            Some(Fault::Refuses) => return vec![self.report(-5, "refused by its owner")],
            Some(Fault::Cached) => {
                self.phase = Phase::Installing(command);
                return vec![self.report(50, "flashing bytes that it kept"), Wish::Install];
            }
            Some(Fault::BadDigest) => Manner::Corrupted,
            Some(Fault::Slow) => Manner::Slowly,
            Some(Fault::DownloadFail) => Manner::Half,
            Some(Fault::Flap) if !self.has_flapped => Manner::Half,
            _ => Manner::Whole,
        };
        self.phase = Phase::Downloading(command.clone());
        vec![Wish::Download { command, manner }]
    }

    /// Fetches the rest, if it was cut off.
    fn resume(&mut self) -> Vec<Wish> {
        match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::CutOff(command, kept) => {
                self.phase = Phase::Downloading(command.clone());
                vec![Wish::Download { command, manner: Manner::Rest(kept) }]
            }
            phase => {
                self.phase = phase;
                Vec::new()
            }
        }
    }

    fn downloaded(&mut self, outcome: Result<Fetched, NoFirmware>) -> Vec<Wish> {
        let Phase::Downloading(command) = std::mem::replace(&mut self.phase, Phase::Running) else {
            return Vec::new();
        };
        match outcome {
            Ok(fetched) => self.check(command, &fetched),
            // The offer is void: nothing happened to this device.
            Err(NoFirmware::Gone) => Vec::new(),
            Err(NoFirmware::BrokeOff(kept)) if self.fault == Some(Fault::Flap) => {
                self.has_flapped = true;
                self.phase = Phase::CutOff(command, kept);
                vec![Wish::BreakOff]
            }
            Err(error) => vec![self.report(-2, &error.to_string())],
        }
    }

    fn check(&mut self, command: Command, fetched: &Fetched) -> Vec<Wish> {
        if fetched.bytes != command.size {
            let desc = format!("received {} bytes, told {}", fetched.bytes, command.size);
            return vec![self.report(-3, &desc)];
        }
        if fetched.digest != command.sign {
            let (is, told) = (start_of(&fetched.digest), start_of(&command.sign));
            let desc = format!("{} is {is}…, told {told}…", command.sign_method);
            return vec![self.report(-3, &desc)];
        }
        if self.fault == Some(Fault::Brick) {
            return vec![Wish::Vanish];
        }
        self.phase = Phase::Installing(command);
        vec![self.report(50, "download verified"), Wish::Install]
    }

    fn installed(&mut self) -> Vec<Wish> {
        let Phase::Installing(command) = std::mem::replace(&mut self.phase, Phase::Running) else {
            return Vec::new();
        };
        match self.fault {
            Some(Fault::Rollback) => {}
            Some(Fault::WrongVersion) => self.version = format!("{}-other", command.version),
            _ => self.version = command.version,
        }
        vec![self.report(80, "installed, restarting"), Wish::Restart]
    }

    fn report(&mut self, step: i32, desc: &str) -> Wish {
        Wish::Send(Message::progress(&self.id(), step, desc))
    }

    fn id(&mut self) -> String {
        let id = self.next_id;
        self.next_id += 1;
        id.to_string()
    }
}

/// Enough of a digest to tell it from another.
fn start_of(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
