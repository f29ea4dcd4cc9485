//! Digests, each its own type, so that one never stands in for another.

use md5::Digest as _;

/// The digest of one block: BLAKE3, the fastest by far inside a WASM guest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockDigest([u8; 32]);

impl BlockDigest {
    /// The digest of `block`.
    pub fn of(block: &[u8]) -> Self {
        Self(*blake3::hash(block).as_bytes())
    }
}

/// What binds the digests of all blocks, their order and the size of the firmware.
///
/// The ledger keeps it; digests that do not give this root are not the firmware's. Up to one page of them give it
/// themselves; more pages are each bound by a [`PageDigest`], and these give it: so a range of a large firmware needs
/// one page, not all.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlocksRoot([u8; 32]);

impl BlocksRoot {
    /// The root over `digests`, the blocks of a firmware of `size` bytes in order.
    pub fn of(size: u64, digests: &[BlockDigest]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("ota-image 2026-11 root of block digests");
        hasher.update(&size.to_le_bytes());
        for digest in digests {
            hasher.update(&digest.0);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The root over `pages`, the pages of a firmware of `size` bytes in order, of which it has more than one.
    pub fn of_pages(size: u64, pages: &[PageDigest]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("ota-image 2026-11 root of page digests");
        hasher.update(&size.to_le_bytes());
        for page in pages {
            hasher.update(&page.0);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// What binds the digests of the blocks of one page, and their order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageDigest([u8; 32]);

impl PageDigest {
    /// The digest of the page that these are all digests of.
    pub fn of(digests: &[BlockDigest]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("ota-image 2026-11 page of block digests");
        for digest in digests {
            hasher.update(&digest.0);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// MD5 of a whole firmware: the `sign` that many devices expect. It proves nothing here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Md5([u8; 16]);

impl Md5 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(md5::Md5::digest(bytes).into())
    }
}

/// SHA-256 of a whole firmware: its identity, and its `ETag`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// The text is not a digest in hex.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected {expected} hex digits, got {found} characters")]
pub struct DigestError {
    /// Hex digits of such a digest.
    pub expected: usize,
    /// Characters of the text.
    pub found: usize,
}

/// What every digest type has: raw bytes, lower-case hex out, hex of either case in.
macro_rules! digest {
    ($name:ident, $len:literal) => {
        impl $name {
            /// Parses hex digits of either case.
            pub fn parse(text: &str) -> Result<Self, DigestError> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| DigestError { expected: 2 * $len, found: text.chars().count() })?;
                Ok(Self(bytes))
            }

            /// The digest in lower-case hex.
            pub fn to_hex(self) -> String {
                hex::encode(self.0)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digest!(BlockDigest, 32);
digest!(BlocksRoot, 32);
digest!(PageDigest, 32);
digest!(Md5, 16);
digest!(Sha256, 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests_come_out_in_lower_case_hex() {
        assert_eq!(Md5::of(b"").to_hex(), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(
            Sha256::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn hex_of_either_case_is_taken_and_nothing_else() {
        let digest = Md5::of(b"firmware");
        assert_eq!(Md5::parse(&digest.to_hex()), Ok(digest));
        assert_eq!(Md5::parse(&digest.to_hex().to_uppercase()), Ok(digest));
        for text in ["", "d41d", "zz1d8cd98f00b204e9800998ecf8427e", &"ä".repeat(16)] {
            assert!(Md5::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Sha256::parse("d41d8cd98f00b204e9800998ecf8427e").map_err(|e| e.to_string()),
            Err("not a digest: expected 64 hex digits, got 32 characters".to_owned())
        );
    }

    #[test]
    fn the_root_binds_order_and_size() {
        let (a, b) = (BlockDigest::of(b"a"), BlockDigest::of(b"b"));
        let root = BlocksRoot::of(2, &[a, b]);
        assert_ne!(root, BlocksRoot::of(2, &[b, a]));
        assert_ne!(root, BlocksRoot::of(3, &[a, b]));
        assert_ne!(root, BlocksRoot::of(2, &[a]));

        let (a, b) = (PageDigest::of(&[a]), PageDigest::of(&[b]));
        let root = BlocksRoot::of_pages(2, &[a, b]);
        assert_ne!(root, BlocksRoot::of_pages(2, &[b, a]));
        assert_ne!(root, BlocksRoot::of_pages(3, &[a, b]));
        // Pages are no blocks.
        let as_blocks = [*a.as_bytes(), *b.as_bytes()].map(BlockDigest::from);
        assert_ne!(root, BlocksRoot::of(2, &as_blocks));
    }

    #[test]
    fn debug_shows_the_digest() {
        assert_eq!(format!("{:?}", Md5::of(b"")), "Md5(d41d8cd98f00b204e9800998ecf8427e)");
    }
}
