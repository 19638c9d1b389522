//! Requests that are covered in a part of what they ask for, and lack just that.
//!
//! With several resources, who is entitled changes with what is lacking, and that changes with what others take
//! and give anywhere in the tree. So nobody keeps a list of them: they are looked for from the root, on the way
//! that fair share goes, and whole groups of places are passed over: where nothing below could cover what is
//! lacking, or nothing lacks that something below could cover.

use super::Pool;
use super::records::Kind;
use crate::amounts::Amounts;
use crate::demand::{Alike, Group};
use crate::ids::{AccountId, RequestIx};
use crate::tree::{Place, ROOT, View};

/// What is known of a level on the way down.
struct Reach {
    /// available(level).
    available: Amounts,
    /// The most that any place on the way has left of what it holds.
    slack: Amounts,
}

impl Reach {
    /// Whether a request of a group may be covered in something that it lacks, and in all that it lacks.
    fn may_entitle(&self, alike: &Alike, group: &Group) -> bool {
        let resources = 0..alike.need.len();
        let coverable = |resource: usize| {
            alike.coverable & (1 << resource) != 0 || alike.need[resource] <= self.slack[resource]
        };
        alike.private
            || resources.clone().all(|resource| {
                alike.need[resource] <= self.available[resource].max(0) || coverable(resource)
            }) && (group.narrow
                || resources.into_iter().any(|resource| {
                    group.most[resource] > self.available[resource].max(0) && coverable(resource)
                }))
    }
}

impl Pool {
    /// The oldest waiting request that lacks something and is covered, at one place, in all that it lacks. Those
    /// that are covered in everything are found where something was given back; here are those that others made
    /// entitled by what they took, or by what they gave back elsewhere.
    pub(super) fn entitled_in_part(&mut self) -> Option<RequestIx> {
        if self.tree.resources() == 1 || self.decision.left == 0 {
            return None;
        }
        self.refresh_lists();
        let resources = self.tree.resources();
        let root = Reach {
            available: (0..resources)
                .map(|resource| self.tree.available_at_root(View::Soon, resource))
                .collect(),
            slack: Amounts::zero(resources),
        };
        let found = self.entitled_in_part_below(ROOT, &root)?;
        if let Some(request) = self.requests.get_mut(found.0) {
            request.tried = 0;
        }
        Some(found)
    }

    fn entitled_in_part_below(&self, level: AccountId, reach: &Reach) -> Option<RequestIx> {
        self.waiting.find_oldest(
            level,
            |alike, group| reach.may_entitle(alike, group),
            |child| match child {
                Place::Own(account) => {
                    let mut offers = self.offers(account).into_iter();
                    offers.find(|&request| self.is_entitled_in_part(request))
                }
                Place::Whole(account) => {
                    self.entitled_in_part_below(account, &self.reach_below(account, reach))
                }
            },
        )
    }

    fn reach_below(&self, account: AccountId, above: &Reach) -> Reach {
        let place = Place::Whole(account);
        let resources = || 0..self.tree.resources();
        Reach {
            available: resources()
                .map(|resource| {
                    let above = above.available[resource];
                    self.tree
                        .available_below(View::Soon, account, resource, above)
                })
                .collect(),
            slack: resources()
                .map(|resource| {
                    // What it keeps back is not seen above, but its own requests may use it.
                    let used = self.tree.used_at(View::Soon, place, resource);
                    let kept = (self.tree.kept(account, resource) - used).max(0);
                    let slack = self.tree.slack_at(View::Soon, place, resource);
                    slack.max(above.slack[resource] + kept)
                })
                .collect(),
        }
    }

    /// Whether the request is such a one. What was tried in vain while it was entitled is looked at again when
    /// something is given back; what was tried in vain before that is tried again.
    fn is_entitled_in_part(&self, index: RequestIx) -> bool {
        self.requests.get(index.0).is_some_and(|request| {
            request.put_off != Some(self.decision.now)
                && !(request.in_vain && self.stuck.contains(&index))
                && self.lacks_what_is_covered(request.account, &request.total)
        })
    }

    /// Whether something is lacking, and one place covers all that is.
    pub(super) fn lacks_what_is_covered(&self, account: AccountId, total: &Amounts) -> bool {
        let lacking = self.tree.lacking(View::Soon, account, total);
        lacking != 0
            && self
                .places(account)
                .any(|place| lacking & !self.tree.covered(View::Soon, place, account, total) == 0)
    }

    /// The requests that were stuck and may be entitled. Those that now lack nothing, without being covered in all
    /// that they ask for, go with the borrowers; should others take what is theirs, they are not in vain any more.
    pub(super) fn stuck_by_now(&mut self) -> Vec<RequestIx> {
        let (borrowers, entitled): (Vec<RequestIx>, Vec<RequestIx>) = self
            .stuck
            .iter()
            .copied()
            .partition(|&request| self.is_borrower(request));
        for request in borrowers {
            if let Some(request) = self.requests.get_mut(request.0) {
                request.in_vain = false;
            }
        }
        entitled
    }

    fn is_borrower(&self, index: RequestIx) -> bool {
        self.requests.get(index.0).is_some_and(|request| {
            let (account, total) = (request.account, &request.total);
            !matches!(request.kind, Kind::Step(_))
                && self.tree.lacking(View::Soon, account, total) == 0
                && !self.is_covered(account, total)
        })
    }
}
