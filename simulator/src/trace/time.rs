//! Instants and lengths of time as traces write them, in whole milliseconds and never through floating point.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// How a trace counts its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Seconds since the trace's own beginning.
    Seconds,
    /// Calendar time; without a zone it is taken for UTC.
    Calendar,
}

/// What an instant may look like, for messages.
pub const INSTANT: &str =
    "write seconds (`12.5`) or a time (`2017-10-09 07:01:55`, `2017-10-09T07:01:55Z`)";
/// What a length of time may look like, for messages.
pub const LENGTH: &str = "write seconds, such as `90` or `0.5`";

/// An instant in milliseconds, rounded down: seconds since the trace's beginning, or a calendar time.
pub fn instant(text: &str) -> Option<(i64, Kind)> {
    match decimal(text, 1000) {
        Some((ms, _)) => Some((ms, Kind::Seconds)),
        None => calendar(text).map(|ms| (ms, Kind::Calendar)),
    }
}

/// A length of time in milliseconds, given in seconds, rounded up so that none vanishes.
pub fn length(text: &str) -> Option<i64> {
    let (ms, exact) = decimal(text, 1000)?;
    ms.checked_add(i64::from(!exact)).filter(|&ms| ms >= 0)
}

/// A calendar time in milliseconds since 1970, rounded down: a date, a date and time, either with a zone or in UTC.
pub fn calendar(text: &str) -> Option<i64> {
    // A zone is a `Z`, or a sign behind the time of day; the date has dashes of its own.
    let zoned =
        text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|rest| rest.contains(['+', '-']));
    let instant: Timestamp = if zoned {
        text.parse().ok()?
    } else if text.len() > 10 {
        utc(text.parse::<DateTime>().ok()?)?
    } else {
        utc(text.parse::<Date>().ok()?.at(0, 0, 0, 0))?
    };
    i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).ok()
}

fn utc(civil: DateTime) -> Option<Timestamp> {
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A decimal number times `scale`, rounded down, and whether that was exact.
pub fn decimal(text: &str, scale: i64) -> Option<(i64, bool)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !plain(whole) || !plain(part) {
        return None;
    }
    let mut total = match whole {
        "" => 0,
        _ => whole.parse::<i64>().ok()?.checked_mul(scale)?,
    };
    let mut rest = 0;
    let mut unit = scale;
    for digit in part.bytes() {
        // `rest` counts units of `scale` that are still to be divided by ten.
        rest = if unit % 10 == 0 {
            unit /= 10;
            total = total.checked_add(i64::from(digit - b'0').checked_mul(unit)?)?;
            rest
        } else {
            rest | i64::from(digit - b'0')
        };
    }
    let exact = rest == 0;
    Some(match negative {
        false => (total, exact),
        true => (-total - i64::from(!exact), exact),
    })
}

/// Milliseconds as seconds, the reverse of [`instant`] and [`length`].
pub fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let (whole, part) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    match part {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{part:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_calendar_times_are_read_exactly() {
        for (text, ms, kind) in [
            ("0", 0, Kind::Seconds),
            ("599850", 599_850_000, Kind::Seconds),
            ("12.5", 12_500, Kind::Seconds),
            ("0.0019", 1, Kind::Seconds),
            ("-0.0019", -2, Kind::Seconds),
            (".25", 250, Kind::Seconds),
            ("1970-01-02", 86_400_000, Kind::Calendar),
            ("1970-01-01 00:01:00", 60_000, Kind::Calendar),
            ("1970-01-01T00:01:00.9999999", 60_999, Kind::Calendar),
            ("1970-01-01T00:01:00Z", 60_000, Kind::Calendar),
            ("1970-01-01 01:01:00+01:00", 60_000, Kind::Calendar),
            ("1969-12-31 23:59:59.9995", -1, Kind::Calendar),
            ("2017-10-01", 1_506_816_000_000, Kind::Calendar),
        ] {
            assert_eq!(instant(text), Some((ms, kind)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            ".",
            "-",
            "1e3",
            "1,5",
            "2017-02-30",
            "2017-10-01 25:00:00",
            "soon",
            "99999999999999999999",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_rounded_up_and_never_negative() {
        assert_eq!(length("66.0"), Some(66_000));
        assert_eq!(length("0.0001"), Some(1));
        assert_eq!(length("-1"), None);
    }

    #[test]
    fn written_seconds_read_back() {
        for ms in [0, 1, -1, 999, 1000, -61_001, 86_400_005] {
            assert_eq!(instant(&seconds(ms)), Some((ms, Kind::Seconds)));
        }
    }
}
