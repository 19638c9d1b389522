//! What is to happen at a later instant.

use engine::{Span, Time};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A pod's own work is done.
    PodDone {
        /// Its identity.
        pod: u64,
    },
    /// A pod that was asked to end has ended.
    PodGone {
        /// Its identity.
        pod: u64,
    },
    /// A job's work is done, if nothing has changed since `stamp`.
    JobDone {
        /// The job.
        work: u32,
        /// The forecast this belongs to.
        stamp: u64,
    },
    /// A job is asked to end.
    JobUntil {
        /// The job.
        work: u32,
        /// Its serial number: slots of jobs are used again.
        serial: u64,
    },
    /// The scenario's change of this number.
    Change {
        /// Its index.
        index: u32,
    },
    /// A bound pod runs.
    PodStarted {
        /// Its identity.
        pod: u64,
    },
    /// A service asks for another count.
    Service {
        /// Its index.
        index: u32,
    },
    /// The engine asked to be woken, if `stamp` is its last wish.
    Wake {
        /// The wish this belongs to.
        stamp: u64,
    },
    /// The published autoscaler looks around.
    Autoscale,
}

impl Due {
    /// The order within one instant: ends, then changes of leases and nodes, then the rest.
    fn class(&self) -> u8 {
        match self {
            Due::PodDone { .. }
            | Due::PodGone { .. }
            | Due::JobDone { .. }
            | Due::JobUntil { .. } => 0,
            Due::Change { .. } => 1,
            Due::PodStarted { .. } => 2,
            Due::Service { .. } => 3,
            Due::Wake { .. } | Due::Autoscale => 4,
        }
    }

    /// Whether something in the simulated world happens by it: what only looks cannot keep a run going.
    fn moves(&self) -> bool {
        !matches!(self, Due::Wake { .. } | Due::Autoscale)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timer {
    at: Time,
    class: u8,
    number: u64,
    due: Due,
}

impl Ord for Timer {
    fn cmp(&self, other: &Timer) -> Ordering {
        (self.at, self.class, self.number).cmp(&(other.at, other.class, other.number))
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Timer) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Timers in the order of time, then class, then the order in which they were set. `O(log n)` each.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    number: u64,
    moving: usize,
}

impl Timers {
    /// Sets a timer.
    pub(crate) fn set(&mut self, at: Time, due: Due) {
        self.number += 1;
        self.moving += usize::from(due.moves());
        self.heap.push(Reverse(Timer {
            at,
            class: due.class(),
            number: self.number,
            due,
        }));
    }

    /// Sets a timer that far from `now`.
    pub(crate) fn set_in(&mut self, now: Time, span: Span, due: Due) {
        self.set(now + Span(span.0.max(0)), due);
    }

    /// The instant of the first timer.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(timer)| timer.at)
    }

    /// Takes the first timer if it is due at `now`.
    pub(crate) fn take(&mut self, now: Time) -> Option<Due> {
        if self.next_at()? > now {
            return None;
        }
        let Reverse(timer) = self.heap.pop()?;
        self.moving -= usize::from(timer.due.moves());
        Some(timer.due)
    }

    /// Whether anything is to come that changes the simulated world by itself.
    pub(crate) fn any_moving(&self) -> bool {
        self.moving > 0
    }
}
