//! One actor: a thread with a connection, which asks before each statement and answers when its call is over.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use ota_ledger::{Ledger, Row, Sql, SqlError, Value};

use crate::answer::Answer;
use crate::call::Call;
use crate::choices::scrambled;
use crate::store::{Connection, Store};

/// What the schedule tells an actor.
#[derive(Debug)]
pub(crate) enum Order {
    /// Begin a call; the number makes its ids.
    Begin(Box<Call>, u64),
    /// Run the statement that you asked for.
    GoOn,
    /// The statement that you asked for has waited too long.
    GiveUp,
    /// You are killed: this call runs no other statement.
    Die,
    /// Take back what a killed call left open on the connection.
    CleanUp,
}

/// What an actor tells the schedule.
#[derive(Debug)]
pub(crate) enum Report {
    /// It is there; the server's process of its connection.
    Connected(i64),
    /// It asks for a statement; how the last one ended.
    Asks(String, Ended),
    /// Its statement found the database locked.
    Locked,
    /// Its call is over.
    Answers(Answer, Ended),
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// There was none.
    Not,
    /// It changed so many rows, or has so many.
    Rows(u64),
    /// It failed.
    Failed(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not => Ok(()),
            Self::Rows(count) => write!(f, " → {count}"),
            Self::Failed(error) => write!(f, " → failed: {error}"),
        }
    }
}

/// What the schedule holds of an actor.
pub(crate) struct Hand {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

impl Hand {
    /// Starts actor `number` on a connection of its own.
    pub(crate) fn start(number: usize, store: Store, reports: Sender<(usize, Report)>) -> Self {
        let (orders, received) = channel();
        // It ends with its sender.
        let thread = thread::spawn(move || serve(number, store, received, &reports));
        Self { orders, thread }
    }

    /// Gives it no further order; its thread, which ends by that.
    pub(crate) fn let_go(self) -> JoinHandle<()> {
        self.thread
    }

    pub(crate) fn tell(&self, order: Order) {
        self.orders.send(order).unwrap();
    }
}

fn serve(number: usize, store: Store, orders: Receiver<Order>, reports: &Sender<(usize, Report)>) {
    let connection = store.connect().unwrap();
    let report = |report| reports.send((number, report)).unwrap_or_default();
    report(Report::Connected(connection.backend));
    let port = Port {
        number,
        store,
        connection: RefCell::new(Some(connection)),
        orders,
        reports: reports.clone(),
        last: RefCell::new(Ended::Not),
        is_dead: Cell::new(false),
    };
    while let Ok(order) = port.orders.recv() {
        match order {
            Order::Begin(call, seed) => {
                let answer = port.run(&call, seed);
                report(Report::Answers(answer, port.last.replace(Ended::Not)));
            }
            Order::CleanUp => {
                port.connected(|sql| sql.execute("ROLLBACK", &[])).unwrap();
                report(Report::Answers(Answer::Nothing, Ended::Not));
            }
            Order::GoOn | Order::GiveUp | Order::Die => panic!("{order:?} between two calls"),
        }
    }
}

/// The connection as a call sees it: each statement waits for its turn.
struct Port {
    number: usize,
    store: Store,
    connection: RefCell<Option<Connection>>,
    orders: Receiver<Order>,
    reports: Sender<(usize, Report)>,
    last: RefCell<Ended>,
    is_dead: Cell<bool>,
}

impl Port {
    fn run(&self, call: &Call, seed: u64) -> Answer {
        self.is_dead.set(false);
        let count = Cell::new(seed);
        let random = || {
            count.set(count.get().wrapping_add(1));
            scrambled(count.get())
        };
        // Spin's pool hands a connection on as it is.
        let is_clean = !self.store.waits_inside() || self.execute("ROLLBACK", &[]).is_ok();
        let answer = if is_clean {
            call.run(&Ledger::new(self, self.store.dialect(), &random))
        } else {
            Answer::Failed
        };
        if self.is_dead.get() { Answer::Killed } else { answer }
    }

    /// Whatever a killed call did to the connection is left as it was; one that was dropped is a new one.
    fn connected<T>(&self, act: impl FnOnce(&dyn Sql) -> Result<T, SqlError>) -> Result<T, SqlError> {
        if self.connection.borrow().is_none() {
            *self.connection.borrow_mut() = Some(self.store.connect()?);
        }
        let connection = self.connection.borrow();
        act(connection.as_ref().unwrap().sql.as_ref())
    }

    fn step<T>(
        &self,
        sql: &str,
        size: impl Fn(&T) -> u64,
        act: impl Fn(&dyn Sql) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        if self.is_dead.get() {
            return Err(SqlError("killed".to_owned()));
        }
        let ended = self.last.replace(Ended::Not);
        self.reports.send((self.number, Report::Asks(sql.to_owned(), ended))).unwrap();
        let result = loop {
            match self.orders.recv().unwrap() {
                Order::GoOn => match self.connected(&act) {
                    Err(error) if self.store.is_busy(&error) => {
                        self.reports.send((self.number, Report::Locked)).unwrap();
                    }
                    result => break result,
                },
                Order::GiveUp => break Err(SqlError("waited too long".to_owned())),
                Order::Die => {
                    self.is_dead.set(true);
                    if !self.store.waits_inside() {
                        *self.connection.borrow_mut() = None;
                    }
                    break Err(SqlError("killed".to_owned()));
                }
                order => panic!("{order:?} in the middle of a call"),
            }
        };
        *self.last.borrow_mut() = match &result {
            Ok(value) => Ended::Rows(size(value)),
            Err(error) => Ended::Failed(error.0.clone()),
        };
        result
    }
}

impl Sql for Port {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.step(sql, |changed| *changed, |connection| connection.execute(sql, params))
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.step(sql, |rows: &Vec<Row>| rows.len() as u64, |connection| connection.query(sql, params))
    }
}
