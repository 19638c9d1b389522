//! One leadership, with all that ends with it: what it knows, who acts for it, what it has told.

use super::driver::{Decided, Driver, Turn, WorkloadOrders};
use super::log::Log;
use crate::act::{Actors, Admission, Eviction, Notice, Order, own_reference, pod_reference};
use crate::grants::GrantBook;
use crate::leader::Leadership;
use crate::metrics::{Metrics, Reason, seconds};
use engine::spec::PodId;
use engine::{Action, Cause, Refusal, Span, Time};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// A pod that has waited for so long is told why. Most wait for less, and an event is one more write.
const TOLD_AFTER: Span = Span::seconds(3);

/// So many pods are told why they wait at each look.
const TOLD_MAX: usize = 50;

/// What a pod has to end where it says nothing, as in Kubernetes.
const GRACE_SECONDS: u32 = 30;

/// One leadership.
pub(super) struct Term {
    pub leadership: Leadership,
    pub driver: Driver,
    pub wake: Option<Time>,
    /// What scheduler plugins are told.
    pub grants: GrantBook,
    actors: Actors,
    _watches: JoinSet<()>,
    log: Option<Log>,
    metrics: Metrics,
    /// Whether figures may be other than they were reported.
    has_decided: bool,
    /// Since when pods wait whose reason was not told yet.
    held: BTreeMap<PodId, Time>,
    /// Pods that were told why they wait.
    told: BTreeSet<PodId>,
}

/// A timestamp of the API server's is in whole seconds: what happened in the same one may be later.
fn since(last_heard: Timestamp) -> Time {
    Time(last_heard.as_second() * 1000)
}

