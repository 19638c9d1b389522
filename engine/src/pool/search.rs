//! Which request is next: the search for the first entitled one, and for the first borrower by fair share.

use super::Pool;
use super::records::Request;
use crate::amounts::Amounts;
use crate::demand::{Age, Demand, Order};
use crate::ids::{AccountId, RequestIx};
use crate::tree::{Place, ROOT, View};
use std::cmp::Reverse;

/// The order among entitled requests: covered by the account's own part, with an earmark, covered deeper, age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    not_own: bool,
    no_earmark: bool,
    depth: Reverse<u32>,
    age: Age,
}

/// Where the next entitled request may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// A request that was looked at before.
    Request(RequestIx),
    /// Whatever waits below a place.
    Place(Place),
}

impl Pool {
    /// Whether the request was served in vain in this round, or is put off for this instant.
    pub(super) fn was_tried(&self, request: &Request) -> bool {
        request.tried == self.decision.round || request.put_off == Some(self.decision.now)
    }

    /// The best request of a source that is entitled, or may become so.
    pub(super) fn best_of(&mut self, source: Source) -> Option<(Rank, RequestIx)> {
        self.refresh_lists();
        let request = match source {
            Source::Request(request) => {
                let entry = self.requests.get(request.0)?;
                if self.was_tried(entry) {
                    return None;
                }
                request
            }
            Source::Place(Place::Own(account)) => {
                self.offer_covered_at(account, Place::Own(account))?
            }
            Source::Place(Place::Whole(account)) => self.search_covered(account)?,
        };
        Some((self.rank(request)?, request))
    }

    fn rank(&mut self, index: RequestIx) -> Option<Rank> {
        let request = self.requests.get(index.0)?;
        let earmarked = request.earmark.is_some();
        let (account, total, age) = (
            request.account,
            request.total.clone(),
            (request.created, request.name.clone()),
        );
        if earmarked {
            self.book_earmark(index, -1);
        }
        let place = self.covering(account, &total);
        if earmarked {
            self.book_earmark(index, 1);
        }
        let (own, depth) = match place {
            Some(Place::Own(id)) => (true, self.tree.account(id).depth + 1),
            Some(Place::Whole(id)) => (false, self.tree.account(id).depth),
            None => (false, 0),
        };
        Some(Rank {
            not_own: !own,
            no_earmark: !earmarked,
            depth: Reverse(depth),
            age,
        })
    }

    /// The deepest place that covers all that is asked for, or something that is lacking.
    pub(super) fn covering(&self, account: AccountId, total: &Amounts) -> Option<Place> {
        let lacking = self.tree.lacking(View::Soon, account, total);
        self.places(account)
            .find(|&place| self.covers(place, account, total, lacking))
    }

    pub(super) fn covers(
        &self,
        place: Place,
        account: AccountId,
        total: &Amounts,
        lacking: u32,
    ) -> bool {
        let covered = self.tree.covered(View::Soon, place, account, total);
        self.asked(total) & !covered == 0 || lacking & covered != 0
    }

    /// The account's first offer that a place covers.
    fn offer_covered_at(&self, account: AccountId, place: Place) -> Option<RequestIx> {
        let offer = self.offers(account).into_iter().find(|&request| {
            self.requests.get(request.0).is_some_and(|entry| {
                let lacking = self.tree.lacking(View::Soon, account, &entry.total);
                !self.was_tried(entry) && self.covers(place, account, &entry.total, lacking)
            })
        });
        if place != Place::Own(account) {
            return offer;
        }
        let Some(step) = self
            .step_offer(account)
            .and_then(|workload| self.workloads.get(workload.0))
            .map(|w| w.step)
        else {
            return offer;
        };
        let priority =
            |request: RequestIx| self.requests.get(request.0).map(|request| request.priority);
        offer
            .filter(|&offer| priority(offer) >= priority(step))
            .or(Some(step))
    }

    /// The oldest request below an account that the account covers.
    fn search_covered(&self, place: AccountId) -> Option<RequestIx> {
        let bound: Vec<i64> = (0..self.tree.resources())
            .map(|resource| {
                let slack = self
                    .tree
                    .slack_at(View::Soon, Place::Whole(place), resource);
                slack.max(self.tree.available(View::Soon, place, resource))
            })
            .collect();
        self.search_covered_below(place, place, &bound)
    }

    fn search_covered_below(
        &self,
        place: AccountId,
        level: AccountId,
        bound: &[i64],
    ) -> Option<RequestIx> {
        self.waiting.find(
            level,
            Order::Age,
            |need| within(need, bound),
            |child| match child {
                Place::Own(account) => self.offer_covered_at(account, Place::Whole(place)),
                Place::Whole(account) => {
                    // What it keeps back is not seen at this level, but its own requests may use it.
                    let bound: Vec<i64> = bound
                        .iter()
                        .enumerate()
                        .map(|(resource, bound)| {
                            let used =
                                self.tree
                                    .used_at(View::Soon, Place::Whole(account), resource);
                            bound + (self.tree.kept(account, resource) - used).max(0)
                        })
                        .collect();
                    self.search_covered_below(place, account, &bound)
                }
            },
        )
    }

    /// Goes down from the root by fair share to the first account for which `pick` finds something.
    pub(super) fn search_share<T>(
        &self,
        demand: &Demand,
        pick: impl Fn(AccountId) -> Option<T> + Copy,
    ) -> Option<T> {
        let root = |view| {
            (0..self.tree.resources())
                .map(|resource| self.tree.available_at_root(view, resource))
                .collect()
        };
        self.search_share_below(demand, ROOT, &root(View::Now), &root(View::Soon), pick)
    }

    fn search_share_below<T>(
        &self,
        demand: &Demand,
        level: AccountId,
        now: &Amounts,
        soon: &Amounts,
        pick: impl Fn(AccountId) -> Option<T> + Copy,
    ) -> Option<T> {
        let fits = |need: &Amounts| within(need, &now.0) && within(need, &soon.0);
        demand.find(level, Order::Share, fits, |child| match child {
            Place::Own(account) => pick(account),
            Place::Whole(account) => {
                let below = |view, above: &Amounts| -> Amounts {
                    let amounts = above.iter().enumerate();
                    amounts
                        .map(|(resource, above)| {
                            self.tree.available_below(view, account, resource, above)
                        })
                        .collect()
                };
                self.search_share_below(
                    demand,
                    account,
                    &below(View::Now, now),
                    &below(View::Soon, soon),
                    pick,
                )
            }
        })
    }
}

/// Whether what is asked for at least is there.
fn within(need: &Amounts, there: &[i64]) -> bool {
    need.iter()
        .zip(there)
        .all(|(need, &there)| need == 0 || need <= there)
}
