//! The same scenario, simulated: a sink that keeps what a comparison needs.

use super::History;
use super::pods::{self, Pod};
use super::steps::Steps;
use crate::model::{Policy, Scenario};
use crate::problem::Failure;
use crate::record::{
    PodRow, RefusalRow, ServiceRow, Sink, TimelineRow, Totals, UtilizationRow, WorkloadRow,
};
use crate::run;
use decision_log::Decision;
use engine::{Action, Event, Span, Time};

/// Runs a scenario and keeps what was decided and what became of its pods.
///
/// # Errors
/// A trace cannot be read, or an invariant is broken.
pub fn simulate(
    scenario: &Scenario,
    policy: Policy,
    options: &run::Options<'_>,
    together: Span,
) -> Result<History, Failure> {
    let mut kept = Kept {
        start: scenario.start,
        decisions: Vec::new(),
        pods: Vec::new(),
    };
    run::run(scenario, policy, options, &mut kept)?;
    let owners = pods::owners(&kept.pods);
    let mut steps = Steps::new(scenario.start, together, &owners);
    for decision in &kept.decisions {
        steps.decision(decision);
    }
    Ok(History {
        steps: steps.finish(),
        pods: kept.pods,
    })
}

struct Kept {
    start: Time,
    /// Which workload a pod belongs to is known when it has ended: so all of them, and then the steps.
    decisions: Vec<Decision>,
    pods: Vec<Pod>,
}

impl Sink for Kept {
    fn workload(&mut self, _: WorkloadRow) {}

    fn pod(&mut self, row: PodRow) {
        let since = |time: Time| (time - self.start).0;
        self.pods.push(Pod {
            namespace: row.namespace,
            workload: row.workload,
            name: row.pod,
            submitted: since(row.submitted),
            admitted: row.admitted.map(since),
            started: row.started.map(since),
        });
    }

    fn wants_pods(&self) -> bool {
        true
    }

    fn wants_timeline(&self) -> bool {
        false
    }

    fn timeline(&mut self, _: TimelineRow) {}

    fn service(&mut self, _: ServiceRow) {}

    fn utilization(&mut self, _: UtilizationRow) {}

    fn refusal(&mut self, _: RefusalRow) {}

    fn wants_decisions(&self) -> bool {
        true
    }

    fn decision(&mut self, now: Time, events: Vec<Event>, actions: Vec<Action>) {
        self.decisions.push(Decision {
            now,
            events,
            actions,
        });
    }

    fn finish(&mut self, _: &Totals) {}
}
