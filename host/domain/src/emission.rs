//! A challenge's part of the subnet's emission.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 0 to 100 percent with at most four decimal places, exact. On the wire it is a string (`"12.5"`);
/// a JSON number is read too, because people write one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmissionPercent(Decimal);

/// Why a number is not an emission percent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmissionError {
    /// Not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// Below 0 or above 100.
    #[error("an emission percent lies between 0 and 100")]
    Range,
    /// More than four decimal places.
    #[error(
        "an emission percent has at most {} decimal places",
        EmissionPercent::MAX_SCALE
    )]
    Precision,
}

/// A decimal has at most 29 digits; this leaves room for a sign, a point, an exponent and some zeros.
const DECIMAL_MAX_LEN: usize = 48;

impl EmissionPercent {
    /// The places the original platform's record keeps (`NUMERIC(8,4)`).
    pub const MAX_SCALE: u32 = 4;

    /// Checks range and precision.
    pub fn new(percent: Decimal) -> Result<Self, EmissionError> {
        let percent = percent.normalize();
        if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
            return Err(EmissionError::Range);
        }
        if percent.scale() > Self::MAX_SCALE {
            return Err(EmissionError::Precision);
        }
        Ok(Self(percent))
    }

    /// Exact: the percent in units of 0.0001, 0 to 1,000,000.
    pub fn ten_thousandths(&self) -> u64 {
        let scale = Self::MAX_SCALE.saturating_sub(self.0.scale());
        let units = self.0.mantissa().unsigned_abs() * 10u128.pow(scale);
        u64::try_from(units).unwrap_or(u64::MAX)
    }

    /// Whether the challenge gets nothing.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

/// Reads an exact decimal, also in scientific notation. The library's parser recurses over the digits, so a long
/// text would overflow the stack.
pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    if text.len() > DECIMAL_MAX_LEN {
        return None;
    }
    let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    number.ok()
}

impl FromStr for EmissionPercent {
    type Err = EmissionError;

    fn from_str(text: &str) -> Result<Self, EmissionError> {
        Self::new(parse_decimal(text).ok_or(EmissionError::NotANumber)?)
    }
}

impl fmt::Display for EmissionPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for EmissionPercent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EmissionPercent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a decimal number, best as a string")]
        enum Wire {
            Text(String),
            Number(serde_json::Number),
        }
        let text = match Wire::deserialize(deserializer)? {
            Wire::Text(text) => text,
            // The shortest text that names the same double: what the person typed.
            Wire::Number(number) => number.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_is_exact_between_zero_and_a_hundred() {
        let table = [
            ("0", Ok(("0", 0))),
            ("-0", Ok(("0", 0))),
            ("30", Ok(("30", 300_000))),
            ("1e1", Ok(("10", 100_000))),
            ("12.50", Ok(("12.5", 125_000))),
            ("0.0001", Ok(("0.0001", 1))),
            ("100", Ok(("100", 1_000_000))),
            ("100.0001", Err(EmissionError::Range)),
            ("-1", Err(EmissionError::Range)),
            ("0.00001", Err(EmissionError::Precision)),
            ("NaN", Err(EmissionError::NotANumber)),
            ("Infinity", Err(EmissionError::NotANumber)),
            ("", Err(EmissionError::NotANumber)),
        ];
        for (text, expected) in table {
            let got = text
                .parse::<EmissionPercent>()
                .map(|p| (p.to_string(), p.ten_thousandths()));
            assert_eq!(got, expected.map(|(t, n)| (t.to_owned(), n)), "{text}");
        }
    }

    #[test]
    fn json_numbers_and_strings_mean_the_same() {
        let read = |json: &str| {
            serde_json::from_str::<EmissionPercent>(json)
                .ok()
                .map(|p| p.to_string())
        };
        assert_eq!(read("12.5"), Some("12.5".into()));
        assert_eq!(read("\"12.5\""), Some("12.5".into()));
        assert_eq!(read("0.1"), Some("0.1".into()));
        assert_eq!(read("null"), None);
    }
}
