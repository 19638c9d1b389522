//! The reclaim log: what was taken, from whom, for whom and why.

use super::numbers::Seconds;
use engine::spec::{Name, PodId};
use engine::{Action, Cause, Event, Time};
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::collections::BTreeMap;

/// Entries that are kept; `decisions.jsonl` has them all.
const ENTRIES_MAX: usize = 1000;

/// Something that was taken from a workload, once per decision, workload and cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reclaim {
    /// When.
    pub time: Seconds,
    /// `shrink` or `evict`.
    pub action: &'static str,
    /// The namespace it was taken from.
    pub namespace: Name,
    /// The workload it was taken from; a pod that belongs to none stands for itself.
    pub workload: Name,
    /// Replicas or pods.
    pub replicas: u32,
    /// Replicas asked for before and after, on a shrink.
    pub from_to: Option<(u32, u32)>,
    /// Why.
    pub why: &'static str,
    /// The account and request that got it.
    pub beneficiary: Option<String>,
}

/// The log as it grows.
#[derive(Clone, Debug, Default)]
pub struct Reclaims {
    /// Pods that have not ended: evictions name pods by number only.
    pods: FxHashMap<PodId, (Name, Name)>,
    entries: Vec<Reclaim>,
    left_out: u64,
}

impl Reclaims {
    /// A decision was made.
    pub fn decision(&mut self, start: Time, now: Time, events: &[Event], actions: &[Action]) {
        for event in events {
            if let Event::PodArrived(pod) | Event::PodFound(pod) = event {
                let workload = pod
                    .workload
                    .as_ref()
                    .or(pod.group.as_ref().map(|group| &group.name))
                    .unwrap_or(&pod.name);
                self.pods
                    .insert(pod.id, (pod.namespace.clone(), workload.clone()));
            }
        }
        self.actions(Seconds::since(start, now), actions);
        // Last, because a victim may end in the very instant in which it was chosen.
        for event in events {
            if let Event::PodEnded { pod } = event {
                self.pods.remove(pod);
            }
        }
    }

    fn actions(&mut self, time: Seconds, actions: &[Action]) {
        let mut evicted: BTreeMap<(Name, Name, &'static str, Option<String>), u32> =
            BTreeMap::new();
        for action in actions {
            match action {
                Action::Scale {
                    workload,
                    from,
                    to,
                    cause,
                    ..
                } if to < from => {
                    let (why, beneficiary) = explain(cause, &workload.namespace);
                    self.push(Reclaim {
                        time,
                        action: "shrink",
                        namespace: workload.namespace.clone(),
                        workload: workload.name.clone(),
                        replicas: from - to,
                        from_to: Some((*from, *to)),
                        why,
                        beneficiary,
                    });
                }
                Action::Evict { pod, cause, .. } => {
                    let (namespace, workload) = self
                        .pods
                        .get(pod)
                        .cloned()
                        .unwrap_or_else(|| ("".into(), format!("pod {}", pod.0).into()));
                    let (why, beneficiary) = explain(cause, &namespace);
                    *evicted
                        .entry((namespace, workload, why, beneficiary))
                        .or_default() += 1;
                }
                _ => {}
            }
        }
        for ((namespace, workload, why, beneficiary), replicas) in evicted {
            self.push(Reclaim {
                time,
                action: "evict",
                namespace,
                workload,
                replicas,
                from_to: None,
                why,
                beneficiary,
            });
        }
    }

    fn push(&mut self, entry: Reclaim) {
        if self.entries.len() < ENTRIES_MAX {
            self.entries.push(entry);
        } else {
            self.left_out += 1;
        }
    }

    /// The entries in the order of time, and how many more there were.
    pub fn entries(&self) -> (&[Reclaim], u64) {
        (&self.entries, self.left_out)
    }
}

fn explain(cause: &Cause, namespace: &Name) -> (&'static str, Option<String>) {
    match cause {
        Cause::Reclaim { to, request } => (
            "lent capacity goes back to its owner",
            Some(format!("{to}/{request}")),
        ),
        Cause::Priority { request } => (
            "a request of the same account goes first",
            Some(format!("{namespace}/{request}")),
        ),
        Cause::Drain => ("the lease expired and is drained", None),
        Cause::Admitted => ("its own part was admitted", None),
        Cause::Growth => ("idle capacity", None),
        Cause::Bounds => ("its own bounds were changed", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Span;
    use engine::spec::{PodSpec, WorkloadKey};

    fn pod(id: u64, workload: &str) -> Event {
        Event::PodArrived(PodSpec {
            id: PodId(id),
            namespace: "ml".into(),
            name: format!("{workload}-{id}").into(),
            priority: 0,
            created: Time(0),
            template: Default::default(),
            pool: None,
            group: None,
            ordinal: None,
            workload: Some(workload.into()),
        })
    }

    fn evict(id: u64) -> Action {
        Action::Evict {
            pod: PodId(id),
            grace: Span(0),
            cause: Cause::Reclaim {
                to: "web".into(),
                request: "shop-1".into(),
            },
        }
    }

    #[test]
    fn evictions_of_one_decision_are_told_by_workload() {
        let mut reclaims = Reclaims::default();
        reclaims.decision(
            Time(0),
            Time(0),
            &[pod(1, "a"), pod(2, "a"), pod(3, "b")],
            &[],
        );
        let shrink = Action::Scale {
            workload: WorkloadKey {
                namespace: "ml".into(),
                name: "b".into(),
            },
            from: 5,
            to: 3,
            remove: vec![],
            cause: Cause::Drain,
        };
        reclaims.decision(
            Time(0),
            Time(1500),
            &[Event::PodEnded { pod: PodId(2) }],
            &[evict(1), shrink, evict(2)],
        );
        let (entries, left_out) = reclaims.entries();
        let told: Vec<String> = entries
            .iter()
            .map(|e| format!("{} {}/{} {}", e.action, e.namespace, e.workload, e.replicas))
            .collect();
        assert_eq!(told, ["shrink ml/b 2", "evict ml/a 2"]);
        assert_eq!(entries[0].from_to, Some((5, 3)));
        assert_eq!(entries[1].beneficiary.as_deref(), Some("web/shop-1"));
        assert_eq!(left_out, 0);
    }

    #[test]
    fn a_long_log_is_cut_and_says_so() {
        let mut reclaims = Reclaims::default();
        for id in 0..1010 {
            reclaims.decision(Time(0), Time(0), &[], &[evict(id)]);
        }
        let (entries, left_out) = reclaims.entries();
        assert_eq!((entries.len(), left_out), (ENTRIES_MAX, 10));
    }
}
