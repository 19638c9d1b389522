//! Who leads: a Lease of the API server, taken with compare-and-swap.
//!
//! GET, then PUT with the resourceVersion that was read: of two candidates one gets a conflict. The clock of
//! another machine is never believed: a lease is free when it was not seen to change for its whole duration
//! here. The number of transitions is the epoch; it rises with every leadership, also of the same replica.

mod election;

pub use election::{Election, LeaderSeen, Settings};

use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio_util::sync::CancellationToken;

/// A leadership of this replica: from when it was taken until it was lost.
#[derive(Clone, Debug)]
pub struct Leadership {
    epoch: u64,
    /// When the leader before was last heard of, by the API server's record.
    unwatched_since: Option<Timestamp>,
    ended: CancellationToken,
    renewed: Arc<Renewed>,
}

/// When the leadership was last renewed, and for how long that counts.
#[derive(Debug)]
struct Renewed {
    at: Mutex<Moment>,
    deadline: Duration,
}

/// An instant on two clocks: one of them stands still while the machine sleeps, the other can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Moment {
        Moment {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// The longer of what the two clocks say.
    fn elapsed(self) -> Duration {
        let wall = self.wall.elapsed().unwrap_or_default();
        self.steady.elapsed().max(wall)
    }
}

impl Leadership {
    /// A leadership that counts for `deadline` after `taken` unless it is renewed.
    pub(crate) fn new(epoch: u64, taken: Moment, deadline: Duration) -> Leadership {
        Leadership {
            epoch,
            unwatched_since: None,
            ended: CancellationToken::new(),
            renewed: Arc::new(Renewed {
                at: Mutex::new(taken),
                deadline,
            }),
        }
    }

    /// The same after a leader that was last heard of then.
    pub(crate) fn after(mut self, last_heard: Option<Timestamp>) -> Leadership {
        self.unwatched_since = last_heard;
        self
    }

    /// Since when nobody has led, until now; nothing if nobody ever has.
    pub fn unwatched_since(&self) -> Option<Timestamp> {
        self.unwatched_since
    }

    /// The epoch: higher than that of every leadership before.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether it may still act. Asked before each call that changes something: a process that was stopped for
    /// a while wakes up past its deadline, before any of its timers have told it.
    pub fn is_valid(&self) -> bool {
        !self.ended.is_cancelled() && !self.time_left().is_zero()
    }

    /// Cancelled when it has ended.
    pub fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Ends it: nothing is done in its name any more.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// Counts from `sent`, the moment before the renewal was sent.
    fn renew(&self, sent: Moment) {
        let mut at = self
            .renewed
            .at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if sent.steady > at.steady {
            *at = sent;
        }
    }

    /// How long until it counts no more.
    pub fn time_left(&self) -> Duration {
        let at = *self
            .renewed
            .at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.renewed.deadline.saturating_sub(at.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leadership(deadline: Duration) -> Leadership {
        Leadership::new(1, Moment::now(), deadline)
    }

    #[test]
    fn a_leadership_counts_until_its_deadline_and_not_longer() {
        assert!(leadership(Duration::from_secs(60)).is_valid());
        assert!(!leadership(Duration::ZERO).is_valid());
    }

    #[test]
    fn an_ended_leadership_counts_no_more() {
        let leadership = leadership(Duration::from_secs(60));
        leadership.end();
        assert!(!leadership.is_valid());
    }

    #[test]
    fn time_that_only_the_wall_clock_saw_pass_counts_too() {
        let slept = Moment {
            steady: Instant::now(),
            wall: SystemTime::now() - Duration::from_secs(61),
        };
        assert!(!Leadership::new(1, slept, Duration::from_secs(60)).is_valid());
    }

    #[test]
    fn a_renewal_that_was_sent_earlier_takes_nothing_back() {
        let early = Moment {
            steady: Instant::now() - Duration::from_secs(30),
            wall: SystemTime::now() - Duration::from_secs(30),
        };
        let leadership = leadership(Duration::from_secs(60));
        leadership.renew(early);
        assert!(leadership.time_left() > Duration::from_secs(45));
    }
}
