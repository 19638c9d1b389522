//! What others ask of the driver.

use super::Driver;
use super::pods::Stage;
use crate::cluster::Uid;
use crate::decider::message::Reserved;
use crate::grants::Granted;
use engine::spec::{Name, PodId, Quantities};
use engine::{Refusal, Span};

/// What the scheduler said it may evict is remembered for so long: it does so at once, or not at all.
const PREEMPTED_FOR: Span = Span::seconds(60);

/// More victims than any scheduler chooses among in that time.
const PREEMPTED_MAX: usize = 10_000;

impl Driver {
    /// Whether a pod's request may become `request`; what it grows by is charged, unless it is a dry run.
    pub(in crate::decider) fn resize(
        &mut self,
        uid: &Uid,
        request: &Quantities,
        dry_run: bool,
    ) -> Result<(), Refusal> {
        let Some(id) = self.pod_by_uid(uid) else {
            return Ok(());
        };
        let Some(pod) = self.pod(id).filter(|pod| pod.stage == Stage::Charged) else {
            return Ok(());
        };
        let before = pod.spec.template.request.clone();
        let namespace = pod.spec.namespace.clone();
        let mut charged = before.clone();
        for (resource, &asks) in request {
            let has = charged.entry(resource.clone()).or_default();
            *has = asks.max(*has);
        }
        if charged == before {
            // Smaller, or the same: what is set free is counted when the node has let go of it.
            return Ok(());
        }
        let pool = self.engine.pool_of(id).cloned();
        let figures = self.engine.figures();
        let account = figures
            .iter()
            .filter(|figures| Some(&figures.pool) == pool.as_ref())
            .flat_map(|figures| &figures.accounts)
            .find(|account| account.namespace == namespace);
        for (resource, figures) in account.iter().flat_map(|account| &account.resources) {
            let amount = |of: &Quantities| of.get(resource).copied().unwrap_or(0);
            let more = amount(&charged) - amount(&before);
            if more > 0 && more > figures.available {
                return Err(Refusal::Quota {
                    account: namespace.clone(),
                    at: namespace,
                    resource: resource.clone(),
                    asks: more,
                    available: figures.available,
                    limit: figures.limit,
                    guaranteed: figures.guaranteed,
                    borrowed: figures.borrowed,
                });
            }
        }
        if !dry_run {
            self.resized(id, charged);
        }
        Ok(())
    }

    /// The scheduler evicts some of these pods for another one.
    pub(in crate::decider) fn preempted(&mut self, by: &Uid, victims: Vec<Uid>) {
        let now = self.now;
        self.preempted.retain(|_, (_, until)| *until > now);
        let name = self.pod_by_uid(by).and_then(|id| self.pod(id));
        let name = name.map_or_else(|| by.clone(), |pod| pod.spec.name.clone());
        for victim in victims {
            if self.preempted.len() >= PREEMPTED_MAX {
                break;
            }
            let until = now + PREEMPTED_FOR;
            self.preempted.insert(victim, (name.clone(), until));
        }
    }

    /// Whether a pod that leaves is one that the scheduler evicts, and for whom.
    pub(super) fn take_preempted(&mut self, uid: &Uid) -> Option<Name> {
        let (by, until) = self.preempted.remove(uid)?;
        (until > self.now).then_some(by)
    }

    /// How a pod stands that asks whether it may be bound.
    pub(in crate::decider) fn reserved(
        &self,
        uid: &Uid,
        granted: impl Fn(PodId) -> Option<Granted>,
    ) -> Reserved {
        let Some(id) = self.pod_by_uid(uid) else {
            return Reserved::Outside;
        };
        match (granted(id), self.engine.explain(id)) {
            (Some(granted), _) => Reserved::Granted(Box::new(granted)),
            (None, Some(refusal)) => Reserved::Denied(Box::new(refusal)),
            (None, None) => Reserved::Outside,
        }
    }
}
