//! From a trace's own time to the scenario's: where it begins, how fast it runs, which part of it is used.

use super::time::Kind;
use crate::model::{Bound, TraceSource};
use crate::problem::Problem;
use engine::{Span, Time};
use std::path::Path;

/// Normal speed, in millionths.
pub const NORMAL: u64 = 1_000_000;

/// Moves instants of a trace into the scenario.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The instant of the trace that becomes instant 0.
    pub zero: i64,
    /// From this instant of the trace on.
    pub from: i64,
    /// Up to this instant of the trace, exclusive.
    pub to: i64,
    speedup: u64,
    start: Time,
}

/// The part that is used, the speed, and instant 0 of the scenario.
pub struct Settings<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    /// From and up to.
    pub window: (Option<Bound>, Option<Bound>),
    /// In millionths.
    pub speedup: u64,
    /// Instant 0 of the scenario.
    pub start: Time,
}

impl<'a> Settings<'a> {
    /// Those of a trace.
    pub fn of(source: &'a TraceSource) -> Settings<'a> {
        Settings {
            path: &source.path,
            window: source.window,
            speedup: source.speedup,
            start: source.start,
        }
    }

    /// The clock of a trace that counts its time so and whose earliest row is at `first`. Its own zero is
    /// second 0, or the earliest row where times are calendar times; with `from` it is that instant.
    ///
    /// # Errors
    /// The part is given as dates, and the trace tells none.
    pub fn clock(&self, kind: Kind, epoch: Option<i64>, first: i64) -> Result<Clock, Problem> {
        let own = match kind {
            Kind::Seconds => 0,
            Kind::Calendar => first,
        };
        let place = |bound: Bound| match bound {
            Bound::After(span) => Ok(own.saturating_add(span.0)),
            Bound::At(time) => match (kind, epoch) {
                (Kind::Calendar, _) => Ok(time.0),
                (Kind::Seconds, Some(epoch)) => Ok(time.0.saturating_sub(epoch)),
                (Kind::Seconds, None) => Err(Problem::error(
                    "counts its time in seconds since its start, and `from` or `to` is a date",
                )
                .in_file(self.path.display().to_string())
                .hint("give `from` and `to` as durations since the trace's start, such as `24h`")),
            },
        };
        let zero = self.window.0.map_or(Ok(own), place)?;
        Ok(Clock {
            zero,
            from: self.window.0.map_or(i64::MIN, |_| zero),
            to: self.window.1.map_or(Ok(i64::MAX), place)?,
            speedup: self.speedup.max(1),
            start: self.start,
        })
    }
}

impl Clock {
    /// An instant of the trace in the scenario's time: it lies so far behind instant 0, shortened by the speed.
    pub fn shift(&self, at: i64) -> Time {
        let since = i128::from(at) - i128::from(self.zero);
        let scaled = match self.speedup == NORMAL {
            true => since,
            false => (since * i128::from(NORMAL)).div_euclid(i128::from(self.speedup)),
        };
        self.start + Span(i64::try_from(scaled).unwrap_or(i64::MAX))
    }
}
