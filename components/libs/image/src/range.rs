//! A range of bytes that lies inside a firmware.

/// Bytes `first` to `last`, both included; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

impl ByteRange {
    /// The range from `first` to `last`, or `None` unless `first` ≤ `last` < `size`.
    ///
    /// ```
    /// use ota_image::ByteRange;
    ///
    /// assert_eq!(ByteRange::new(0, 9, 10).map(|range| range.len()), Some(10));
    /// assert_eq!(ByteRange::new(0, 10, 10), None);
    /// assert_eq!(ByteRange::new(5, 4, 10), None);
    /// ```
    pub const fn new(first: u64, last: u64, size: u64) -> Option<Self> {
        if first <= last && last < size { Some(Self { first, last }) } else { None }
    }

    /// All bytes of a firmware of `size` bytes, or `None` when there are none.
    pub const fn whole(size: u64) -> Option<Self> {
        Self::new(0, size.saturating_sub(1), size)
    }

    /// The first byte.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The last byte, included.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// The first byte alone.
    #[must_use]
    pub const fn first_byte(self) -> Self {
        Self { last: self.first, ..self }
    }

    /// How many bytes.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub const fn len(self) -> u64 {
        self.last - self.first + 1
    }

    /// The value of `Content-Range` for a firmware of `size` bytes (RFC 9110 §14.4).
    pub fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_of_nothing_is_no_range() {
        assert_eq!(ByteRange::whole(0), None);
        assert_eq!(ByteRange::whole(1), ByteRange::new(0, 0, 1));
    }

    #[test]
    fn content_range_names_both_ends_and_the_size() {
        let range = ByteRange::new(2, 4, 10).map(|range| range.content_range(10));
        assert_eq!(range.as_deref(), Some("bytes 2-4/10"));
    }
}
