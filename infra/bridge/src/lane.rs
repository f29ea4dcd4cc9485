//! The messages of one device on their way to the gateway: strictly one after another, each until it is
//! answered. The lane is polled by the device's session and ends with it.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet::Qos;

use crate::Shared;
use crate::uplink::{Answer, Uplink};

/// What waits for one device, and the request that is under way.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    waiting: VecDeque<Work>,
    current: Option<Current>,
    bytes: usize,
}

/// A message taken from the device.
pub(crate) struct Work {
    /// What the gateway is to be told; `None` keeps only the place in the order of acknowledgements.
    pub(crate) uplink: Option<Uplink>,
    pub(crate) qos: Qos,
    pub(crate) receipt: Receipt,
}

/// How the device is told that its message was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// `QoS` 0: not at all.
    None,
    /// `QoS` 1.
    Puback(u16),
    /// `QoS` 2.
    Pubrec(u16),
}

/// A message that was answered, or given up.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    pub(crate) qos: Qos,
    pub(crate) receipt: Receipt,
}

struct Current {
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
    qos: Qos,
    receipt: Receipt,
    bytes: usize,
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, waiting: VecDeque::new(), current: None, bytes: 0 }
    }

    /// Whether one more message may be taken off the socket.
    pub(crate) fn has_room(&self) -> bool {
        let settings = &self.shared.settings;
        let count = self.waiting.len() + usize::from(self.current.is_some());
        count < settings.max_queued.max(1) && self.bytes < settings.max_queued_bytes
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, work: Work) {
        self.bytes += work.size();
        self.waiting.push_back(work);
    }

    /// The next answer, in the order of the messages; pends while there are none.
    /// Dropping the future keeps the request under way.
    pub(crate) async fn done(&mut self) -> Done {
        let current = match &mut self.current {
            Some(current) => current,
            None => match self.waiting.pop_front() {
                Some(work) => self.current.insert(Current::new(work, &self.shared)),
                None => pending().await,
            },
        };
        let answer = current.answer.as_mut().await;
        let done = Done { answer, qos: current.qos, receipt: current.receipt };
        self.bytes = self.bytes.saturating_sub(current.bytes);
        self.current = None;
        done
    }
}

impl Work {
    fn size(&self) -> usize {
        self.uplink.as_ref().map_or(0, Uplink::size)
    }
}

impl Current {
    fn new(work: Work, shared: &Arc<Shared>) -> Self {
        let bytes = work.size();
        let answer: Pin<Box<dyn Future<Output = Answer> + Send>> = match work.uplink {
            Some(uplink) => Box::pin(uplink.deliver(Arc::clone(shared))),
            None => Box::pin(std::future::ready(Answer::default())),
        };
        Self { answer, qos: work.qos, receipt: work.receipt, bytes }
    }
}
