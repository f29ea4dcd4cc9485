//! Uploads under way: noted before their first byte, so that whatever breaks off is found again, or taken away.

use ota_image::ObjectId;
use ota_protocol::key::ProductKey;
use ota_protocol::version::Version;

use crate::record::{UploadRecord, Way};
use crate::{Ledger, SqlError, Value};

/// How long an upload that somebody may go on with is kept since its last byte (ms): a day.
const KEPT: i64 = 24 * 3_600_000;
/// The same for one that came in one request, which nobody goes on with (ms): longer than a part may take.
const KEPT_OF_REQUEST: i64 = 3_600_000;

/// What an upload is looked for by: somebody who begins the same one again goes on with it.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'s> {
    /// The product.
    pub product: &'s ProductKey,
    /// The version.
    pub version: &'s Version,
    /// How its bytes come.
    pub way: Way,
    /// How many bytes.
    pub size: u64,
    /// With which digest, in lower-case hex.
    pub sha256: &'s str,
    /// What its operator said of it.
    pub declared: &'s str,
}

impl Ledger<'_> {
    /// Notes that an upload begins. Its `expires_at` is set here.
    pub fn begin_upload(&self, upload: &UploadRecord) -> Result<(), SqlError> {
        let size = |bytes: u64| i64::try_from(bytes).map_err(|_| SqlError(format!("size {bytes}")));
        let values: [Value; 13] = [
            upload.writing.object.as_str().into(),
            upload.product.as_str().into(),
            upload.version.as_str().into(),
            upload.store.as_str().into(),
            upload.writing.token.as_str().into(),
            size(upload.part)?.into(),
            upload.way.as_str().into(),
            upload.size.map(size).transpose()?.into(),
            upload.sha256.as_deref().into(),
            upload.declared.as_str().into(),
            upload.state.as_str().into(),
            upload.writer.as_str().into(),
            kept(upload.way).into(),
        ];
        self.sql.execute(&self.dialect.text(BEGIN_UPLOAD), &values)?;
        Ok(())
    }

    /// An upload under way.
    pub fn upload(&self, upload: &ObjectId) -> Result<Option<UploadRecord>, SqlError> {
        let sql = UPLOAD.replace("{columns}", UploadRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[upload.as_str().into()])?;
        rows.first().map(|row| UploadRecord::read(row, 0)).transpose()
    }

    /// The newest upload under way that is this one.
    pub fn upload_again(&self, sought: &Sought<'_>) -> Result<Option<UploadRecord>, SqlError> {
        let sql = UPLOADS_OF.replace("{columns}", UploadRecord::COLUMNS);
        let version = [sought.product.as_str().into(), sought.version.as_str().into()];
        for row in self.sql.query(&sql, &version)? {
            let upload = UploadRecord::read(&row, 0)?;
            let is_it = upload.way == sought.way
                && upload.size == Some(sought.size)
                && upload.sha256.as_deref() == Some(sought.sha256)
                && upload.declared == sought.declared;
            if is_it {
                return Ok(Some(upload));
            }
        }
        Ok(None)
    }

    /// From now on `writer` writes it, and nobody who did before; if its next byte is at `position`, where one is given.
    /// Not while a part is on its way into the store, which may arrive as long as it was given time for.
    pub fn take_upload(
        &self,
        upload: &ObjectId,
        way: Way,
        writer: &str,
        position: Option<u64>,
    ) -> Result<Taken, SqlError> {
        let wanted = position.map(i64::try_from).transpose();
        let wanted = wanted.map_err(|_| SqlError(format!("position {position:?}")))?;
        let values =
            [upload.as_str().into(), writer.into(), way.as_str().into(), wanted.into(), kept(way).into()];
        let taken = self.sql.execute(&self.dialect.text(TAKE_UPLOAD), &values)?;
        let Some(record) = self.upload(upload)? else { return Ok(Taken::Gone) };
        Ok(match position {
            _ if taken == 1 => Taken::Yes(Box::new(record)),
            _ if record.way != way => Taken::OtherWay(record.way),
            Some(position) if record.position != position => Taken::Elsewhere(record.position),
            _ => Taken::Busy,
        })
    }

    /// A part is about to be stored, which takes at most `within` ms: nobody else writes meanwhile. `false` when the
    /// upload is no longer this writer's.
    pub fn hold_upload(&self, upload: &UploadRecord, within: i64) -> Result<bool, SqlError> {
        let values = [upload.writing.object.as_str().into(), upload.writer.as_str().into(), within.into()];
        Ok(self.sql.execute(&self.dialect.text(HOLD_UPLOAD), &values)? == 1)
    }

    /// Notes by what the store knows the upload, once. `false` when that is noted, or it is no longer this writer's.
    pub fn name_upload(&self, upload: &UploadRecord, token: &str) -> Result<bool, SqlError> {
        let values = [upload.writing.object.as_str().into(), upload.writer.as_str().into(), token.into()];
        Ok(self.sql.execute(NAME_UPLOAD, &values)? == 1)
    }

    /// Notes how far it is. `false` when it is no longer this writer's.
    pub fn note_upload(&self, upload: &UploadRecord, position: u64, state: &str) -> Result<bool, SqlError> {
        let position = i64::try_from(position).map_err(|_| SqlError(format!("position {position}")))?;
        let values = [
            upload.writing.object.as_str().into(),
            upload.writer.as_str().into(),
            position.into(),
            state.into(),
            kept(upload.way).into(),
        ];
        Ok(self.sql.execute(&self.dialect.text(NOTE_UPLOAD), &values)? == 1)
    }

    /// Gives an upload up: nobody goes on with it. Its object is to be removed now, and an hour later once more by a
    /// sweep: what was on its way into the store has arrived by then. `false` when it is no more.
    pub fn doom_upload(&self, upload: &ObjectId) -> Result<bool, SqlError> {
        Ok(self.sql.execute(&self.dialect.text(DOOM_UPLOAD), &[upload.as_str().into()])? == 1)
    }

    /// One object that nobody needs: of an upload that was given up, or that nobody went on with, which is given up by
    /// this. Whoever has removed it says [`Ledger::removed_upload`]; otherwise it comes again in a minute, behind others.
    pub fn doomed_upload(&self) -> Result<Option<UploadRecord>, SqlError> {
        let sql = self.dialect.text(EXPIRED_UPLOAD).replace("{columns}", UploadRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[])?;
        let Some(row) = rows.first() else { return Ok(None) };
        // Before it is read: one that cannot be must not stand before all others for ever. Whoever writes it may have
        // been heard meanwhile.
        if self.sql.execute(&self.dialect.text(DOOM_EXPIRED), &[row.text(0)?.into()])? == 0 {
            return Ok(None);
        }
        UploadRecord::read(row, 0).map(Some)
    }

    /// All of a doomed object is removed but the proof of its first `left` bytes; once there is none, it is forgotten.
    pub fn removed_upload(&self, upload: &ObjectId, left: u64) -> Result<(), SqlError> {
        if left == 0 {
            self.sql.execute(FORGET_UPLOAD, &[upload.as_str().into()])?;
            return Ok(());
        }
        let left = i64::try_from(left).map_err(|_| SqlError(format!("size {left}")))?;
        self.sql.execute(&self.dialect.text(LEFT_OF_UPLOAD), &[upload.as_str().into(), left.into()])?;
        Ok(())
    }
}

