//! Writing a quantity in its canonical form: no precision lost, no fraction, the suffix as large as possible.

use super::parse::BINARY_MAX;
use super::{Format, NANO, Quantity};
use std::fmt;

const DECIMAL_SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return f.write_str("0");
        }
        match self.format {
            Format::BinarySi if has_binary_form(self.nano) => {
                let (mantissa, suffix) = reduce(self.nano / NANO, 1024, &BINARY_SUFFIXES);
                write!(f, "{mantissa}{suffix}")
            }
            Format::BinarySi | Format::DecimalSi => {
                let (mantissa, suffix) = reduce(self.nano, 1000, &DECIMAL_SUFFIXES);
                write!(f, "{mantissa}{suffix}")
            }
            Format::DecimalExponent => write_exponent(self.nano, f),
        }
    }
}

/// Small amounts and those with a fraction are clearer in decimal, and Kubernetes prints them so. Those above
/// the cap would not be read back.
fn has_binary_form(nano: i128) -> bool {
    nano % NANO == 0 && (1024 * NANO..=BINARY_MAX).contains(&nano.abs())
}

/// Divides by `step` as often as it divides evenly and there is a suffix for it.
fn reduce<'a>(amount: i128, step: i128, suffixes: &[&'a str]) -> (i128, &'a str) {
    let mut mantissa = amount;
    let mut suffixes = suffixes.iter().copied();
    let mut suffix = suffixes.next().unwrap_or_default();
    while mantissa % step == 0 {
        let Some(next) = suffixes.next() else { break };
        mantissa /= step;
        suffix = next;
    }
    (mantissa, suffix)
}

fn write_exponent(nano: i128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut mantissa = nano;
    let mut exponent = -9;
    while mantissa % 1000 == 0 {
        mantissa /= 1000;
        exponent += 3;
    }
    match exponent {
        0 => write!(f, "{mantissa}"),
        _ => write!(f, "{mantissa}e{exponent}"),
    }
}
