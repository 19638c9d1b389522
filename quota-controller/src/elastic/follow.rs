//! Does the owner do what it was asked? No I/O, and no clock but the instants that are given.
//!
//! A count was written; then the pods that were to go must be on their way out within a bound, and the pods that
//! were granted must come within another. One that does not follow is helped first (the chosen pods are evicted)
//! and passed over then. One whose count somebody else sets back again and again is passed over too.

use engine::spec::PodId;
use engine::{Span, Time};
use std::collections::BTreeSet;

/// The bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A pod that is to go must be on its way out so long after it was asked; then it is evicted, and the same
    /// time later the owner is passed over.
    pub shrink: Span,
    /// A pod that was granted must be there so long after it was asked.
    pub grow: Span,
    /// An owner that did not follow is passed over for so long.
    pub pass_over: Span,
    /// Somebody else may change the count so often within `pass_over`.
    pub overrides_max: usize,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            shrink: Span::seconds(10),
            grow: Span::seconds(60),
            pass_over: Span::seconds(300),
            overrides_max: 3,
        }
    }
}

/// A change of a count that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    to: u32,
    /// The version of the object that carries it, once it is written.
    version: Option<u64>,
}

/// What one owner was asked, and how it does.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    asked: Option<Asked>,
    /// Pods that are to go and are not on their way out, with the instant since which they are waited for.
    staying: Vec<(PodId, Time)>,
    /// Those of them that were evicted.
    evicted: BTreeSet<PodId>,
    /// Since when granted replicas are waited for.
    short_since: Option<Time>,
    /// When somebody else changed the count.
    overrides: Vec<Time>,
    /// Why it is passed over, and until when.
    passed_over: Option<(Time, &'static str)>,
}

/// What is to be done about an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Evict these.
    Evict(Vec<PodId>),
    /// Somebody else sets its count back again and again: leave it for a while.
    LeaveCount,
    /// Tell the engine that it does not follow: these stay.
    PassOver {
        /// Pods that were to go.
        stay: Vec<PodId>,
        /// Until when.
        until: Time,
        /// Constant text for the cause.
        reason: &'static str,
    },
}

/// What a count that was seen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// What was asked for, or older than that.
    AsAsked,
    /// Somebody else's.
    Changed,
}

impl Follow {
    /// The owner is to be asked for `to` replicas; `remove` go.
    pub fn ask(&mut self, now: Time, to: u32, remove: &[PodId]) {
        self.asked = Some(Asked { to, version: None });
        self.staying.extend(remove.iter().map(|&pod| (pod, now)));
    }

    /// The count was written; the object that carries it has this version.
    pub fn written(&mut self, to: u32, version: u64) {
        if let Some(asked) = self.asked.as_mut().filter(|asked| asked.to == to) {
            asked.version = Some(version);
        }
    }

    /// The count was not written.
    pub fn not_written(&mut self, to: u32) {
        if self.asked.as_ref().is_some_and(|asked| asked.to == to) {
            self.asked = None;
        }
    }

    /// A count was seen in this version of the object. `known` is what the engine believes.
    pub fn seen(
        &mut self,
        now: Time,
        count: u32,
        version: u64,
        known: u32,
        patience: &Patience,
    ) -> Count {
        if let Some(asked) = &self.asked {
            match asked.version {
                // The answer of the write tells; until then everything is older.
                None => return Count::AsAsked,
                Some(written) if version < written => return Count::AsAsked,
                Some(_) => {}
            }
        }
        if count == known {
            self.asked = None;
            return Count::AsAsked;
        }
        let was_asked = self.asked.take().is_some();
        self.overrides.retain(|&at| at + patience.pass_over > now);
        if was_asked || !self.overrides.is_empty() {
            self.overrides.push(now);
        } else {
            self.overrides = vec![now];
        }
        Count::Changed
    }

