//! Reading a quantity.

use super::{Format, NANO, Quantity};
use std::fmt;
use std::str::FromStr;

/// The most that a quantity in powers of 1024 may be; larger ones are capped, as Kubernetes caps them.
pub(super) const BINARY_MAX: i128 = (i64::MAX as i128) * NANO;

/// A number this far right of the decimal point is below a nano unit, whatever the suffix.
const LEADING_ZEROS_MAX: usize = 64;

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseQuantityError {
    /// There is no digit where one must be.
    NoNumber {
        /// The text.
        text: String,
    },
    /// What follows the number is no suffix.
    UnknownSuffix {
        /// The text.
        text: String,
        /// What follows the number.
        suffix: String,
    },
    /// More than a quantity can hold.
    TooLarge {
        /// The text.
        text: String,
    },
}

impl fmt::Display for ParseQuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseQuantityError::NoNumber { text } => write!(
                f,
                "{text:?} is no quantity: a number must come first, as in 4, 500m, 1.5 or 64Gi"
            ),
            ParseQuantityError::UnknownSuffix { text, suffix } => {
                write!(f, "{text:?} is no quantity: unknown suffix {suffix:?}")?;
                match meant(suffix) {
                    Some(meant) => write!(f, ", perhaps {meant:?} is meant"),
                    None => write!(
                        f,
                        "; there are n u m k M G T P E, Ki Mi Gi Ti Pi Ei and exponents such as e3"
                    ),
                }
            }
            ParseQuantityError::TooLarge { text } => {
                write!(f, "{text:?} is too large: a quantity holds up to 1e29")
            }
        }
    }
}

impl std::error::Error for ParseQuantityError {}

/// The suffix that somebody who wrote this one may have meant.
fn meant(suffix: &str) -> Option<&'static str> {
    Some(match suffix {
        "K" => "k",
        "KB" | "kB" | "kb" => "k",
        "MB" | "Mb" | "mb" => "M",
        "GB" | "Gb" | "gb" | "g" => "G",
        "TB" | "Tb" | "tb" | "t" => "T",
        "PB" | "Pb" | "pb" | "p" => "P",
        "KiB" | "kiB" | "ki" | "KI" => "Ki",
        "MiB" | "mi" | "MI" => "Mi",
        "GiB" | "gi" | "GI" => "Gi",
        "TiB" | "ti" | "TI" => "Ti",
        "PiB" | "pi" | "PI" => "Pi",
        "EiB" | "ei" | "EI" => "Ei",
        _ => return None,
    })
}

/// A suffix: 2^`two` × 10^`ten`.
struct Scale {
    two: u32,
    ten: i64,
    format: Format,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Scale> {
        let decimal = |ten| Scale {
            two: 0,
            ten,
            format: Format::DecimalSi,
        };
        let binary = |two| Scale {
            two,
            ten: 0,
            format: Format::BinarySi,
        };
        Some(match suffix {
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "" => decimal(0),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            // Alone it is exa; before a number, an exponent.
            "E" => decimal(18),
            "Ki" => binary(10),
            "Mi" => binary(20),
            "Gi" => binary(30),
            "Ti" => binary(40),
            "Pi" => binary(50),
            "Ei" => binary(60),
            _ => Scale {
                two: 0,
                ten: parse_exponent(suffix.strip_prefix(['e', 'E'])?)?,
                format: Format::DecimalExponent,
            },
        })
    }
}

/// A whole number with an optional sign. One that is too long for an `i64` ends at the nearest `i64`.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse().unwrap_or(i64::MAX);
    Some(if negative { -size } else { size })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Quantity, ParseQuantityError> {
        let (negative, unsigned) = split_sign(text);
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => split_digits(rest),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(ParseQuantityError::NoNumber { text: text.into() });
        }
        let Some(scale) = Scale::parse(suffix) else {
            return Err(ParseQuantityError::UnknownSuffix {
                text: text.into(),
                suffix: suffix.into(),
            });
        };
        let nano = match nano_units(whole, fraction, &scale) {
            Some(nano) if scale.format == Format::BinarySi => nano.min(BINARY_MAX),
            Some(nano) => nano,
            None if scale.format == Format::BinarySi => BINARY_MAX,
            None => return Err(ParseQuantityError::TooLarge { text: text.into() }),
        };
        // Below one there is no power of 1024 to print it in.
        let format = match scale.format {
            Format::BinarySi if nano < NANO => Format::DecimalSi,
            format => format,
        };
        Ok(Quantity::from_nano(
            if negative { -nano } else { nano },
            format,
        ))
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// `whole.fraction` × `scale` in nano units, rounded up. `None` if an `i128` cannot hold it.
fn nano_units(whole: &str, fraction: &str, scale: &Scale) -> Option<i128> {
    let written = whole.bytes().chain(fraction.bytes());
    let zeros = written.clone().take_while(|&byte| byte == b'0').count();
    let digits: Vec<u8> = written.skip(zeros).map(|byte| byte - b'0').collect();
    if digits.is_empty() {
        return Some(0);
    }
    // The decimal point stands behind so many of the digits, perhaps before the first or after the last.
    let point = i64::try_from(whole.len())
        .ok()?
        .saturating_sub(i64::try_from(zeros).ok()?)
        .saturating_add(scale.ten);
    let factor = NANO << scale.two;
    let in_whole = usize::try_from(point).unwrap_or(0);
    let mut units: i128 = 0;
    for index in 0..in_whole {
        // After some 39 rounds this has overflowed: the first digit is not zero.
        let digit = digits.get(index).copied().unwrap_or(0);
        units = units.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    let leading = usize::try_from(point.saturating_neg())
        .unwrap_or(0)
        .min(LEADING_ZEROS_MAX);
    let below = digits.get(in_whole..).unwrap_or_default();
    units
        .checked_mul(factor)?
        .checked_add(fraction_times(leading, below, factor))
}

/// `0.000digits` (with `leading` zeros) × `factor`, rounded up: long multiplication from the last digit on.
fn fraction_times(leading: usize, digits: &[u8], factor: i128) -> i128 {
    let mut carry = 0;
    let mut inexact = false;
    let zeros = std::iter::repeat_n(&0, leading);
    for &digit in digits.iter().rev().chain(zeros) {
        // The carry stays below the factor, at most 10⁹ × 2⁶⁰, so this stays far below 2¹²⁷.
        let sum = i128::from(digit) * factor + carry;
        inexact |= sum % 10 != 0;
        carry = sum / 10;
    }
    carry + i128::from(inexact)
}
