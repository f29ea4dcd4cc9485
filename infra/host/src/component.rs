//! A loaded component and its instances. An instance serves one request at a
//! time and is used again, unless it failed: a trap touches one request only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use wasmtime::component::{InstancePre, Linker};
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

use crate::application::Plan;
use crate::exchange::{Outcome, Progress, RequestBody, ResponseBody};
use crate::grants::Grants;
use crate::guest::{self, Guest, Shared};
use crate::phase::{Phase, Phases};

/// Instances that wait for a request; more are dropped.
const MOST_IDLE: usize = 64;
/// How long an instance waits for its next request.
const IDLE: Duration = Duration::from_secs(5);

/// A component, compiled and linked.
pub(crate) struct Component {
    pre: ProxyPre<Guest>,
    grants: Arc<Grants>,
    shared: Shared,
    phases: Phases,
    idle: Mutex<Vec<Instance>>,
}

/// One instance with its store.
struct Instance {
    store: Store<Guest>,
    proxy: Proxy,
    handled: u32,
    idle_since: Instant,
}

/// Why a request has no response of the guest's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No instance could be made.
    #[error("no instance: {0:#}")]
    NoInstance(wasmtime::Error),
    /// The guest ended without a response.
    #[error("the guest ended without a response ({0:?})")]
    NoResponse(Outcome),
    /// The guest answered with an error instead of a response.
    #[error("the guest failed: {0:?}")]
    Failed(ErrorCode),
}

impl Component {
    /// Reads, compiles (or takes from the cache) and links. Blocks for as long as that takes.
    pub(crate) fn load(
        engine: &Engine,
        linker: &Linker<Guest>,
        plan: &Plan,
        shared: Shared,
        phases: Phases,
    ) -> Result<Self> {
        let id = &plan.grants.id;
        let begun = Instant::now();
        let bytes = std::fs::read(&plan.source).with_context(|| {
            let hint = plan.build.as_deref().unwrap_or("spin build");
            let source = plan.source.display();
            format!("cannot read {source} of component `{id}`; build it with `{hint}`")
        })?;
        let compiled = wasmtime::component::Component::new(engine, &bytes)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("cannot compile component `{id}`"))?;
        let pre = link(linker, &compiled)
            .with_context(|| format!("component `{id}` is no HTTP component for this host"))?;
        tracing::debug!(component = id, size = bytes.len(), took = ?begun.elapsed(), "loaded");
        Ok(Self { pre, grants: plan.grants.clone(), shared, phases, idle: Mutex::default() })
    }

    /// Lets a guest answer. The permit is given back when the guest has ended,
    /// which may be after its response.
    pub(crate) async fn handle(
        self: &Arc<Self>,
        request: Request<hyper::body::Incoming>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Response<ResponseBody>, Failure> {
        let progress = Progress::begin();
        let request = request.map(|incoming| RequestBody::new(incoming, progress.clone()));
        let (head, answered) = oneshot::channel();
        let (ended, ending) = oneshot::channel();
        let instance = self.instance().await.map_err(Failure::NoInstance)?;
        let call = Call { component: self.clone(), progress: progress.clone() };
        tokio::spawn(async move {
            call.run(instance, request, head, ended).await;
            drop(permit);
        });
        match answered.await {
            Ok(Ok(response)) => Ok(response.map(|outgoing| ResponseBody::new(outgoing, progress, ending))),
            Ok(Err(code)) => Err(Failure::Failed(code)),
            Err(_) => Err(Failure::NoResponse(ending.await.unwrap_or(Outcome::Stopped))),
        }
    }

    /// Drops the instances that have waited for too long.
    pub(crate) fn trim(&self) {
        let now = Instant::now();
        let mut idle = self.idle();
        // The last one is taken first, so the longest waiting are in front.
        let stale = idle.partition_point(|instance| now - instance.idle_since > IDLE);
        let dropped: Vec<_> = idle.drain(..stale).collect();
        drop(idle);
        drop(dropped);
    }

    async fn instance(&self) -> wasmtime::Result<Instance> {
        if let Some(instance) = self.idle().pop() {
            return Ok(instance);
        }
        let guest = Guest::new(self.grants.clone(), &self.shared);
        let mut store = Store::new(self.pre.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        // Tokio's own way of yielding lets it look at sockets before the guest goes on:
        // woken at once instead, guests that loop would leave it no time for that.
        store.epoch_deadline_callback(|_| {
            let turn = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(1, turn))
        });
        store.set_epoch_deadline(1);
        let proxy = self.pre.instantiate_async(&mut store).await?;
        Ok(Instance { store, proxy, handled: 0, idle_since: Instant::now() })
    }

    fn keep(&self, mut instance: Instance) {
        instance.handled += 1;
        instance.idle_since = Instant::now();
        let is_spent = instance.handled >= self.shared.limits.requests_per_instance;
        let mut idle = self.idle();
        if !is_spent && idle.len() < MOST_IDLE {
            idle.push(instance);
        }
    }

    /// The list is whole between any two statements, so a panic elsewhere harms nothing.
    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn link(linker: &Linker<Guest>, compiled: &wasmtime::component::Component) -> Result<ProxyPre<Guest>> {
    let mut linker = linker.clone();
    guest::deny_the_rest(&mut linker, compiled)?;
    let pre: InstancePre<Guest> = linker.instantiate_pre(compiled)?;
    Ok(ProxyPre::new(pre)?)
}

type Head = oneshot::Sender<Result<Response<WasiBody>, ErrorCode>>;

/// One request in the hands of a guest.
struct Call {
    component: Arc<Component>,
    progress: Arc<Progress>,
}

impl Call {
    async fn run(
        self,
        mut instance: Instance,
        request: Request<RequestBody>,
        head: Head,
        ended: oneshot::Sender<Outcome>,
    ) {
        let outcome = tokio::select! {
            called = self.guest(&mut instance, request, head) => match called {
                Ok(()) => Outcome::Returned,
                Err(error) => {
                    tracing::error!(component = self.component.grants.id, ?error, "a guest trapped");
                    Outcome::Trapped
                }
            },
            () = self.progress.stalled(&self.component.shared.limits) => {
                tracing::error!(component = self.component.grants.id, "a guest timed out");
                Outcome::TimedOut
            }
            () = self.component.phases.reached(Phase::Aborting) => Outcome::Stopped,
        };
        instance.store.data_mut().end_request();
        // Told before the store is dropped: it closes the body.
        // The client may be gone already; then nobody listens.
        let _ = ended.send(outcome);
        if outcome == Outcome::Returned {
            self.component.keep(instance);
        }
    }

    async fn guest(
        &self,
        instance: &mut Instance,
        request: Request<RequestBody>,
        head: Head,
    ) -> wasmtime::Result<()> {
        let Instance { store, proxy, .. } = instance;
        let progress = self.progress.clone();
        let mut view = store.data_mut().http();
        let request = view.new_incoming_request(Scheme::Http, request)?;
        let out = view.new_response_outparam_from_callback(move |response| {
            progress.head_sent();
            // The client may be gone already; then nobody waits for the head.
            let _ = head.send(response);
        })?;
        store.set_epoch_deadline(1);
        proxy.wasi_http_incoming_handler().call_handle(store, request, out).await
    }
}
