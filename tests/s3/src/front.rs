//! What stands before the server: counts, holds back, and lets things go wrong.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures::StreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::service::S3Service;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::yield_now;

use crate::fault::Fault;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The server, and what is planned for its next requests.
pub(crate) struct Front {
    service: S3Service,
    state: Mutex<State>,
    held: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    requests: Vec<String>,
    faults: VecDeque<Fault>,
    session: Option<String>,
}

/// As long as it is there, nothing is served.
pub struct Held<'a>(&'a Front);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.send_replace(false);
    }
}

impl Front {
    pub(crate) fn new(service: S3Service) -> Self {
        Self { service, state: Mutex::default(), held: watch::Sender::new(false) }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }

    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    pub(crate) fn require_session(&self, token: &str) {
        self.state().session = Some(token.to_owned());
    }

    pub(crate) fn hold(&self) -> Held<'_> {
        self.held.send_replace(true);
        Held(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics in here")
    }

    /// `Err` closes the connection without an answer.
    async fn answer(&self, mut request: Request<Incoming>) -> io::Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        let (fault, is_in_session) = {
            let mut state = self.state();
            state.requests.push(format!("{} {path}", request.method()));
            let query = request.uri().query().unwrap_or_default();
            let is_in_session = state.session.as_ref().is_none_or(|token| {
                query.split('&').any(|pair| pair == format!("X-Amz-Security-Token={token}"))
            });
            (state.faults.pop_front().unwrap_or(Fault::None), is_in_session)
        };
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.map_err(io::Error::other)?;
        if !is_in_session {
            return Ok(refusal(StatusCode::FORBIDDEN, "InvalidToken"));
        }
        match fault {
            Fault::Refused(status, code) => return Ok(refusal(status_of(status), code)),
            Fault::Foreign(status) => return Ok(plain(status_of(status), "<html>no</html>".to_owned())),
            Fault::Whole => drop(request.headers_mut().remove(RANGE)),
            Fault::None | Fault::LateError(_) | Fault::Unheard | Fault::BrokenOff(_) => {}
        }
        let answer = self
            .service
            .call(request.map(s3s::Body::from))
            .await
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let answer = answer.map(|body| body.map_err(io::Error::other).boxed_unsync());
        match fault {
            Fault::LateError(code) => {
                // It is done only when its body has been read.
                answer.into_body().collect().await?;
                Ok(refusal(StatusCode::OK, code))
            }
            Fault::Unheard => {
                answer.into_body().collect().await?;
                Err(io::Error::other("planned"))
            }
            Fault::BrokenOff(after) => Ok(answer.map(|body| broken_off(body, after))),
            Fault::None | Fault::Refused(..) | Fault::Foreign(_) | Fault::Whole => Ok(answer),
        }
    }
}

/// Serves until its runtime ends.
pub(crate) async fn serve(listener: TcpListener, front: Arc<Front>) {
    while let Ok((socket, _)) = listener.accept().await {
        let front = Arc::clone(&front);
        tokio::spawn(async move {
            let service = service_fn(|request| front.answer(request));
            // A client that goes away, and an answer that is to be lost, both end here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

fn refusal(status: StatusCode, code: &str) -> Response<Body> {
    plain(
        status,
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>planned</Message></Error>"),
    )
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, length);
    debug_assert!(!response.headers().contains_key(CONTENT_RANGE), "nothing of an object is in it");
    response
}

/// The first `after` bytes of a body, and then the end of the connection.
fn broken_off(body: Body, after: usize) -> Body {
    let mut left = after;
    let frames = BodyStream::new(body).then(move |frame| {
        let room = left;
        let data = frame.and_then(|frame| frame.into_data().map_err(|_| io::Error::other("no data")));
        left = left.saturating_sub(data.as_ref().map_or(0, Bytes::len));
        async move {
            if room == 0 {
                // What was written before leaves first.
                yield_now().await;
                return Err(io::Error::other("planned"));
            }
            let mut data = data?;
            data.truncate(room);
            Ok(Frame::data(data))
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
