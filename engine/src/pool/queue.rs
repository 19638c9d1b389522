//! What waits in an account, and in which order the account offers it.

use super::Pool;
use super::records::{GrowKey, Kind, Request, UnitKey};
use crate::amounts::{Amounts, UNLIMITED};
use crate::demand::{Age, Listed, Summary};
use crate::ids::{AccountId, RequestIx, WorkloadIx};
use crate::spec::{Name, Queueing};
use crate::time::Time;
use crate::tree::{Mask, Place, ROOT, View};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Requests of one account that have the same priority and ask for the same.
pub(crate) type ClassKey = (Reverse<i32>, u32);

/// A class's first request as its account ranks it: uncovered ones later, then by age. Last, whether it is
/// parked.
type Head<'a> = (bool, &'a Time, &'a Name, RequestIx, bool);

/// Requests of one form.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// By age.
    pub(crate) requests: BTreeSet<(Time, Name, RequestIx)>,
    /// No node has room for them: they are looked at again when one has.
    pub(crate) parked: bool,
}

/// One account's queue, and its units.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) classes: BTreeMap<ClassKey, Waiting>,
    /// Elastic workloads that may grow by a step.
    pub(crate) growable: BTreeSet<GrowKey>,
    /// The forms of their steps, counted.
    pub(crate) step_classes: BTreeMap<u32, u32>,
    /// Priorities of earmarked requests, counted.
    pub(crate) earmarks: BTreeMap<i32, u32>,
    pub(crate) units: BTreeSet<UnitKey>,
    /// Workloads that have replicas.
    pub(crate) elastic: BTreeSet<WorkloadIx>,
    /// What waiting requests ask for.
    pub(crate) pending: Option<Amounts>,
    /// The first request by priority and age, while it is known: only strict queues ask for it.
    head: Option<(ClassKey, RequestIx)>,
}

impl Queue {
    /// Requests below this priority, and steps, do not go before an earmark (rule 9).
    fn closed_below(&self) -> Option<i32> {
        self.earmarks
            .last_key_value()
            .map(|(&priority, _)| priority)
    }
}

impl Pool {
    pub(super) fn queue(&mut self, account: AccountId) -> &mut Queue {
        if self.queues.len() <= account.at() {
            self.queues.resize_with(account.at() + 1, Queue::default);
        }
        &mut self.queues[account.at()]
    }

    pub(super) fn queue_of(&self, account: AccountId) -> Option<&Queue> {
        self.queues.get(account.at())
    }

    /// Puts a request into its account's queue.
    pub(super) fn enqueue(&mut self, request: RequestIx) {
        let Some(entry) = self.requests.get(request.0) else {
            return;
        };
        let (account, total) = (entry.account, entry.total.clone());
        let key = (Reverse(entry.priority), entry.class);
        let place = (entry.created, entry.name.clone(), request);
        let queue = self.queue(account);
        // Behind a known head it changes nothing.
        let goes_first = |(head, first): (ClassKey, RequestIx)| {
            let waiting = queue.classes.get(&head)?;
            let oldest = waiting
                .requests
                .first()
                .filter(|oldest| oldest.2 == first)?;
            Some((key.0, &place) < (head.0, oldest))
        };
        if queue
            .head
            .is_some_and(|head| goes_first(head) != Some(false))
        {
            queue.head = None;
        }
        queue.classes.entry(key).or_default().requests.insert(place);
        match &mut queue.pending {
            Some(pending) => *pending += &total,
            None => queue.pending = Some(total),
        }
        self.decision.news.insert(request);
        self.touch(account);
    }

    /// Takes a request out of its account's queue, if it is there.
    pub(super) fn dequeue(&mut self, request: RequestIx) {
        let Some(entry) = self.requests.get(request.0) else {
            return;
        };
        let (account, total) = (entry.account, entry.total.clone());
        let key = (Reverse(entry.priority), entry.class);
        let place = (entry.created, entry.name.clone(), request);
        let queue = self.queue(account);
        let Some(class) = queue.classes.get_mut(&key) else {
            return;
        };
        if !class.requests.remove(&place) {
            return;
        }
        if queue.head.is_some_and(|(_, head)| head == request) {
            queue.head = None;
        }
        let emptied = class.requests.is_empty();
        let parked = class.parked;
        if emptied {
            queue.classes.remove(&key);
        }
        if let Some(pending) = &mut queue.pending {
            *pending -= &total;
        }
        if emptied && parked {
            self.unpark_class(account, key);
        }
        self.touch(account);
    }

