//! The bytes of a firmware: blocks and their digests, byte ranges, and the stores that keep them.
//!
//! A firmware is cut into blocks of 64 KiB, each with its digest; the list of digests is bound by one
//! root that the ledger keeps. A [`Reader`] trusts nothing but that root: whatever a store lost,
//! cut, swapped or altered, it yields no byte of a block that it did not verify.
//!
//! This crate knows nothing of devices, jobs, SQL or the host; stores come in through the ports
//! [`kv::Kv`] and [`objects::Objects`].

pub mod digest;
pub mod kv;
pub mod layout;
pub mod objects;
pub mod range;
pub mod reader;
pub mod select;
pub mod upload;

pub use digest::{BlockDigest, BlocksRoot, Md5, Sha256};
pub use layout::{BLOCK, LIMIT, PIECE};
pub use objects::{KvObjects, ObjectId, ObjectIdError, Objects, ObjectsError};
pub use range::ByteRange;
pub use reader::{Damage, Image, ReadError, Reader};
pub use select::{Conditions, ETag, Selection, select};
pub use upload::{Stored, Upload, UploadError};