impl Term {
    pub(super) fn new(
        leadership: Leadership,
        actors: Actors,
        watches: JoinSet<()>,
        log: Option<Log>,
        metrics: Metrics,
    ) -> Term {
        Term {
            grants: GrantBook::new(leadership.epoch()),
            driver: Driver::new(leadership.unwatched_since().map(since)),
            leadership,
            wake: None,
            actors,
            _watches: watches,
            log,
            metrics,
            has_decided: true,
            held: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Makes a decision for what was told, writes it down and hands out what follows from it.
    pub(super) fn decide(&mut self) {
        let began = Instant::now();
        let Some(decided) = self.driver.decide() else {
            return;
        };
        self.has_decided = true;
        self.metrics.decisions.inc();
        let took = began.elapsed().as_secs_f64();
        self.metrics.decision_seconds.observe(took);
        // What is not the engine's is not replayed.
        if let Some(log) = &mut self.log
            && !decided.events.is_empty()
        {
            log.write(&decided);
        }
        // Plugins hear of a grant before the scheduler can see the pod.
        self.tell_plugins();
        self.carry_out(decided);
        for pod in std::mem::take(&mut self.driver.news.found) {
            self.tell_found(pod);
        }
    }

    fn tell_plugins(&mut self) {
        let changes = self.driver.take_grants();
        let leased = &self.driver.news.namespaces;
        let leased = (!leased.is_empty()).then(|| self.driver.leased().cloned().collect());
        let uid = |pod| self.driver.pod(pod).map(|pod| pod.uid.clone());
        self.grants.update(changes, leased.as_ref(), uid);
    }

    fn carry_out(&mut self, decided: Decided) {
        let now = decided.now;
        for action in decided.actions {
            match action {
                Action::Admit { pod, .. } => self.admit(pod, now),
                Action::Evict { pod, grace, cause } => self.evict(pod, grace, &cause, now),
                Action::WakeAt { at } => self.wake = Some(at),
                Action::Refuse { reason } => info!(reason = reason.reason(), "refused: {reason}"),
                Action::Hold { pod, reason } => {
                    self.metrics
                        .holds
                        .get_or_create(&Reason {
                            reason: reason.reason(),
                        })
                        .inc();
                    self.held.entry(pod).or_insert(now);
                }
                Action::Renew { lease, until } => {
                    info!(
                        namespace = %lease.namespace, lease = %lease.name,
                        until = %Refusal::instant(until), "renewed"
                    );
                }
                // Carried out below, with what the owner has to know.
                Action::Scale { cause, .. } => {
                    let reason = cause_in_a_word(&cause);
                    self.metrics
                        .scalings
                        .get_or_create(&Reason { reason })
                        .inc();
                }
            }
        }
        self.carry_out_for_workloads(decided.workloads);
    }

    fn carry_out_for_workloads(&mut self, orders: WorkloadOrders) {
        for scaling in orders.scalings {
            self.actors.order(Order::Scale(scaling));
        }
        for pod in orders.evictions {
            self.evict_for_owner(pod);
        }
        for (key, status) in orders.statuses {
            self.actors
                .order(Order::WorkloadStatus(key, Box::new(status)));
        }
        for tale in orders.tales {
            let kind = "ElasticWorkload";
            self.actors.order(Order::Tell(Notice {
                about: own_reference(kind, Some(&tale.key.namespace), &tale.key.name, &tale.uid),
                is_warning: tale.warns,
                reason: tale.reason,
                action: "Scale",
                note: tale.message,
            }));
        }
    }

    /// A pod that its owner does not let go ends in the time that it asks for itself.
    fn evict_for_owner(&self, pod: PodId) {
        let Some(entry) = self.driver.pod(pod) else {
            return;
        };
        let own = entry.grace_seconds.and_then(|own| u32::try_from(own).ok());
        self.actors.order(Order::Evict(Eviction {
            pod,
            uid: entry.uid.clone(),
            namespace: entry.spec.namespace.clone(),
            name: entry.spec.name.clone(),
            grace_seconds: own.unwrap_or(GRACE_SECONDS),
        }));
    }

    fn admit(&mut self, pod: PodId, now: Time) {
        self.held.remove(&pod);
        let was_told = self.told.remove(&pod);
        let Some(entry) = self.driver.pod(pod) else {
            return;
        };
        self.metrics.admissions.inc();
        let waited = now - entry.spec.created;
        self.metrics.admission_wait_seconds.observe(seconds(waited));
        self.actors.order(Order::Admit(Admission {
            pod,
            uid: entry.uid.clone(),
            namespace: entry.spec.namespace.clone(),
            name: entry.spec.name.clone(),
            gate: entry.gate,
            has_annotations: entry.has_annotations,
        }));
        if was_told {
            let note = format!("admitted after {} s", waited.0 / 1000);
            self.tell_pod(pod, false, "Admitted", "Admit", note);
        }
    }

    fn evict(&mut self, pod: PodId, grace: Span, cause: &Cause, now: Time) {
        let Some(entry) = self.driver.pod(pod) else {
            return;
        };
        let bound = u32::try_from(grace.0 / 1000).unwrap_or(0);
        let own = entry.grace_seconds.and_then(|own| u32::try_from(own).ok());
        self.actors.order(Order::Evict(Eviction {
            pod,
            uid: entry.uid.clone(),
            namespace: entry.spec.namespace.clone(),
            name: entry.spec.name.clone(),
            grace_seconds: bound.min(own.unwrap_or(u32::MAX)),
        }));
        let namespace = entry.spec.namespace.clone();
        let (reason, note, request) = match cause {
            Cause::Reclaim { to, request } => (
                "Reclaimed",
                format!(
                    "its capacity goes back to {to}, for {request}: {namespace} had borrowed it"
                ),
                Some((to.clone(), request.clone())),
            ),
            Cause::Priority { request } => (
                "Preempted",
                format!("{request} of {namespace} has a higher priority"),
                Some((namespace, request.clone())),
            ),
            _ => (
                "Drained",
                format!("a lease of {namespace} has expired with onExpiry: Drain"),
                None,
            ),
        };
        self.metrics
            .evictions
            .get_or_create(&Reason { reason })
            .inc();
        if let Some((namespace, name)) = request
            && let Some(created) = self.driver.created(&namespace, &name)
        {
            self.metrics.reclaim_seconds.observe(seconds(now - created));
        }
        self.tell_pod(pod, true, reason, "Evict", note);
    }

    /// Statuses, metrics and events: what may be late by a second.
    pub(super) fn report(&mut self) {
        for reading in self.driver.overdue() {
            self.actors.order(Order::Read(reading));
        }
        if std::mem::take(&mut self.has_decided) || self.driver.has_news() {
            self.report_figures();
        }
        self.tell_held();
    }

    fn report_figures(&mut self) {
        let pods = self.driver.pods().count();
        self.metrics
            .pods
            .set(i64::try_from(pods).unwrap_or(i64::MAX));
        let figures = self.driver.figures();
        let (writes, turns) = self.driver.statuses(&figures);
        for write in writes {
            self.actors.order(Order::Write(write));
        }
        for turn in turns {
            self.tell_turn(turn);
        }
        self.metrics.set_figures(figures);
    }

    /// Tells pods that have waited for a while why, with the numbers of now.
    fn tell_held(&mut self) {
        let before = Time(self.driver.now().0 - TOLD_AFTER.0);
        let due = self.held.iter().filter(|(_, since)| **since <= before);
        let due: Vec<PodId> = due.map(|(pod, _)| *pod).take(TOLD_MAX).collect();
        for pod in due {
            self.held.remove(&pod);
            // One that has ended or was admitted meanwhile does not wait.
            let Some(refusal) = self.driver.engine().explain(pod) else {
                continue;
            };
            self.told.insert(pod);
            self.tell_pod(pod, true, refusal.reason(), "Hold", refusal.to_string());
        }
        if self.told.len() > TOLD_MAX {
            self.told.retain(|pod| self.driver.pod(*pod).is_some());
        }
    }

    fn tell_found(&mut self, pod: PodId) {
        self.metrics.found.inc();
        let Some(entry) = self.driver.pod(pod) else {
            return;
        };
        warn!(
            namespace = %entry.spec.namespace, pod = %entry.spec.name,
            "a pod runs in a leased namespace that nobody admitted: charged as found"
        );
        let note = "it runs in a leased namespace and nobody admitted it: charged as found, even beyond the limit";
        self.tell_pod(pod, true, "FoundUnadmitted", "Charge", note.to_owned());
    }

    fn tell_pod(
        &self,
        pod: PodId,
        is_warning: bool,
        reason: &'static str,
        action: &'static str,
        note: String,
    ) {
        let Some(entry) = self.driver.pod(pod) else {
            return;
        };
        self.actors.order(Order::Tell(Notice {
            about: pod_reference(&entry.spec.namespace, &entry.spec.name, &entry.uid),
            is_warning,
            reason,
            action,
            note,
        }));
    }

    /// A condition of a lease or a pool has turned.
    fn tell_turn(&self, turn: Turn) {
        let condition = turn.condition;
        let holds = condition.status == "True";
        let (reason, is_warning) = match (condition.type_.as_str(), holds) {
            ("Granted", true) => ("Granted", false),
            ("Granted", false) => ("Refused", true),
            ("Scaled", true) => ("Scaled", true),
            ("Scaled", false) => ("Restored", false),
            ("NodesShared", true) => ("NodesShared", true),
            ("Ready", false) => ("NotReady", true),
            _ => return,
        };
        let about = match (&turn.lease, &turn.pool) {
            (Some(key), _) => {
                let seen = self.driver.lease(key).and_then(|lease| lease.seen.as_ref());
                let uid = seen.map(|seen| seen.uid.clone());
                uid.map(|uid| own_reference("CapacityLease", Some(&key.namespace), &key.name, &uid))
            }
            (None, Some(name)) => {
                let uid = self.driver.pool_uid(name);
                uid.map(|uid| own_reference("CapacityPool", None, name, &uid))
            }
            (None, None) => None,
        };
        let Some(about) = about else { return };
        let note = if condition.message.is_empty() {
            condition.reason
        } else {
            format!("{}: {}", condition.reason, condition.message)
        };
        self.actors.order(Order::Tell(Notice {
            about,
            is_warning,
            reason,
            action: "Check",
            note,
        }));
    }

    /// Counts what was refused.
    pub(super) fn count_refused(&self, refused: &[Refusal]) {
        for refusal in refused {
            let reason = refusal.reason();
            self.metrics
                .refusals
                .get_or_create(&Reason { reason })
                .inc();
        }
    }
}

fn cause_in_a_word(cause: &Cause) -> &'static str {
    match cause {
        Cause::Reclaim { .. } => "Reclaim",
        Cause::Priority { .. } => "Priority",
        Cause::Drain => "Drain",
        Cause::Admitted => "Admitted",
        Cause::Growth => "Growth",
        Cause::Bounds => "Bounds",
    }
}
