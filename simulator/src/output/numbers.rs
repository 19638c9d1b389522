//! Integers in, decimals out: the only place where results become fractions.
//!
//! Figures are summed as integers and divided once, at the end. One correctly rounded division gives the same
//! bits on every machine.

use engine::{Span, Time};
use serde::{Serialize, Serializer};

/// Thousandths as a decimal fraction: milliseconds as seconds, millicores as cores.
#[expect(
    clippy::cast_precision_loss,
    reason = "thousandths below 2^53 are exact, and so is the shortest text of their quotient"
)]
pub fn from_thousandths(thousandths: i64) -> f64 {
    thousandths as f64 / 1000.0
}

/// Millionths as a decimal fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "ratios are small: their millionths are far below 2^53"
)]
pub fn from_millionths(millionths: i64) -> f64 {
    millionths as f64 / 1_000_000.0
}

/// The text of thousandths with all three decimals: `12.345`, `-0.001`.
pub fn thousandths_text(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let size = thousandths.unsigned_abs();
    format!("{sign}{}.{:03}", size / 1000, size % 1000)
}

/// `part / whole` in units of `1 / scale`, rounded half up; `None` where the whole is not positive.
pub fn divided(part: i128, whole: i128, scale: i128) -> Option<i64> {
    if whole <= 0 {
        return None;
    }
    let doubled = part.saturating_mul(scale).saturating_mul(2) + whole;
    i64::try_from(doubled.div_euclid(2 * whole)).ok()
}

/// `part / whole` with six decimals; `None` where the whole is not positive.
pub fn ratio(part: i128, whole: i128) -> Option<f64> {
    divided(part, whole, 1_000_000).map(from_millionths)
}

/// A length of time (or replica-time) in milliseconds, written as seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub i64);

impl Seconds {
    /// The seconds from `start` to `time`.
    pub fn since(start: Time, time: Time) -> Seconds {
        Seconds((time - start).0)
    }
}

impl From<Span> for Seconds {
    fn from(span: Span) -> Seconds {
        Seconds(span.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(from_thousandths(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_its_milliseconds_and_nothing_else() {
        for (ms, json, csv) in [
            (0, "0.0", "0.000"),
            (12_345, "12.345", "12.345"),
            (12_000, "12.0", "12.000"),
            (-1, "-0.001", "-0.001"),
            (1_769_904_000_001, "1769904000.001", "1769904000.001"),
            (86_400_000_100, "86400000.1", "86400000.100"),
        ] {
            assert_eq!(serde_json::to_string(&Seconds(ms)).unwrap(), json);
            assert_eq!(thousandths_text(ms), csv);
        }
    }

    #[test]
    fn quotients_round_half_up_and_nothing_is_divided_by_nothing() {
        assert_eq!(divided(1, 3, 1000), Some(333));
        assert_eq!(divided(1, 2, 1), Some(1));
        assert_eq!(divided(-1, 2, 1), Some(0));
        assert_eq!(ratio(2, 3), Some(0.666_667));
        assert_eq!(ratio(1, 0), None);
    }
}
