//! How long an instance of a component lives.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use crate::text::serde_as_text;

/// How many calls one instance answers. The text forms are `per-call`, `warm(N)`, `warm(N, CALLS)` and
/// `warm(N, CALLS, AGE)` with the age in whole seconds, as `60s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Instances {
    /// One. Nothing that a call leaves in memory is there for the next one.
    #[default]
    PerCall,
    /// Several, one after the other: for guests whose start takes longer than their answers.
    Warm(Warm),
}

/// Bounds of a warm pool. A call that ends badly ends its instance too, whatever stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Warm {
    /// Idle instances that are kept for the next calls; a challenge that keeps files has one at most.
    pub idle: NonZeroU32,
    /// Calls that one instance answers: bounds what a guest that forgets to free can pile up.
    pub max_calls: NonZeroU32,
    /// How long an instance lives: bounds how old what it remembers can be.
    pub max_age: Duration,
}

/// The text names no way to keep instances.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "instances is per-call or warm(N, CALLS, AGE), for example warm(4, 1000, 60s): at least one of each, at most a day"
)]
pub struct UnknownInstances;

/// Without a word of the operator: seldom enough that starting anew costs nothing, often enough that a guest
/// that leaks does not get far.
const DEFAULT_CALLS: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Without a word of the operator: what changes outside of a guest, such as the time zone of a day's ranking, is
/// noticed within a minute.
const DEFAULT_AGE: Duration = Duration::from_secs(60);
/// An instance that lives longer is not bounded by its age.
const LONGEST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

impl Warm {
    /// So many idle instances, with the usual bounds.
    pub fn new(idle: NonZeroU32) -> Self {
        Self {
            idle,
            max_calls: DEFAULT_CALLS,
            max_age: DEFAULT_AGE,
        }
    }
}

impl FromStr for Instances {
    type Err = UnknownInstances;

    fn from_str(text: &str) -> Result<Self, UnknownInstances> {
        let text = text.trim();
        if text == "per-call" {
            return Ok(Self::PerCall);
        }
        let inner = text.strip_prefix("warm(").and_then(|rest| rest.strip_suffix(')'));
        let parts: Vec<&str> = inner.ok_or(UnknownInstances)?.split(',').map(str::trim).collect();
        let (idle, calls, age) = match parts.as_slice() {
            [idle] => (*idle, None, None),
            [idle, calls] => (*idle, Some(*calls), None),
            [idle, calls, age] => (*idle, Some(*calls), Some(*age)),
            _ => return Err(UnknownInstances),
        };
        let mut warm = Warm::new(number(idle)?);
        if let Some(calls) = calls {
            warm.max_calls = number(calls)?;
        }
        if let Some(age) = age {
            let seconds = number(age.strip_suffix('s').ok_or(UnknownInstances)?)?;
            warm.max_age = Duration::from_secs(seconds.get().into());
        }
        if warm.max_age > LONGEST_AGE {
            return Err(UnknownInstances);
        }
        Ok(Self::Warm(warm))
    }
}

/// Digits only: `+1` is a typing error.
fn number(text: &str) -> Result<NonZeroU32, UnknownInstances> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnknownInstances);
    }
    text.parse().map_err(|_| UnknownInstances)
}

impl fmt::Display for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerCall => f.write_str("per-call"),
            Self::Warm(Warm {
                idle,
                max_calls,
                max_age,
            }) => write!(f, "warm({idle}, {max_calls}, {}s)", max_age.as_secs()),
        }
    }
}

serde_as_text!(Instances);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in_and_written_out() {
        for (text, shown) in [
            ("per-call", "per-call"),
            (" warm(1) ", "warm(1, 1000, 60s)"),
            ("warm(4,10)", "warm(4, 10, 60s)"),
            ("warm( 4 , 10 , 86400s )", "warm(4, 10, 86400s)"),
        ] {
            let parsed: Instances = text.parse().unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(shown.parse(), Ok(parsed), "{shown} reads as itself");
        }
    }

    #[test]
    fn what_bounds_nothing_is_refused() {
        for text in [
            "",
            "warm",
            "warm()",
            "warm(0)",
            "warm(1, 0)",
            "warm(1, 1, 0s)",
            "warm(1, 1, 60)",
            "warm(1, 1, 86401s)",
            "warm(+1)",
            "warm(-1)",
            "warm(1, 1, 1s, 1)",
            "warm(4294967296)",
            "warm(1",
            "per-call(1)",
            "Warm(1)",
            "warm(1,)",
            "warm(١)",
        ] {
            assert_eq!(text.parse::<Instances>(), Err(UnknownInstances), "{text:?}");
        }
    }
}
