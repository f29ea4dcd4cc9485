//! Query strings and forms: `name=value&…`, percent-encoded.

/// The decoded value of the first parameter called `name`; `+` is a space, as in forms.
/// `None` when it is missing or not UTF-8.
///
/// ```
/// use ota_protocol::query;
/// assert_eq!(query::value("a=1&sessionId=x%2Dy", "sessionId").as_deref(), Some("x-y"));
/// assert_eq!(query::value("a=1", "b"), None);
/// ```
pub fn value(query: &str, name: &str) -> Option<String> {
    let is_called = |key: &str| form_decode(key).is_some_and(|key| key == name);
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| is_called(key))
        .and_then(|(_, value)| form_decode(value))
}

/// Undoes percent-encoding; `None` for a broken escape or bytes that are not UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let mut decoded = [0];
            hex::decode_to_slice(digits, &mut decoded).ok()?;
            bytes.extend(decoded);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Encodes one path segment or query value: unreserved characters (RFC 3986 §2.3) stay.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

fn form_decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_decoded() {
        let query =
            "clientid=dev001%7Csecuremode%3D2%7C&username=dk%26pk&empty=&flag&a+b=c+d&username=second";
        for (name, expected) in [
            ("clientid", Some("dev001|securemode=2|")),
            ("username", Some("dk&pk")),
            ("empty", Some("")),
            ("flag", Some("")),
            ("a b", Some("c d")),
            ("missing", None),
        ] {
            assert_eq!(value(query, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn broken_escapes_are_no_value() {
        for query in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%C3%28"] {
            assert_eq!(value(query, "a"), None, "{query}");
        }
    }

    proptest! {
        #[test]
        fn encoding_round_trips(text in ".*") {
            prop_assert_eq!(percent_decode(&percent_encode(&text)), Some(text.clone()));
            prop_assert_eq!(value(&format!("t={}", percent_encode(&text)), "t"), Some(text));
        }

        #[test]
        fn no_query_panics(query in ".*", name in ".*") {
            value(&query, &name);
        }
    }
}
