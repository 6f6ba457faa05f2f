//! A moment to the millisecond, as people and their tools read it: `2026-01-01T00:00:00.123Z`.

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::text::serde_as_text;

/// A moment from 1970 to 9999, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// The text is not such a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written like 2026-01-01T00:00:00.123Z")]
pub struct TimestampError;

/// The last millisecond of the year 9999, after which the text would have another form.
const LAST: u64 = 253_402_300_799_999;
const DAY: u64 = 86_400_000;

impl Timestamp {
    /// So many milliseconds after the beginning of 1970; what is beyond the year 9999 is its end.
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis > LAST { LAST } else { millis })
    }

    /// Milliseconds after the beginning of 1970.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl From<SystemTime> for Timestamp {
    /// A clock before 1970 stands at 1970.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Year, month and day. Years are counted from March here, so that the odd day of a leap year is their last.
const fn date(days: u64) -> (u64, u64, u64) {
    // 400 years always have 146,097 days; the first of March of the year 0 is 719,468 days before 1970.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (400 * era + year + next, month, day_of_month)
}

/// The days from the beginning of 1970; `None` before that.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let of_year = 365 * year + year / 4 - year / 100 + year / 400;
    (of_year + (153 * month + 2) / 5 + day).checked_sub(719_468 + 1)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY);
        let millis = self.0 % DAY;
        let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
        let (second, millis) = (millis / 1_000 % 60, millis % 1_000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let read = || {
            let day = days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
            let seconds = 3_600 * number(11, 13)? + 60 * number(14, 16)? + number(17, 19)?;
            Some(Self::from_millis(day * DAY + 1_000 * seconds + number(20, 23)?))
        };
        // What is between the numbers, and whether there is such a day, is right when it is written the same.
        let moment = read().filter(|moment| moment.to_string() == text);
        moment.ok_or(TimestampError)
    }
}

serde_as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moment_is_written_as_calendars_have_it() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_millis(seconds * 1_000).to_string(), text);
        }
        assert_eq!(
            Timestamp::from_millis(u64::MAX).to_string(),
            "9999-12-31T23:59:59.999Z"
        );
        assert_eq!(
            Timestamp::from(UNIX_EPOCH - std::time::Duration::from_secs(1)),
            Timestamp(0)
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "2026-02-29T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01 00:00:00.000Z",
            "2026-01-01T00:00:00.000+",
            "+026-01-01T00:00:00.000Z",
            "1969-12-31T23:59:59.999Z",
            "0000-00-00T00:00:00.000Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_comes_back_from_its_text(millis in 0..=LAST) {
            let moment = Timestamp::from_millis(millis);
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn later_is_later_also_as_text(one in 0..=LAST, other in 0..=LAST) {
            let [one, other] = [one, other].map(Timestamp::from_millis);
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }

        #[test]
        fn any_text_is_a_moment_or_refused(text in "\\PC{0,30}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
