//! Calls to a bucket: signed, sent, and sent again when what failed may pass.

use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ETAG, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use md5::Digest as _;
use rusty_s3::S3Action;
use url::Url;

use super::answer::{error_code, is_passing};
use super::settings::S3Settings;
use crate::objects::ObjectsError;
use crate::transport::{Incoming, Transport, TransportError};

/// How long a signature of ours is good for: clocks differ, and bodies take their time.
const SIGNED_FOR: Duration = Duration::from_mins(5);

/// The waits before the second try, and before those behind it.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(900)];

/// No other try begins when the first is this many seconds ago.
const PATIENCE: i64 = 10;

/// The most that is read of an answer that is not an object: a page of 1 000 parts has some 300 KB.
pub(super) const ANSWER: usize = 4 * 1024 * 1024;

/// The most that is read of an error.
const ERROR: usize = 16 * 1024;

/// How long a short answer may take from its head to its end (s).
const ANSWERED_WITHIN: i64 = 30;

/// What is read of it at once.
const CHUNK: usize = 64 * 1024;

/// A bucket, and how it is called.
pub(super) struct Client<'a> {
    pub(super) settings: S3Settings,
    pub(super) transport: &'a dyn Transport,
    /// Seconds since 1970.
    pub(super) now: Box<dyn Fn() -> i64 + 'a>,
}

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// One call. Every one of ours may be repeated.
pub(super) struct Call<'c, A> {
    /// What it does, for the log.
    pub(super) what: &'static str,
    pub(super) action: A,
    /// Those that are signed are also in `action`.
    pub(super) headers: HeaderMap,
    pub(super) body: &'c [u8],
}

/// Why a call did not do what it was for.
#[derive(Debug)]
pub(super) struct Failed {
    what: &'static str,
    pub(super) why: Why,
}

/// What became of a call that failed.
#[derive(Debug)]
pub(super) enum Why {
    /// The server says why not.
    Refused { status: StatusCode, code: Option<String> },
    /// There was no answer.
    Unanswered(String),
    /// The answer cannot be understood.
    Unclear(String),
}

impl<'c, A> Call<'c, A> {
    pub(super) fn new(what: &'static str, action: A) -> Self {
        Self { what, action, headers: HeaderMap::new(), body: &[] }
    }

