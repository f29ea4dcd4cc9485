//! The version of a firmware as a device or an operator writes it.
//!
//! Versions are names: they are compared for equality and never parsed or ordered.

use std::fmt;

use thiserror::Error;

/// The longest version, in characters.
pub const MAX_VERSION: usize = 128;

/// The name of a firmware within its product.
///
/// ```
/// use ota_protocol::version::Version;
/// assert_eq!(Version::parse("v1.10 (beta)")?.as_str(), "v1.10 (beta)");
/// assert!(Version::parse("").is_err());
/// # Ok::<(), ota_protocol::version::VersionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// 1–128 characters, none of them a control character (so no U+0000, which Postgres refuses).
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let length = text.chars().count();
        if length == 0 || length > MAX_VERSION {
            return Err(VersionError::Length(length));
        }
        if let Some(character) = text.chars().find(|c| c.is_control()) {
            return Err(VersionError::Control(character));
        }
        Ok(Self(text.to_owned()))
    }

    /// The version exactly as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VersionError {
    /// Empty, or more than [`MAX_VERSION`] characters.
    #[error("version has {0} characters, 1 to {MAX_VERSION} are allowed")]
    Length(usize),
    /// A control character.
    #[error("version contains the control character {0:?}")]
    Control(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_printable_text_is_a_version() {
        let longest = "é".repeat(128);
        for text in ["initVersion", "1.0", "1.10", "v2 (β)", "😀", " ", "a/b", "\"", longest.as_str()] {
            assert_eq!(Version::parse(text).map(|v| v.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn versions_that_look_like_the_same_number_differ() {
        assert_ne!(Version::parse("1.1"), Version::parse("1.10"));
        assert_ne!(Version::parse("1"), Version::parse("1.0"));
    }

    #[test]
    fn empty_long_and_unprintable_versions_are_refused() {
        assert_eq!(Version::parse(""), Err(VersionError::Length(0)));
        assert_eq!(Version::parse(&"é".repeat(129)), Err(VersionError::Length(129)));
        for control in ['\0', '\n', '\u{1b}', '\u{7f}', '\u{85}'] {
            let text = format!("v1{control}");
            assert_eq!(Version::parse(&text), Err(VersionError::Control(control)));
        }
    }
}