/// Whether somebody writes an upload from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The caller.
    Yes(Box<UploadRecord>),
    /// There is no such upload.
    Gone,
    /// Its bytes come another way.
    OtherWay(Way),
    /// Its next byte is here.
    Elsewhere(u64),
    /// A part of it is on its way into the store.
    Busy,
}

const fn kept(way: Way) -> i64 {
    match way {
        Way::Request => KEPT_OF_REQUEST,
        Way::Gateway | Way::Presigned => KEPT,
    }
}

/// Begun once: a commit of which nobody heard is found.
const BEGIN_UPLOAD: &str =
    "INSERT INTO upload (upload, product, version, store, token, part, way, size, sha256,
        declared, state, writer, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, {now}, {now} + CAST($13 AS BIGINT))
    ON CONFLICT DO NOTHING";
const UPLOAD: &str = "SELECT {columns} FROM upload u WHERE u.upload = $1 AND u.doomed = 0";
const UPLOADS_OF: &str = "SELECT {columns} FROM upload u
    WHERE u.product = $1 AND u.version = $2 AND u.doomed = 0 ORDER BY u.created_at DESC LIMIT 20";
const TAKE_UPLOAD: &str = "UPDATE upload SET writer = $2, expires_at = {now} + CAST($5 AS BIGINT)
    WHERE upload = $1 AND doomed = 0 AND writing_until <= {now} AND way = $3
        AND position = COALESCE(CAST($4 AS BIGINT), position)";
const HOLD_UPLOAD: &str = "UPDATE upload SET writing_until = {now} + CAST($3 AS BIGINT)
    WHERE upload = $1 AND writer = $2 AND doomed = 0";
const NAME_UPLOAD: &str = "UPDATE upload SET token = $3
    WHERE upload = $1 AND writer = $2 AND doomed = 0 AND token = ''";
const NOTE_UPLOAD: &str =
    "UPDATE upload SET position = $3, state = $4, expires_at = {now} + CAST($5 AS BIGINT),
        writing_until = 0
    WHERE upload = $1 AND writer = $2 AND doomed = 0";
const DOOM_UPLOAD: &str = "UPDATE upload SET doomed = 1, expires_at = {now} + 3600000
    WHERE upload = $1 AND doomed = 0";
const EXPIRED_UPLOAD: &str = "SELECT {columns} FROM upload u WHERE u.expires_at <= {now}
    ORDER BY u.expires_at LIMIT 1";
const DOOM_EXPIRED: &str = "UPDATE upload SET doomed = 1, expires_at = {now} + 60000
    WHERE upload = $1 AND expires_at <= {now}";
const FORGET_UPLOAD: &str = "DELETE FROM upload WHERE upload = $1 AND doomed = 1";
const LEFT_OF_UPLOAD: &str = "UPDATE upload SET size = $2, position = 0, part = 0, expires_at = {now}
    WHERE upload = $1 AND doomed = 1";
/// In the transaction that registers its firmware: an upload that was given up meanwhile registers nothing.
pub(crate) const USE_UPLOAD: &str = "DELETE FROM upload WHERE upload = $1 AND doomed = 0";
/// What another object replaces: not before the last URL that leads there has expired.
pub(crate) const DOOM_OBJECT: &str =
    "INSERT INTO upload (upload, product, version, store, token, part, way, size,
        declared, state, writer, doomed, created_at, expires_at)
    SELECT f.object, f.product, f.version, f.store, '', 1, 'request', f.size, '', '', '', 1, {now}, {now} + 600000
    FROM firmware f WHERE f.product = $1 AND f.version = $2 ON CONFLICT DO NOTHING";
