//! One decision: what the engine is told, what it answers, and that done.

use super::timers::Due;
use super::world::World;
use crate::record::RefusalRow;
use engine::spec::PodId;
use engine::{Action, Engine, Event, Refusal};

impl World<'_> {
    pub(crate) fn decide(&mut self) {
        let Some(mut engine) = self.engine.take() else {
            self.batch.take();
            let actions = std::mem::take(&mut self.own_actions);
            if !actions.is_empty() && self.sink.wants_decisions() {
                self.sink.decision(self.now, Vec::new(), actions);
            }
            return;
        };
        if !self.batch.is_empty() {
            let events = self.batch.take();
            for event in &events {
                self.note_refusal(&engine, event);
                engine.feed(self.now, event);
                self.ledger.note(event);
            }
            let actions = engine.decide(self.now);
            if self.ledger.is_stale() {
                self.refresh_ledger(&engine.figures());
            }
            self.engine = Some(engine);
            for action in &actions {
                self.carry_out(action);
            }
            if self.sink.wants_decisions() {
                self.sink.decision(self.now, events, actions);
            }
            self.watch_new();
        } else {
            self.engine = Some(engine);
        }
    }

    fn note_refusal(&mut self, engine: &Engine, event: &Event) {
        let (kind, namespace, name) = match event {
            Event::PoolSet(pool) => ("CapacityPool", "".into(), pool.name.clone()),
            Event::PoolRemoved { pool } => ("CapacityPool", "".into(), pool.clone()),
            Event::LeaseSet(lease) => (
                "CapacityLease",
                lease.key.namespace.clone(),
                lease.key.name.clone(),
            ),
            Event::LeaseRemoved { key } => {
                ("CapacityLease", key.namespace.clone(), key.name.clone())
            }
            _ => return,
        };
        let refusal: Option<Refusal> = engine.check(self.now, event).into_iter().next();
        if let Some(refusal) = refusal {
            self.sink.refusal(RefusalRow {
                time: self.now,
                kind,
                namespace,
                name,
                refusal,
            });
        }
    }

    fn carry_out(&mut self, action: &Action) {
        match action {
            Action::Admit { pod, .. } => self.admit(*pod),
            Action::Scale {
                workload,
                to,
                remove,
                cause,
                ..
            } => self.scale(workload, *to, remove, cause),
            Action::Evict { pod, grace, cause } => self.evict(*pod, *grace, cause),
            Action::WakeAt { at } => {
                self.wake_stamp += 1;
                let stamp = self.wake_stamp;
                self.timers.set((*at).max(self.now), Due::Wake { stamp });
            }
            Action::Hold { pod, reason } => self.hold(*pod, reason),
            Action::Refuse { .. } | Action::Renew { .. } => {}
        }
    }

    /// A pod waits; what no lease can give is not watched.
    fn hold(&mut self, pod: PodId, reason: &Refusal) {
        let quota = matches!(
            reason,
            Refusal::Quota { .. }
                | Refusal::Room { .. }
                | Refusal::OnTheWay { .. }
                | Refusal::Behind { .. }
        );
        if !quota {
            self.watch.arrived.retain(|&other| other != pod.0);
            self.watch.forget(pod.0);
        }
    }

    /// Tells the engine of something that is neither an end nor an arrival.
    pub(crate) fn tell(&mut self, event: Event) {
        if self.engine.is_some() {
            self.batch.changes.push(event);
        }
    }

    /// Tells the engine of an end.
    pub(crate) fn tell_end(&mut self, pod: u64) {
        if self.engine.is_some() {
            self.batch.ends.push(Event::PodEnded { pod: PodId(pod) });
        }
    }
}
