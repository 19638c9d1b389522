//! A bar over simulated time, for one run or several at once; quiet unless stderr is a terminal.

use crate::model::Scenario;
use crate::output::{console, numbers::from_thousandths};
use crate::run;
use engine::Time;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

/// How far the runs of a command are.
pub struct Progress {
    bar: ProgressBar,
    start: Time,
    /// Of each run: milliseconds simulated, and events.
    runs: Mutex<Vec<(u64, u64)>>,
}

impl Progress {
    /// A bar for so many runs of a scenario. Where the end is not known beforehand, it tells only how far they are.
    pub fn new(scenario: &Scenario, runs: usize) -> Progress {
        let length = scenario
            .duration
            .and_then(|span| u64::try_from(span.0).ok());
        let runs = vec![(0, 0); runs];
        let (bar, template) = match length {
            _ if !std::io::stderr().is_terminal() => (ProgressBar::hidden(), "{msg}"),
            Some(length) => (
                ProgressBar::new(length.saturating_mul(runs.len() as u64)),
                "{bar:30} {msg}, {eta} left",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner} {msg}, {elapsed} so far",
            ),
        };
        let style = ProgressStyle::with_template(template);
        Progress {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            start: scenario.start,
            runs: Mutex::new(runs),
        }
    }

    /// Whether anybody looks.
    pub fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// The run of this number has come so far.
    pub fn tell(&self, number: usize, progress: run::Progress) {
        let (simulated, events) = self.add(number, progress);
        let elapsed = self.bar.elapsed().as_millis().max(1);
        let rate = u128::from(events) * 1000 / elapsed;
        self.bar.set_position(simulated);
        let simulated = i64::try_from(simulated).unwrap_or(i64::MAX);
        self.bar.set_message(format!(
            "{} simulated, {} events a second",
            console::duration(Some(from_thousandths(simulated))),
            HumanCount(u64::try_from(rate).unwrap_or(u64::MAX)),
        ));
    }

    /// The sums over all runs.
    fn add(&self, number: usize, progress: run::Progress) -> (u64, u64) {
        // A run that died tells nothing more; what others tell is still right.
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = runs.get_mut(number) {
            let since = (progress.now - self.start).0;
            *run = (u64::try_from(since).unwrap_or(0), progress.events);
        }
        runs.iter()
            .fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1))
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Span;

    #[test]
    fn what_several_runs_tell_is_added_up() {
        let (scenario, _) = crate::scenario::load("edl-case2").unwrap();
        let progress = Progress::new(&scenario, 2);
        let at = |seconds, events| run::Progress {
            now: scenario.start + Span::seconds(seconds),
            events,
        };
        assert_eq!(progress.add(0, at(10, 100)), (10_000, 100));
        assert_eq!(progress.add(1, at(5, 7)), (15_000, 107));
        assert_eq!(progress.add(0, at(20, 150)), (25_000, 157));
    }
}
