//! Amounts of the resources that one pool leases.

use smallvec::SmallVec;
use std::ops::{AddAssign, Index, IndexMut, SubAssign};

/// The most that any one amount in an event may be. Larger ones are refused at the door, so that sums of
/// thousands of them stay far from the ends of an `i64`: 2^53 bytes are 8 PiB.
pub const AMOUNT_MAX: i64 = 1 << 53;

/// "No limit": larger than any sum of amounts, small enough to be added to one.
pub const UNLIMITED: i64 = i64::MAX / 4;

/// One amount for each resource of a pool, in the pool's order, in base units (millicores for `cpu`,
/// otherwise whole units: bytes, counts).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amounts(pub SmallVec<[i64; 4]>);

impl Amounts {
    /// Nothing of `resources` resources.
    pub fn zero(resources: usize) -> Amounts {
        Amounts::filled(resources, 0)
    }

    /// The same amount of each of `resources` resources.
    pub fn filled(resources: usize, amount: i64) -> Amounts {
        Amounts(SmallVec::from_elem(amount, resources))
    }

    /// The number of resources.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no resources at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every amount is zero.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&amount| amount == 0)
    }

    /// The amounts in the pool's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        self.0.iter().copied()
    }

    /// These amounts `count` times.
    pub fn times(&self, count: i64) -> Amounts {
        Amounts(
            self.0
                .iter()
                .map(|&amount| amount.saturating_mul(count))
                .collect(),
        )
    }

    /// Raises each amount to its counterpart in `other` where that is more.
    pub fn raise(&mut self, other: &Amounts) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// Whether each amount is at most its counterpart in `room`.
    pub fn fits(&self, room: &Amounts) -> bool {
        self.0
            .iter()
            .zip(&room.0)
            .all(|(amount, room)| amount <= room)
    }
}

impl FromIterator<i64> for Amounts {
    fn from_iter<I: IntoIterator<Item = i64>>(amounts: I) -> Amounts {
        Amounts(amounts.into_iter().collect())
    }
}

impl Index<usize> for Amounts {
    type Output = i64;
    fn index(&self, resource: usize) -> &i64 {
        &self.0[resource]
    }
}

impl IndexMut<usize> for Amounts {
    fn index_mut(&mut self, resource: usize) -> &mut i64 {
        &mut self.0[resource]
    }
}

impl AddAssign<&Amounts> for Amounts {
    fn add_assign(&mut self, other: &Amounts) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(*theirs);
        }
    }
}

impl SubAssign<&Amounts> for Amounts {
    fn sub_assign(&mut self, other: &Amounts) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_sub(*theirs);
        }
    }
}