    /// Notes that an account has to be looked at in the next decision.
    pub(super) fn touch(&mut self, account: AccountId) {
        self.touched.insert(account);
        self.changed.insert(account);
        self.refresh(account);
    }

    fn is_strict(&self, account: AccountId) -> bool {
        self.tree.account(account).terms.queueing == Queueing::StrictFifo
    }

    /// Whether a place on the request's path covers all that it asks for.
    pub(super) fn is_covered(&self, account: AccountId, total: &Amounts) -> bool {
        let asked = self.asked(total);
        self.places(account)
            .any(|place| asked & !self.tree.covered(View::Soon, place, account, total) == 0)
    }

    /// The resources that are asked for.
    pub(super) fn asked(&self, total: &Amounts) -> u32 {
        let amounts = total.iter().enumerate();
        amounts
            .filter(|&(_, amount)| amount > 0)
            .fold(0, |mask, (resource, _)| mask | (1 << resource))
    }

    /// The places at which a request of the account may be covered, the deepest first.
    pub(super) fn places(&self, account: AccountId) -> impl Iterator<Item = Place> + '_ {
        let path = self.tree.path(account).iter().copied();
        let above = path.filter(|&id| id != ROOT).map(Place::Whole);
        std::iter::once(Place::Own(account)).chain(above)
    }

    /// The account's classes in the order in which it offers them: priority; then covered ones before others;
    /// then age. Classes that an earmark closes or that wait for room are left out; a strict queue offers its
    /// head alone.
    pub(super) fn offers(&self, account: AccountId) -> SmallVec<[RequestIx; 4]> {
        let mut offers = SmallVec::new();
        let Some(queue) = self.queue_of(account) else {
            return offers;
        };
        let strict = self.is_strict(account);
        let closed_below = queue.closed_below();
        if strict && closed_below.is_some() {
            return offers;
        }
        if strict {
            let head = queue.head.or_else(|| strict_head(queue));
            if let Some((class, head)) = head
                && queue.classes.get(&class).is_some_and(|class| !class.parked)
            {
                offers.push(head);
            }
            return offers;
        }
        let mut classes = queue.classes.iter().peekable();
        while let Some(((priority, _), _)) = classes.peek() {
            let priority = *priority;
            if closed_below.is_some_and(|least| priority.0 < least) {
                break;
            }
            let mut heads: SmallVec<[Head; 4]> = SmallVec::new();
            while let Some(((_, class), waiting)) = classes.next_if(|((of, _), _)| *of == priority)
            {
                if let Some((created, name, request)) = waiting.requests.first() {
                    let total = &self.classes[*class as usize].total;
                    heads.push((
                        !self.is_covered(account, total),
                        created,
                        name,
                        *request,
                        waiting.parked,
                    ));
                }
            }
            heads.sort();
            offers.extend(heads.into_iter().filter(|head| !head.4).map(|head| head.3));
        }
        offers
    }

    /// The next step that fits the account's own part, if steps may go at all.
    pub(super) fn step_offer(&self, account: AccountId) -> Option<WorkloadIx> {
        let queue = self.queue_of(account)?;
        if queue.growable.is_empty() || !self.may_step(account) {
            return None;
        }
        let mut refused: SmallVec<[u32; 4]> = SmallVec::new();
        queue
            .growable
            .iter()
            .map(|key| key.workload)
            .find(|&workload| {
                let Some(step) = self.step_request(workload) else {
                    return false;
                };
                if step.tried == self.decision.round || refused.contains(&step.class) {
                    return false;
                }
                let asked = self.asked(&step.total);
                let covered =
                    self.tree
                        .covered(View::Soon, Place::Own(account), account, &step.total);
                if asked & !covered != 0 {
                    refused.push(step.class);
                }
                asked & !covered == 0
            })
    }

    /// Whether steps of the account may go: not before an earmark, not behind a strict queue's head.
    pub(super) fn may_step(&self, account: AccountId) -> bool {
        self.queue_of(account).is_some_and(|queue| {
            queue.earmarks.is_empty() && (queue.classes.is_empty() || !self.is_strict(account))
        })
    }

    pub(super) fn step_request(&self, workload: WorkloadIx) -> Option<&Request> {
        let step = self.workloads.get(workload.0)?.step;
        self.requests.get(step.0)
    }

    /// The account and its ancestors are to be listed anew before the lists are searched again. Many pods of
    /// an account may come and go between two searches.
    pub(super) fn refresh(&mut self, account: AccountId) {
        self.stale.insert(account);
    }

    /// Lists anew what [`Pool::refresh`] noted: to be called before each search.
    pub(super) fn refresh_lists(&mut self) {
        while let Some(account) = self.stale.pop_first() {
            self.list_anew(account);
        }
    }

    /// Lists the account and its ancestors anew wherever what waits below, or the share, has changed.
    fn list_anew(&mut self, account: AccountId) {
        if self.is_strict(account)
            && let Some(queue) = self.queues.get_mut(account.at())
            && queue.head.is_none()
        {
            queue.head = strict_head(queue);
        }
        let own = self.listed_own(account);
        self.waiting.list(account, Place::Own(account), own);
        let growing = self.listed_growth(account);
        self.growing.list(account, Place::Own(account), growing);
        self.refresh_above(account);
    }

    fn refresh_above(&mut self, account: AccountId) {
        let mut here = account;
        while let Some(parent) = self.tree.account(here).parent {
            let place = Place::Whole(here);
            if !self.waiting.is_empty(here) || self.waiting.is_listed(place) {
                let listed = self
                    .waiting
                    .summary(here)
                    .and_then(|summary| self.listed_whole(parent, here, summary));
                self.waiting.list(parent, place, listed);
            }
            if !self.growing.is_empty(here) || self.growing.is_listed(place) {
                let listed = self
                    .growing
                    .summary(here)
                    .and_then(|summary| self.listed_whole(parent, here, summary));
                self.growing.list(parent, place, listed);
            }
            here = parent;
        }
    }

    /// Lists all children of a level anew: what the level shares has changed, and with it their shares.
    pub(super) fn refresh_level(&mut self, level: AccountId) {
        for child in self.tree.account(level).children.clone() {
            if !self.waiting.is_empty(child) || !self.growing.is_empty(child) {
                self.refresh(child);
            }
        }
        self.refresh(level);
    }

    fn listed_whole(
        &self,
        level: AccountId,
        account: AccountId,
        mut summary: Summary,
    ) -> Option<Listed> {
        let private_below = summary.private;
        for resource in 0..summary.need.len() {
            let need = summary.need[resource];
            let terms = &self.tree.account(account).terms;
            let limit = terms.limit[resource];
            let seen = self
                .tree
                .used_at(View::Now, Place::Whole(account), resource)
                .max(
                    self.tree
                        .used_at(View::Soon, Place::Whole(account), resource),
                );
            let bound = self
                .tree
                .shared(account, resource)
                .saturating_add(limit.saturating_sub(self.tree.guarantee(account, resource)));
            // Closed by its own limit: until something below ends, nothing here can go. What children keep back
            // is not seen here, so it does not close either.
            if need > 0
                && !private_below
                && need > bound.saturating_sub(seen)
                && !self.gives_way(account)
            {
                return None;
            }
            summary.private |= self.tree.kept(account, resource)
                > self
                    .tree
                    .used_at(View::Soon, Place::Whole(account), resource);
            summary.narrow |= limit < UNLIMITED && !self.tree.account(account).children.is_empty();
        }
        summary.coverable |= self.coverable_at(Place::Whole(account), &summary.need);
        summary.share = self
            .tree
            .share(View::Soon, level, Place::Whole(account), self.tree.all());
        Some(summary)
    }

    /// The resources in which the place covers a request for so much. With one resource nobody asks.
    fn coverable_at(&self, place: Place, need: &Amounts) -> Mask {
        if need.len() == 1 {
            return 0;
        }
        let covers =
            |&resource: &usize| need[resource] <= self.tree.slack_at(View::Soon, place, resource);
        let covered = (0..need.len()).filter(covers);
        covered.fold(0, |mask, resource| mask | (1 << resource))
    }

    /// Whether a request below the account could make room for itself below the account's own limit.
    fn gives_way(&self, account: AccountId) -> bool {
        self.tree.in_mask(self.tree.all()).any(|resource| {
            self.tree.account(account).children.iter().any(|&child| {
                self.tree
                    .borrowed_at(View::Soon, Place::Whole(child), resource)
                    > 0
            }) || self
                .tree
                .borrowed_at(View::Soon, Place::Own(account), resource)
                > 0
        })
    }

    fn listed_own(&self, account: AccountId) -> Option<Listed> {
        let queue = self.queue_of(account)?;
        let mut listed: Option<Listed> = None;
        let strict = self.is_strict(account);
        if strict && !queue.classes.is_empty() {
            for request in self.offers(account) {
                let request = self.requests.get(request.0)?;
                include(
                    &mut listed,
                    &request.total,
                    (request.created, request.name.clone()),
                );
            }
        } else {
            let closed_below = queue.closed_below();
            for ((priority, class), waiting) in &queue.classes {
                if waiting.parked || closed_below.is_some_and(|least| priority.0 < least) {
                    continue;
                }
                if let Some((created, name, _)) = waiting.requests.first() {
                    include(
                        &mut listed,
                        &self.classes[*class as usize].total,
                        (*created, name.clone()),
                    );
                }
            }
            if let Some(workload) = self.step_offer(account)
                && let Some(step) = self.step_request(workload)
            {
                include(&mut listed, &step.total, (step.created, step.name.clone()));
            }
        }
        let mut listed = listed?;
        listed.coverable = self.coverable_at(Place::Own(account), &listed.need);
        listed.share = self
            .tree
            .share(View::Soon, account, Place::Own(account), self.tree.all());
        Some(listed)
    }

    fn listed_growth(&self, account: AccountId) -> Option<Listed> {
        let queue = self.queue_of(account)?;
        let first = queue.growable.first()?;
        if !self.may_step(account) {
            return None;
        }
        let mut listed: Option<Listed> = None;
        for class in queue.step_classes.keys() {
            include(
                &mut listed,
                &self.classes[*class as usize].total,
                (first.created, first.name.clone()),
            );
        }
        let mut listed = listed?;
        listed.share = self
            .tree
            .share(View::Soon, account, Place::Own(account), self.tree.all());
        Some(listed)
    }

    /// The interned form of a request.
    pub(super) fn class_of(&mut self, parts: &super::Parts) -> u32 {
        if let Some(&class) = self.class_by_parts.get(parts) {
            return class;
        }
        let mut total = Amounts::zero(self.tree.resources());
        for &(shape, count) in parts {
            total += &self.charge_of(shape).times(count.into());
        }
        let class = u32::try_from(self.classes.len()).unwrap_or(u32::MAX);
        self.classes.push(super::Class { total });
        self.class_by_parts.insert(parts.clone(), class);
        class
    }

    /// A new request. It is not in a queue yet.
    pub(super) fn new_request(
        &mut self,
        account: AccountId,
        kind: Kind,
        priority: i32,
        age: Age,
        parts: super::Parts,
    ) -> RequestIx {
        let class = self.class_of(&parts);
        let total = self.classes[class as usize].total.clone();
        RequestIx(self.requests.insert(Request {
            account,
            kind,
            priority,
            created: age.0,
            name: age.1,
            parts,
            total,
            class,
            earmark: None,
            tried: 0,
            put_off: None,
            in_vain: false,
            told: None,
        }))
    }

    /// The request is gone: admitted, or asked for no more.
    pub(super) fn drop_request(&mut self, request: RequestIx) {
        self.drop_earmark(request);
        self.dequeue(request);
        self.stuck.remove(&request);
        self.decision.news.remove(&request);
        self.requests.remove(request.0);
    }
}

/// The head of a strict queue: priority, then age. Covered ones do not overtake: strict queueing is the remedy for
/// big requests that starve beside small ones.
fn strict_head(queue: &Queue) -> Option<(ClassKey, RequestIx)> {
    let ((priority, _), _) = queue.classes.first_key_value()?;
    let classes = queue
        .classes
        .iter()
        .take_while(|((of, _), _)| of == priority);
    let heads = classes.filter_map(|(class, waiting)| Some((class, waiting.requests.first()?)));
    let (class, head) = heads.min_by_key(|&(_, head)| head)?;
    Some((*class, head.2))
}

fn include(listed: &mut Option<Listed>, total: &Amounts, age: Age) {
    match listed {
        None => {
            *listed = Some(Listed {
                need: total.clone(),
                most: total.clone(),
                age,
                share: crate::ratio::Ratio::ZERO,
                private: false,
                narrow: false,
                coverable: 0,
            });
        }
        Some(listed) => listed.include(total, total, &age),
    }
}