    /// A pod is on its way out, or gone. If it was not among those that were to go, one of them stays instead:
    /// it is returned, and no longer waited for.
    pub fn leaves(&mut self, pod: PodId, may_stand_in: bool) -> Option<PodId> {
        self.evicted.remove(&pod);
        let before = self.staying.len();
        self.staying.retain(|&(other, _)| other != pod);
        if self.staying.len() < before || !may_stand_in {
            return None;
        }
        self.staying.pop().map(|(other, _)| other)
    }

    /// It could not be asked: it is passed over. Returns the pods that stay.
    pub fn give_up(&mut self, until: Time, reason: &'static str) -> Vec<PodId> {
        self.evicted.clear();
        self.passed_over = Some((until, reason));
        self.staying.drain(..).map(|(pod, _)| pod).collect()
    }

    /// `expected` granted replicas have no pod yet.
    pub fn expects(&mut self, now: Time, expected: u32) {
        match (expected, self.short_since) {
            (0, _) => self.short_since = None,
            (_, None) => self.short_since = Some(now),
            _ => {}
        }
    }

    /// Fewer are expected than before: those that come give hope for the others.
    pub fn came(&mut self, now: Time) {
        if self.short_since.is_some() {
            self.short_since = Some(now);
        }
    }

    /// What is due now.
    pub fn remedies(&mut self, now: Time, patience: &Patience) -> Vec<Remedy> {
        if self.passed_over.is_some_and(|(until, _)| until <= now) {
            self.passed_over = None;
        }
        let mut remedies = Vec::new();
        let hopeless: Vec<PodId> = self
            .staying
            .iter()
            .filter(|&&(_, since)| since + patience.shrink + patience.shrink <= now)
            .map(|&(pod, _)| pod)
            .collect();
        if !hopeless.is_empty() {
            let reason = "OwnerDoesNotFollow";
            let until = now + patience.pass_over;
            let stay = self.give_up(until, reason);
            remedies.push(Remedy::PassOver {
                stay,
                until,
                reason,
            });
            return remedies;
        }
        if self.overrides.len() > patience.overrides_max {
            // It is not passed over: what has to go is evicted then. Only its count is no longer put back.
            self.overrides.clear();
            self.passed_over = Some((now + patience.pass_over, "ScaledByOthers"));
            remedies.push(Remedy::LeaveCount);
        }
        let due: Vec<PodId> = self
            .staying
            .iter()
            .filter(|&&(pod, since)| since + patience.shrink <= now && !self.evicted.contains(&pod))
            .map(|&(pod, _)| pod)
            .collect();
        if !due.is_empty() {
            self.evicted.extend(due.iter().copied());
            remedies.push(Remedy::Evict(due));
        }
        if self
            .short_since
            .is_some_and(|since| since + patience.grow <= now)
        {
            self.short_since = None;
            let until = now + patience.pass_over;
            self.passed_over = Some((until, "PodsDoNotCome"));
            remedies.push(Remedy::PassOver {
                stay: Vec::new(),
                until,
                reason: "PodsDoNotCome",
            });
        }
        remedies
    }

    /// When something may be due next.
    pub fn next(&self, patience: &Patience) -> Option<Time> {
        let shrinks = self.staying.iter().map(|&(pod, since)| {
            let helped = self.evicted.contains(&pod);
            since + patience.shrink + if helped { patience.shrink } else { Span(0) }
        });
        let grows = self.short_since.map(|since| since + patience.grow);
        let again = self.passed_over.map(|(until, _)| until);
        shrinks.chain(grows).chain(again).min()
    }

    /// Whether it was passed over until now.
    pub fn has_waited(&self, now: Time) -> bool {
        self.passed_over.is_some_and(|(until, _)| until <= now)
    }

    /// Why it is passed over, and until when.
    pub fn passed_over(&self) -> Option<(Time, &'static str)> {
        self.passed_over
    }

    /// Whether a pod is waited for to go.
    pub fn waits(&self) -> bool {
        !self.staying.is_empty()
    }
}

#[cfg(test)]
#[path = "follow/tests.rs"]
mod tests;
