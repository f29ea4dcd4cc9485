//! How a firmware is cut: blocks are what is verified, pieces are what a store keeps under one key.

/// A block, the unit of verification: 64 KiB. Constrained devices read small ranges, and each costs
/// at least one block.
pub const BLOCK: usize = 64 * 1024;

/// Blocks in a piece.
pub const BLOCKS_PER_PIECE: usize = 4;

/// A piece, the unit of storage and of sending: 256 KiB. Every key-value store takes such a value,
/// and sends of this size run near full speed (each send flushes).
pub const PIECE: usize = BLOCKS_PER_PIECE * BLOCK;

/// Blocks whose digests make a page, the unit in which they are read: one covers 64 MiB with 32 KiB of digests.
pub const BLOCKS_PER_PAGE: usize = 1024;

/// The bytes that a page of digests covers: 64 MiB.
pub const PAGE: u64 = (BLOCKS_PER_PAGE * BLOCK) as u64;

/// The most parts that any store takes of one upload: as many as S3.
pub const MOST_PARTS: u64 = 10_000;

/// The largest firmware that the embedded store keeps, in bytes: 64 MiB, the digests of which are one value.
pub const KV_LIMIT: u64 = PAGE;

/// How many blocks `size` bytes make; the last may be short.
pub const fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64)
}

/// How many pieces `size` bytes make; the last may be short.
pub const fn pieces(size: u64) -> u64 {
    size.div_ceil(PIECE as u64)
}

/// How many pages of digests `size` bytes make; the last may be short.
pub const fn pages(size: u64) -> u64 {
    size.div_ceil(PAGE)
}

/// How many blocks page `n` of a firmware of `size` bytes has; 0 past its end.
pub fn blocks_of_page(size: u64, n: u64) -> usize {
    let before = n.saturating_mul(BLOCKS_PER_PAGE as u64);
    let rest = blocks(size).saturating_sub(before).min(BLOCKS_PER_PAGE as u64);
    usize::try_from(rest).unwrap_or(BLOCKS_PER_PAGE)
}

/// The length in bytes of piece `n` of a firmware of `size` bytes; 0 past its end.
pub fn piece_len(size: u64, n: u64) -> usize {
    let start = n.saturating_mul(PIECE as u64);
    usize::try_from(size.saturating_sub(start)).map_or(PIECE, |rest| rest.min(PIECE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_piece_is_what_is_left() {
        let size = PIECE as u64 + 1;
        assert_eq!(blocks(size), 5);
        assert_eq!(pieces(size), 2);
        assert_eq!(piece_len(size, 0), PIECE);
        assert_eq!(piece_len(size, 1), 1);
        assert_eq!(piece_len(size, 2), 0);
        assert_eq!(piece_len(u64::MAX, 0), PIECE);
        assert_eq!(pages(PAGE), 1);
        assert_eq!(pages(PAGE + 1), 2);
        assert_eq!([0, 1, 2].map(|page| blocks_of_page(PAGE + 1, page)), [BLOCKS_PER_PAGE, 1, 0]);
    }
}
