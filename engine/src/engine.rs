//! The façade: events in, actions out.

use crate::snapshot::PoolFigures;
use crate::spec::{Name, PodId};
use crate::{Action, Event, Refusal, Time};

/// The decision core.
#[derive(Debug, Default)]
pub struct Engine {}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Takes note of an event. Costs what it touches.
    pub fn feed(&mut self, now: Time, event: &Event) {
        let _ = (now, event);
    }

    /// Makes one decision for all that was fed: admission, reclaim, growth.
    pub fn decide(&mut self, now: Time) -> Vec<Action> {
        let _ = now;
        Vec::new()
    }

    /// Whether a change of a pool or a lease would be refused now, and why; changes nothing.
    pub fn check(&self, now: Time, event: &Event) -> Vec<Refusal> {
        let _ = (now, event);
        Vec::new()
    }

    /// All pools with all accounts and figures. Costs the whole tree: not for every event.
    pub fn figures(&self) -> Vec<PoolFigures> {
        Vec::new()
    }

    /// The accounts (pool, namespace) whose use, guarantee or pending changed since the last call.
    pub fn take_changed(&mut self) -> Vec<(Name, Name)> {
        Vec::new()
    }

    /// Whether the pod may be bound to the node: no room is earmarked there for others that it would take.
    pub fn may_place(&self, pod: PodId, node: &str) -> bool {
        let _ = (pod, node);
        true
    }

    /// Whether the pod's capacity may be asked back while it runs (elastic surplus, or charged beyond its
    /// account's own part): `prioritize` packs such pods onto few nodes.
    pub fn is_reclaimable(&self, pod: PodId) -> bool {
        let _ = pod;
        false
    }

    /// Sums everything again from its parts and compares: `Err` names the first difference. Costs the whole
    /// state; the checks that every event can afford are made in `decide`.
    ///
    /// # Errors
    /// The broken invariant, in words.
    pub fn verify(&self) -> Result<(), String> {
        Ok(())
    }
}
