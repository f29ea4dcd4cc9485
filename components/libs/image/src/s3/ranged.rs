//! Bytes of an object, asked for as one range and taken as they come; asked for again from where they broke off.

use http::header::{HeaderValue, RANGE};
use http::{Response, StatusCode};
use rusty_s3::actions::GetObject;

use super::answer::{Place, place};
use super::client::{Call, Failed, Why};
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
                Ok(Some(mut bytes)) => {
                    bytes.truncate(most);
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

    /// The bytes of an object; `None` when there is none.
    pub(super) fn len(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        match self.range(key, 0, 0) {
            Ok((place, _)) => Ok(Some(place.total)),
            Err(failed) if failed.is(NO_KEY) => Ok(None),
            Err(failed) if failed.is_behind() => Ok(Some(0)),
            Err(failed) => Err(failed.into()),
        }
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
        let action = GetObject::new(self.bucket(), Some(self.credentials()), key);
        let mut call = Call::new(READ, action);
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={first}-{last}")) {
            call = call.header(RANGE, range);
        }
        let answer = self.0.open(&call)?;
        // All of the object instead of a range of it would be read from the wrong place, or for nothing.
        match place(answer.headers()) {
            Some(place) if answer.status() == StatusCode::PARTIAL_CONTENT => Ok((place, answer)),
            _ => Err(call.unclear(&format!("{} without a range that can be told", answer.status().as_u16()))),
        }
    }
}

enum Asked {
    /// What was asked for, on its way.
    Bytes(Box<dyn Incoming>),
    Other(Chunk),
}

impl Failed {
    /// Whether the range begins behind the end of the object.
    fn is_behind(&self) -> bool {
        matches!(&self.why, Why::Refused { status: StatusCode::RANGE_NOT_SATISFIABLE, .. })
    }
}
