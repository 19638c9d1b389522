//! What was decided, as steps: decisions of one kind about one object, close together in time.

use super::pods::Owners;
use decision_log::{Decision, Started};
use engine::spec::{Name, PodId, PodSpec};
use engine::{Action, Cause, Event, Span, Time};
use rustc_hash::FxHashMap;
use serde::Serialize;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Pods are let through; the amount is how many.
    Admit,
    /// Pods are evicted; the amount is how many.
    Evict,
    /// A replica count is lowered; the amount is what to.
    Shrink,
    /// A replica count is raised; the amount is what to.
    Grow,
}

impl Verb {
    /// Whether the amounts of a step are counted together; else its last one counts.
    fn adds_up(self) -> bool {
        matches!(self, Verb::Admit | Verb::Evict)
    }
}

/// Something that was decided about one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When it was decided first, in milliseconds since instant 0.
    pub began: i64,
    /// When it was decided last.
    pub ended: i64,
    /// What.
    pub verb: Verb,
    /// The workload's namespace.
    pub namespace: Name,
    /// The workload.
    pub workload: Name,
    /// Pods, or the replica count.
    pub amount: u32,
}

/// Makes steps of decisions.
pub struct Steps<'a> {
    start: Time,
    together: Span,
    /// Pods whose workload the log does not tell.
    owners: &'a Owners,
    pods: FxHashMap<PodId, (Name, Name)>,
    /// The last step of each object: of its pods let through, of its pods evicted, of its size.
    last: FxHashMap<(Name, Name, u8), usize>,
    steps: Vec<Step>,
}

impl<'a> Steps<'a> {
    /// Steps of decisions from `start` on.
    pub fn new(start: Time, together: Span, owners: &'a Owners) -> Steps<'a> {
        Steps {
            start,
            together,
            owners,
            pods: FxHashMap::default(),
            last: FxHashMap::default(),
            steps: Vec::new(),
        }
    }

    /// The controller has started: pods have new numbers.
    pub fn started(&mut self, _: &Started) {
        self.pods.clear();
    }

    /// A decision was made.
    pub fn decision(&mut self, decision: &Decision) {
        for event in &decision.events {
            if let Event::PodArrived(pod) | Event::PodFound(pod) = event {
                let owner = self.owner(pod);
                self.pods.insert(pod.id, owner);
            }
        }
        // What came before instant 0 is no part of the scenario.
        if decision.now >= self.start {
            for action in &decision.actions {
                self.action((decision.now - self.start).0, action);
            }
        }
        // Last, because a victim may end in the very instant in which it was chosen.
        for event in &decision.events {
            if let Event::PodEnded { pod } = event {
                self.pods.remove(pod);
            }
        }
    }

    /// All steps, in the order in which they began.
    pub fn finish(self) -> Vec<Step> {
        self.steps
    }

    fn owner(&self, pod: &PodSpec) -> (Name, Name) {
        let key = (pod.namespace.clone(), pod.name.clone());
        let workload = self
            .owners
            .get(&key)
            .or(pod.workload.as_ref())
            .unwrap_or(&pod.name);
        (pod.namespace.clone(), workload.clone())
    }

    fn action(&mut self, at: i64, action: &Action) {
        match action {
            Action::Admit { pod, .. } => self.pod(at, Verb::Admit, *pod),
            Action::Evict { pod, .. } => self.pod(at, Verb::Evict, *pod),
            Action::Scale {
                workload,
                from,
                to,
                cause,
                ..
            } if from != to => {
                let verb = match cause {
                    // An owner may ask for more than is granted first: what is granted is a growth from nothing.
                    Cause::Admitted | Cause::Growth => Verb::Grow,
                    Cause::Reclaim { .. } | Cause::Priority { .. } | Cause::Drain => Verb::Shrink,
                    Cause::Bounds if to < from => Verb::Shrink,
                    Cause::Bounds => Verb::Grow,
                };
                let object = (workload.namespace.clone(), workload.name.clone());
                self.note(at, verb, object, *to);
            }
            Action::Scale { .. }
            | Action::Hold { .. }
            | Action::Refuse { .. }
            | Action::Renew { .. }
            | Action::WakeAt { .. } => {}
        }
    }

    fn pod(&mut self, at: i64, verb: Verb, pod: PodId) {
        let unknown = || ("".into(), format!("pod {}", pod.0).into());
        let object = self.pods.get(&pod).cloned().unwrap_or_else(unknown);
        self.note(at, verb, object, 1);
    }

    fn note(&mut self, at: i64, verb: Verb, (namespace, workload): (Name, Name), amount: u32) {
        let slot = match verb {
            Verb::Admit => 0,
            Verb::Evict => 1,
            // One slot: a growth between two shrinks parts them.
            Verb::Shrink | Verb::Grow => 2,
        };
        let key = (namespace, workload, slot);
        let last = self.last.get(&key).and_then(|&at| self.steps.get_mut(at));
        if let Some(step) = last
            && step.verb == verb
            && at - step.ended <= self.together.0
        {
            step.ended = at;
            match verb.adds_up() {
                true => step.amount += amount,
                false => step.amount = amount,
            }
            return;
        }
        let (namespace, workload, _) = key.clone();
        self.last.insert(key, self.steps.len());
        self.steps.push(Step {
            began: at,
            ended: at,
            verb,
            namespace,
            workload,
            amount,
        });
    }
}
