//! The decision: admission, reclaim, growth.
//!
//! Entitled requests come first, in their order; then borrowers by fair share; then those that may only take
//! from their own account (rule 10); last growth. Only places that something was given back to, or that
//! something arrived at, are searched.

use super::records::{Kind, Parts, Unit};
use super::{Decision, Pool};
use crate::action::{Action, Cause};
use crate::amounts::Amounts;
use crate::demand::{Age, Demand, Order};
use crate::ids::{AccountId, NodeIx, PodIx, RequestIx};
use crate::spec::PodId;
use crate::time::Time;
use crate::tree::{Place, ROOT, View};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// The order among entitled requests: covered by the account's own part, with an earmark, covered deeper, age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    not_own: bool,
    no_earmark: bool,
    depth: Reverse<u32>,
    age: Age,
}

/// Where the next entitled request may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// A request that was looked at before.
    Request(RequestIx),
    /// Whatever waits below a place.
    Place(Place),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    Admitted,
    Earmarked,
    Stuck,
}

impl Pool {
    /// Time has come to `now`: leases start, end and are renewed, cool-downs end.
    pub(crate) fn come_to(&mut self, now: Time) {
        self.decision.now = now;
        if self.book.next_change().is_some_and(|next| next <= now) {
            for (lease, until) in self.book.advance(now) {
                self.told.push(Action::Renew { lease, until });
            }
            self.sync_terms();
        }
        while let Some(&wake) = self.wakes.first() {
            if wake > now {
                break;
            }
            self.wakes.pop_first();
            self.loosened = true;
        }
        self.end_cooling();
    }

    /// Makes one decision for all that was noted.
    pub(crate) fn decide(&mut self, now: Time) -> Vec<Action> {
        self.come_to(now);
        self.decision.number += 1;
        self.drain();
        self.wake_parked();
        let mut sources: BTreeSet<Source> = BTreeSet::new();
        if self.loosened {
            sources.extend(
                self.earmarked
                    .iter()
                    .chain(&self.stuck)
                    .map(|&request| Source::Request(request)),
            );
        }
        let mut seen: BTreeSet<AccountId> = BTreeSet::new();
        loop {
            self.serve_entitled(&mut seen, std::mem::take(&mut sources));
            if !self.serve_borrower() && !self.serve_by_priority(&seen) && self.touched.is_empty() {
                break;
            }
        }
        self.grow();
        self.finish()
    }

