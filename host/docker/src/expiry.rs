//! When a certificate ends: the one thing of it that an operator has to know in time. Nothing else of it is read here; whether
//! it is any good is the TLS library's business.

use platform_domain::UnixSeconds;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which is not written where it is the first.
const VERSION: u8 = 0xa0;
const DAY: u64 = 24 * 60 * 60;

/// `notAfter` of a certificate in DER (RFC 5280, 4.1); `None` where it is not where it should be, or before 1970.
pub(crate) fn ends_at(certificate: &[u8]) -> Option<UnixSeconds> {
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (mut fields, _) = expect(SEQUENCE, certificate)?;
    if fields.first() == Some(&VERSION) {
        (_, _, fields) = element(fields)?;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (validity, _) = expect(SEQUENCE, fields)?;
    let (_, _, after) = element(validity)?;
    match element(after)? {
        // Two digits of the year: 1950 to 2049.
        (UTC_TIME, text, _) => {
            let (year, rest) = number(text, 2)?;
            seconds(if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, text, _) => {
            let (year, rest) = number(text, 4)?;
            seconds(year, rest)
        }
        _ => None,
    }
}

fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content, and what comes after.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, bytes) = bytes.split_first()?;
    let (length, bytes) = bytes.split_first()?;
    let (length, bytes) = match length {
        short @ 0..0x80 => (usize::from(*short), bytes),
        long => {
            let (length, bytes) = bytes.split_at_checked(usize::from(long & 0x7f))?;
            // More than four bytes would be more than a certificate ever has.
            let length = (1..=4).contains(&length.len()).then_some(length)?;
            (
                length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
                bytes,
            )
        }
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn number(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let all = digits.iter().all(u8::is_ascii_digit);
    let number = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit & 0xf));
    all.then_some((number, rest))
}

/// `MMDDHHMMSSZ` of a year.
fn seconds(year: u64, text: &[u8]) -> Option<UnixSeconds> {
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, text) = number(text, 2)?;
    let possible = (1..=12).contains(&month) && (1..=31).contains(&day) && text == b"Z";
    let days = possible.then(|| days(year, month, day))??;
    Some(UnixSeconds(days * DAY + hour * 3600 + minute * 60 + second))
}

/// Days since 1970-01-01 (`days_from_civil` of Hinnant's "chrono-Compatible Low-Level Date Algorithms"): the year begins in
/// March there, so that the day that some years have is the last one.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = year * 365 + year / 4 - year / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut params = CertificateParams::new(["engine".to_owned()]).unwrap();
        params.not_before = date_time_ymd(1999, 1, 1);
        params.not_after = date_time_ymd(year, month, day);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_a_time() {
        for ((year, month, day), seconds) in [
            ((2000, 2, 29), 951_782_400),
            ((2026, 1, 1), 1_767_225_600),
            ((2049, 12, 31), 2_524_521_600),
            // From 2050 on years have four digits.
            ((2050, 1, 1), 2_524_608_000),
            ((2100, 3, 1), 4_107_542_400),
        ] {
            let found = ends_at(&certificate(year, month, day));
            assert_eq!(found, Some(UnixSeconds(seconds)), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn what_is_cut_off_or_spoiled_has_no_end_and_does_no_harm() {
        let whole = certificate(2026, 1, 1);
        for length in 0..whole.len() {
            assert_eq!(ends_at(&whole[..length]), None, "{length}");
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut spoiled = whole.clone();
                spoiled[at] = value;
                let _ = ends_at(&spoiled);
            }
        }
    }
}
