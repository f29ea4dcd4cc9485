//! The bytes of a firmware: blocks and their digests, byte ranges, and the stores that keep them.
//!
//! A firmware is cut into blocks of 64 KiB, each with its digest; the digests are bound by one root that the ledger
//! keeps. A [`Reader`] trusts nothing but that root: whatever a store lost, cut, swapped or altered, it yields no byte
//! of a block that it did not verify. An [`Upload`] makes both, part by part, and may be stopped between two of them.
//!
//! This crate knows nothing of devices, jobs, SQL or the host; stores come in through the ports
//! [`kv::Kv`], [`objects::Objects`] and [`transport::Transport`].

pub mod digest;
pub mod image;
pub mod kv;
pub mod kv_objects;
pub mod layout;
pub mod objects;
mod proof;
pub mod range;
pub mod reader;
pub mod s3;
pub mod select;
pub mod state;
pub mod transport;
pub mod upload;
pub mod verify;

pub use digest::{BlockDigest, BlocksRoot, Md5, Sha256};
pub use image::{Damage, Image, Stored};
pub use kv_objects::KvObjects;
pub use layout::{BLOCK, KV_LIMIT, PIECE};
pub use objects::{ObjectId, ObjectIdError, Objects, ObjectsError, Store};
pub use range::ByteRange;
pub use reader::{ReadError, Reader};
pub use select::{Conditions, ETag, Selection, select};
pub use state::{StateError, Sums};
pub use upload::{Upload, UploadError};
pub use verify::{Verification, verify};
