//! What the engine is still to be told of an instant.

use engine::Event;
use engine::spec::PodId;

/// What the engine is still to be told of this instant, in the order of the lease model.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Pods and workloads that have ended.
    pub(crate) ends: Vec<Event>,
    /// Leases, nodes, and how pods get on.
    pub(crate) changes: Vec<Event>,
    /// What arrives.
    pub(crate) arrivals: Vec<Event>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.changes.is_empty() && self.arrivals.is_empty()
    }

    /// Takes back the news that a pod is there, if nobody has heard it yet.
    pub(crate) fn forget(&mut self, pod: PodId) -> bool {
        let before = self.arrivals.len() + self.changes.len();
        self.arrivals
            .retain(|event| !matches!(event, Event::PodArrived(spec) if spec.id == pod));
        self.changes.retain(
            |event| !matches!(event, Event::OutsidePlaced { pod: other, .. } if *other == pod),
        );
        before > self.arrivals.len() + self.changes.len()
    }

    pub(crate) fn take(&mut self) -> Vec<Event> {
        let count = self.ends.len() + self.changes.len() + self.arrivals.len();
        let mut events = Vec::with_capacity(count);
        events.append(&mut self.ends);
        events.append(&mut self.changes);
        events.append(&mut self.arrivals);
        events
    }
}
