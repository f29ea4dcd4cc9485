//! What an S3 server answers, as far as we need to understand it.

use http::StatusCode;
use http::header::{CONTENT_RANGE, HeaderMap};

/// The `Code` of an error document; `None` when `body` is none.
///
/// Looked for as text: behind `<Error`, in a document without it nothing, and text in XML holds no `<`, so it is
/// never part of a message. Servers put elements of their own and other namespaces beside it.
pub(super) fn error_code(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, document) = text.split_once("<Error").filter(|(_, rest)| rest.starts_with(['>', ' ']))?;
    let (_, code) = document.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    let is_code = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then_some(code)
}

/// Where the bytes of an answer stand in the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The first byte that comes.
    pub(super) first: u64,
    /// The bytes of the whole object.
    pub(super) total: u64,
}

/// What Content-Range says beside 206: `bytes first-last/total` (RFC 9110 §14.4).
pub(super) fn place(headers: &HeaderMap) -> Option<Place> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some(Place { first: first.parse().ok()?, total: total.parse().ok()? })
}

/// Whether the same request may succeed a moment later.
pub(super) fn is_passing(status: StatusCode, code: Option<&str>) -> bool {
    (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
        || status == StatusCode::TOO_MANY_REQUESTS
        || matches!(code, Some("SlowDown" | "RequestTimeout" | "InternalError" | "ServiceUnavailable"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_code_of_an_error_is_found_whatever_stands_beside_it() {
        for (body, code) in [
            ("<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", Some("NoSuchKey")),
            (
                "<?xml version=\"1.0\"?>\n<Error xmlns=\"x\">\n <Message>m</Message>\n <Code>SlowDown</Code>\n</Error>",
                Some("SlowDown"),
            ),
            ("<Error><Message>&lt;Code&gt;NoSuchKey&lt;/Code&gt;</Message></Error>", None),
            ("<Errors><Code>NoSuchKey</Code></Errors>", None),
            ("<ListPartsResult><Code>NoSuchKey</Code></ListPartsResult>", None),
            ("<Error><Code></Code></Error>", None),
            ("<Error><Code>No such key</Code></Error>", None),
            ("<Error><Code>NoSuchKey", None),
            ("<html>404</html>", None),
            ("", None),
        ] {
            assert_eq!(error_code(body.as_bytes()), code, "{body}");
        }
        assert_eq!(error_code(b"<Error><Code>\xff</Code></Error>"), None);
    }

    #[test]
    fn a_place_is_read_as_it_is_written_and_nothing_else_is_one() {
        let read = |text| place(&HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(text))]));
        assert_eq!(read("bytes 5-9/10"), Some(Place { first: 5, total: 10 }));
        for text in [
            "",
            "bytes",
            "bytes 5-9",
            "bytes 5-9/*",
            "bytes 5/10",
            "bytes */10",
            "items 5-9/10",
            "bytes -1-2/10",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(place(&HeaderMap::new()), None);
    }
}
