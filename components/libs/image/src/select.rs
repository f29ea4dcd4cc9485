//! What of a firmware a request asks for: preconditions and ranges of RFC 9110, over header values alone.
//!
//! There is no modification date: only entity tags and ranges count.

use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, Method};
use http_range_header::parse_range_header;

use crate::digest::Sha256;
use crate::range::ByteRange;

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// 200 with everything.
    Full,
    /// 206 with this part.
    Part(ByteRange),
    /// 304: the caller has it.
    NotModified,
    /// 412: the caller asked for another firmware.
    PreconditionFailed,
    /// 416 with `Content-Range: bytes */size`.
    Unsatisfiable,
}

/// The header values that select.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`.
    pub if_match: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `If-Range`.
    pub if_range: Option<String>,
    /// `Range`.
    pub range: Option<String>,
}

impl From<&HeaderMap> for Conditions {
    fn from(headers: &HeaderMap) -> Self {
        let value = |name: HeaderName| {
            let lines: Vec<_> =
                headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
            (!lines.is_empty()).then(|| lines.join(", "))
        };
        Self {
            if_match: value(IF_MATCH),
            if_none_match: value(IF_NONE_MATCH),
            if_range: value(IF_RANGE),
            range: value(RANGE),
        }
    }
}

/// The strong entity tag of a firmware: its SHA-256 in quotes (RFC 9110 §8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of the firmware with this digest.
    pub fn of(sha256: Sha256) -> Self {
        Self(format!("\"{sha256}\""))
    }

    /// The value of the header, quotes included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a `method` request with these conditions selects of a firmware of `size` bytes (RFC 9110 §13.2.2, §14.2).
///
/// - A `Range` that is malformed, in another unit, or of another method than GET is ignored: everything.
/// - Several ranges are served as one part when they join without a gap (RFC 9110 §15.3.7.2), else as everything:
///   no known device asks for them, and `multipart/byteranges` is more than such a device can take apart.
/// - `If-Range` with a weak or another tag, or with a date, means everything (§13.1.5).
///
/// ```
/// use http::Method;
/// use ota_image::{ByteRange, Conditions, ETag, Selection, Sha256, select};
///
/// let conditions = Conditions { range: Some("bytes=2-".into()), ..Conditions::default() };
/// let selection = select(&Method::GET, &conditions, 10, &ETag::of(Sha256::of(b"0123456789")));
/// assert_eq!(Some(selection), ByteRange::new(2, 9, 10).map(Selection::Part));
/// ```
pub fn select(method: &Method, conditions: &Conditions, size: u64, etag: &ETag) -> Selection {
    if let Some(wanted) = &conditions.if_match
        && !is_listed(wanted, etag, Comparison::Strong)
    {
        return Selection::PreconditionFailed;
    }
    if let Some(known) = &conditions.if_none_match
        && is_listed(known, etag, Comparison::Weak)
    {
        return Selection::NotModified;
    }
    let is_current = match &conditions.if_range {
        Some(tag) => tag.trim() == etag.as_str(),
        None => true,
    };
    match &conditions.range {
        Some(range) if *method == Method::GET && is_current => ranged(range, size),
        _ => Selection::Full,
    }
}

/// How tags are compared (RFC 9110 §8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// A weak tag equals nothing.
    Strong,
    /// `W/` does not matter.
    Weak,
}

/// Whether a list of tags, or `*`, has this one. Our own tag holds no comma, so commas separate.
fn is_listed(list: &str, etag: &ETag, comparison: Comparison) -> bool {
    list.split(',').map(str::trim).any(|tag| {
        let tag = match comparison {
            Comparison::Weak => tag.strip_prefix("W/").unwrap_or(tag),
            Comparison::Strong => tag,
        };
        tag == "*" || tag == etag.as_str()
    })
}

fn ranged(range: &str, size: u64) -> Selection {
    use http_range_header::RangeUnsatisfiableError::Unsatisfiable;

    let Ok(parsed) = parse_range_header(range) else {
        return Selection::Full;
    };
    match parsed.validate(size) {
        Ok(ranges) => joined(ranges.into_iter().map(|range| (*range.start(), *range.end())))
            .and_then(|(first, last)| ByteRange::new(first, last, size))
            .map_or(Selection::Full, Selection::Part),
        Err(Unsatisfiable) => Selection::Unsatisfiable,
        Err(_) => Selection::Full,
    }
}

