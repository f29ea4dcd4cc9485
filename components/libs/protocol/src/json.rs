//! JSON with its spelling: the named fields of an object as raw text, so that numbers stay as they
//! were written and nothing is built for fields that nobody asked for.
//!
//! Values are skipped without recursion, so no depth of nesting can overflow the stack.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

/// Fills `values` with the fields called `names`.
/// On an error the fields before it are filled, so that a reply can still carry the request's id.
pub(crate) fn read<'a, const N: usize>(
    text: &'a str,
    names: [&'static str; N],
    values: &mut [Option<&'a RawValue>; N],
) -> Result<(), JsonError> {
    let mut doubled = [false; N];
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer
        .deserialize_map(Fields { names, values, doubled: &mut doubled })
        .and_then(|()| deserializer.end())
        .map_err(|error| JsonError::Syntax {
            line: error.line(),
            column: error.column(),
            cut: error.is_eof(),
        })?;
    let twice = names.into_iter().zip(doubled).find_map(|(name, doubled)| doubled.then_some(name));
    twice.map_or(Ok(()), |name| Err(JsonError::Twice(name)))
}

/// The JSON of a reply or a command.
#[expect(clippy::expect_used, reason = "the proof stands in the text")]
pub(crate) fn write(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our types have names as keys, and memory can be written")
}

/// What one value is, as far as the protocol tells values apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// A string, unescaped.
    Text(String),
    /// A number, as it was spelled.
    Number(&'a str),
    /// `null`.
    Null,
    /// A boolean, an array or an object, as it was spelled; or a string that is not Unicode
    /// (a lone surrogate).
    Other(&'a str),
}

impl<'a> Scalar<'a> {
    /// Looks at a raw value.
    pub(crate) fn of(raw: &'a RawValue) -> Self {
        let text = raw.get();
        match text.bytes().next() {
            Some(b'"') => serde_json::from_str(text).map_or(Self::Other(text), Self::Text),
            Some(b'-' | b'0'..=b'9') => Self::Number(text),
            Some(b'n') => Self::Null,
            _ => Self::Other(text),
        }
    }

    /// The text of a string or the spelling of a number.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(text) => Some(text.to_owned()),
            Self::Null | Self::Other(_) => None,
        }
    }

    /// An integer, spelled as a number or in a string: `35`, `"35"`, `" 35 "`, `"+35"`, `35.0`.
    pub(crate) fn into_integer(self) -> Option<i64> {
        let text = self.into_text()?;
        let text = text.trim();
        text.parse().ok().or_else(|| whole(text.parse().ok()?))
    }
}

/// Why an object could not be read. Names positions and our own names, never the device's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum JsonError {
    /// Not JSON, or not an object.
    #[error("not a JSON object (line {line}, column {column})")]
    Syntax {
        /// From 1; 0 when unknown.
        line: usize,
        /// From 1; 0 when unknown.
        column: usize,
        /// Whether the text ended too early: the last value may be cut short.
        cut: bool,
    },
    /// A field that matters stands twice: two readings are no reading. Of several, the first by
    /// the order of the names that were asked for.
    #[error("{0} stands twice")]
    Twice(&'static str),
}

/// The integer that a finite number with no fraction is, if it is small enough to be exact.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "no fraction, and below 2^53")]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

struct Fields<'s, 'a, const N: usize> {
    names: [&'static str; N],
    values: &'s mut [Option<&'a RawValue>; N],
    doubled: &'s mut [bool; N],
}

impl<'a, const N: usize> Visitor<'a> for Fields<'_, 'a, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key_seed(NameIn(&self.names))? {
            let slots = self.values.iter_mut().zip(self.doubled.iter_mut());
            match self.names.iter().zip(slots).find(|(n, _)| Some(**n) == name) {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some((_, (value, _))) if value.is_none() => *value = Some(map.next_value()?),
                Some((_, (_, doubled))) => {
                    map.next_value::<IgnoredAny>()?;
                    *doubled = true;
                }
            }
        }
        Ok(())
    }
}

/// Which of the names a key is, compared after unescaping.
struct NameIn<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for NameIn<'_> {
    type Value = Option<&'static str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameIn<'_> {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().find(|name| *name == text))
    }
}

#[cfg(test)]
mod tests;
