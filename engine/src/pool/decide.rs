//! The decision: admission, reclaim, growth.
//!
//! Entitled requests come first, in their order; then borrowers by fair share; then those that may only take
//! from their own account (rule 10); last growth. Only places that something was given back to, or that
//! something arrived at, are searched.

use super::search::Source;
use super::{Decision, Pool};
use crate::action::{Action, Cause};
use crate::ids::AccountId;
use crate::spec::PodId;
use crate::time::Time;
use std::collections::BTreeSet;

/// A decision serves each request once or a few times. Should requests ever take from each other in a circle,
/// it ends all the same, and the next decision goes on.
const SERVED_EACH: usize = 16;

/// The same, however few wait.
const SERVED_MIN: usize = 1024;

/// A decision comes to its end after so many rounds, whatever is dropped in the last one.
const ROUNDS_MAX: u32 = 4;

impl Pool {
    /// Time has come to `now`: leases start, end and are renewed, cool-downs end.
    pub(crate) fn come_to(&mut self, now: Time) {
        self.decision.now = now;
        if self.book.next_change().is_some_and(|next| next <= now) {
            for (lease, until) in self.book.advance(now) {
                self.told.push(Action::Renew { lease, until });
            }
            self.sync_terms();
        }
        while let Some(&wake) = self.wakes.first() {
            if wake > now {
                break;
            }
            self.wakes.pop_first();
            self.loosened = true;
        }
        self.end_cooling();
    }

    /// Makes one decision for all that was noted.
    pub(crate) fn decide(&mut self, now: Time) -> Vec<Action> {
        self.come_to(now);
        // What was found is not of this decision.
        self.take_stock();
        self.decision.number += 1;
        self.decision.is_open = true;
        self.decision.left = SERVED_MIN + SERVED_EACH * self.requests.len();
        self.drain();
        self.wake_parked();
        for _ in 0..ROUNDS_MAX {
            self.round();
            if !self.loosened {
                break;
            }
        }
        self.finish()
    }

    /// Serves all that may go. Afterwards `loosened` tells whether an earmark was dropped on the way, which
    /// what was tried before may use.
    fn round(&mut self) {
        self.decision.round += 1;
        let mut sources: BTreeSet<Source> = BTreeSet::new();
        if std::mem::take(&mut self.loosened) {
            let known = self.earmarked.iter().copied();
            sources.extend(known.map(Source::Request));
            sources.extend(self.stuck_by_now().into_iter().map(Source::Request));
        }
        let mut seen: BTreeSet<AccountId> = BTreeSet::new();
        loop {
            self.serve_entitled(&mut seen, std::mem::take(&mut sources));
            // Who may go first is known only when nobody covered in everything is left.
            if let Some(request) = self.entitled_in_part() {
                sources.insert(Source::Request(request));
                continue;
            }
            if self.serve_borrower() {
                continue;
            }
            if self.serve_by_priority(&seen) || !self.touched.is_empty() {
                continue;
            }
            // What grew may have a next step within its own part, which is a request.
            if !self.grow() {
                break;
            }
        }
    }

    /// Turns what was decided into actions.
    fn finish(&mut self) -> Vec<Action> {
        self.loosened = false;
        let (number, round, now) = (self.decision.number, self.decision.round, self.decision.now);
        let decision = std::mem::replace(
            &mut self.decision,
            Decision {
                number,
                round,
                now,
                ..Decision::default()
            },
        );
        let mut actions = std::mem::take(&mut self.told);
        for pod in std::mem::take(&mut self.aside) {
            self.tell_aside(pod, &mut actions);
        }
        for pod in decision.admitted {
            let Some(entry) = self.pod(pod) else { continue };
            let node = entry
                .node
                .map(|node| self.rooms.node(node).spec.name.clone());
            actions.extend(entry.id.map(|pod| Action::Admit { pod, node }));
        }
        for (index, (cause, removed)) in decision.scaled {
            let remove: Vec<PodId> = removed
                .iter()
                .filter_map(|&pod| self.pod(pod)?.id)
                .collect();
            let Some(workload) = self.workloads.get_mut(index.0) else {
                continue;
            };
            let (from, to) = (workload.asked, workload.target());
            workload.asked = to;
            if from != to || !remove.is_empty() {
                let cause = cause.unwrap_or(Cause::Bounds);
                actions.push(Action::Scale {
                    workload: workload.spec.key.clone(),
                    from,
                    to,
                    remove,
                    cause,
                });
            }
        }
        for (pod, cause) in decision.evicted {
            let Some(entry) = self.pod(pod) else { continue };
            let grace = self.tree.account(entry.account).terms.grace_period;
            actions.extend(entry.id.map(|pod| Action::Evict { pod, grace, cause }));
        }
        for request in decision.news {
            self.tell(request, &mut actions);
        }
        actions
    }
}
