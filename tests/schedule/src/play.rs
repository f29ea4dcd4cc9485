//! One schedule: who goes next, statement by statement, until the choices are over.

use crate::arena::{Arena, HANDS};
use crate::call::Call;
use crate::choices::{Choices, scrambled};
use crate::device::Device;
use crate::ground::{self, Ground};
use crate::hand::{Order, Report};
use crate::promise::{Broken, Watch};
use crate::snapshot::Snapshot;
use crate::store::cancel;
use crate::tally::Tally;

/// How far the clock is turned at once (ms): short of each deadline of a job, and past it.
const TURNS: [(usize, i64); 7] =
    [(6, 1_000), (6, 2_500), (4, 5_001), (4, 10_001), (2, 30_000), (3, 100_001), (1, 86_400_001)];

/// Where an actor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It has no call. Whether the last one left a transaction open on its connection.
    Free { is_open: bool },
    /// It asks for this statement.
    Asks(String),
    /// This statement runs.
    Runs(String),
    /// This statement waits for another actor.
    Waits(String),
}

/// An actor in one schedule.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) stand: Stand,
    pub(crate) call: Option<Call>,
    /// When it began (ms).
    pub(crate) began_at: i64,
    /// When it first looked into the ledger (ms).
    pub(crate) looked_at: Option<i64>,
    /// Whether it is between BEGIN and COMMIT.
    pub(crate) is_inside: bool,
    /// How often the job that it stops had begun to run when it last committed.
    pub(crate) runs: u64,
    /// What it reported and nobody heard yet.
    pub(crate) report: Option<Report>,
    /// Whether its statement had to wait.
    pub(crate) has_waited: bool,
    /// Where its statement stands among what is told.
    pub(crate) line: usize,
}

impl Actor {
    fn free() -> Self {
        Self {
            stand: Stand::Free { is_open: false },
            call: None,
            began_at: 0,
            looked_at: None,
            is_inside: false,
            runs: 0,
            report: None,
            has_waited: false,
            line: 0,
        }
    }
}

/// Something that may happen next.
#[derive(Debug, Clone, Copy)]
enum Move {
    Step(usize),
    Start(usize),
    Turn,
    Kill(usize),
    GiveUp(usize),
    CleanUp(usize),
}

/// One schedule.
pub(crate) struct Play<'p> {
    pub(crate) arena: &'p Arena,
    pub(crate) choices: Choices<'p>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) devices: Vec<Device>,
    pub(crate) jobs: Vec<String>,
    /// Calls that failed, and are made again.
    pub(crate) again: Vec<Call>,
    pub(crate) watch: Watch,
    /// The clock (ms).
    pub(crate) now: i64,
    /// Calls so far.
    pub(crate) calls: u64,
    /// How seldom another actor than the last goes next.
    pub(crate) stickiness: usize,
    pub(crate) last: usize,
    pub(crate) tally: Tally,
    pub(crate) told: Vec<String>,
}

impl<'p> Play<'p> {
    pub(crate) fn begin(arena: &'p Arena, script: &'p [u16]) -> Self {
        let mut choices = Choices::new(script);
        let mut told = Vec::new();
        let sql = arena.onlooker.sql.as_ref();
        let ground = Ground::lay(sql, arena.store.dialect(), &mut choices, &mut told).unwrap();
        let watch = Watch::new(Snapshot::read(sql).unwrap(), arena.asked.clone());
        let mut play = Self {
            arena,
            stickiness: choices.of(&[0, 4, 20]),
            choices,
            actors: (0..HANDS).map(|_| Actor::free()).collect(),
            devices: ground.devices.into_iter().map(|id| Device::new(id, "1")).collect(),
            jobs: ground.jobs.into_iter().map(|new| new.id).collect(),
            again: Vec::new(),
            watch,
            now: ground::START,
            calls: 0,
            last: 0,
            tally: Tally { schedules: 1, ..Tally::default() },
            told,
        };
        play.meet_hardware();
        play
    }

    pub(crate) fn run(&mut self) -> Result<(), Broken> {
        while !self.choices.are_over() {
            let Some(next) = self.choices.weighted(&self.moves()) else { break };
            match next {
                Move::Step(actor) => self.step(actor)?,
                Move::Start(actor) => {
                    if let Some(call) = self.next_call() {
                        self.start(actor, call)?;
                    }
                }
                Move::Turn => {
                    let ms = self.choices.weighted(&TURNS);
                    self.turn(ms.unwrap_or(0));
                }
                Move::Kill(actor) => self.kill(actor)?,
                Move::GiveUp(actor) => self.give_up(actor)?,
                Move::CleanUp(actor) => self.clean_up(actor)?,
            }
        }
        self.finish()?;
        self.last_chance()?;
        self.quiet()
    }