    fn serve_entitled(&mut self, seen: &mut BTreeSet<AccountId>, sources: BTreeSet<Source>) {
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

    /// The best request of a source that is entitled, or may become so.
    fn best_of(&mut self, source: Source) -> Option<(Rank, RequestIx)> {
        let request = match source {
            Source::Request(request) => {
                let entry = self.requests.get(request.0)?;
                if entry.tried == self.decision.number {
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
    fn covering(&self, account: AccountId, total: &Amounts) -> Option<Place> {
        let lacking = self.tree.lacking(View::Soon, account, total);
        self.places(account)
            .find(|&place| self.covers(place, account, total, lacking))
    }

    fn covers(&self, place: Place, account: AccountId, total: &Amounts, lacking: u32) -> bool {
        let covered = self.tree.covered(View::Soon, place, account, total);
        self.asked(total) & !covered == 0 || lacking & covered != 0
    }

    /// The account's first offer that a place covers.
    fn offer_covered_at(&self, account: AccountId, place: Place) -> Option<RequestIx> {
        let offer = self.offers(account).into_iter().find(|&request| {
            self.requests.get(request.0).is_some_and(|entry| {
                let lacking = self.tree.lacking(View::Soon, account, &entry.total);
                entry.tried != self.decision.number
                    && self.covers(place, account, &entry.total, lacking)
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

    /// Serves the next borrower by fair share; whether there was one.
    fn serve_borrower(&mut self) -> bool {
        let found = self.search_share(&self.waiting, |account| {
            self.offers(account).into_iter().find(|&request| {
                self.requests.get(request.0).is_some_and(|entry| {
                    entry.tried != self.decision.number
                        && self.tree.lacking(View::Now, account, &entry.total) == 0
                        && self.tree.lacking(View::Soon, account, &entry.total) == 0
                })
            })
        });
        let Some(request) = found else { return false };
        if self.serve(request) == Served::Stuck
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
    fn serve_by_priority(&mut self, seen: &BTreeSet<AccountId>) -> bool {
        for &account in seen {
            let Some(queue) = self.queue_of(account) else {
                continue;
            };
            let lowest = queue.units.first().map(|unit| unit.priority);
            let Some(lowest) = lowest.filter(|_| !queue.classes.is_empty()) else {
                continue;
            };
            let elastic = !queue.elastic.is_empty();
            let next = self.offers(account).into_iter().find(|&request| {
                self.requests.get(request.0).is_some_and(|entry| {
                    let may_take = entry.priority > lowest || (elastic && entry.priority >= lowest);
                    entry.tried != self.decision.number && may_take
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
        let served = self.try_serve(index);
        if served == Served::Stuck
            && let Some(request) = self.requests.get_mut(index.0)
        {
            request.tried = self.decision.number;
            self.decision.news.insert(index);
        }
        served
    }

    fn try_serve(&mut self, index: RequestIx) -> Served {
        let Some(request) = self.requests.get(index.0) else {
            return Served::Stuck;
        };
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
        let inherited = self.take_over_earmarks(index);
        let Some(plan) = self.plan(index) else {
            return self.without_plan(index);
        };
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
    fn take_over_earmarks(&mut self, index: RequestIx) -> Vec<(PodIx, u64)> {
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
        let mut inherited = Vec::new();
        for other in lesser {
            inherited.extend(
                self.drop_earmark(other)
                    .map(|earmark| earmark.victims)
                    .unwrap_or_default(),
            );
            self.requeue(other);
        }
        inherited
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
        Served::Stuck
    }

    fn admit_if_it_fits(&mut self, index: RequestIx) -> bool {
        let Some(request) = self.requests.get(index.0) else {
            return false;
        };
        let (account, total, parts) = (
            request.account,
            request.total.clone(),
            request.parts.clone(),
        );
        let earmarked = request.earmark.is_some();
        if self.tree.lacking(View::Now, account, &total) != 0 {
            return false;
        }
        if earmarked {
            self.book_earmark(index, -1);
        }
        let nodes = if self.tree.lacking(View::Soon, account, &total) == 0 {
            self.find_room(&parts)
        } else {
            None
        };
        if earmarked {
            self.book_earmark(index, 1);
        }
        match nodes {
            Some(nodes) => {
                self.admit(index, &nodes);
                true
            }
            None => false,
        }
    }

    /// Nodes on which all parts fit now, or nothing.
    pub(super) fn find_room(&mut self, parts: &Parts) -> Option<Vec<Option<NodeIx>>> {
        let mut found = Vec::new();
        let mut complete = true;
        'parts: for &(shape, count) in parts {
            for _ in 0..count {
                if !self.spec.checks_room || self.rooms.shape_of(shape).template.unchecked {
                    found.push(None);
                    continue;
                }
                let Some(node) = self.rooms.find_now(shape) else {
                    complete = false;
                    break 'parts;
                };
                // Booked while the others are looked for; the charge books it again.
                self.rooms.take(node, shape, 1);
                found.push(Some(node));
            }
        }
        self.give_back_found(parts, &found);
        complete.then_some(found)
    }

    /// Nodes for those parts for which there is room now.
    fn find_some_room(&mut self, parts: &Parts) -> Vec<Option<NodeIx>> {
        let mut found = Vec::new();
        for &(shape, count) in parts {
            for _ in 0..count {
                let node = self.rooms.find_now(shape);
                if let Some(node) = node {
                    self.rooms.take(node, shape, 1);
                }
                found.push(node);
            }
        }
        self.give_back_found(parts, &found);
        found
    }

    fn give_back_found(&mut self, parts: &Parts, found: &[Option<NodeIx>]) {
        let shapes = parts
            .iter()
            .flat_map(|&(shape, count)| std::iter::repeat_n(shape, count as usize));
        for (shape, node) in shapes.zip(found) {
            if let Some(node) = *node {
                self.rooms.take(node, shape, -1);
            }
        }
    }

    fn admit(&mut self, index: RequestIx, nodes: &[Option<NodeIx>]) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        let (kind, parts, account) = (request.kind, request.parts.clone(), request.account);
        match kind {
            Kind::Pod(pod) => {
                self.drop_request(index);
                self.decision.admitted.push(pod);
                self.charge_pod(pod, nodes.first().copied().flatten());
            }
            Kind::Group(group) => {
                self.drop_request(index);
                let Some(entry) = self.groups.get_mut(group.0) else {
                    return;
                };
                entry.request = None;
                let mut members: Vec<PodIx> =
                    std::mem::take(&mut entry.waiting).into_iter().collect();
                // Nodes come by form, in the order of forms.
                members.sort_by_key(|&pod| self.pod(pod).map(|pod| pod.shape));
                debug_assert_eq!(
                    members.len(),
                    parts.iter().map(|part| part.1 as usize).sum::<usize>()
                );
                for (pod, &node) in members.into_iter().zip(nodes) {
                    self.decision.admitted.push(pod);
                    self.charge_pod(pod, node);
                }
            }
            Kind::Minimum(workload) => {
                if let Some(workload) = self.workloads.get_mut(workload.0) {
                    workload.minimum = None;
                }
                self.drop_request(index);
                self.grant(workload, nodes, Cause::Admitted);
            }
            Kind::Step(workload) => {
                self.drop_earmark(index);
                self.stuck.remove(&index);
                self.grant(workload, nodes, Cause::Admitted);
            }
        }
        self.changed.insert(account);
    }

    /// A ceiling was lowered below a request that waits already.
    fn hold_request(&mut self, index: RequestIx) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        match request.kind {
            Kind::Pod(pod) => {
                self.drop_request(index);
                self.place_in_queue(pod);
            }
            Kind::Group(group) => {
                let members = self
                    .groups
                    .get(group.0)
                    .map(|group| group.waiting.clone())
                    .unwrap_or_default();
                self.drop_request(index);
                if let Some(group) = self.groups.get_mut(group.0) {
                    group.request = None;
                    group.waiting.clear();
                }
                members.into_iter().for_each(|pod| self.place_in_queue(pod));
            }
            Kind::Minimum(workload) | Kind::Step(workload) => self.hold_or_settle(workload),
        }
    }

    /// Takes back what this decision admitted, because a request that goes first would take it (see "Order of
    /// admission"): it waits again as if nothing had been. Whether it was this decision's at all.
    pub(super) fn take_back(&mut self, unit: Unit) -> bool {
        let pods = self.pods_of(unit);
        let number = self.decision.number;
        if pods.is_empty()
            || !pods
                .iter()
                .all(|&pod| self.pod(pod).is_some_and(|pod| pod.decision == number))
        {
            return false;
        }
        match unit {
            Unit::Minimum(workload) => self.shrink(workload, &pods, &Cause::Bounds),
            Unit::Pod(_) | Unit::Group(_) => {
                for pod in pods {
                    self.release_pod(pod);
                    self.decision.admitted.retain(|&other| other != pod);
                    self.place_in_queue(pod);
                }
            }
        }
        if let Some(request) = self.request_of(unit)
            && !self.decision.taken_back.insert(request)
            && let Some(request) = self.requests.get_mut(request.0)
        {
            request.tried = number;
        }
        true
    }

    fn request_of(&self, unit: Unit) -> Option<RequestIx> {
        match unit {
            Unit::Pod(pod) => match self.pod(pod)?.state {
                super::records::PodState::Waiting(request) => Some(request),
                _ => None,
            },
            Unit::Group(group) => self.groups.get(group.0)?.request,
            Unit::Minimum(workload) => self.workloads.get(workload.0)?.minimum,
        }
    }

    /// Turns what was decided into actions.
    fn finish(&mut self) -> Vec<Action> {
        self.loosened = false;
        let number = self.decision.number;
        let now = self.decision.now;
        let decision = std::mem::replace(
            &mut self.decision,
            Decision {
                number,
                now,
                ..Decision::default()
            },
        );
        let mut actions = std::mem::take(&mut self.told);
        for pod in std::mem::take(&mut self.aside) {
            self.tell_aside(pod, &mut actions);
        }
        for pod in decision.admitted {
            let Some(entry) = self.pod(pod) else { continue };
            let node = entry
                .node
                .map(|node| self.rooms.node(node).spec.name.clone());
            actions.extend(entry.id.map(|pod| Action::Admit { pod, node }));
        }
        for (index, (cause, removed)) in decision.scaled {
            let remove: Vec<PodId> = removed
                .iter()
                .filter_map(|&pod| self.pod(pod)?.id)
                .collect();
            let Some(workload) = self.workloads.get_mut(index.0) else {
                continue;
            };
            let (from, to) = (workload.asked, workload.target());
            workload.asked = to;
            if from != to || !remove.is_empty() {
                let cause = cause.unwrap_or(Cause::Bounds);
                actions.push(Action::Scale {
                    workload: workload.spec.key.clone(),
                    from,
                    to,
                    remove,
                    cause,
                });
            }
        }
        for (pod, cause) in decision.evicted {
            let Some(entry) = self.pod(pod) else { continue };
            let grace = self.tree.account(entry.account).terms.grace_period;
            actions.extend(entry.id.map(|pod| Action::Evict { pod, grace, cause }));
        }
        for request in decision.news {
            self.tell(request, &mut actions);
        }
        actions
    }
}

/// Whether what is asked for at least is there.
fn within(need: &Amounts, there: &[i64]) -> bool {
    need.iter()
        .zip(there)
        .all(|(need, &there)| need == 0 || need <= there)
}
