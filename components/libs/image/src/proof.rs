//! The digests of a stored firmware, read a page at a time and proven against the root in the ledger.

use crate::digest::{BlockDigest, BlocksRoot, PageDigest};
use crate::image::{Damage, Image};
use crate::layout::{self, BLOCKS_PER_PAGE};
use crate::objects::{Objects, ObjectsError, Proof};

/// Proven digests: one page of them, and what proves the others.
pub(crate) struct Digests {
    /// The digests of all pages, where there is more than one.
    pages: Vec<PageDigest>,
    /// Which page is at hand.
    page: u64,
    blocks: Vec<BlockDigest>,
}

/// Why there is no digest.
pub(crate) enum NoDigest {
    Damaged(Damage),
    Store(ObjectsError),
}

impl From<ObjectsError> for NoDigest {
    fn from(error: ObjectsError) -> Self {
        Self::Store(error)
    }
}

impl Digests {
    /// The digests of `image`, with those of `block` at hand.
    pub(crate) fn open(objects: &dyn Objects, image: &Image, block: u64) -> Result<Self, NoDigest> {
        let mut digests = Self { pages: pages(objects, image)?, page: page_of(block), blocks: Vec::new() };
        digests.turn(objects, image, page_of(block))?;
        Ok(digests)
    }

    /// The digest of `block`; turns to its page.
    pub(crate) fn of(
        &mut self,
        objects: &dyn Objects,
        image: &Image,
        block: u64,
    ) -> Result<BlockDigest, NoDigest> {
        if page_of(block) != self.page {
            self.turn(objects, image, page_of(block))?;
        }
        let within = usize::try_from(block % BLOCKS_PER_PAGE as u64).unwrap_or(BLOCKS_PER_PAGE);
        self.blocks.get(within).copied().ok_or(NoDigest::Damaged(Damage::WrongDigests))
    }

    fn turn(&mut self, objects: &dyn Objects, image: &Image, page: u64) -> Result<(), NoDigest> {
        let list = objects.proof(&image.object, Proof::Digests(page))?;
        let list = list.ok_or(NoDigest::Damaged(Damage::NoDigests))?;
        let blocks: Vec<BlockDigest> = digests(&list, layout::blocks_of_page(image.size, page))?;
        let is_proven = match self.pages.as_slice() {
            [] => BlocksRoot::of(image.size, &blocks) == image.blocks_root,
            pages => {
                let proven = usize::try_from(page).ok().and_then(|page| pages.get(page));
                proven == Some(&PageDigest::of(&blocks))
            }
        };
        if !is_proven {
            return Err(NoDigest::Damaged(Damage::WrongDigests));
        }
        (self.page, self.blocks) = (page, blocks);
        Ok(())
    }
}

/// The proven digests of all pages; none of an image of one page, whose blocks give the root themselves.
fn pages(objects: &dyn Objects, image: &Image) -> Result<Vec<PageDigest>, NoDigest> {
    let count = layout::pages(image.size);
    if count <= 1 {
        return Ok(Vec::new());
    }
    let list = objects.proof(&image.object, Proof::Pages)?.ok_or(NoDigest::Damaged(Damage::NoDigests))?;
    let pages = digests(&list, usize::try_from(count).unwrap_or(usize::MAX))?;
    if BlocksRoot::of_pages(image.size, &pages) != image.blocks_root {
        return Err(NoDigest::Damaged(Damage::WrongDigests));
    }
    Ok(pages)
}

/// `list` as the `count` digests that it has to be.
fn digests<D: From<[u8; 32]>>(list: &[u8], count: usize) -> Result<Vec<D>, NoDigest> {
    match list.as_chunks::<32>() {
        (digests, []) if digests.len() == count => Ok(digests.iter().copied().map(D::from).collect()),
        _ => Err(NoDigest::Damaged(Damage::WrongDigests)),
    }
}

fn page_of(block: u64) -> u64 {
    block / BLOCKS_PER_PAGE as u64
}