    /// What may happen next, and how often.
    fn moves(&self) -> Vec<(usize, Move)> {
        let mut moves = Vec::new();
        for (n, actor) in self.actors.iter().enumerate() {
            match &actor.stand {
                Stand::Asks(_) => {
                    let stickiness = if n == self.last { self.stickiness * 40 } else { 0 };
                    moves.push((80 + stickiness, Move::Step(n)));
                }
                Stand::Free { is_open } => {
                    moves.push((40, Move::Start(n)));
                    moves.push((if *is_open { 10 } else { 0 }, Move::CleanUp(n)));
                }
                Stand::Runs(_) | Stand::Waits(_) => {}
            }
        }
        moves.push((6, Move::Turn));
        for (n, actor) in self.actors.iter().enumerate() {
            match &actor.stand {
                Stand::Asks(_) => moves.push((1, Move::Kill(n))),
                Stand::Waits(_) => moves.push((2, Move::GiveUp(n))),
                _ => {}
            }
        }
        moves
    }

    /// Lets an actor run the statement that it asks for.
    pub(crate) fn step(&mut self, n: usize) -> Result<(), Broken> {
        let Stand::Asks(statement) = self.actors[n].stand.clone() else { return Ok(()) };
        self.last = n;
        self.tally.steps += 1;
        self.tell(n, &format!("  {}", shown(&statement)));
        if statement != "ROLLBACK" {
            self.actors[n].looked_at.get_or_insert(self.now);
        }
        self.arena.hands[n].tell(Order::GoOn);
        self.actors[n].stand = Stand::Runs(statement);
        self.settle()
    }

    pub(crate) fn start(&mut self, n: usize, call: Call) -> Result<(), Broken> {
        self.calls += 1;
        let call = call.arriving(self.now);
        self.tell(n, &call.to_string());
        let seed = scrambled(self.calls) << 20;
        self.arena.hands[n].tell(Order::Begin(Box::new(call.clone()), seed));
        let was_open = self.actors[n].stand == Stand::Free { is_open: true };
        let actor = &mut self.actors[n];
        (actor.call, actor.is_inside, actor.runs) = (Some(call), was_open, 0);
        (actor.began_at, actor.looked_at) = (self.now, None);
        actor.stand = Stand::Runs(String::new());
        self.settle()
    }

    /// Says what the actor does; how it ended comes behind it.
    fn tell(&mut self, n: usize, what: &str) {
        self.actors[n].line = self.told.len();
        self.told.push(format!("{n} {what}"));
    }

    fn kill(&mut self, n: usize) -> Result<(), Broken> {
        self.tally.kills += 1;
        self.last = n;
        self.tell(n, "is killed");
        self.arena.hands[n].tell(Order::Die);
        self.actors[n].stand = Stand::Runs(String::new());
        self.settle()
    }

    /// A wait takes too long: the statement fails.
    fn give_up(&mut self, n: usize) -> Result<(), Broken> {
        self.tally.given_up += 1;
        self.tell(n, "has waited too long");
        if self.arena.store.waits_inside() {
            cancel(self.arena.onlooker.sql.as_ref(), self.arena.backends[n]).unwrap();
        } else {
            self.arena.hands[n].tell(Order::GiveUp);
        }
        let Stand::Waits(statement) = self.actors[n].stand.clone() else { return Ok(()) };
        self.actors[n].stand = Stand::Runs(statement);
        self.settle()
    }

    /// The database ends a transaction that a killed call left open.
    pub(crate) fn clean_up(&mut self, n: usize) -> Result<(), Broken> {
        self.tell(n, "  its connection is cleaned");
        self.arena.hands[n].tell(Order::CleanUp);
        self.actors[n].stand = Stand::Runs(String::new());
        self.settle()
    }

    /// Turns the clock; not while a writer of SQLite keeps everybody else from writing.
    pub(crate) fn turn(&mut self, ms: i64) {
        let turned = self.arena.onlooker.sql.execute("UPDATE test_clock SET at = at + $1", &[ms.into()]);
        if turned.is_ok() {
            self.now += ms;
            self.told.push(format!("{ms} ms pass"));
        }
    }

    /// What happened, by the ledger's own word.
    pub(crate) fn count_events(&mut self) {
        let rows =
            self.arena.onlooker.sql.query("SELECT kind, COUNT(*) AS times FROM event GROUP BY kind", &[]);
        for row in rows.unwrap() {
            self.tally.events.insert(row.text(0).unwrap(), row.int(1).unwrap().unsigned_abs());
        }
    }

    /// After a broken promise: everybody stops where he stands.
    pub(crate) fn clear(&mut self) {
        self.watch.ask_nothing();
        // What is broken was said already, perhaps before everybody was heard.
        drop(self.settle());
        while self.actors.iter().any(|actor| actor.stand != (Stand::Free { is_open: false })) {
            for n in 0..HANDS {
                let done = match self.actors[n].stand {
                    Stand::Asks(_) => self.kill(n),
                    Stand::Free { is_open: true } => self.clean_up(n),
                    _ => Ok(()),
                };
                drop(done);
            }
        }
    }
}

/// The beginning of a statement, in one line.
fn shown(statement: &str) -> String {
    let mut line = String::new();
    for word in statement.split_whitespace() {
        if line.len() >= 90 {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
