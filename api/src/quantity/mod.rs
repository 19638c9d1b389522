//! Exact quantities: every form that Kubernetes knows, in whole billionths, never through floating point.
//!
//! A quantity is a count of nano units in an `i128`, so it holds ±1.7 × 10²⁹ units: 10¹⁰ times what an `i64`
//! of bytes does. What is finer than a nano unit is rounded away from zero, as Kubernetes rounds it.

mod parse;
mod print;
#[cfg(test)]
mod tests;
mod text;

pub use parse::ParseQuantityError;
pub use text::QuantityText;
pub(crate) use text::amount_schema;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Nano units in one unit.
const NANO: i128 = 1_000_000_000;

/// Nano units in a thousandth.
const NANO_PER_MILLI: i128 = 1_000_000;

/// An exact amount, with the notation in which it was written.
///
/// Two quantities are equal when their amounts are, however they were written: `1` is `1000m`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// The notation of a quantity. It decides only how the quantity is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Powers of ten by letter: `n u m k M G T P E`.
    #[default]
    DecimalSi,
    /// Powers of 1024: `Ki Mi Gi Ti Pi Ei`.
    BinarySi,
    /// Powers of ten by exponent: `e3`.
    DecimalExponent,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity::from_nano(0, Format::DecimalSi);

    /// So many billionths.
    pub const fn from_nano(nano: i128, format: Format) -> Quantity {
        Quantity { nano, format }
    }

    /// So many thousandths, printed in decimal.
    pub fn from_milli(milli: i64) -> Quantity {
        Quantity::from_nano(i128::from(milli) * NANO_PER_MILLI, Format::DecimalSi)
    }

    /// So many units.
    pub fn from_units(units: i64, format: Format) -> Quantity {
        Quantity::from_nano(i128::from(units) * NANO, format)
    }

    /// A count of base units of `resource`, as the engine keeps it: bytes are printed in powers of 1024.
    pub fn from_base_units(resource: &str, amount: i64) -> Quantity {
        match BaseUnit::of(resource) {
            BaseUnit::Milli => Quantity::from_milli(amount),
            BaseUnit::Byte => Quantity::from_units(amount, Format::BinarySi),
            BaseUnit::Count => Quantity::from_units(amount, Format::DecimalSi),
        }
    }

    /// The amount in billionths.
    pub const fn nano(self) -> i128 {
        self.nano
    }

    /// The notation.
    pub const fn format(self) -> Format {
        self.format
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// Whole units, rounded away from zero.
    pub fn units(self) -> i128 {
        divide_away_from_zero(self.nano, NANO)
    }

    /// Whole thousandths, rounded away from zero.
    pub fn milli(self) -> i128 {
        divide_away_from_zero(self.nano, NANO_PER_MILLI)
    }

    /// Base units of `resource`: thousandths of a `cpu`, else whole units; rounded away from zero. `None`
    /// if they are more than an `i64` holds.
    pub fn base_units(self, resource: &str) -> Option<i64> {
        let amount = match BaseUnit::of(resource) {
            BaseUnit::Milli => self.milli(),
            BaseUnit::Byte | BaseUnit::Count => self.units(),
        };
        i64::try_from(amount).ok()
    }

    /// The sum, in this notation. `None` if it cannot be held.
    pub fn checked_add(self, other: Quantity) -> Option<Quantity> {
        let nano = self.nano.checked_add(other.nano)?;
        Some(Quantity::from_nano(nano, self.format))
    }

    /// The difference, in this notation. `None` if it cannot be held.
    pub fn checked_sub(self, other: Quantity) -> Option<Quantity> {
        let nano = self.nano.checked_sub(other.nano)?;
        Some(Quantity::from_nano(nano, self.format))
    }
}

/// What a resource is counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BaseUnit {
    /// Thousandths.
    Milli,
    /// Bytes.
    Byte,
    /// Whole things.
    Count,
}

impl BaseUnit {
    fn of(resource: &str) -> BaseUnit {
        match resource {
            "cpu" => BaseUnit::Milli,
            "memory" | "ephemeral-storage" | "storage" => BaseUnit::Byte,
            _ if resource.starts_with("hugepages-") => BaseUnit::Byte,
            _ => BaseUnit::Count,
        }
    }
}

fn divide_away_from_zero(nano: i128, by: i128) -> i128 {
    let whole = nano / by;
    match nano % by {
        0 => whole,
        _ => whole + nano.signum(),
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Quantity) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Quantity) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Quantity) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nano.hash(state);
    }
}
