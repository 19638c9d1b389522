//! Work done and work lost, counted in whole numbers, and when a job will have done all of it.

use super::pods::{Clock, Fate, Stage};
use super::timers::Due;
use super::world::World;
use engine::Span;

/// Efficiencies and progress are in millionths.
pub(crate) const MILLION: i128 = 1_000_000;

impl World<'_> {
    /// Counts work and replica time up to now. To be called before anything about a workload changes.
    pub(crate) fn advance(&mut self, work: u32) {
        let now = self.now;
        let rate = self.rate(work);
        let entry = &mut self.works[work];
        let elapsed = (now - entry.since).0.max(0);
        entry.replica_ms += elapsed.saturating_mul(i64::from(entry.working));
        let worked = (now - entry.since.max(entry.penalty_until)).0.max(0);
        entry.progress += i128::from(worked) * rate;
        entry.since = now;
    }

    /// Work done each millisecond at present, in the unit of the job's clock.
    fn rate(&self, work: u32) -> i128 {
        let entry = &self.works[work];
        let complete = entry.working > 0 && (!entry.gang || entry.working >= entry.total);
        match (entry.clock, entry.job()) {
            (Clock::Together(_), _) if complete => MILLION,
            (Clock::Shared(_), Some(job)) if complete => {
                i128::from(entry.working) * efficiency(&job.efficiency, entry.working)
            }
            _ => 0,
        }
    }

    /// A workload's end is to be forecast anew, once all of this instant is known.
    pub(crate) fn mark_dirty(&mut self, work: u32) {
        let entry = &mut self.works[work];
        if !entry.dirty && matches!(entry.clock, Clock::Together(_) | Clock::Shared(_)) {
            entry.dirty = true;
            self.dirty.push(work);
        }
    }

    /// Forecasts the ends of jobs whose speed has changed.
    pub(crate) fn forecast_ends(&mut self) {
        for work in std::mem::take(&mut self.dirty) {
            self.works[work].dirty = false;
            if self.works[work].gone || self.works[work].closing.is_some() {
                continue;
            }
            self.advance(work);
            let rate = self.rate(work);
            self.stamp += 1;
            let stamp = self.stamp;
            let entry = &mut self.works[work];
            entry.stamp = stamp;
            let (Clock::Together(target) | Clock::Shared(target)) = entry.clock else {
                continue;
            };
            if rate > 0 {
                let left = (target - entry.progress).max(0);
                let span = i64::try_from((left + rate - 1) / rate).unwrap_or(i64::MAX);
                let at = self.now.max(entry.penalty_until) + Span(span);
                self.timers.set(at, Due::JobDone { work, stamp });
            }
        }
    }

    /// What a pod's loss costs: counted before it stops.
    pub(crate) fn lose_work(&mut self, pod: u32, fate: Fate) {
        let entry = &self.pods[pod];
        let work = entry.work;
        let (true, Stage::Running, Some(started)) = (fate.is_loss(), entry.stage, entry.started)
        else {
            return;
        };
        let ran = self.now - started;
        self.advance(work);
        let owner = &mut self.works[work];
        let Some(job) = owner.job() else { return };
        let (checkpoint, last) = (job.checkpoint, owner.working <= 1);
        match owner.clock {
            Clock::PerPod(_) if checkpoint => {
                self.pods[pod].left = Span((self.pods[pod].left.0 - ran.0).max(0))
            }
            Clock::PerPod(_) => owner.work_lost += ran.0,
            // A gang loses all with its first pod; what stays elastic loses all with its last.
            Clock::Together(_) | Clock::Shared(_) if checkpoint => {}
            Clock::Together(_) if owner.gang || last => {
                let each = to_ms(owner.progress);
                owner.work_lost += each.saturating_mul(i64::from(owner.total.max(1)));
                owner.progress = 0;
            }
            Clock::Shared(_) if owner.gang || owner.elastic && last => {
                owner.work_lost += to_ms(owner.progress);
                owner.progress = 0;
            }
            Clock::Shared(_) if !owner.elastic => {
                let lost = (i128::from(ran.0) * MILLION).min(owner.progress);
                owner.work_lost += to_ms(lost);
                owner.progress -= lost;
            }
            // A job that runs until an instant has done what its pods ran; an elastic one keeps that while any is left.
            Clock::Never if !checkpoint && (!owner.elastic || last) => owner.work_lost += ran.0,
            Clock::Together(_) | Clock::Shared(_) | Clock::Never => {}
        }
    }
}

/// Whole milliseconds of an amount of work.
fn to_ms(progress: i128) -> i64 {
    i64::try_from(progress / MILLION).unwrap_or(i64::MAX)
}

/// Work a replica does at this size, in millionths: on the straight line between the two sizes that are
/// given around it, cut off; outside of them, as at the nearest.
pub(crate) fn efficiency(curve: &[(u32, u32)], replicas: u32) -> i128 {
    let after = curve.partition_point(|&(size, _)| size < replicas);
    match (
        after.checked_sub(1).map(|before| curve[before]),
        curve.get(after),
    ) {
        (None, None) => MILLION,
        (None, Some(&(_, value))) | (Some((_, value)), None) => i128::from(value),
        (Some((size1, value1)), Some(&(size2, value2))) => {
            let (rise, run) = (
                i128::from(value2) - i128::from(value1),
                i128::from(size2 - size1),
            );
            i128::from(value1) + rise * i128::from(replicas - size1) / run
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efficiency_lies_on_the_line_between_two_sizes() {
        let curve = [(1, 1_000_000), (8, 900_000)];
        let at = |replicas| efficiency(&curve, replicas);
        assert_eq!((at(1), at(8), at(20)), (1_000_000, 900_000, 900_000));
        assert_eq!(at(4), 1_000_000 - 42_857);
        assert_eq!(efficiency(&[], 5), 1_000_000);
    }
}
