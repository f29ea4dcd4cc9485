//! Where objects are kept in a test: the embedded store, or a bucket that is reached in one of several ways.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use ota_image::kv::{Kv as _, MemoryKv};
use ota_image::objects::Chunk;
use ota_image::objects::Cursor;
use ota_image::s3::{S3Objects, S3Settings, S3Text};
use ota_image::{ByteRange, KvObjects, ObjectId, Objects, ObjectsError};
use ota_platform::native::NativeTransport;
use ota_s3::{ACCESS_KEY, BUCKET, REGION, S3Server, SECRET_KEY};

/// Storage that outlives the objects which stand for it.
pub(crate) trait Place {
    /// A store over it, as the next request has one.
    fn objects(&self) -> Box<dyn Objects + '_>;
    /// Takes away bytes of an object in the middle.
    fn lose(&self, object: &ObjectId);
    /// Cuts an object short by its last byte.
    fn shorten(&self, object: &ObjectId);
    /// Whether nothing is stored, finished or not.
    fn is_empty(&self) -> bool;
}

/// The embedded store.
#[derive(Default)]
pub(crate) struct Embedded(MemoryKv);

impl Place for Embedded {
    fn objects(&self) -> Box<dyn Objects + '_> {
        Box::new(KvObjects(&self.0))
    }

    fn lose(&self, object: &ObjectId) {
        self.0.delete(&format!("image:{object}:1")).unwrap();
    }

    fn shorten(&self, object: &ObjectId) {
        let mut values = self.0.0.borrow_mut();
        let pieces =
            values.keys().filter_map(|key| key.strip_prefix(&format!("image:{object}:"))?.parse().ok());
        let last: u64 = pieces.max().unwrap();
        values.get_mut(&format!("image:{object}:{last}")).unwrap().pop();
    }

    fn is_empty(&self) -> bool {
        self.0.0.borrow().is_empty()
    }
}

/// A bucket.
pub(crate) struct Bucket {
    pub(crate) server: S3Server,
    pub(crate) transport: NativeTransport,
    /// How wrong the gateway's clock goes (s).
    pub(crate) skew: Cell<i64>,
    pub(crate) url: String,
    pub(crate) public_url: Option<String>,
    pub(crate) name: &'static str,
    pub(crate) style: &'static str,
    pub(crate) secret_key: &'static str,
    pub(crate) session_token: Option<&'static str>,
    pub(crate) prefix: &'static str,
}

impl Bucket {
    /// In path style.
    pub(crate) fn new() -> Self {
        let server = S3Server::new();
        Self {
            url: server.url(),
            server,
            transport: NativeTransport::default(),
            skew: Cell::new(0),
            public_url: None,
            name: BUCKET,
            style: "path",
            secret_key: SECRET_KEY,
            session_token: None,
            prefix: "firmware/",
        }
    }

    pub(crate) fn in_virtual_host_style() -> Self {
        let bucket = Self::new();
        Self { url: bucket.server.virtual_url(), style: "virtual", ..bucket }
    }

    pub(crate) fn in_a_session() -> Self {
        let bucket = Self::new();
        bucket.server.require_session("a-session.token");
        Self { session_token: Some("a-session.token"), ..bucket }
    }

    pub(crate) fn with_prefix(prefix: &'static str) -> Self {
        Self { prefix, ..Self::new() }
    }

    pub(crate) fn with_a_public_host() -> Self {
        let bucket = Self::new();
        Self { public_url: Some(bucket.server.public_url()), ..bucket }
    }

    pub(crate) fn key(&self, object: &ObjectId, name: &str) -> String {
        format!("{}{object}/{name}", self.prefix)
    }

    /// Sends what anybody may send, without a key.
    pub(crate) fn send(&self, method: &str, url: &str, body: &[u8]) -> (u16, Vec<u8>) {
        use ota_image::transport::Transport as _;
        let request = http::Request::builder().method(method).uri(url).body(body.to_vec()).unwrap();
        let mut answer = self.transport.call(request).unwrap();
        let mut body = Vec::new();
        while let Some(bytes) = answer.body_mut().next(1 << 20).unwrap() {
            body.extend(bytes);
        }
        (answer.status().as_u16(), body)
    }
}

impl Place for Bucket {
    fn objects(&self) -> Box<dyn Objects + '_> {
        let text = S3Text {
            url: &self.url,
            public_url: self.public_url.as_deref(),
            bucket: self.name,
            region: REGION,
            style: self.style,
            access_key: ACCESS_KEY,
            secret_key: self.secret_key,
            session_token: self.session_token,
            prefix: self.prefix,
        };
        let settings = S3Settings::parse(text).unwrap();
        Box::new(S3Objects::new(settings, &self.transport, || now() + self.skew.get()))
    }

    fn lose(&self, object: &ObjectId) {
        self.server.delete(&self.key(object, "image"));
    }

    fn shorten(&self, object: &ObjectId) {
        self.server.alter(&self.key(object, "image"), |bytes| bytes.truncate(bytes.len() - 1));
    }

    fn is_empty(&self) -> bool {
        self.server.keys().is_empty() && self.server.uploads().is_empty()
    }
}

#[expect(clippy::disallowed_methods, reason = "what the server's clock shows as well")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// An object by its number.
pub(crate) fn object(n: u8) -> ObjectId {
    ObjectId::from_random([n; 16])
}

/// Bytes of which no two neighbouring pieces are alike.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at * 31 + at / 65_536 * 7) % 251).unwrap()).collect()
}

/// Stores a whole object, in parts.
pub(crate) fn store(place: &dyn Place, object: &ObjectId, bytes: &[u8]) {
    let objects = place.objects();
    let writing = objects.begin(object).unwrap();
    let mut parts = 0;
    for (n, part) in (0..).zip(bytes.chunks(objects.part_len(None))) {
        objects.put_part(&writing, n, part).unwrap();
        parts = n + 1;
    }
    objects.complete(&writing, parts).unwrap();
}

/// What is read of an object: bytes up to where something else came.
pub(crate) fn read(
    place: &dyn Place,
    object: &ObjectId,
    range: ByteRange,
    size: usize,
) -> Result<(Vec<u8>, Option<Chunk>), ObjectsError> {
    const MOST: usize = 100_000;
    let objects = place.objects();
    let mut cursor = Cursor::new(object, size as u64, range);
    let mut read = Vec::new();
    while (read.len() as u64) < range.len() {
        let most = MOST.min(usize::try_from(range.len()).unwrap() - read.len());
        match objects.next(&mut cursor, most)? {
            Chunk::Bytes(bytes) => {
                assert!((1..=most).contains(&bytes.len()), "{} bytes at once", bytes.len());
                read.extend(bytes);
            }
            other => return Ok((read, Some(other))),
        }
    }
    Ok((read, None))
}

/// The same of the whole object.
pub(crate) fn read_whole(
    place: &dyn Place,
    object: &ObjectId,
    size: usize,
) -> Result<(Vec<u8>, Option<Chunk>), ObjectsError> {
    read(place, object, ByteRange::whole(size as u64).unwrap(), size)
}
