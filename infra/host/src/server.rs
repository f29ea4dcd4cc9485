//! The HTTP side: connections in, routes to components, failures to statuses.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

use crate::application::Application;
use crate::component::{Component, Failure};
use crate::exchange::{Outcome, ResponseBody};
use crate::guest::{self, Shared};
use crate::key_value::KeyValue;
use crate::phase::{Phase, Phases};
use crate::routes::Routes;
use crate::settings::Settings;
use crate::{engine, outbound, postgres, sqlite};

/// Answered by the host itself, whatever the routes.
const HEALTH: &str = "/.well-known/spin/health";
/// What a connection buffers (bytes). A piece that a guest sends is taken whole, and no second one while a slow client
/// has not read it.
const BUFFER: usize = 64 * 1024;
/// How often instances that nobody needs are dropped.
const TRIM: Duration = Duration::from_secs(1);

/// A host that is ready to serve.
pub(crate) struct Server {
    gateway: Arc<Gateway>,
    phases: Phases,
}

struct Gateway {
    routes: Routes<Arc<Component>>,
    components: Vec<Arc<Component>>,
    live: Arc<Semaphore>,
    authority: Authority,
}

type Body = Either<ResponseBody, Full<Bytes>>;

impl Server {
    /// Opens the state and loads all components, side by side.
    pub(crate) async fn prepare(
        application: Application,
        settings: &Settings,
        local_addr: SocketAddr,
        phases: Phases,
    ) -> Result<Self> {
        let state = &settings.state_dir;
        std::fs::create_dir_all(state)
            .with_context(|| format!("cannot create the state folder {}", state.display()))?;
        let shared = Shared {
            key_value: KeyValue::open(&state.join("sqlite_key_value.db"))?,
            database: Arc::new(sqlite::Database::open(&state.join("sqlite_db.db"))?),
            postgres: Arc::new(postgres::Pools::new(settings.authorities.as_deref())?),
            client: outbound::client(),
            limits: settings.limits,
        };
        let engine = engine::engine(&settings.limits, &settings.cache_dir())?;
        let linker = guest::linker(&engine)?;
        let mut loading = Vec::new();
        for (id, plan) in application.components {
            let (engine, linker) = (engine.clone(), linker.clone());
            let (shared, phases) = (shared.clone(), phases.clone());
            let job = spawn_blocking(move || Component::load(&engine, &linker, &plan, shared, phases));
            loading.push((id, job));
        }
        let mut components = std::collections::BTreeMap::new();
        for (id, job) in loading {
            components.insert(id, Arc::new(job.await??));
        }
        let routes = application.routes.into_iter().filter_map(|(route, id)| {
            let component = components.get(&id)?.clone();
            Some((route, component))
        });
        Ok(Self {
            gateway: Arc::new(Gateway {
                routes: Routes::build(routes)?,
                components: components.into_values().collect(),
                live: Arc::new(Semaphore::new(settings.limits.instances as usize)),
                authority: local_addr.to_string().parse()?,
            }),
            phases,
        })
    }

    /// Serves until the phase changes and every connection has ended.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut trim = tokio::time::interval(TRIM);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, client)) => {
                        let connection =
                            connection(self.gateway.clone(), stream, client, self.phases.clone());
                        connections.spawn(connection);
                    }
                    // Out of file descriptors, most likely: some will be given back.
                    Err(error) => {
                        tracing::error!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                _ = trim.tick() => self.gateway.components.iter().for_each(|c| c.trim()),
                () = self.phases.reached(Phase::Draining) => break,
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}

async fn connection(gateway: Arc<Gateway>, stream: TcpStream, client: SocketAddr, phases: Phases) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(gateway.answer(request, client).await) }
    });
    // `pipeline_flush` stays off: with it a slow reader makes hyper buffer the whole body.
    // No timer either: like Spin it never closes a kept connection under a client's next request.
    let serving = http1::Builder::new().max_buf_size(BUFFER).serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = phases.reached(Phase::Draining) => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = serving.as_mut() => ended,
                () = phases.reached(Phase::Aborting) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%client, ?error, "a connection ended early");
    }
}

impl Gateway {
    async fn answer(&self, mut request: Request<Incoming>, client: SocketAddr) -> Response<Body> {
        let uri = request.uri().clone();
        if uri.path() == HEALTH {
            return plain(StatusCode::OK, "OK");
        }
        let Some(routed) = self.routes.find(uri.path()) else {
            return plain(StatusCode::NOT_FOUND, "");
        };
        let Ok(permit) = self.live.clone().try_acquire_owned() else {
            tracing::warn!("too many requests at once");
            return retry_later("too many requests at once");
        };
        routed.describe(&uri, client, request.headers_mut());
        self.absolute(&mut request);
        match routed.leads_to().handle(request, permit).await {
            Ok(response) => response.map(Either::Left),
            Err(failure) => {
                tracing::error!(path = uri.path(), %failure, "no response from the guest");
                failed(&failure)
            }
        }
    }

    /// Guests are given an absolute URL with the address that is listened on, as in Spin.
    fn absolute(&self, request: &mut Request<Incoming>) {
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        // `CONNECT host:port` and the like have no path.
        parts.path_and_query.get_or_insert(http::uri::PathAndQuery::from_static("/"));
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        request.headers_mut().remove(HOST);
    }
}

fn failed(failure: &Failure) -> Response<Body> {
    match failure {
        Failure::NoInstance(_) => retry_later("no instance can be made"),
        Failure::NoResponse(Outcome::Stopped) => retry_later("the host is stopping"),
        Failure::NoResponse(Outcome::TimedOut) => {
            plain(StatusCode::GATEWAY_TIMEOUT, "the component timed out")
        }
        Failure::NoResponse(_) | Failure::Failed(_) => {
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the component failed")
        }
    }
}

fn retry_later(why: &'static str) -> Response<Body> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, why);
    let wait = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, wait);
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Either::Right(Full::new(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
