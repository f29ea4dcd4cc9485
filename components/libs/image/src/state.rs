//! What is known of the bytes of a firmware that came so far, and how it is written down between two requests.

use md5::Digest as _;
use md5::digest::common::hazmat::SerializableState;

use crate::digest::{BlockDigest, BlocksRoot, Md5, PageDigest, Sha256};
use crate::image::Stored;
use crate::layout::{BLOCK, BLOCKS_PER_PAGE};
use crate::objects::{ObjectId, Objects, ObjectsError, Proof};

/// The digests of the first bytes of a firmware, to be gone on with, also by another process.
#[derive(Clone)]
pub struct Sums {
    size: u64,
    md5: md5::Md5,
    sha256: sha2::Sha256,
    /// Of the pages that are full and behind which a block came; they are stored.
    pages: Vec<PageDigest>,
    /// Of the blocks behind these.
    blocks: Vec<BlockDigest>,
}

/// The text is not what [`Sums::write`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the state of an upload")]
pub struct StateError;

impl Default for Sums {
    fn default() -> Self {
        Self {
            size: 0,
            md5: md5::Md5::new(),
            sha256: sha2::Sha256::new(),
            pages: Vec::new(),
            blocks: Vec::new(),
        }
    }
}

impl Sums {
    /// How many bytes came.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes: whole blocks, unless they are the last of all. Full pages are stored.
    pub fn take(
        &mut self,
        objects: &dyn Objects,
        object: &ObjectId,
        bytes: &[u8],
    ) -> Result<(), ObjectsError> {
        debug_assert_eq!(self.size % BLOCK as u64, 0, "nothing comes behind a block that is not whole");
        for block in bytes.chunks(BLOCK) {
            // Not before another block comes: a single page, even a full one, is proven by its blocks.
            if self.blocks.len() == BLOCKS_PER_PAGE {
                self.turn(objects, object)?;
            }
            self.blocks.push(BlockDigest::of(block));
        }
        self.md5.update(bytes);
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Stores what is not stored yet of the proof, and tells what is stored. May be repeated.
    pub fn finish(mut self, objects: &dyn Objects, object: ObjectId) -> Result<Stored, ObjectsError> {
        let blocks_root = if self.pages.is_empty() {
            objects.put_proof(&object, Proof::Digests(0), &joined(&self.blocks, BlockDigest::as_bytes))?;
            BlocksRoot::of(self.size, &self.blocks)
        } else {
            self.turn(objects, &object)?;
            objects.put_proof(&object, Proof::Pages, &joined(&self.pages, PageDigest::as_bytes))?;
            BlocksRoot::of_pages(self.size, &self.pages)
        };
        Ok(Stored {
            store: objects.store(),
            object,
            size: self.size,
            md5: Md5::from(<[u8; 16]>::from(self.md5.finalize())),
            sha256: Sha256::from(<[u8; 32]>::from(self.sha256.finalize())),
            blocks_root,
        })
    }

    fn turn(&mut self, objects: &dyn Objects, object: &ObjectId) -> Result<(), ObjectsError> {
        let page = Proof::Digests(self.pages.len() as u64);
        objects.put_proof(object, page, &joined(&self.blocks, BlockDigest::as_bytes))?;
        self.pages.push(PageDigest::of(&self.blocks));
        self.blocks.clear();
        Ok(())
    }

    /// The state as text: hex digits and dots, at most 64 KiB and 64 characters for each full page.
    pub fn write(&self) -> String {
        [
            VERSION.to_owned(),
            self.size.to_string(),
            hex::encode(self.md5.serialize()),
            hex::encode(self.sha256.serialize()),
            hex::encode(joined(&self.pages, PageDigest::as_bytes)),
            hex::encode(joined(&self.blocks, BlockDigest::as_bytes)),
        ]
        .join(".")
    }

    /// What [`Sums::write`] wrote.
    pub fn read(text: &str) -> Result<Self, StateError> {
        let fields: Vec<&str> = text.split('.').collect();
        let [VERSION, size, md5, sha256, pages, blocks] = fields.as_slice() else { return Err(StateError) };
        Ok(Self {
            size: size.parse().map_err(|_| StateError)?,
            md5: hasher(md5)?,
            sha256: hasher(sha256)?,
            pages: list(pages)?,
            blocks: list(blocks)?,
        })
    }
}

/// The first field: which form this is, and of which form of the hashers' own.
const VERSION: &str = "1";

fn joined<D>(digests: &[D], bytes: impl Fn(&D) -> &[u8; 32]) -> Vec<u8> {
    digests.iter().flat_map(bytes).copied().collect()
}

fn hasher<H: SerializableState>(text: &str) -> Result<H, StateError> {
    let bytes = hex::decode(text).map_err(|_| StateError)?;
    let state = bytes.as_slice().try_into().map_err(|_| StateError)?;
    H::deserialize(state).map_err(|_| StateError)
}

fn list<D: From<[u8; 32]>>(text: &str) -> Result<Vec<D>, StateError> {
    let bytes = hex::decode(text).map_err(|_| StateError)?;
    match bytes.as_chunks::<32>() {
        (digests, []) => Ok(digests.iter().copied().map(D::from).collect()),
        _ => Err(StateError),
    }
}
