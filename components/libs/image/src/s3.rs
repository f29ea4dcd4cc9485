//! Objects in a bucket of any S3: AWS, R2, SeaweedFS, Garage.
//!
//! The keys of an object are `<prefix><object>/image`, `…/digests.<page>` and `…/pages`; what was brought by a
//! presigned URL waits under `<prefix>incoming/<object>`, so that one rule of the bucket may let it expire. Nothing is
//! ever listed but the parts of an upload. Requests are signed by `rusty-s3`, each anew.

mod answer;
mod client;
mod ranged;
mod settings;

use std::time::Duration;

use http::Method;
use http::header::{HeaderName, HeaderValue};
use rusty_s3::actions::{
    AbortMultipartUpload, CompleteMultipartUpload, CompleteMultipartUploadResponse, CreateMultipartUpload,
    DeleteObject, GetObject, ListParts, PutObject, UploadPart,
};
use rusty_s3::{Bucket, Credentials, S3Action};

use self::client::{Call, Client, Failed};
pub use self::settings::{S3Setting, S3Settings, S3SettingsError, S3Text};
use crate::layout::{self, PIECE};
use crate::objects::{Chunk, Cursor, ObjectId, Objects, ObjectsError, Proof, Store, Writing};
use crate::transport::Transport;

/// A part as long as nothing asks for longer ones: 8 MiB. S3 takes no less than 5.
const PART: usize = 32 * PIECE;

/// The longest part, 32 MiB: a guest has it in memory twice.
const LONGEST_PART: usize = 4 * PART;

/// Parts of a firmware whose size is known; S3 takes 10 000.
const PARTS: u64 = 9_000;

/// How long a presigned URL may be good for, at most: S3 takes no more than seven days.
const LONGEST_PRESIGNED: Duration = Duration::from_hours(7 * 24);

/// Objects in a bucket.
pub struct S3Objects<'a>(Client<'a>);

impl<'a> S3Objects<'a> {
    /// The objects in the bucket of `settings`. `now` tells the seconds since 1970: what it is off by more than five
    /// minutes, S3 refuses.
    pub fn new(settings: S3Settings, transport: &'a dyn Transport, now: impl Fn() -> i64 + 'a) -> Self {
        Self(Client { settings, transport, now: Box::new(now) })
    }

    fn bucket(&self) -> &Bucket {
        &self.0.settings.internal
    }

    fn credentials(&self) -> &Credentials {
        &self.0.settings.credentials
    }

    fn key(&self, object: &ObjectId, name: &str) -> String {
        format!("{}{object}/{name}", self.0.settings.prefix)
    }

    fn image_key(&self, object: &ObjectId) -> String {
        self.key(object, "image")
    }

    fn incoming_key(&self, object: &ObjectId) -> String {
        format!("{}incoming/{object}", self.0.settings.prefix)
    }

    fn proof_key(&self, object: &ObjectId, proof: Proof) -> String {
        match proof {
            Proof::Digests(page) => self.key(object, &format!("digests.{page}")),
            Proof::Pages => self.key(object, "pages"),
        }
    }

    /// The tags of parts 1 to `parts`, in this order.
    fn tags(&self, writing: &Writing, key: &str, parts: u64) -> Result<Vec<String>, Failed> {
        let mut tags = Vec::new();
        let mut behind = None;
        loop {
            let mut action = ListParts::new(self.bucket(), Some(self.credentials()), key, &writing.token);
            if let Some(marker) = behind {
                action.set_part_number_marker(marker);
            }
            let call = Call::new(LIST, action);
            let listed = self.0.call(&call).and_then(|body| {
                let text = std::str::from_utf8(&body).ok().map(str::trim_start);
                let listed = text.and_then(|text| ListParts::parse_response(text).ok());
                listed.ok_or_else(|| call.unclear("no list of parts"))
            })?;
            for part in listed.parts {
                let is_next = u64::from(part.number) == tags.len() as u64 + 1;
                if is_next && tags.len() as u64 != parts {
                    tags.push(part.etag);
                }
            }
            // Each page must lead on, or a server that repeats itself would be listened to for ever.
            match listed.next_part_number_marker {
                Some(marker) if behind.is_none_or(|last| marker > last) && (tags.len() as u64) < parts => {
                    behind = Some(marker);
                }
                _ if tags.len() as u64 == parts => return Ok(tags),
                _ => return Err(call.unclear(&format!("{} parts of {parts} in a row", tags.len()))),
            }
        }
    }

    fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        let call =
            Call::new("delete an object", DeleteObject::new(self.bucket(), Some(self.credentials()), key));
        match self.0.call_once(&call) {
            Err(failed) if !failed.is(NO_KEY) => Err(failed.into()),
            _ => Ok(()),
        }
    }

    /// Ends a multipart upload; one that is complete, or that was brought in one piece, has none.
    fn abort(&self, writing: &Writing, image: &str) -> Result<(), ObjectsError> {
        if writing.token.is_empty() || is_tag(&writing.token) {
            return Ok(());
        }
        let action =
            AbortMultipartUpload::new(self.bucket(), Some(self.credentials()), image, &writing.token);
        match self.0.call_once(&Call::new("abort an upload", action)) {
            Err(failed) if !failed.is(NO_UPLOAD) => Err(failed.into()),
            _ => Ok(()),
        }
    }

    /// Copies what was brought with this tag.
    fn copy(&self, incoming: &str, image: &str, tag: &str) -> Result<(), Failed> {
        let source = format!("/{}/{incoming}", self.bucket().name());
        let mut action = PutObject::new(self.bucket(), Some(self.credentials()), image);
        action.headers_mut().insert(COPY_SOURCE, source.clone());
        action.headers_mut().insert(COPY_IF_MATCH, tag.to_owned());
        let mut call = Call::new("copy an object", action);
        for (name, value) in [(COPY_SOURCE, source.as_str()), (COPY_IF_MATCH, tag)] {
            let value = HeaderValue::from_str(value).map_err(|_| call.unclear("no header has this tag"))?;
            call = call.header(HeaderName::from_static(name), value);
        }
        self.0.call(&call).map(|_| ())
    }
}

/// Whether a token is the tag of what was brought, and not the id of an upload in parts.
fn is_tag(token: &str) -> bool {
    token.starts_with('"')
}

const LIST: &str = "list parts";
const NO_KEY: &str = "NoSuchKey";
const NO_UPLOAD: &str = "NoSuchUpload";
const CHANGED: &str = "PreconditionFailed";
const COPY_SOURCE: &str = "x-amz-copy-source";
const COPY_IF_MATCH: &str = "x-amz-copy-source-if-match";

