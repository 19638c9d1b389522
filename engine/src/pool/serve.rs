//! Serving requests in their order: each is admitted, or room is made for it, or it waits.

use super::Pool;
use super::records::{Earmark, Kind};
use super::search::{Rank, Source};
use crate::ids::{AccountId, RequestIx};
use crate::tree::{Place, View};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    Admitted,
    Earmarked,
    Stuck,
}

impl Pool {
    pub(super) fn serve_entitled(
        &mut self,
        seen: &mut BTreeSet<AccountId>,
        sources: BTreeSet<Source>,
    ) {
        let mut heap: BinaryHeap<Reverse<(Rank, Source)>> = BinaryHeap::new();
        for source in sources {
            heap.extend(
                self.best_of(source)
                    .map(|(rank, _)| Reverse((rank, source))),
            );
        }
        loop {
            let mut places: BTreeSet<Place> = BTreeSet::new();
            for account in std::mem::take(&mut self.touched) {
                seen.insert(account);
                places.extend(self.places(account));
            }
            for place in places {
                let source = Source::Place(place);
                heap.extend(
                    self.best_of(source)
                        .map(|(rank, _)| Reverse((rank, source))),
                );
            }
            let Some(Reverse((rank, source))) = heap.pop() else {
                break;
            };
            let Some((now_rank, request)) = self.best_of(source) else {
                continue;
            };
            // Others may have gone first meanwhile: the source's best is then a later one.
            if now_rank > rank
                && heap
                    .peek()
                    .is_some_and(|Reverse((next, _))| *next < now_rank)
            {
                heap.push(Reverse((now_rank, source)));
                continue;
            }
            self.serve(request);
            if let Source::Place(_) = source {
                heap.extend(
                    self.best_of(source)
                        .map(|(rank, _)| Reverse((rank, source))),
                );
            }
        }
    }

    /// Serves the next borrower by fair share; whether there was one.
    pub(super) fn serve_borrower(&mut self) -> bool {
        self.refresh_lists();
        let found = self.search_share(&self.waiting, |account| {
            self.offers(account).into_iter().find(|&request| {
                self.requests.get(request.0).is_some_and(|entry| {
                    !self.was_tried(entry)
                        && self.tree.lacking(View::Now, account, &entry.total) == 0
                        && self.tree.lacking(View::Soon, account, &entry.total) == 0
                })
            })
        });
        let Some(request) = found else { return false };
        if self.serve(request) == Served::Stuck
            && self.decision.left > 0
            && self
                .requests
                .get(request.0)
                .is_some_and(|entry| entry.earmark.is_none())
        {
            self.park_class(request);
        }
        true
    }

    /// Requests that lack something, in accounts where units of lower priority or elastic surplus run.
    pub(super) fn serve_by_priority(&mut self, seen: &BTreeSet<AccountId>) -> bool {
        for &account in seen {
            let Some(queue) = self.queue_of(account) else {
                continue;
            };
            let lowest = queue.units.first().map(|unit| unit.priority);
            let Some(lowest) = lowest.filter(|_| !queue.classes.is_empty()) else {
                continue;
            };
            let elastic = !queue.elastic.is_empty();
            let highest = queue
                .classes
                .first_key_value()
                .map(|((priority, _), _)| priority.0);
            if highest.is_none_or(|highest| highest < lowest || (highest == lowest && !elastic)) {
                continue;
            }
            let next = self.offers(account).into_iter().find(|&request| {
                self.requests.get(request.0).is_some_and(|entry| {
                    let may_take = entry.priority > lowest || (elastic && entry.priority >= lowest);
                    !self.was_tried(entry) && may_take
                })
            });
            if let Some(next) = next {
                self.serve(next);
                return true;
            }
        }
        false
    }

    /// Admits a request, makes room for it, or finds that it has to wait.
    fn serve(&mut self, index: RequestIx) -> Served {
        let served = if self.decision.left == 0 {
            Served::Stuck
        } else {
            self.try_serve(index)
        };
        self.decision.left = self.decision.left.saturating_sub(1);
        if served == Served::Stuck
            && let Some(request) = self.requests.get_mut(index.0)
        {
            request.tried = self.decision.round;
            self.decision.news.insert(index);
        }
        served
    }

