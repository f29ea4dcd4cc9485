//! A download on the device's side: through the digest as it arrives, no faster than the line, whole or in parts.
//! Knows nothing of HTTP.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::message::{Command, RunningDigest};
use super::tally::Tally;

/// How a device takes a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// All of it, as fast as the line allows.
    Whole,
    /// All of it, with a byte that flips on the way.
    Corrupted,
    /// All of it, and it takes very long.
    Slowly,
    /// Half of it.
    Half,
    /// What is missing.
    Rest(Kept),
}

/// What a device has of a file: the start of it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    bytes: u64,
    digest: RunningDigest,
}

impl Kept {
    pub(super) fn nothing(command: &Command) -> Self {
        Self { bytes: 0, digest: command.sign_method.start() }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn add(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        self.digest.update(data);
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.digest.clone().finish() == other.digest.clone().finish()
    }
}

impl Eq for Kept {}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) bytes: u64,
    /// Lower-case hex, by the method that the command names.
    pub(crate) digest: String,
}

/// How fast devices download.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// Bytes per second; as fast as it goes if absent.
    pub(crate) rate: Option<u64>,
    /// How long a slow device takes for all of it.
    pub(crate) slow: Duration,
}

impl Line {
    /// Bytes per second for this download.
    fn rate(self, command: &Command, manner: &Manner) -> Option<u64> {
        let thin = || {
            let ms = u64::try_from(self.slow.as_millis()).unwrap_or(u64::MAX).max(1);
            (command.size.saturating_mul(1000) / ms).max(1)
        };
        match manner {
            Manner::Slowly => Some(self.rate.map_or_else(thin, |rate| rate.min(thin()))),
            Manner::Whole | Manner::Corrupted | Manner::Half | Manner::Rest(_) => self.rate,
        }
    }
}

/// A download under way.
#[derive(Debug)]
pub(super) struct Reception {
    kept: Kept,
    corrupts: bool,
    /// It breaks off once this many bytes are there.
    most: Option<u64>,
    rate: Option<u64>,
    /// Since when the rate counts, and what has arrived since.
    since: Instant,
    arrived: u64,
    tally: Tally,
}

impl Reception {
    pub(super) fn new(command: &Command, manner: Manner, line: Line, tally: Tally) -> Self {
        let rate = line.rate(command, &manner).map(|rate| rate.max(1));
        let corrupts = manner == Manner::Corrupted;
        let most = (manner == Manner::Half).then(|| (command.size / 2).max(1));
        let kept = match manner {
            Manner::Rest(kept) => kept,
            _ => Kept::nothing(command),
        };
        Self { kept, corrupts, most, rate, since: Instant::now(), arrived: 0, tally }
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Another connection; what is there stays, unless the server begins from the start.
    pub(super) fn begin(&mut self, from_start: Option<&Command>) {
        if let Some(command) = from_start {
            self.kept = Kept::nothing(command);
        }
        (self.since, self.arrived) = (Instant::now(), 0);
    }

    /// Takes what arrived, when the line would have brought it; whether more is wanted.
    pub(super) async fn take(&mut self, data: &[u8]) -> bool {
        let room = self.most.map(|most| most.saturating_sub(self.kept.bytes));
        let room = room.and_then(|room| usize::try_from(room).ok());
        let data = room.and_then(|room| data.get(..room)).unwrap_or(data);
        match data.split_first() {
            Some((first, rest)) if self.corrupts && self.kept.bytes == 0 => {
                self.kept.add(&[first ^ 1]);
                self.kept.add(rest);
            }
            _ => self.kept.add(data),
        }
        self.arrived += data.len() as u64;
        self.tally.received(data.len() as u64);
        if let Some(rate) = self.rate {
            let ms = self.arrived.saturating_mul(1000) / rate;
            sleep_until(self.since + Duration::from_millis(ms)).await;
        }
        self.most.is_none_or(|most| self.kept.bytes < most)
    }

    /// Everything that is there, as the file.
    pub(super) fn finish(self) -> Fetched {
        Fetched { bytes: self.kept.bytes, digest: self.kept.digest.finish() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::message::Digester;

    fn command() -> Command {
        Command {
            id: "77".to_owned(),
            version: "2.0".to_owned(),
            sign: String::new(),
            sign_method: Digester::Sha256,
            file_url: "http://127.0.0.1:1/f".to_owned(),
            size: 10,
        }
    }

    fn reception(manner: Manner, rate: Option<u64>) -> Reception {
        let line = Line { rate, slow: Duration::from_secs(5) };
        Reception::new(&command(), manner, line, Tally::default())
    }

    #[tokio::test]
    async fn two_halves_are_the_whole() {
        let mut half = reception(Manner::Half, None);
        assert!(!half.take(b"0123456789").await);
        assert_eq!(half.kept().bytes(), 5);
        let mut rest = reception(Manner::Rest(half.kept().clone()), None);
        assert!(rest.take(b"56789").await);
        let mut whole = reception(Manner::Whole, None);
        whole.take(b"0123456789").await;
        assert_eq!(rest.finish(), whole.finish());
    }

    #[tokio::test]
    async fn one_byte_flips_and_the_length_stays() {
        let mut corrupted = reception(Manner::Corrupted, None);
        corrupted.take(b"01234").await;
        corrupted.take(b"56789").await;
        let mut expected = reception(Manner::Whole, None);
        expected.take(b"1123456789").await;
        assert_eq!(corrupted.finish(), expected.finish());
    }

    #[tokio::test]
    async fn a_server_that_begins_anew_is_followed() {
        let mut torn = reception(Manner::Whole, None);
        torn.take(b"0123").await;
        torn.begin(Some(&command()));
        torn.take(b"0123456789").await;
        assert_eq!(torn.finish().bytes, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_arrives_faster_than_the_line_brings_it() {
        for (manner, rate, seconds) in
            [(Manner::Whole, Some(4), 2.5), (Manner::Slowly, None, 5.0), (Manner::Slowly, Some(1), 10.0)]
        {
            let begun = Instant::now();
            let mut reception = reception(manner, rate);
            for piece in [&b"0123"[..], b"456", b"789"] {
                reception.take(piece).await;
            }
            let took = begun.elapsed().as_secs_f64();
            assert!((took - seconds).abs() < 0.01, "{took} for {seconds}");
        }
    }
}