impl Objects for S3Objects<'_> {
    fn store(&self) -> Store {
        Store::S3
    }

    /// 281 GiB: what fits into the parts of an upload. What is brought by one presigned PUT is bound by what S3 takes
    /// and copies in one request, 5 GiB at AWS.
    fn limit(&self) -> u64 {
        PARTS * LONGEST_PART as u64
    }

    /// 8 MiB, which allows for 78 GiB; longer ones for what is known to be larger.
    fn part_len(&self, size: Option<u64>) -> usize {
        let least = size.unwrap_or(0).div_ceil(PARTS).next_multiple_of(PIECE as u64);
        usize::try_from(least).unwrap_or(LONGEST_PART).clamp(PART, LONGEST_PART)
    }

    fn begin(&self, object: &ObjectId) -> Result<Writing, ObjectsError> {
        let key = self.image_key(object);
        let action = CreateMultipartUpload::new(self.bucket(), Some(self.credentials()), &key);
        let call = Call::new("begin an upload", action);
        let body = self.0.call(&call)?;
        let text = std::str::from_utf8(&body).ok().map(str::trim_start);
        let answer = text.and_then(|text| CreateMultipartUpload::parse_response(text).ok());
        let token = answer.ok_or_else(|| call.unclear("no upload id"))?.upload_id().to_owned();
        Ok(Writing { object: object.clone(), token })
    }

    fn put_part(&self, writing: &Writing, n: u64, bytes: &[u8]) -> Result<(), ObjectsError> {
        let key = self.image_key(&writing.object);
        let number =
            u16::try_from(n + 1).map_err(|_| ObjectsError(format!("part {n} is more than S3 takes")))?;
        let action = UploadPart::new(self.bucket(), Some(self.credentials()), &key, number, &writing.token);
        self.0.call(&Call::new("store a part", action).body(bytes))?;
        Ok(())
    }

    fn complete(&self, writing: &Writing, parts: u64) -> Result<(), ObjectsError> {
        let key = self.image_key(&writing.object);
        let tags = match self.tags(writing, &key, parts) {
            Ok(tags) => tags,
            // Nobody heard that it was completed; under this name there never was another object.
            Err(failed) if failed.is(NO_UPLOAD) => return self.must_stand(&key, failed),
            Err(failed) => return Err(failed.into()),
        };
        let etags = || tags.iter().map(String::as_str);
        let action = |etags| {
            CompleteMultipartUpload::new(self.bucket(), Some(self.credentials()), &key, &writing.token, etags)
        };
        let body = action(etags()).body();
        let call = Call::new("complete an upload", action(etags())).body(body.as_bytes());
        let failed = match self.0.call(&call) {
            Ok(answer) => {
                let text = std::str::from_utf8(&answer).ok().map(str::trim_start);
                if text.is_some_and(|text| CompleteMultipartUploadResponse::parse(text).is_ok()) {
                    return Ok(());
                }
                call.unclear("neither done nor failed")
            }
            Err(failed) if failed.is(NO_UPLOAD) => failed,
            Err(failed) => return Err(failed.into()),
        };
        self.must_stand(&key, failed)
    }

    /// The proof goes last, from its end on: what is left is a shorter one.
    fn remove(
        &self,
        writing: &Writing,
        size: u64,
        may_go_on: &dyn Fn() -> bool,
    ) -> Result<u64, ObjectsError> {
        let object = &writing.object;
        let image = self.image_key(object);
        self.abort(writing, &image)?;
        self.delete(&image)?;
        self.delete(&self.incoming_key(object))?;
        self.delete(&self.proof_key(object, Proof::Pages))?;
        for page in (0..layout::pages(size)).rev() {
            if !may_go_on() {
                return Ok((page + 1) * layout::PAGE);
            }
            self.delete(&self.proof_key(object, Proof::Digests(page)))?;
        }
        Ok(0)
    }

    /// Three tries that begin within 10 s, and a last one, each of which may take 65 s.
    fn patience(&self) -> Duration {
        Duration::from_secs(90)
    }

    fn put_proof(&self, object: &ObjectId, proof: Proof, bytes: &[u8]) -> Result<(), ObjectsError> {
        let key = self.proof_key(object, proof);
        let action = PutObject::new(self.bucket(), Some(self.credentials()), &key);
        self.0.call(&Call::new("store digests", action).body(bytes))?;
        Ok(())
    }

    fn proof(&self, object: &ObjectId, proof: Proof) -> Result<Option<Vec<u8>>, ObjectsError> {
        let found = self.small("read digests", &self.proof_key(object, proof))?;
        // Of a firmware that was stored, not everything is lost at once: it is looked for in the wrong place.
        if found.is_none() && self.len(&self.image_key(object))?.is_none() {
            return Err(ObjectsError(
                "s3 has nothing of the object: is this the bucket and the prefix?".to_owned(),
            ));
        }
        Ok(found)
    }

    fn next(&self, cursor: &mut Cursor, most: usize) -> Result<Chunk, ObjectsError> {
        self.read(cursor, most)
    }

    fn presigned(&self, object: &ObjectId, method: &Method, within: Duration) -> Option<String> {
        let bucket = &self.0.settings.public;
        let within = within.min(LONGEST_PRESIGNED);
        let url = match *method {
            Method::GET => {
                let key = self.image_key(object);
                self.0.signed(&GetObject::new(bucket, Some(self.credentials()), &key), within)
            }
            Method::PUT => {
                let key = self.incoming_key(object);
                self.0.signed(&PutObject::new(bucket, Some(self.credentials()), &key), within)
            }
            _ => None,
        };
        url.map(String::from)
    }

    fn brought(&self, object: &ObjectId) -> Result<Option<String>, ObjectsError> {
        Ok(self.tag(&self.incoming_key(object))?)
    }

    fn adopt(&self, brought: &Writing) -> Result<bool, ObjectsError> {
        let (image, incoming) = (self.image_key(&brought.object), self.incoming_key(&brought.object));
        let size = self.len(&incoming)?;
        match self.copy(&incoming, &image, &brought.token) {
            // What answers for a bucket without copying leaves what was brought where it is.
            Ok(()) if size.is_some() && self.len(&image)? == size => {}
            Ok(()) => return Err(ObjectsError("s3 did not copy what was brought".to_owned())),
            // It was adopted, or what has come since is something else.
            Err(failed) if failed.is(NO_KEY) || failed.is(CHANGED) => {
                return Ok(self.len(&image)?.is_some());
            }
            Err(failed) => return Err(failed.into()),
        }
        self.delete(&incoming)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Incoming, TransportError};

    struct Nobody;

    impl Transport for Nobody {
        fn call(
            &self,
            _: http::Request<Vec<u8>>,
        ) -> Result<http::Response<Box<dyn Incoming>>, TransportError> {
            Err(TransportError("nobody is there".to_owned()))
        }
    }

    fn objects(public_url: Option<&str>) -> S3Objects<'static> {
        let text = S3Text {
            url: "https://s3.test",
            public_url,
            bucket: "firmware",
            region: "auto",
            style: "path",
            access_key: "key",
            secret_key: "secret",
            session_token: None,
            prefix: "ota/",
        };
        S3Objects::new(S3Settings::parse(text).unwrap(), &Nobody, || 1_800_000_000)
    }

    #[test]
    fn parts_grow_only_where_there_would_be_too_many() {
        let objects = objects(None);
        let of = |size| objects.part_len(size);
        assert_eq!(of(None), PART);
        assert_eq!(of(Some(0)), PART);
        assert_eq!(of(Some(PARTS * PART as u64)), PART);
        assert_eq!(of(Some(PARTS * PART as u64 + 1)), PART + PIECE);
        assert_eq!(of(Some(objects.limit())), LONGEST_PART);
        assert_eq!(of(Some(u64::MAX)), LONGEST_PART);
        assert!(objects.limit().div_ceil(of(Some(objects.limit())) as u64) <= PARTS);
    }

    #[test]
    fn a_presigned_url_is_on_the_public_host_and_of_one_method() {
        let objects = objects(Some("https://cdn.test:8443"));
        let object = ObjectId::from_random([7; 16]);
        let minute = Duration::from_mins(1);
        let url = |method| objects.presigned(&object, &method, minute);
        let get = url(Method::GET).unwrap();
        assert!(get.starts_with(&format!("https://cdn.test:8443/firmware/ota/{object}/image?")), "{get}");
        assert!(get.contains("X-Amz-Expires=60&"), "{get}");
        let put = url(Method::PUT).unwrap();
        assert!(put.starts_with(&format!("https://cdn.test:8443/firmware/ota/incoming/{object}?")), "{put}");
        assert_eq!([Method::HEAD, Method::DELETE].map(url), [None, None]);
    }
}
