//! Bytes of an object, asked for as one range and taken as they come; asked for again from where they broke off.

use http::header::{ETAG, HeaderValue, RANGE};
use http::{Response, StatusCode};
use rusty_s3::actions::GetObject;

use super::answer::{Place, place};
use super::client::{ANSWER, Call, Failed, Why};
use super::{NO_KEY, S3Objects};
use crate::objects::{Chunk, Cursor, ObjectsError};
use crate::transport::Incoming;

/// How often in a row an answer may break off before its next byte.
const TRIES: usize = 3;

const READ: &str = "read an object";

impl S3Objects<'_> {
    /// The next bytes of a range.
    pub(super) fn read(&self, cursor: &mut Cursor, most: usize) -> Result<Chunk, ObjectsError> {
        let left = cursor.last.saturating_sub(cursor.position).saturating_add(1);
        let most = usize::try_from(left).unwrap_or(most).min(most);
        let mut why = String::new();
        for _ in 0..TRIES {
            let incoming = match cursor.incoming.as_mut() {
                Some(incoming) => incoming,
                None => match self.ask(cursor)? {
                    Asked::Bytes(incoming) => cursor.incoming.insert(incoming),
                    Asked::Other(chunk) => return Ok(chunk),
                },
            };
            match incoming.next(most) {
                Ok(Some(bytes)) => {
                    cursor.position += bytes.len() as u64;
                    return Ok(Chunk::Bytes(bytes));
                }
                Ok(None) => "it ended before the range did".clone_into(&mut why),
                Err(error) => why = error.0,
            }
            cursor.incoming = None;
        }
        Err(ObjectsError(format!("s3 broke off {TRIES} answers in a row to {READ}: {why}")))
    }

    fn ask(&self, cursor: &Cursor) -> Result<Asked, ObjectsError> {
        let key = self.image_key(&cursor.object);
        let found = match self.range(&key, cursor.position, cursor.last) {
            Ok((place, answer)) if place.total == cursor.size => {
                if place.first == cursor.position {
                    return Ok(Asked::Bytes(answer.into_body()));
                }
                return Err(ObjectsError(format!("s3 answered with other bytes to {READ}")));
            }
            Ok((place, _)) => place.total,
            Err(failed) if failed.is(NO_KEY) => return Ok(Asked::Other(Chunk::Missing)),
            // Not every server says where the object ends behind which it was asked for bytes.
            Err(failed) if failed.is_behind() => match self.len(&key)? {
                Some(total) if total != cursor.size => total,
                Some(_) => return Err(failed.into()),
                None => return Ok(Asked::Other(Chunk::Missing)),
            },
            Err(failed) => return Err(failed.into()),
        };
        Ok(Asked::Other(Chunk::OtherLength { expected: cursor.size, found }))
    }

    /// All of a small object, as one that a range was asked of: nothing that stands before the bucket answers so. `None`
    /// when there is none.
    pub(super) fn small(&self, what: &'static str, key: &str) -> Result<Option<Vec<u8>>, ObjectsError> {
        let call = self.ranged(what, key, 0, ANSWER as u64 - 1);
        let read = self.0.patiently(what, || {
            let mut answer = self.0.once(&call)?;
            let place = place_of(&answer)?;
            let bytes = self.0.whole(answer.body_mut().as_mut(), ANSWER);
            let bytes = bytes.map_err(|error| Why::Unanswered(error.0))?;
            let is_whole = place.first == 0 && bytes.len() as u64 == place.total;
            if is_whole { Ok(bytes) } else { Err(Why::Unclear("with other bytes".to_owned())) }
        });
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(failed) if failed.is(NO_KEY) => Ok(None),
            Err(failed) if failed.is_behind() => Ok(Some(Vec::new())),
            Err(failed) => Err(failed.into()),
        }
    }

    /// The bytes of an object; `None` when there is none.
    pub(super) fn len(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        match self.range(key, 0, 0) {
            Ok((place, _)) => Ok(Some(place.total)),
            Err(failed) if failed.is(NO_KEY) => Ok(None),
            Err(failed) if failed.is_behind() => Ok(Some(0)),
            Err(failed) => Err(failed.into()),
        }
    }

    /// The tag of an object; `None` when there is none, or one that nothing can be told from.
    pub(super) fn tag(&self, key: &str) -> Result<Option<String>, Failed> {
        let answer = match self.range(key, 0, 0) {
            Ok((_, answer)) => answer,
            Err(failed) if failed.is(NO_KEY) || failed.is_behind() => return Ok(None),
            Err(failed) => return Err(failed),
        };
        let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
        Ok(tag.filter(|tag| tag.starts_with('"')).map(str::to_owned))
    }

    /// An object that is there already, where `failed` may mean just that.
    pub(super) fn must_stand(&self, key: &str, failed: Failed) -> Result<(), ObjectsError> {
        match self.len(key)? {
            Some(_) => Ok(()),
            None => Err(failed.into()),
        }
    }

    fn range(
        &self,
        key: &str,
        first: u64,
        last: u64,
    ) -> Result<(Place, Response<Box<dyn Incoming>>), Failed> {
        let call = self.ranged(READ, key, first, last);
        let answer = self.0.open(&call)?;
        match place_of(&answer) {
            Ok(place) => Ok((place, answer)),
            Err(why) => Err(call.failed(why)),
        }
    }

    fn ranged<'k>(
        &'k self,
        what: &'static str,
        key: &'k str,
        first: u64,
        last: u64,
    ) -> Call<'k, GetObject<'k>> {
        let call = Call::new(what, GetObject::new(self.bucket(), Some(self.credentials()), key));
        match HeaderValue::from_str(&format!("bytes={first}-{last}")) {
            Ok(range) => call.header(RANGE, range),
            Err(_) => call,
        }
    }
}

/// Where the bytes of an answer stand. All of the object instead of a range of it would be read from the wrong place, or
/// for nothing.
fn place_of(answer: &Response<Box<dyn Incoming>>) -> Result<Place, Why> {
    let status = answer.status();
    place(answer.headers())
        .filter(|_| status == StatusCode::PARTIAL_CONTENT)
        .ok_or_else(|| Why::Unclear(format!("{} without a range that can be told", status.as_u16())))
}

enum Asked {
    /// What was asked for, on its way.
    Bytes(Box<dyn Incoming>),
    Other(Chunk),
}

impl Failed {
    /// Whether the range begins behind the end of the object.
    fn is_behind(&self) -> bool {
        self.is("InvalidRange")
    }
}
