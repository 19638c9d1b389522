//! What became of what owners were asked, and what helps where one does not follow.

use super::{Driver, WorkloadEntry};
use crate::elastic::Patience;
use crate::elastic::follow::Remedy;
use crate::elastic::status::instant;
use engine::spec::{PodId, WorkloadKey};
use engine::{Event, Span, Time};

/// An owner that could not be asked is not asked again for so long.
const FAILED_PAUSE: Span = Span::seconds(60);

impl Driver {
    /// The count was written.
    pub(in crate::decider) fn scaled(&mut self, key: &WorkloadKey, to: u32, version: u64) {
        if let Some(listed) = self.workloads.get_mut(key) {
            listed.it.follow.written(to, version);
            self.changed_workloads.insert(key.clone());
            // What was seen since may be somebody else's count.
            self.observe_count(key);
        }
    }

    /// The count could not be written: others are looked at.
    pub(in crate::decider) fn scale_failed(&mut self, key: &WorkloadKey, to: u32, message: String) {
        let retry = self.now + FAILED_PAUSE;
        let Some(listed) = self.workloads.get_mut(key) else {
            return;
        };
        let entry = &mut listed.it;
        entry.follow.not_written(to);
        let stay = entry.follow.give_up(retry, "CannotScale");
        entry.problem = Some((message.clone(), retry));
        self.changed_workloads.insert(key.clone());
        self.tell(key, true, "CannotScale", message);
        // What was granted and cannot be made is given back.
        let figures = self.engine.workload(key);
        if let Some(figures) = figures.filter(|figures| figures.expected > 0)
            && let Some(listed) = self.workloads.get_mut(key)
        {
            listed.it.cap = Some((figures.admitted.saturating_sub(figures.expected), retry));
            self.settle_workload(key);
        }
        self.feed(Event::ScaleRefused {
            key: key.clone(),
            stay,
            retry,
        });
    }

    /// An eviction that was to help an owner was refused.
    pub(in crate::decider::driver) fn stays_after_all(&mut self, id: PodId) {
        if let Some(key) = self.workload_key(id)
            && let Some(listed) = self.workloads.get_mut(&key)
        {
            listed.it.follow.leaves(id, false);
        }
    }

    /// What is due by itself: owners that do not follow.
    pub(in crate::decider::driver) fn look_after_owners(&mut self) {
        let (now, patience) = (self.now, self.patience);
        if std::mem::take(&mut self.is_recount_due) {
            let keys: Vec<WorkloadKey> = self.workloads.keys().cloned().collect();
            for key in keys {
                self.observe_count(&key);
            }
        }
        let due: Vec<WorkloadKey> = self
            .workloads
            .iter()
            .filter(|(_, listed)| next_of(&listed.it, &patience).is_some_and(|next| next <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            let Some(listed) = self.workloads.get_mut(&key) else {
                continue;
            };
            let entry = &mut listed.it;
            entry.problem.take_if(|(_, until)| *until <= now);
            let was_capped = entry.cap.take_if(|(_, until)| *until <= now).is_some();
            let is_tried_again = entry.follow.has_waited(now);
            let remedies = entry.follow.remedies(now, &patience);
            self.changed_workloads.insert(key.clone());
            for remedy in remedies {
                self.help(&key, remedy);
            }
            if was_capped {
                self.settle_workload(&key);
            }
            if is_tried_again {
                self.observe_count(&key);
            }
        }
    }

    fn help(&mut self, key: &WorkloadKey, remedy: Remedy) {
        let figures = self.engine.workload(key);
        match remedy {
            Remedy::Evict(pods) => {
                let message = format!(
                    "it was asked for {} replicas and keeps {} pods that were to go: they are evicted",
                    figures.map_or(0, |it| it.admitted),
                    pods.len()
                );
                self.tell(key, true, "OwnerDoesNotFollow", message);
                self.workload_orders.evictions.extend(pods);
            }
            Remedy::LeaveCount => {
                let message = "somebody else sets its count back again and again: it is not corrected for a while, \
                               what has to go is evicted";
                self.tell(key, true, "ScaledByOthers", message.to_owned());
            }
            Remedy::PassOver {
                stay,
                until,
                reason,
            } => {
                let message = format!(
                    "not asked again before {}; others give instead",
                    instant(until).0
                );
                self.tell(key, true, reason, message);
                if reason == "PodsDoNotCome" {
                    let there = figures.map_or(0, |it| it.admitted.saturating_sub(it.expected));
                    if let Some(listed) = self.workloads.get_mut(key) {
                        listed.it.cap = Some((there, until));
                    }
                    self.settle_workload(key);
                }
                self.feed(Event::ScaleRefused {
                    key: key.clone(),
                    stay,
                    retry: until,
                });
            }
        }
    }

    /// When something may be due by itself.
    pub(in crate::decider) fn next_due(&self) -> Option<Time> {
        if self.is_recount_due {
            return Some(self.now);
        }
        let entries = self.workloads.values();
        entries
            .filter_map(|listed| next_of(&listed.it, &self.patience))
            .min()
    }
}

fn next_of(entry: &WorkloadEntry, patience: &Patience) -> Option<Time> {
    let cap = entry.cap.map(|(_, until)| until);
    let problem = entry.problem.as_ref().map(|(_, until)| *until);
    [entry.follow.next(patience), cap, problem]
        .into_iter()
        .flatten()
        .min()
}
