//! One request and its response under way: how long nothing has moved, and what
//! became of the guest. Bodies pass through as they come; nothing is buffered.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::settings::Limits;

/// What a guest's handling of a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The handler returned.
    Returned,
    /// The handler trapped.
    Trapped,
    /// It was stopped because nothing moved for too long.
    TimedOut,
    /// It was stopped with the host.
    Stopped,
}

/// When something last moved.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
    /// Milliseconds from `begun`.
    moved: AtomicU64,
    is_head_sent: AtomicBool,
}

impl Progress {
    /// Counts from now.
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            moved: AtomicU64::new(0),
            is_head_sent: AtomicBool::new(false),
        })
    }

    /// The response head is there: the limit for idleness counts from now on.
    pub(crate) fn head_sent(&self) {
        self.moved();
        self.is_head_sent.store(true, Ordering::Relaxed);
    }

    /// Returns once nothing has moved for longer than the limits allow.
    pub(crate) async fn stalled(&self, limits: &Limits) {
        loop {
            let limit =
                if self.is_head_sent.load(Ordering::Relaxed) { limits.idle } else { limits.response_head };
            let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
            let deadline = self.begun + moved + limit;
            let now = Instant::now();
            if deadline <= now {
                return;
            }
            // The limit itself changes with the head: look again by the shorter one.
            let wait = limits.idle.min(limits.response_head).min(deadline - now);
            tokio::time::sleep(wait).await;
        }
    }

    fn moved(&self) {
        let elapsed = self.begun.elapsed().as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.moved.store(elapsed, Ordering::Relaxed);
    }
}

/// A request body on its way to the guest.
pub(crate) struct RequestBody {
    incoming: Incoming,
    progress: Arc<Progress>,
}

impl RequestBody {
    /// Notes in `progress` what comes in.
    pub(crate) fn new(incoming: Incoming, progress: Arc<Progress>) -> Self {
        Self { incoming, progress }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        if polled.is_ready() {
            self.progress.moved();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// A response body on its way to the client. It fails, and with it the
/// connection, when the guest does not live to finish it.
pub(crate) struct ResponseBody {
    outgoing: WasiBody,
    progress: Arc<Progress>,
    ending: Ending,
}

/// What became of the guest, once it is known.
enum Ending {
    Awaited(oneshot::Receiver<Outcome>),
    Known(Outcome),
}

impl ResponseBody {
    /// `ending` is told before the guest's store is dropped.
    pub(crate) fn new(
        outgoing: WasiBody,
        progress: Arc<Progress>,
        ending: oneshot::Receiver<Outcome>,
    ) -> Self {
        Self { outgoing, progress, ending: Ending::Awaited(ending) }
    }

    /// What became of the guest; pending while it runs.
    fn poll_ending(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Ending::Awaited(ending) = &mut self.ending {
            let outcome = std::task::ready!(Pin::new(ending).poll(context));
            self.ending = Ending::Known(outcome.unwrap_or(Outcome::Stopped));
        }
        match self.ending {
            Ending::Known(outcome) => Poll::Ready(outcome),
            Ending::Awaited(_) => Poll::Pending,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        // Asked first: a guest that has ended leaves nothing behind what it wrote.
        let ending = this.poll_ending(context);
        let polled = Pin::new(&mut this.outgoing).poll_frame(context);
        match (&polled, ending) {
            (Poll::Ready(Some(_)), _) => this.progress.moved(),
            // Still at it, or done with it.
            (_, Poll::Pending) | (Poll::Ready(None), Poll::Ready(Outcome::Returned)) => {}
            // The guest is gone and its body is not finished.
            (Poll::Ready(None) | Poll::Pending, Poll::Ready(_)) => {
                return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.outgoing.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.outgoing.size_hint()
    }
}