    fn try_serve(&mut self, index: RequestIx) -> Served {
        let Some(request) = self.requests.get(index.0) else {
            return Served::Stuck;
        };
        if let Kind::Step(workload) = request.kind
            && self
                .workloads
                .get(workload.0)
                .is_none_or(|workload| workload.grow_key.is_none())
        {
            // It cools down, or may grow no further: no request.
            self.drop_earmark(index);
            self.stuck.remove(&index);
            return Served::Stuck;
        }
        if self
            .held_because(request.account, request.priority)
            .is_some()
        {
            self.hold_request(index);
            return Served::Stuck;
        }
        if request.earmark.is_some()
            && let Some(served) = self.release_or_keep(index)
        {
            return served;
        }
        if self.admit_if_it_fits(index) {
            return Served::Admitted;
        }
        let taken_over = self.take_over_earmarks(index);
        let Some(plan) = self.plan(index) else {
            // It cannot use them: they stay whose they were.
            for (other, earmark) in taken_over {
                self.make_earmark(other, earmark);
            }
            return self.without_plan(index);
        };
        let inherited = taken_over
            .into_iter()
            .flat_map(|(_, earmark)| earmark.victims)
            .collect();
        if plan.victims.is_empty()
            && self
                .requests
                .get(index.0)
                .is_some_and(|request| matches!(request.kind, Kind::Step(_)))
        {
            // What it needs is on its way already; a step keeps nothing from others for that.
            self.stuck.insert(index);
            return Served::Stuck;
        }
        self.carry_out(index, plan, inherited);
        if self.admit_if_it_fits(index) {
            Served::Admitted
        } else {
            Served::Earmarked
        }
    }

    /// An earmarked request is admitted if what it needs is free, and waits on if that is on its way. Otherwise
    /// it keeps nothing any more and is served like others: no answer.
    fn release_or_keep(&mut self, index: RequestIx) -> Option<Served> {
        if self.admit_if_it_fits(index) {
            return Some(Served::Admitted);
        }
        if self.earmark_holds(index) {
            return Some(Served::Stuck);
        }
        self.drop_earmark(index);
        self.requeue(index);
        None
    }

    /// Rule 9: the request is judged by what it lacks and by what it lacked when the earmark was made.
    fn earmark_holds(&mut self, index: RequestIx) -> bool {
        self.book_earmark(index, -1);
        let holds = self.requests.get(index.0).is_some_and(|request| {
            let Some(earmark) = &request.earmark else {
                return false;
            };
            let lacking = self
                .tree
                .lacking(View::Soon, request.account, &request.total);
            let judged = lacking | earmark.lacked;
            let entitled = self.places(request.account).any(|place| {
                judged
                    & !self
                        .tree
                        .covered(View::Soon, place, request.account, &request.total)
                    == 0
            });
            lacking == 0 && (entitled || earmark.by_priority)
        });
        self.book_earmark(index, 1);
        holds
            && self
                .requests
                .get(index.0)
                .and_then(|request| request.earmark.as_ref())
                .is_some_and(|earmark| {
                    earmark.nodes.iter().all(|&(node, _)| {
                        self.rooms.node(node).live && self.rooms.is_sound_soon(node)
                    })
                })
    }

    /// Puts a request back into its account's queue. A step is listed by its workload.
    pub(super) fn requeue(&mut self, index: RequestIx) {
        match self.requests.get(index.0).map(|request| request.kind) {
            Some(Kind::Step(workload)) => self.settle(workload),
            Some(_) => self.enqueue(index),
            None => {}
        }
    }

    /// A request of higher priority takes the earmarks of its account's lesser requests over, and waits for
    /// their victims.
    fn take_over_earmarks(&mut self, index: RequestIx) -> Vec<(RequestIx, Earmark)> {
        let Some(request) = self.requests.get(index.0) else {
            return Vec::new();
        };
        let (account, priority) = (request.account, request.priority);
        if self
            .queue_of(account)
            .is_some_and(|queue| queue.earmarks.is_empty())
        {
            return Vec::new();
        }
        let is_lesser = |other: &RequestIx| {
            self.requests
                .get(other.0)
                .is_some_and(|other| other.account == account && other.priority < priority)
        };
        let lesser: Vec<RequestIx> = self.earmarked.iter().copied().filter(is_lesser).collect();
        let mut taken_over = Vec::new();
        for other in lesser {
            taken_over.extend(self.drop_earmark(other).map(|earmark| (other, earmark)));
            self.requeue(other);
        }
        taken_over
    }

    /// No plan suffices. An entitled request that fits by quota is admitted all the same: kube-scheduler then
    /// reports it, and a cluster autoscaler sees it. Others wait.
    fn without_plan(&mut self, index: RequestIx) -> Served {
        let Some(request) = self.requests.get(index.0) else {
            return Served::Stuck;
        };
        let (account, total, parts) = (
            request.account,
            request.total.clone(),
            request.parts.clone(),
        );
        let fits = self.tree.lacking(View::Now, account, &total) == 0
            && self.tree.lacking(View::Soon, account, &total) == 0;
        if fits && self.spec.checks_room && self.is_covered(account, &total) {
            let nodes = self.find_some_room(&parts);
            self.admit(index, &nodes);
            return Served::Admitted;
        }
        if self.covering(account, &total).is_some() {
            self.stuck.insert(index);
        }
        let in_vain = self.lacks_what_is_covered(account, &total);
        if let Some(request) = self.requests.get_mut(index.0) {
            request.in_vain = in_vain;
        }
        Served::Stuck
    }
}
