//! A stored firmware, and how what a store has of it may differ.

use crate::digest::{BlocksRoot, Md5, Sha256};
use crate::objects::{ObjectId, Store};

/// A stored firmware, as the ledger knows it: what a download needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Which store has it.
    pub store: Store,
    /// Where its bytes are.
    pub object: ObjectId,
    /// In bytes.
    pub size: u64,
    /// Its identity.
    pub sha256: Sha256,
    /// What proves its blocks.
    pub blocks_root: BlocksRoot,
}

/// A firmware that is stored whole, and what proves each of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Which store has it.
    pub store: Store,
    /// Where it is.
    pub object: ObjectId,
    /// In bytes; at least 1.
    pub size: u64,
    /// MD5 of the whole.
    pub md5: Md5,
    /// SHA-256 of the whole.
    pub sha256: Sha256,
    /// The root over the digests of its blocks.
    pub blocks_root: BlocksRoot,
}

/// How a stored firmware differs from what the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Digests of blocks are not there.
    #[error("its digests are missing")]
    NoDigests,
    /// The digests of blocks do not give the root in the ledger.
    #[error("the digests do not give the root in the ledger")]
    WrongDigests,
    /// The object, or the piece with this block, is not there.
    #[error("its bytes are missing")]
    NoBytes,
    /// The object, or the piece with this block, has another length than it was written with.
    #[error("it is stored with {found} bytes instead of {expected}")]
    WrongLength {
        /// Bytes it was written with.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// The block's bytes do not give its digest.
    #[error("its bytes do not give its digest")]
    WrongBytes,
}