/// The one range that these ranges make, if they overlap or touch.
fn joined(ranges: impl Iterator<Item = (u64, u64)>) -> Option<(u64, u64)> {
    let mut ranges: Vec<_> = ranges.collect();
    ranges.sort_unstable();
    ranges
        .into_iter()
        .map(Some)
        .reduce(|joined, next| {
            let ((first, last), (next_first, next_last)) = (joined?, next?);
            (next_first <= last.saturating_add(1)).then(|| (first, last.max(next_last)))
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 100;

    fn etag() -> ETag {
        ETag::of(Sha256::of(b"firmware"))
    }

    fn part(first: u64, last: u64) -> Selection {
        Selection::Part(ByteRange::new(first, last, SIZE).unwrap())
    }

    fn get(lines: &[(&'static str, &str)]) -> Selection {
        asked(&Method::GET, lines)
    }

    fn asked(method: &Method, lines: &[(&'static str, &str)]) -> Selection {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        select(method, &Conditions::from(&headers), SIZE, &etag())
    }

    #[test]
    fn a_single_range_is_served_as_asked() {
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-99", part(0, 99)),
            ("bytes=10-19", part(10, 19)),
            ("bytes=10-", part(10, 99)),
            ("bytes=99-", part(99, 99)),
            ("bytes=-1", part(99, 99)),
            ("bytes=-30", part(70, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=90-1000", part(90, 99)),
            ("bytes=90-99999999999999999999999", part(90, 99)),
            ("Bytes=1-2", part(1, 2)),
        ] {
            assert_eq!(get(&[("range", range)]), expected, "{range}");
        }
    }

    #[test]
    fn a_range_outside_the_firmware_is_unsatisfiable() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=200-300, 100-"] {
            assert_eq!(get(&[("range", range)]), Selection::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn a_malformed_range_is_ignored() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=0-1-2",
            "lines=0-1",
            "bytes=1",
            "bytes=0-1, x",
            "bytes=+1-2",
            "bytes = 0-1",
        ] {
            assert_eq!(get(&[("range", range)]), Selection::Full, "{range}");
        }
    }

    #[test]
    fn several_ranges_are_one_part_if_they_join_and_everything_otherwise() {
        for (range, expected) in [
            ("bytes=0-9, 10-19", part(0, 19)),
            ("bytes=10-19,0-9", part(0, 19)),
            ("bytes=0-9, 5-19", part(0, 19)),
            ("bytes=0-50, 10-20", part(0, 50)),
            ("bytes=0-9, 200-", part(0, 9)),
            ("bytes=0-9, 11-19", Selection::Full),
            ("bytes=0-0, -1", Selection::Full),
        ] {
            assert_eq!(get(&[("range", range)]), expected, "{range}");
        }
        let lines = [("range", "bytes=0-1"), ("range", "bytes=50-51")];
        assert_eq!(get(&lines), Selection::Full);
    }

    #[test]
    fn only_get_has_ranges() {
        for method in [Method::HEAD, Method::POST] {
            assert_eq!(asked(&method, &[("range", "bytes=0-1")]), Selection::Full);
        }
    }

    #[test]
    fn if_range_takes_the_strong_tag_and_nothing_else() {
        let strong = etag();
        let weak = format!("W/{}", strong.as_str());
        let bare = strong.as_str().trim_matches('"');
        let date = "Mon, 23 Nov 2026 10:00:00 GMT";
        for (tag, expected) in [
            (strong.as_str(), part(0, 1)),
            (&weak, Selection::Full),
            (bare, Selection::Full),
            ("\"other\"", Selection::Full),
            ("*", Selection::Full),
            (date, Selection::Full),
        ] {
            let lines = [("range", "bytes=0-1"), ("if-range", tag)];
            assert_eq!(get(&lines), expected, "{tag}");
        }
        assert_eq!(get(&[("range", "bytes=500-"), ("if-range", "\"other\"")]), Selection::Full);
    }

    #[test]
    fn if_none_match_compares_weakly_and_comes_before_the_range() {
        let strong = etag();
        let list = format!("\"other\", W/{}", strong.as_str());
        for tag in [strong.as_str(), &list, "*"] {
            let lines = [("if-none-match", tag), ("range", "bytes=0-1")];
            assert_eq!(get(&lines), Selection::NotModified, "{tag}");
            assert_eq!(asked(&Method::HEAD, &lines), Selection::NotModified, "{tag}");
        }
        assert_eq!(get(&[("if-none-match", "\"other\"")]), Selection::Full);
        let lines = [("if-none-match", "\"other\""), ("if-none-match", strong.as_str())];
        assert_eq!(get(&lines), Selection::NotModified);
    }

    #[test]
    fn if_match_compares_strongly() {
        let strong = etag();
        let weak = format!("W/{}", strong.as_str());
        assert_eq!(get(&[("if-match", strong.as_str())]), Selection::Full);
        assert_eq!(get(&[("if-match", "*")]), Selection::Full);
        for tag in [weak.as_str(), "\"other\"", ""] {
            assert_eq!(get(&[("if-match", tag)]), Selection::PreconditionFailed, "{tag}");
        }
    }
}
