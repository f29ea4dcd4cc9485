//! The third migration: firmware in more than one store and of any size, uploads under way, and signatures.

/// Its statements, in order.
pub(super) const STATEMENTS: &[&str] = &[
    "ALTER TABLE product ADD COLUMN signing_keys TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE product ADD COLUMN requires_signature BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE product ADD COLUMN java_sdk BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE firmware ADD COLUMN store TEXT NOT NULL DEFAULT 'kv'",
    "ALTER TABLE firmware ADD COLUMN signature TEXT",
    "ALTER TABLE firmware ADD COLUMN signed_by TEXT",
    UPLOAD,
    "CREATE INDEX upload_of_version ON upload (product, version)",
    "CREATE INDEX upload_expires ON upload (expires_at)",
];

/// An upload under way, or an object that is to be removed (`doomed`). `upload` is the name of its object, `token` what
/// the store knows it by, `part` the bytes of its parts. `declared` is what its operator said of it, and `state` what is
/// known of its first `position` bytes: neither is read here. `writer` is the request that writes it, whoever came last, and has a part on its
/// way into the store until `writing_until` at the latest.
const UPLOAD: &str = "CREATE TABLE upload (
    upload TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    store TEXT NOT NULL,
    token TEXT NOT NULL,
    part BIGINT NOT NULL,
    way TEXT NOT NULL,
    size BIGINT,
    sha256 TEXT,
    declared TEXT NOT NULL,
    position BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    writer TEXT NOT NULL,
    writing_until BIGINT NOT NULL DEFAULT 0,
    doomed BIGINT NOT NULL DEFAULT 0 CHECK (doomed IN (0, 1)),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL)";
