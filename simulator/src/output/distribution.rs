//! A figure of many workloads as mean and percentiles.

use super::numbers::{divided, from_thousandths};
use serde::Serialize;

/// Values in thousandths, all of them kept: a million take 8 MB, and percentiles stay exact.
#[derive(Clone, Debug, Default)]
pub struct Values(Vec<i64>);

impl Values {
    /// One more.
    pub fn push(&mut self, thousandths: i64) {
        self.0.push(thousandths);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in ascending order.
    pub fn sorted(&self) -> Vec<i64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted
    }

    /// Mean and percentiles; all `None` if there are no values.
    pub fn distribution(&self) -> Distribution {
        let sorted = self.sorted();
        let sum: i128 = sorted.iter().map(|&value| i128::from(value)).sum();
        let count = u64::try_from(sorted.len()).unwrap_or(u64::MAX);
        let at = |percent| nearest_rank(&sorted, percent).map(from_thousandths);
        Distribution {
            count,
            mean: divided(sum, i128::from(count), 1).map(from_thousandths),
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: at(100),
        }
    }
}

/// The smallest value that at least `percent` of all values do not exceed.
pub fn nearest_rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Mean (rounded to thousandths) and percentiles (nearest rank, exact).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// Mean.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// Of how many values.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values = Values::default();
        for value in (1..=100).rev() {
            values.push(value * 1000);
        }
        let distribution = values.distribution();
        assert_eq!(distribution.mean, Some(50.5));
        assert_eq!(distribution.p50, Some(50.0));
        assert_eq!(distribution.p95, Some(95.0));
        assert_eq!(distribution.p99, Some(99.0));
        assert_eq!(distribution.max, Some(100.0));
        assert_eq!(distribution.count, 100);
    }

    #[test]
    fn the_median_of_two_is_the_smaller_and_of_none_there_is_none() {
        assert_eq!(nearest_rank(&[1, 2], 50), Some(1));
        assert_eq!(nearest_rank(&[1, 2], 51), Some(2));
        assert_eq!(Values::default().distribution(), Distribution::default());
    }
}
