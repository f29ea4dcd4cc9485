//! JSON as the value of an HTTP header (`command-payload`, §4.3).

use std::fmt::Write as _;

use thiserror::Error;

/// The header that names the topic of a command which rides along in a response.
pub const TOPIC: &str = "topic";

/// The header with the command itself.
pub const COMMAND_PAYLOAD: &str = "command-payload";

/// The longest header value, in bytes.
pub const MAX_HEADER: usize = 4096;

/// The same JSON with everything outside 0x20–0x7E escaped as `\uXXXX`, in surrogate pairs where
/// needed. Expects valid JSON, in which a raw control character can only be white space.
///
/// ```
/// use ota_protocol::offer::header_value;
/// assert_eq!(header_value("{\"v\":\"é😀\"}")?, r#"{"v":"\u00e9\ud83d\ude00"}"#);
/// # Ok::<(), ota_protocol::offer::TooLong>(())
/// ```
pub fn header_value(json: &str) -> Result<String, TooLong> {
    let mut value = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            ' '..='~' => value.push(c),
            '\t' | '\n' | '\r' => value.push(' '),
            _ => escape(c, &mut value),
        }
        if value.len() > MAX_HEADER {
            return Err(TooLong);
        }
    }
    Ok(value)
}

/// The value would be longer than [`MAX_HEADER`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("header value is longer than {MAX_HEADER} bytes")]
pub struct TooLong;

fn escape(c: char, value: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(value, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests;
