//! Evictions that the engine asks for.

use super::pods::{Fate, Stage};
use super::world::World;
use engine::spec::{Name, PodId};
use engine::{Cause, Span};

impl World<'_> {
    /// A pod is to be evicted.
    pub(crate) fn evict(&mut self, pod: PodId, grace: Span, cause: &Cause) {
        let Some(slot) = self.slot(pod.0) else {
            return self.check(Err(format!("pod {} was evicted after it had ended", pod.0)));
        };
        self.judge_victim(slot, cause);
        let work = self.pods[slot].work;
        self.works[work].evictions += 1;
        if self.pods[slot].stage == Stage::Leaving {
            return;
        }
        let span = self.scenario.cluster.pod_termination.min(grace);
        self.leave(slot, Fate::Evicted, span, true);
    }

    /// What a victim's account says to its loss.
    pub(crate) fn judge_victim(&mut self, pod: u32, cause: &Cause) {
        let id = self.pods[pod].id;
        let judged = self.ledger.victim(id, self.pods[pod].work, cause);
        self.check(judged);
    }

    /// How long a victim of this account takes to end: its grace bounds it.
    pub(crate) fn termination(&self, namespace: &Name) -> Span {
        let span = self.scenario.cluster.pod_termination;
        self.leases
            .grace_of(namespace)
            .map_or(span, |grace| span.min(grace))
    }
}
