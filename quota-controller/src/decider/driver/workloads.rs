//! Elastic workloads: what their objects and owners say becomes what the engine is told, and whether owners do what
//! they were asked.

mod counts;
mod members;
mod orders;
mod owners;
#[cfg(test)]
mod tests;

pub(in crate::decider) use orders::WorkloadOrders;

use super::{Driver, Kind, Listed};
use crate::cluster::WorkloadSeen;
use crate::elastic::follow::Follow;
use crate::elastic::{Means, Target, Unmanaged};
use api::crd::{ElasticWorkloadStatus, LastShrink};
use engine::spec::{ElasticSpec, Name, WorkloadKey};
use engine::{Event, Time};
use std::sync::Arc;
use translate::ElasticTarget;

/// An elastic workload, and what the engine was told of it.
#[derive(Debug)]
pub(in crate::decider) struct WorkloadEntry {
    pub seen: WorkloadSeen,
    told: Option<ElasticSpec>,
    unmanaged: Option<Unmanaged>,
    follow: Follow,
    /// Whether the engine knows the owner's count.
    is_observed: bool,
    /// Members that ended since the owner was seen: its own count of work left is older.
    ended: u32,
    /// No more than these before that instant: its owner did not make more.
    cap: Option<(u32, Time)>,
    problem: Option<(String, Time)>,
    last_shrink: Option<LastShrink>,
    expected: u32,
    /// The status as it was last written, or is about to be.
    written: Option<ElasticWorkloadStatus>,
}

impl WorkloadEntry {
    fn target(&self) -> Result<&Target, &Unmanaged> {
        match (&self.unmanaged, &self.seen.target) {
            (Some(unmanaged), _) => Err(unmanaged),
            (None, target) => target.as_ref(),
        }
    }

    /// When it was last made smaller.
    fn shrunk(&self) -> Option<Time> {
        let shrunk = self.last_shrink.as_ref();
        shrunk.map(|shrunk| Time(shrunk.time.0.as_millisecond()))
    }
}

impl Driver {
    /// An elastic workload is there, or it or its owner has changed.
    pub(super) fn workload_seen(&mut self, seen: WorkloadSeen) {
        let round = self.round(Kind::Workloads);
        let key = seen.key.clone();
        match self.workloads.get_mut(&key) {
            Some(listed) => {
                listed.round = round;
                listed.it.ended = 0;
                listed.it.seen = seen;
            }
            None => {
                let status = seen.object.status.as_ref();
                let last_shrink = status.and_then(|status| status.last_shrink.clone());
                let written = status.cloned();
                let it = WorkloadEntry {
                    seen,
                    told: None,
                    unmanaged: None,
                    follow: Follow::default(),
                    is_observed: false,
                    ended: 0,
                    cap: None,
                    problem: None,
                    last_shrink,
                    expected: 0,
                    written,
                };
                self.workloads.insert(key.clone(), Listed { round, it });
            }
        }
        if self.has_learned {
            self.settle_workload(&key);
            self.observe_count(&key);
        }
    }

    /// An elastic workload is gone: its pods are pods like any other.
    pub(super) fn workload_gone(&mut self, key: &WorkloadKey) {
        let Some(listed) = self.workloads.remove(key) else {
            return;
        };
        self.changed_workloads.remove(key);
        if listed.it.told.is_some() {
            self.feed(Event::WorkloadRemoved { key: key.clone() });
            self.rehouse(&key.namespace);
        }
    }

    /// Tells the engine of a workload as it is, if that is news.
    pub(super) fn settle_workload(&mut self, key: &WorkloadKey) {
        let Some(listed) = self.workloads.get(key) else {
            return;
        };
        let was_told = listed.it.told.clone();
        let (wanted, unmanaged) = match self.wanted(&listed.it) {
            Ok(spec) => (Some(spec), None),
            Err(unmanaged) => (None, Some(unmanaged)),
        };
        let members_before = self.members_of(key);
        let Some(listed) = self.workloads.get_mut(key) else {
            return;
        };
        listed.it.unmanaged = unmanaged;
        self.changed_workloads.insert(key.clone());
        if wanted == was_told {
            if wanted.is_some() && self.members_by_labels(key) != members_before {
                self.rehouse(&key.namespace);
            }
            return;
        }
        listed.it.told = wanted.clone();
        match wanted {
            Some(spec) => {
                self.feed(Event::WorkloadSet(spec));
                if was_told.is_none() {
                    self.rehouse(&key.namespace);
                }
            }
            None => {
                listed.it.is_observed = false;
                listed.it.follow = Follow::default();
                self.feed(Event::WorkloadRemoved { key: key.clone() });
                self.rehouse(&key.namespace);
            }
        }
    }

    /// What the engine should be told of a workload, or why it is not managed.
    fn wanted(&self, entry: &WorkloadEntry) -> Result<ElasticSpec, Unmanaged> {
        let refuse = |reason, message: String| Err(Unmanaged { reason, message });
        let target = entry.seen.target.as_ref().map_err(Clone::clone)?;
        let object = &entry.seen.object;
        if object.spec.dry_run {
            let title = target.title();
            return refuse(
                "DryRun",
                format!("{title} is asked for nothing; see its events"),
            );
        }
        let members = self.members_by_labels(&entry.seen.key);
        // Its newest pod tells best what the next one asks for: defaults and overheads are in it.
        let newest = members.iter().max().and_then(|id| self.pods.get(id));
        let form = match (newest, &target.form) {
            (Some(pod), _) => ElasticTarget {
                priority: pod.spec.priority,
                template: Arc::clone(&pod.spec.template),
                pool: pod.spec.pool.clone(),
                removal: target.removal,
            },
            (None, Some(form)) => ElasticTarget {
                priority: form.priority,
                template: Arc::clone(&form.template),
                pool: form.pool.clone(),
                removal: target.removal,
            },
            (None, None) => {
                let title = target.title();
                return refuse(
                    "FormUnknown",
                    format!(
                        "what a replica of {title} asks for is known with its first pod, or by spec.templatePath"
                    ),
                );
            }
        };
        let mut spec = translate::elastic(object, &form, Time(0)).or_else(|problems| {
            let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
            refuse("Invalid", words.join("; "))
        })?;
        // What runs already is not asked to end because the owner counts faster than pods are seen to end.
        let held = self.held_by(&entry.seen.key);
        let left = target
            .work_left
            .map(|left| left.saturating_sub(entry.ended).max(held));
        let cap = entry
            .cap
            .filter(|&(_, until)| until > self.now)
            .map(|(cap, _)| cap);
        let there = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let there = (target.means == Means::Pods).then_some(there);
        let most = [left, cap, there].into_iter().flatten().min();
        spec.max = spec.max.min(most.unwrap_or(u32::MAX));
        spec.min = spec.min.min(spec.max);
        if spec.max == 0 {
            let title = target.title();
            return refuse(
                "NoPods",
                format!("{title} has no work left, or makes no pods"),
            );
        }
        Ok(spec)
    }

    fn listed_in(&self, namespace: &Name) -> impl Iterator<Item = (&WorkloadKey, &WorkloadEntry)> {
        let first = WorkloadKey {
            namespace: namespace.clone(),
            name: "".into(),
        };
        self.workloads
            .range(first..)
            .take_while(move |(key, _)| key.namespace == *namespace)
            .map(|(key, listed)| (key, &listed.it))
    }

    fn workloads_in(&self, namespace: &Name) -> Vec<WorkloadKey> {
        self.listed_in(namespace)
            .map(|(key, _)| key.clone())
            .collect()
    }
}
