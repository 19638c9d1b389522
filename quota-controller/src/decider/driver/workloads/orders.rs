//! What follows from a decision for workloads: whom to ask for which size, and what to tell people.

use super::{Driver, WorkloadEntry};
use crate::act::{Chosen, Scaling};
use crate::elastic::status::{Facts, instant, status};
use api::crd::{ElasticWorkloadStatus, LastShrink};
use engine::snapshot::WorkloadFigures;
use engine::spec::{Name, PodId, WorkloadKey};
use engine::{Action, Cause, Time};
use std::sync::Arc;

/// What people are told of an elastic workload.
#[derive(Debug)]
pub(in crate::decider) struct Tale {
    pub key: WorkloadKey,
    /// The object's identity at the API server.
    pub uid: Name,
    /// Whether somebody should do something about it.
    pub warns: bool,
    /// Constant text for programs.
    pub reason: &'static str,
    /// What happened, with the numbers.
    pub message: String,
}

/// What follows for elastic workloads from a decision.
#[derive(Debug, Default)]
pub(in crate::decider) struct WorkloadOrders {
    /// Owners that are to be asked.
    pub scalings: Vec<Scaling>,
    /// Pods that are evicted because their owner does not let them go.
    pub evictions: Vec<PodId>,
    /// Statuses that are to be written.
    pub statuses: Vec<(WorkloadKey, ElasticWorkloadStatus)>,
    /// What people are to be told.
    pub tales: Vec<Tale>,
}

impl Driver {
    /// The engine has decided that a workload changes its size.
    pub(in crate::decider::driver) fn scale_decided(&mut self, action: &Action) {
        let Action::Scale {
            workload: key,
            from,
            to,
            remove,
            cause,
        } = action
        else {
            return;
        };
        let now = self.now;
        let chosen: Vec<(PodId, Chosen)> = remove
            .iter()
            .filter_map(|id| {
                let pod = self.pods.get(id)?;
                let chosen = Chosen {
                    uid: pod.uid.clone(),
                    name: pod.spec.name.clone(),
                };
                (!pod.is_leaving).then_some((*id, chosen))
            })
            .collect();
        self.changed_workloads.insert(key.clone());
        let Some(listed) = self.workloads.get_mut(key) else {
            return;
        };
        let entry = &mut listed.it;
        let Ok(target) = &entry.seen.target else {
            return;
        };
        let title = target.title();
        let ids: Vec<PodId> = chosen.iter().map(|(id, _)| *id).collect();
        let (reason, for_whom) = words_of(cause);
        entry.follow.ask(now, *to, &ids);
        if !remove.is_empty() {
            entry.last_shrink = Some(LastShrink {
                time: instant(now),
                from: i32::try_from(*from).unwrap_or(i32::MAX),
                to: i32::try_from(*to).unwrap_or(i32::MAX),
                reason: reason.to_owned(),
                for_whom: for_whom.clone(),
            });
        }
        let scaling = Scaling {
            key: key.clone(),
            target: Arc::new(target.clone()),
            to: *to,
            remove: chosen.into_iter().map(|(_, chosen)| chosen).collect(),
        };
        self.workload_orders.scalings.push(scaling);
        let why = for_whom.map_or_else(|| reason.to_owned(), |whom| format!("{reason} for {whom}"));
        let shrinks = !remove.is_empty() || to < from;
        let told = if shrinks { "Shrinks" } else { "Grows" };
        self.tell(
            key,
            false,
            told,
            format!("{title} is asked for {to} replicas instead of {from}: {why}"),
        );
    }

    /// An eviction of a pod whose workload is on trial: what would have been asked instead.
    pub(in crate::decider::driver) fn eviction_decided(&mut self, pod: PodId, cause: &Cause) {
        let Some(spec) = self.pods.get(&pod).map(|pod| &pod.spec) else {
            return;
        };
        let (namespace, name) = (spec.namespace.clone(), spec.name.clone());
        for key in self.workloads_in(&namespace) {
            let Some(listed) = self.workloads.get(&key) else {
                continue;
            };
            let Ok(target) = &listed.it.seen.target else {
                continue;
            };
            if listed.it.seen.object.spec.dry_run && self.members_by_labels(&key).contains(&pod) {
                let (reason, whom) = words_of(cause);
                let whom = whom.map_or_else(String::new, |whom| format!(" for {whom}"));
                let replicas = target.replicas.unwrap_or(0);
                let message = format!(
                    "pod {name} is evicted ({reason}{whom}); without dryRun {} would be asked for {} replicas \
                     instead of {replicas}",
                    target.title(),
                    replicas.saturating_sub(1)
                );
                return self.tell(&key, false, "WouldShrink", message);
            }
        }
    }

    pub(super) fn tell(
        &mut self,
        key: &WorkloadKey,
        warns: bool,
        reason: &'static str,
        message: String,
    ) {
        let uid = self
            .workloads
            .get(key)
            .and_then(|listed| listed.it.seen.object.metadata.uid.clone());
        self.workload_orders.tales.push(Tale {
            key: key.clone(),
            uid: uid.unwrap_or_default().into(),
            warns,
            reason,
            message,
        });
    }

    /// After a decision: how granted replicas come, and the statuses that are news.
    pub(in crate::decider::driver) fn tell_workloads(&mut self) -> WorkloadOrders {
        // Counts that are not as they were found are put right once it is decided what they should be.
        self.is_recount_due |= std::mem::take(&mut self.are_counts_found);
        for key in std::mem::take(&mut self.changed_workloads) {
            let figures = self.engine.workload(&key);
            let now = self.now;
            let Some(listed) = self.workloads.get_mut(&key) else {
                continue;
            };
            let entry = &mut listed.it;
            if let Some(figures) = &figures {
                if figures.expected < entry.expected {
                    entry.follow.came(now);
                }
                entry.expected = figures.expected;
                entry.follow.expects(now, figures.expected);
            }
            let new = status_of(entry, figures.as_ref(), now);
            if entry.written.as_ref() != Some(&new) {
                entry.written = Some(new.clone());
                entry.seen.object.status = Some(new.clone());
                self.workload_orders.statuses.push((key, new));
            }
        }
        std::mem::take(&mut self.workload_orders)
    }
}

fn status_of(
    entry: &WorkloadEntry,
    figures: Option<&WorkloadFigures>,
    now: Time,
) -> ElasticWorkloadStatus {
    status(&Facts {
        object: &entry.seen.object,
        target: entry.target(),
        figures,
        bounds: entry.told.as_ref().map(|told| (told.min, told.max)),
        passed_over: entry.follow.passed_over(),
        waits: entry.follow.waits(),
        problem: entry.problem.as_ref().map(|(problem, _)| problem.as_str()),
        last_shrink: entry.last_shrink.as_ref(),
        now,
    })
}

/// Why, in a constant word, and for whom.
fn words_of(cause: &Cause) -> (&'static str, Option<String>) {
    match cause {
        Cause::Reclaim { to, request } => ("Reclaim", Some(format!("{to}/{request}"))),
        Cause::Priority { request } => ("Priority", Some(request.to_string())),
        Cause::Drain => ("Drain", None),
        Cause::Admitted => ("Admitted", None),
        Cause::Growth => ("Growth", None),
        Cause::Bounds => ("Bounds", None),
    }
}
