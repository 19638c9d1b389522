//! Elastic workloads: what their objects and owners say becomes what the engine is told, and whether owners do what
//! they were asked.

use super::pods::Stage;
use super::{Driver, Kind, Listed};
use crate::act::{Chosen, Scaling};
use crate::cluster::WorkloadSeen;
use crate::elastic::follow::{Count, Follow, Remedy};
use crate::elastic::status::{Facts, instant, status};
use crate::elastic::{Means, Patience, Target, Unmanaged};
use api::crd::{ElasticWorkloadStatus, LastShrink};
use engine::snapshot::WorkloadFigures;
use engine::spec::{ElasticSpec, Name, PodId, WorkloadKey};
use engine::{Action, Cause, Event, Span, Time};
use std::sync::Arc;
use translate::ElasticTarget;

/// An owner that could not be asked is not asked again for so long.
const FAILED_PAUSE: Span = Span::seconds(60);

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
}

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

    /// Tells the engine which count the owner has, if that is news.
    pub(super) fn observe_count(&mut self, key: &WorkloadKey) {
        let Some(figures) = self.engine.workload(key) else {
            return;
        };
        let (now, patience) = (self.now, self.patience);
        let Some(listed) = self.workloads.get_mut(key) else {
            return;
        };
        let entry = &mut listed.it;
        if entry.told.is_none() || entry.follow.passed_over().is_some() {
            return;
        }
        let Ok(target) = &entry.seen.target else {
            return;
        };
        let Some(replicas) = target.replicas else {
            return;
        };
        let last_shrink = if entry.is_observed {
            let known = figures.asked;
            if entry
                .follow
                .seen(now, replicas, target.version, known, &patience)
                == Count::AsAsked
            {
                return;
            }
            None
        } else {
            entry.is_observed = true;
            let shrunk = entry.last_shrink.as_ref();
            shrunk.map(|shrunk| Time(shrunk.time.0.as_millisecond()))
        };
        self.feed(Event::WorkloadObserved {
            key: key.clone(),
            replicas,
            last_shrink,
        });
    }

    /// All workloads of a namespace, after it got its first lease.
    pub(super) fn observe_counts_in(&mut self, namespace: &Name) {
        for key in self.workloads_in(namespace) {
            self.observe_count(&key);
            self.changed_workloads.insert(key);
        }
    }

    /// The first telling, before the pods: what the engine had granted to each when somebody else led. A lower count
    /// than there are pods means that some are on their way out.
    pub(super) fn learn_workloads(&mut self) {
        let keys: Vec<WorkloadKey> = self.workloads.keys().cloned().collect();
        for key in keys {
            self.settle_workload(&key);
            if self.engine.workload(&key).is_some()
                && let Some((granted, shrunk)) = self.found(&key)
            {
                self.feed(Event::WorkloadFound {
                    key,
                    granted,
                    shrunk,
                });
            }
        }
        self.are_counts_found = true;
    }

    /// The count that a workload was granted, and when it was last made smaller. Its owner's count says it, where
    /// that is ours: a status that names as many, or fewer than there are admitted pods.
    fn found(&self, key: &WorkloadKey) -> Option<(u32, Option<Time>)> {
        let entry = &self.workloads.get(key)?.it;
        let replicas = entry.seen.target.as_ref().ok()?.replicas?;
        let members = self.members_by_labels(key);
        let holds = |id: &&PodId| {
            let pod = self.pods.get(id);
            pod.is_some_and(|pod| pod.gate.is_none() && !pod.is_leaving)
        };
        let held = u32::try_from(members.iter().filter(holds).count()).unwrap_or(u32::MAX);
        let status = entry.seen.object.status.as_ref();
        let told = status.and_then(|status| status.desired_replicas);
        let told = told.and_then(|told| u32::try_from(told).ok()).unwrap_or(0);
        let shrunk = entry.last_shrink.as_ref();
        let shrunk = shrunk.map(|shrunk| Time(shrunk.time.0.as_millisecond()));
        Some((replicas.min(told.max(held)), shrunk))
    }

    fn workloads_in(&self, namespace: &Name) -> Vec<WorkloadKey> {
        let first = WorkloadKey {
            namespace: namespace.clone(),
            name: "".into(),
        };
        let all = self.workloads.range(first..);
        all.take_while(|(key, _)| key.namespace == *namespace)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// The pods that a workload's owner counts.
    fn members_by_labels(&self, key: &WorkloadKey) -> Vec<PodId> {
        let entry = self.workloads.get(key);
        let Some(Ok(target)) = entry.map(|listed| &listed.it.seen.target) else {
            return Vec::new();
        };
        let ids = self.pods_by_namespace.get(&key.namespace);
        ids.into_iter()
            .flatten()
            .filter(|id| {
                self.pods
                    .get(id)
                    .is_some_and(|pod| target.owns(&pod.labels, pod.controller.as_deref()))
            })
            .copied()
            .collect()
    }

    /// The pods that the engine was told are its replicas.
    fn members_of(&self, key: &WorkloadKey) -> Vec<PodId> {
        let ids = self.pods_by_namespace.get(&key.namespace);
        let is_member = |id: &&PodId| {
            let pod = self.pods.get(id);
            pod.is_some_and(|pod| pod.spec.workload.as_ref() == Some(&key.name))
        };
        ids.into_iter()
            .flatten()
            .filter(is_member)
            .copied()
            .collect()
    }

    /// How many replicas are charged and not on their way out.
    fn held_by(&self, key: &WorkloadKey) -> u32 {
        let members = self.members_of(key);
        let held = members.iter().filter(|id| {
            let pod = self.pods.get(id);
            pod.is_some_and(|pod| pod.stage == Stage::Charged && !pod.is_leaving)
        });
        u32::try_from(held.count()).unwrap_or(u32::MAX)
    }

    /// The managed workload of which a pod is a replica.
    pub(super) fn workload_of(&self, id: PodId) -> Option<Name> {
        let pod = self.pods.get(&id)?;
        let first = WorkloadKey {
            namespace: pod.spec.namespace.clone(),
            name: "".into(),
        };
        self.workloads
            .range(first..)
            .take_while(|(key, _)| key.namespace == pod.spec.namespace)
            .find(|(_, listed)| {
                let target = listed.it.seen.target.as_ref();
                listed.it.told.is_some()
                    && target
                        .is_ok_and(|target| target.owns(&pod.labels, pod.controller.as_deref()))
            })
            .map(|(key, _)| key.name.clone())
    }

    /// Which pod belongs to which workload has changed.
    fn rehouse(&mut self, namespace: &Name) {
        let ids = self
            .pods_by_namespace
            .get(namespace)
            .cloned()
            .unwrap_or_default();
        for id in ids {
            let workload = self.workload_of(id);
            if self
                .pods
                .get(&id)
                .is_some_and(|pod| pod.spec.workload != workload)
            {
                self.move_to_workload(id, workload);
            }
        }
    }

    fn workload_key(&self, id: PodId) -> Option<WorkloadKey> {
        let spec = &self.pods.get(&id)?.spec;
        Some(WorkloadKey {
            namespace: spec.namespace.clone(),
            name: spec.workload.clone()?,
        })
    }

    /// A pod that may be the first, or the newest, of a workload is there.
    pub(super) fn member_came(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let asks = |told: &ElasticSpec| {
            told.template == pod.spec.template && told.priority == pod.spec.priority
        };
        let concerned: Vec<WorkloadKey> = self
            .workloads_in(&pod.spec.namespace)
            .into_iter()
            .filter(|key| {
                self.workloads.get(key).is_some_and(|listed| {
                    let entry = &listed.it;
                    let as_told = entry.told.as_ref().is_some_and(asks);
                    entry.seen.target.as_ref().is_ok_and(|target| {
                        (!as_told || target.means == Means::Pods)
                            && target.owns(&pod.labels, pod.controller.as_deref())
                    })
                })
            })
            .collect();
        for key in concerned {
            self.settle_workload(&key);
            self.observe_count(&key);
        }
    }

    /// A charged pod is on its way out. If its workload was to give up another one, that one stays.
    pub(super) fn member_leaves(&mut self, id: PodId) {
        let Some(key) = self.workload_key(id) else {
            return;
        };
        self.changed_workloads.insert(key.clone());
        let now = self.now;
        let Some(listed) = self.workloads.get_mut(&key) else {
            return;
        };
        if let Some(stays) = listed.it.follow.leaves(id, true) {
            self.feed(Event::EvictionRefused {
                pod: stays,
                retry: now,
            });
        }
    }

    /// A pod has ended or is gone: told before the engine is, and before it is let go.
    pub(super) fn member_over(&mut self, id: PodId) -> Option<WorkloadKey> {
        let key = self.workload_key(id)?;
        self.changed_workloads.insert(key.clone());
        let now = self.now;
        let pod = self.pods.get(&id)?;
        let ends_now = pod.stage == Stage::Charged && !pod.is_leaving;
        let entry = &mut self.workloads.get_mut(&key)?.it;
        entry.ended += u32::from(ends_now);
        if let Some(stays) = entry.follow.leaves(id, ends_now) {
            self.feed(Event::EvictionRefused {
                pod: stays,
                retry: now,
            });
        }
        Some(key)
    }

    /// The engine was told that a replica is over: there may be less work left, or fewer pods.
    pub(super) fn member_is_over(&mut self, key: &WorkloadKey) {
        let target = self.workloads.get(key).map(|listed| &listed.it.seen.target);
        if let Some(Ok(target)) = target
            && (target.work_left.is_some() || target.means == Means::Pods)
        {
            self.settle_workload(key);
        }
    }

    /// The count was written.
    pub(in crate::decider) fn scaled(&mut self, key: &WorkloadKey, to: u32, version: u64) {
        if let Some(listed) = self.workloads.get_mut(key) {
            listed.it.follow.written(to, version);
            self.changed_workloads.insert(key.clone());
            // What was seen since may be somebody else's count.
            self.observe_count(key);
        }
    }

    /// The count could not be written: others are looked at.
    pub(in crate::decider) fn scale_failed(&mut self, key: &WorkloadKey, to: u32, message: String) {
        let retry = self.now + FAILED_PAUSE;
        let Some(listed) = self.workloads.get_mut(key) else {
            return;
        };
        let entry = &mut listed.it;
        entry.follow.not_written(to);
        let stay = entry.follow.give_up(retry, "CannotScale");
        entry.problem = Some((message.clone(), retry));
        self.changed_workloads.insert(key.clone());
        self.tell(key, true, "CannotScale", message);
        // What was granted and cannot be made is given back.
        let figures = self.engine.workload(key);
        if let Some(figures) = figures.filter(|figures| figures.expected > 0)
            && let Some(listed) = self.workloads.get_mut(key)
        {
            listed.it.cap = Some((figures.admitted.saturating_sub(figures.expected), retry));
            self.settle_workload(key);
        }
        self.feed(Event::ScaleRefused {
            key: key.clone(),
            stay,
            retry,
        });
    }

    /// An eviction that was to help an owner was refused.
    pub(super) fn stays_after_all(&mut self, id: PodId) {
        if let Some(key) = self.workload_key(id)
            && let Some(listed) = self.workloads.get_mut(&key)
        {
            listed.it.follow.leaves(id, false);
        }
    }

    /// What is due by itself: owners that do not follow.
    pub(super) fn look_after_owners(&mut self) {
        let (now, patience) = (self.now, self.patience);
        if std::mem::take(&mut self.is_recount_due) {
            let keys: Vec<WorkloadKey> = self.workloads.keys().cloned().collect();
            for key in keys {
                self.observe_count(&key);
            }
        }
        let due: Vec<WorkloadKey> = self
            .workloads
            .iter()
            .filter(|(_, listed)| next_of(&listed.it, &patience).is_some_and(|next| next <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            let Some(listed) = self.workloads.get_mut(&key) else {
                continue;
            };
            let entry = &mut listed.it;
            entry.problem.take_if(|(_, until)| *until <= now);
            let was_capped = entry.cap.take_if(|(_, until)| *until <= now).is_some();
            let is_tried_again = entry.follow.has_waited(now);
            let remedies = entry.follow.remedies(now, &patience);
            self.changed_workloads.insert(key.clone());
            for remedy in remedies {
                self.help(&key, remedy);
            }
            if was_capped {
                self.settle_workload(&key);
            }
            if is_tried_again {
                self.observe_count(&key);
            }
        }
    }

    fn help(&mut self, key: &WorkloadKey, remedy: Remedy) {
        let figures = self.engine.workload(key);
        match remedy {
            Remedy::Evict(pods) => {
                let message = format!(
                    "it was asked for {} replicas and keeps {} pods that were to go: they are evicted",
                    figures.map_or(0, |it| it.admitted),
                    pods.len()
                );
                self.tell(key, true, "OwnerDoesNotFollow", message);
                self.workload_orders.evictions.extend(pods);
            }
            Remedy::LeaveCount => {
                let message = "somebody else sets its count back again and again: it is not corrected for a while, \
                               what has to go is evicted";
                self.tell(key, true, "ScaledByOthers", message.to_owned());
            }
            Remedy::PassOver {
                stay,
                until,
                reason,
            } => {
                let message = format!(
                    "not asked again before {}; others give instead",
                    instant(until).0
                );
                self.tell(key, true, reason, message);
                if reason == "PodsDoNotCome" {
                    let there = figures.map_or(0, |it| it.admitted.saturating_sub(it.expected));
                    if let Some(listed) = self.workloads.get_mut(key) {
                        listed.it.cap = Some((there, until));
                    }
                    self.settle_workload(key);
                }
                self.feed(Event::ScaleRefused {
                    key: key.clone(),
                    stay,
                    retry: until,
                });
            }
        }
    }

    /// The engine has decided that a workload changes its size.
    pub(super) fn scale_decided(&mut self, action: &Action) {
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
    pub(super) fn eviction_decided(&mut self, pod: PodId, cause: &Cause) {
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

    fn tell(&mut self, key: &WorkloadKey, warns: bool, reason: &'static str, message: String) {
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
    pub(super) fn tell_workloads(&mut self) -> WorkloadOrders {
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

    /// When something may be due by itself.
    pub(in crate::decider) fn next_due(&self) -> Option<Time> {
        if self.is_recount_due {
            return Some(self.now);
        }
        let entries = self.workloads.values();
        entries
            .filter_map(|listed| next_of(&listed.it, &self.patience))
            .min()
    }
}

fn next_of(entry: &WorkloadEntry, patience: &Patience) -> Option<Time> {
    let cap = entry.cap.map(|(_, until)| until);
    let problem = entry.problem.as_ref().map(|(_, until)| *until);
    [entry.follow.next(patience), cap, problem]
        .into_iter()
        .flatten()
        .min()
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

#[cfg(test)]
mod tests;
