//! Exact comparison of fractions whose cross products may not fit into any integer type.

use std::cmp::Ordering;

/// A fraction of non-negative integers. A denominator of 0 stands for infinity (0/0: for zero).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ratio {
    numerator: u128,
    denominator: u128,
}

impl Ratio {
    /// Nothing.
    pub(crate) const ZERO: Ratio = Ratio {
        numerator: 0,
        denominator: 1,
    };

    /// `numerator / denominator`.
    pub(crate) fn new(numerator: u128, denominator: u128) -> Ratio {
        if numerator == 0 {
            Ratio::ZERO
        } else {
            Ratio {
                numerator,
                denominator,
            }
        }
    }
}

/// Compares `a/b` with `c/d` by their continued fractions: whole parts first, then the reciprocals of the
/// rests, which turns the order round. Ends like Euclid's algorithm.
fn compare(mut a: u128, mut b: u128, mut c: u128, mut d: u128) -> Ordering {
    let mut turned = false;
    loop {
        let order = match (b, d) {
            (0, 0) => Some(Ordering::Equal),
            (0, _) => Some(Ordering::Greater),
            (_, 0) => Some(Ordering::Less),
            _ => match (a / b).cmp(&(c / d)) {
                Ordering::Equal => None,
                order => Some(order),
            },
        };
        if let Some(order) = order {
            return if turned { order.reverse() } else { order };
        }
        (a, b) = (b, a % b);
        (c, d) = (d, c % d);
        turned = !turned;
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        match (
            self.numerator.checked_mul(other.denominator),
            other.numerator.checked_mul(self.denominator),
        ) {
            (Some(mine), Some(theirs)) if self.denominator != 0 || other.denominator != 0 => {
                mine.cmp(&theirs)
            }
            _ => compare(
                self.numerator,
                self.denominator,
                other.numerator,
                other.denominator,
            ),
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn continued_fractions_order_like_cross_products(a in 0u64.., b in 1u64.., c in 0u64.., d in 1u64..) {
            let (a, b, c, d) = (u128::from(a), u128::from(b), u128::from(c), u128::from(d));
            prop_assert_eq!(compare(a, b, c, d), (a * d).cmp(&(c * b)));
        }
    }

    #[test]
    fn cross_products_beyond_128_bits_are_compared() {
        let big = u128::MAX / 2;
        assert!(Ratio::new(big, big - 1) > Ratio::new(big - 1, big - 1));
        assert_eq!(Ratio::new(big, big), Ratio::new(1, 1));
        assert!(Ratio::new(1, 0) > Ratio::new(big, 1));
    }
}
