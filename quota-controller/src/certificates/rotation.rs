//! When an authority is followed by the next, and which one signs. Pure: `now` is an argument.

use super::authority::{Authority, SignError};
use serde::{Deserialize, Serialize};

/// How long things last, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authority. Its successor is made when a third of it is left.
    pub authority_s: i64,
    /// A certificate. It is renewed when a third of it is left.
    pub certificate_s: i64,
    /// For so long a new authority is only trusted before it signs: until everybody has read it.
    pub spread_s: i64,
}

impl Default for Lifetimes {
    /// Two years, ninety days, one day. The client certificate of a scheduler outside the cluster is copied by
    /// hand, so ninety days leave a month for that.
    fn default() -> Lifetimes {
        const DAY_S: i64 = 86_400;
        Lifetimes {
            authority_s: 730 * DAY_S,
            certificate_s: 90 * DAY_S,
            spread_s: DAY_S,
        }
    }
}

/// The authorities that are trusted, oldest first.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Authorities(Vec<Authority>);

impl Authorities {
    /// Drops those that have ended and makes the next one in time. Tells whether anything changed.
    ///
    /// # Errors
    /// When an authority cannot be made.
    pub fn advance(&mut self, now: i64, lifetimes: &Lifetimes) -> Result<bool, SignError> {
        let before = self.0.len();
        self.0.retain(|authority| authority.ends > now);
        let mut changed = self.0.len() != before;
        let newest_ends = self.0.last().map_or(now, |newest| newest.ends);
        if newest_ends.saturating_sub(now) <= lifetimes.authority_s / 3 {
            self.0.push(Authority::make(now, lifetimes.authority_s)?);
            changed = true;
        }
        Ok(changed)
    }

    /// The one that signs: the newest that is known everywhere; the only one, if it is the first.
    pub fn signer(&self, now: i64, lifetimes: &Lifetimes) -> Option<&Authority> {
        let is_known = |authority: &&Authority| now - authority.made >= lifetimes.spread_s;
        self.0.iter().rev().find(is_known).or(self.0.first())
    }

    /// All certificates, PEM: what everybody trusts.
    pub fn bundle(&self) -> String {
        self.0
            .iter()
            .map(|authority| authority.certificate.as_str())
            .collect()
    }

    /// Whether a certificate that ends then is to be renewed now.
    pub fn is_due(ends: i64, now: i64, lifetimes: &Lifetimes) -> bool {
        ends.saturating_sub(now) <= lifetimes.certificate_s / 3
    }
}
