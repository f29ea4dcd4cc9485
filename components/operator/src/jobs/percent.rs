//! Shares as operators write them: per cent with at most one decimal; inside they are per mille.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::{Number, Value};

/// A share in per mille, written in per cent: `2.5` is 25.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(i64);

impl Percent {
    pub(crate) fn from_per_mille(per_mille: i64) -> Self {
        Self(per_mille)
    }

    pub(crate) fn per_mille(self) -> i64 {
        self.0
    }

    /// The number that `text` writes, when it has at most one decimal.
    fn parse(text: &str) -> Option<Self> {
        let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
        let is_tenth = tenth.len() == 1 && tenth.bytes().all(|byte| byte.is_ascii_digit());
        if !is_tenth {
            return None;
        }
        let (whole, tenth): (i64, i64) = (whole.parse().ok()?, tenth.parse().ok()?);
        let tenth = if text.starts_with('-') { -tenth } else { tenth };
        whole.checked_mul(10)?.checked_add(tenth).map(Self)
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenth) => write!(f, "{sign}{}.{}", whole.abs(), tenth.abs()),
        }
    }
}

impl From<Percent> for Value {
    fn from(percent: Percent) -> Self {
        if percent.0 % 10 == 0 {
            return (percent.0 / 10).into();
        }
        // Every share that is kept fits.
        let per_mille = i32::try_from(percent.0).unwrap_or(i32::MAX);
        Number::from_f64(f64::from(per_mille) / 10.0).map_or(Self::Null, Self::Number)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        Self::parse(&number.to_string()).ok_or_else(|| {
            D::Error::custom(format!("{number} is no share, must be per cent with at most one decimal"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_at_most_one_decimal() {
        for (text, per_mille, shown) in
            [("5", 50, "5"), ("2.5", 25, "2.5"), ("5.0", 50, "5"), ("0.1", 1, "0.1"), ("-0.5", -5, "-0.5")]
        {
            let percent: Percent = serde_json::from_str(text).unwrap();
            assert_eq!((percent.per_mille(), percent.to_string().as_str()), (per_mille, shown));
            assert_eq!(Value::from(percent).to_string(), shown);
        }
        for text in ["2.55", "1e30", "\"5\"", "null", "9223372036854775807", "[1]"] {
            assert!(serde_json::from_str::<Percent>(text).is_err(), "{text}");
        }
    }
}
