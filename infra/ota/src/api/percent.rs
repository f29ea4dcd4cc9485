//! A rate in per cent with at most one decimal, as people and the REST write it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

/// 0.1 to 100 per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent {
    tenths: u16,
}

impl Percent {
    pub(crate) const ALL: Self = Self::whole(100);

    /// So many per cent, brought to 1 to 100.
    pub(crate) const fn whole(percent: u8) -> Self {
        Self {
            tenths: match percent {
                0 => 10,
                1..=100 => percent as u16 * 10,
                _ => 1000,
            },
        }
    }

    /// `5`, `2.5` or `5%`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, decimal) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let tenths = (is_number(whole) && is_number(decimal) && decimal.len() == 1)
            .then(|| Some(whole.parse::<u16>().ok()?.checked_mul(10)? + decimal.parse::<u16>().ok()?))
            .flatten();
        tenths
            .filter(|tenths| (1..=1000).contains(tenths))
            .map(|tenths| Self { tenths })
            .ok_or_else(|| "a rate is 0.1 to 100 per cent, with at most one decimal".to_owned())
    }

    /// Per mille.
    pub(crate) fn per_mille(self) -> i64 {
        self.tenths.into()
    }
}

/// `5 %`.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tenths / 10, self.tenths % 10) {
            (whole, 0) => write!(f, "{whole} %"),
            (whole, decimal) => write!(f, "{whole}.{decimal} %"),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.tenths.is_multiple_of(10) {
            serializer.serialize_u16(self.tenths / 10)
        } else {
            serializer.serialize_f64(f64::from(self.tenths) / 10.0)
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Number::deserialize(deserializer)?.to_string()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_goes_over_the_wire_and_back() {
        for (text, wire, shown) in [
            ("5", "5", "5 %"),
            ("2.5%", "2.5", "2.5 %"),
            ("0.1", "0.1", "0.1 %"),
            ("100 %", "100", "100 %"),
            ("99.9", "99.9", "99.9 %"),
        ] {
            let percent = Percent::parse(text).unwrap();
            assert_eq!(serde_json::to_string(&percent).unwrap(), wire);
            assert_eq!(serde_json::from_str::<Percent>(wire).unwrap(), percent);
            assert_eq!(percent.to_string(), shown);
        }
        assert_eq!(serde_json::from_str::<Percent>("5.0").unwrap().per_mille(), 50);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for wrong in ["", "0", "0.0", "100.1", "2.55", "-1", "+5", ".5", "5.", "5e1", "99999999999", "five"] {
            assert!(Percent::parse(wrong).is_err(), "{wrong}");
        }
    }
}
