//! Who a device is: its product key, its device key, and the two together.
//!
//! Keys stand in topics, URL paths, SQL and file names, so their alphabet is closed here, once.

use std::fmt;

use thiserror::Error;

/// The longest product or device key, in characters.
pub const MAX_KEY: usize = 64;

/// A device of a product: the identity behind every topic, link and session.
///
/// ```
/// use ota_protocol::key::DeviceId;
/// let id = DeviceId::parse("fKInRgVP", "dev001")?;
/// assert_eq!(id.to_string(), "fKInRgVP/dev001");
/// assert_eq!(DeviceId::from_username("dev001&fKInRgVP")?, id);
/// # Ok::<(), ota_protocol::key::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId {
    /// The product (`pk` on the wire).
    pub product: ProductKey,
    /// The device within its product (`dk` on the wire).
    pub device: DeviceKey,
}

impl DeviceId {
    /// Both keys from outside; either may be refused.
    pub fn parse(product: &str, device: &str) -> Result<Self, KeyError> {
        Ok(Self { product: ProductKey::parse(product)?, device: DeviceKey::parse(device)? })
    }

    /// The identity in an MQTT username `dk&pk` (§3).
    pub fn from_username(username: &str) -> Result<Self, KeyError> {
        let (device, product) = username.split_once('&').ok_or(KeyError::Username)?;
        Self::parse(product, device)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product, self.device)
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The only door: 1–64 of `[A-Za-z0-9._:@-]`, and neither `.` nor `..`.
            pub fn parse(text: &str) -> Result<Self, KeyError> {
                check($what, text)?;
                Ok(Self(text.to_owned()))
            }

            /// The key as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

key!(
    /// The key of a product.
    ///
    /// ```
    /// use ota_protocol::key::ProductKey;
    /// assert_eq!(ProductKey::parse("fKInRgVP")?.as_str(), "fKInRgVP");
    /// assert!(ProductKey::parse("a/b").is_err());
    /// # Ok::<(), ota_protocol::key::KeyError>(())
    /// ```
    ProductKey,
    "product key"
);

key!(
    /// The key of a device within its product.
    ///
    /// ```
    /// use ota_protocol::key::DeviceKey;
    /// assert_eq!(DeviceKey::parse("00:1b:44@floor-2")?.as_str(), "00:1b:44@floor-2");
    /// assert!(DeviceKey::parse("..").is_err());
    /// # Ok::<(), ota_protocol::key::KeyError>(())
    /// ```
    DeviceKey,
    "device key"
);

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Empty, or more than [`MAX_KEY`] bytes.
    #[error("{what} has {length} characters, 1 to {MAX_KEY} are allowed")]
    Length {
        /// Which key.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A character outside the alphabet.
    #[error("{what} contains {character:?}, only letters, digits and . _ : @ - are allowed")]
    Character {
        /// Which key.
        what: &'static str,
        /// The first character that is not allowed.
        character: char,
    },
    /// `.` or `..`, which mean something else in a path.
    #[error("{what} may be neither . nor ..")]
    Dots {
        /// Which key.
        what: &'static str,
    },
    /// A username without `&`.
    #[error("username is not device key & product key")]
    Username,
}

fn check(what: &'static str, text: &str) -> Result<(), KeyError> {
    if text.is_empty() || text.len() > MAX_KEY {
        let length = text.len();
        return Err(KeyError::Length { what, length });
    }
    if let Some(character) = text.chars().find(|&c| !is_key_character(c)) {
        return Err(KeyError::Character { what, character });
    }
    if text == "." || text == ".." {
        return Err(KeyError::Dots { what });
    }
    Ok(())
}

/// The alphabet of keys: none of it is special in a topic, a path segment, a query or SQL.
pub(crate) fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '@' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_alphabet_are_accepted() {
        let longest = "k".repeat(64);
        for text in ["a", "fKInRgVP", "00:1b:44", "a.b_c-d@e", "...", ".a", longest.as_str()] {
            assert_eq!(ProductKey::parse(text).map(|k| k.to_string()), Ok(text.to_owned()));
            assert_eq!(DeviceKey::parse(text).map(|k| k.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_could_forge_a_topic_a_path_or_a_row_is_refused() {
        let long = "k".repeat(65);
        for text in [
            "",
            ".",
            "..",
            "a/b",
            "+",
            "#",
            "a b",
            "a&b",
            "%41",
            "a|b",
            "a?b",
            "a\\b",
            "a\0",
            "a\n",
            "é",
            "\u{202e}",
            "%channel%",
            long.as_str(),
        ] {
            assert!(ProductKey::parse(text).is_err(), "{text:?}");
            assert!(DeviceKey::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_key_the_value_and_the_limit() {
        let long = ProductKey::parse(&"k".repeat(70)).unwrap_err();
        assert_eq!(long.to_string(), "product key has 70 characters, 1 to 64 are allowed");
        let slash = DeviceKey::parse("a/b").unwrap_err();
        assert_eq!(
            slash.to_string(),
            "device key contains '/', only letters, digits and . _ : @ - are allowed"
        );
    }

    #[test]
    fn a_username_is_device_first() {
        let id = DeviceId::from_username("dk&pk").unwrap();
        assert_eq!((id.product.as_str(), id.device.as_str()), ("pk", "dk"));
    }

    #[test]
    fn a_username_that_is_no_device_is_refused() {
        for text in ["", "dk", "dk&", "&pk", "dk&pk&x", "undefined", "%channel%&pk"] {
            assert!(DeviceId::from_username(text).is_err(), "{text:?}");
        }
    }
}
