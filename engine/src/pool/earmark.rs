//! Earmarks: what is kept for a request until its victims have ended (rule 9), and requests and workloads that
//! wait for room on a node.

use super::records::{Earmark, PodState};
use super::{Parked, Pool};
use crate::ids::{AccountId, NodeIx, RequestIx, WorkloadIx};
use crate::tree::View;

/// How many accounts are woken at once when a node has room again. One admission uses the room up, so waking
/// all that wait for it would cost far more than it brings; those left asleep are woken by the next gain.
pub(super) const WOKEN_MAX: usize = 32;

impl Pool {
    /// Keeps capacity, and room on nodes, for a request.
    pub(super) fn make_earmark(&mut self, index: RequestIx, earmark: Earmark) {
        self.dequeue(index);
        self.stuck.remove(&index);
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        let (account, priority) = (request.account, request.priority);
        if let Some(request) = self.requests.get_mut(index.0) {
            request.earmark = Some(earmark);
        }
        *self.queue(account).earmarks.entry(priority).or_default() += 1;
        self.earmarked.insert(index);
        self.book_earmark(index, 1);
        self.decision.news.insert(index);
        self.touch(account);
    }

    /// Books an earmark as use to come (1), or takes that back (−1).
    pub(super) fn book_earmark(&mut self, index: RequestIx, sign: i64) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        let Some(earmark) = &request.earmark else {
            return;
        };
        self.tree
            .charge(View::Soon, request.account, &request.total, sign);
        for &(node, shape) in &earmark.nodes {
            self.rooms.earmark(node, shape, sign);
            if sign < 0 {
                self.gained.insert(node);
            }
        }
    }

    /// Keeps nothing any more: the request waits like others, unless it is dropped.
    pub(super) fn drop_earmark(&mut self, index: RequestIx) -> Option<Earmark> {
        self.requests.get(index.0)?.earmark.as_ref()?;
        self.book_earmark(index, -1);
        let request = self.requests.get_mut(index.0)?;
        let earmark = request.earmark.take();
        let (account, priority) = (request.account, request.priority);
        self.earmarked.remove(&index);
        let queue = self.queue(account);
        if let Some(count) = queue.earmarks.get_mut(&priority) {
            *count -= 1;
            if *count == 0 {
                queue.earmarks.remove(&priority);
            }
        }
        self.loosened = true;
        self.touch(account);
        earmark
    }

    /// Pods that were asked to end for the request and have not.
    pub(super) fn on_the_way(&self, earmark: &Earmark) -> usize {
        let leaving = earmark.victims.iter().filter(|&&(pod, sequence)| {
            self.pod(pod)
                .is_some_and(|pod| pod.sequence == sequence && pod.state == PodState::Leaving)
        });
        leaving.count()
    }

    /// Requests of this form wait until a node has room.
    pub(super) fn park_class(&mut self, request: RequestIx) {
        let Some(entry) = self.requests.get(request.0) else {
            return;
        };
        let key = (std::cmp::Reverse(entry.priority), entry.class);
        let (account, parts) = (entry.account, entry.parts.clone());
        if let Some(class) = self.queue(account).classes.get_mut(&key) {
            class.parked = true;
        }
        for (shape, _) in parts {
            self.parked
                .entry(shape)
                .or_default()
                .insert(Parked::Class(account, key));
        }
        self.refresh(account);
    }

    /// The workload's growth waits until a node has room.
    pub(super) fn park_growth(&mut self, workload: WorkloadIx) {
        let Some(shape) = self
            .workloads
            .get(workload.0)
            .map(|workload| workload.shape)
        else {
            return;
        };
        self.parked
            .entry(shape)
            .or_default()
            .insert(Parked::Growth(workload));
        self.settle(workload);
    }

    pub(super) fn is_parked_growth(&self, workload: WorkloadIx) -> bool {
        let shape = self
            .workloads
            .get(workload.0)
            .map(|workload| workload.shape);
        shape
            .and_then(|shape| self.parked.get(&shape))
            .is_some_and(|parked| parked.contains(&Parked::Growth(workload)))
    }

    pub(super) fn unpark_class(&mut self, account: AccountId, key: super::queue::ClassKey) {
        for parked in self.parked.values_mut() {
            parked.remove(&Parked::Class(account, key));
        }
        self.parked.retain(|_, parked| !parked.is_empty());
        if let Some(class) = self.queue(account).classes.get_mut(&key) {
            class.parked = false;
        }
        self.refresh(account);
    }

    pub(super) fn unpark_growth(&mut self, workload: WorkloadIx) {
        for parked in self.parked.values_mut() {
            parked.remove(&Parked::Growth(workload));
        }
        self.parked.retain(|_, parked| !parked.is_empty());
        self.settle(workload);
    }

    /// Wakes what waited for room on the nodes that have gained some.
    pub(super) fn wake_parked(&mut self) {
        let gained: Vec<NodeIx> = std::mem::take(&mut self.gained).into_iter().collect();
        if self.parked.is_empty() || gained.is_empty() {
            return;
        }
        let mut woken: Vec<Parked> = Vec::new();
        for (&shape, parked) in &self.parked {
            if gained.iter().any(|&node| self.rooms.fits_now(node, shape)) {
                woken.extend(parked.iter().take(WOKEN_MAX).cloned());
            }
        }
        for parked in woken {
            match parked {
                Parked::Class(account, key) => {
                    self.unpark_class(account, key);
                    self.touched.insert(account);
                }
                Parked::Growth(workload) => self.unpark_growth(workload),
            }
        }
    }
}