    /// With a body, and the digest by which the server knows that it came whole.
    pub(super) fn body(self, body: &'c [u8]) -> Self {
        let digest = STANDARD.encode(md5::Md5::digest(body));
        let with = Self { body, ..self };
        match HeaderValue::from_str(&digest) {
            Ok(digest) => with.header(CONTENT_MD5, digest),
            Err(_) => with,
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The failure of a call that was answered with something else than it is for.
    pub(super) fn unclear(&self, answer: &str) -> Failed {
        self.failed(Why::Unclear(answer.to_owned()))
    }

    /// The failure of a call.
    pub(super) fn failed(&self, why: Why) -> Failed {
        Failed { what: self.what, why }
    }
}

impl Client<'_> {
    /// Makes a call whose answer is short, and gives its body.
    ///
    /// An answer of 200 may still end in an error, where the server began to answer before it was done (copies, and
    /// the completion of an upload).
    pub(super) fn call<'s, A: S3Action<'s>>(&self, call: &Call<'_, A>) -> Result<Vec<u8>, Failed> {
        self.patiently(call.what, || self.heard(call))
    }

    /// The same, tried once: for what comes again by itself.
    pub(super) fn call_once<'s, A: S3Action<'s>>(&self, call: &Call<'_, A>) -> Result<Vec<u8>, Failed> {
        self.heard(call).map_err(|why| call.failed(why))
    }

    fn heard<'s, A: S3Action<'s>>(&self, call: &Call<'_, A>) -> Result<Vec<u8>, Why> {
        let mut answer = self.once(call)?;
        let body =
            self.whole(answer.body_mut().as_mut(), ANSWER).map_err(|error| Why::Unanswered(error.0))?;
        let is_stored = !matches!(A::METHOD, rusty_s3::Method::Put) || call.body.is_empty();
        if !is_stored && !answer.headers().contains_key(ETAG) {
            return Err(Why::Unclear(format!("{} without a tag", answer.status().as_u16())));
        }
        match error_code(&body) {
            Some(code) => {
                let (status, code) = (answer.status(), Some(code.to_owned()));
                Err(Why::Refused { status, code })
            }
            None => Ok(body),
        }
    }

    /// Makes a call whose answer is taken as it comes.
    pub(super) fn open<'s, A: S3Action<'s>>(
        &self,
        call: &Call<'_, A>,
    ) -> Result<Response<Box<dyn Incoming>>, Failed> {
        self.patiently(call.what, || self.once(call))
    }

    /// A URL that is good for `within`, by the clock of whoever asks.
    pub(super) fn signed<'s, A: S3Action<'s>>(&self, action: &A, within: Duration) -> Option<Url> {
        let seconds = u64::try_from((self.now)()).ok()?;
        let now = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?.try_into().ok()?;
        Some(action.sign_with_time(within, &now))
    }

    pub(super) fn once<'s, A: S3Action<'s>>(
        &self,
        call: &Call<'_, A>,
    ) -> Result<Response<Box<dyn Incoming>>, Why> {
        let unsent = |why: &str| Why::Unanswered(why.to_owned());
        let url = self.signed(&call.action, SIGNED_FOR).ok_or_else(|| unsent("the clock shows no time"))?;
        let method = Method::from_bytes(A::METHOD.to_str().as_bytes()).map_err(|_| unsent("no method"))?;
        let mut request = Request::new(call.body.to_vec());
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| unsent("the URL is none"))?;
        *request.headers_mut() = call.headers.clone();
        let answer = self.transport.call(request).map_err(|error| Why::Unanswered(error.0))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(answer)) }
    }

    /// All of a body, as far as `limit`, and as long as an answer may take.
    pub(super) fn whole(&self, incoming: &mut dyn Incoming, limit: usize) -> Result<Vec<u8>, TransportError> {
        let begun = (self.now)();
        let mut body = Vec::new();
        while let Some(bytes) = incoming.next(limit.min(CHUNK))? {
            body.extend(bytes);
            if body.len() > limit {
                return Err(TransportError(format!("the answer is longer than {limit} bytes")));
            }
            if (self.now)() - begun > ANSWERED_WITHIN {
                return Err(TransportError(format!("the answer takes longer than {ANSWERED_WITHIN} s")));
            }
        }
        Ok(body)
    }

    /// What an answer says that is no success. One that breaks off says no less by its status.
    fn refused(&self, mut answer: Response<Box<dyn Incoming>>) -> Why {
        let body = self.whole(answer.body_mut().as_mut(), ERROR).unwrap_or_default();
        let code = error_code(&body).map(str::to_owned);
        Why::Refused { status: answer.status(), code }
    }

    pub(super) fn patiently<T>(
        &self,
        what: &'static str,
        attempt: impl Fn() -> Result<T, Why>,
    ) -> Result<T, Failed> {
        let begun = (self.now)();
        for pause in PAUSES {
            match attempt() {
                Err(why) if why.is_passing() && ((self.now)() - begun) < PATIENCE => thread::sleep(pause),
                done => return done.map_err(|why| Failed { what, why }),
            }
        }
        attempt().map_err(|why| Failed { what, why })
    }
}

impl Why {
    fn is_passing(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => is_passing(*status, code.as_deref()),
            Self::Unanswered(_) => true,
            Self::Unclear(_) => false,
        }
    }
}

impl Failed {
    /// Whether the server says that `code` is why. Of what is missing it must say so: a wrong bucket, a gate in front
    /// of the store or a wrong host answer 404 as well.
    pub(super) fn is(&self, code: &str) -> bool {
        matches!(&self.why, Why::Refused { code: Some(said), .. } if said == code)
    }
}

/// For the log: neither a URL, which is signed, nor a key of ours.
impl From<Failed> for ObjectsError {
    fn from(Failed { what, why }: Failed) -> Self {
        Self(match why {
            Why::Refused { status, code, .. } => {
                let status = status.as_u16();
                format!("s3 answered {status} {} to {what}", code.as_deref().unwrap_or("without a code"))
            }
            Why::Unanswered(why) => format!("s3 did not answer to {what}: {why}"),
            Why::Unclear(answer) => format!("s3 answered {answer} to {what}"),
        })
    }
}
