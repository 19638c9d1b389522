//! A step function of time in bounded memory, for drawing.

use engine::Time;

/// A value that holds from an instant until the next one.
pub type Step<V> = (Time, V);

/// A step function that keeps at most `steps_max` steps.
///
/// When there are too many, time is divided into slots and each keeps its first and last step and those with the
/// least and the greatest of each measure. So no peak is lost, and the shape stays that of the steps. Slots
/// depend on the steps alone: the same steps give the same series.
#[derive(Clone, Debug)]
pub struct Series<V> {
    start: Time,
    steps: Vec<Step<V>>,
    steps_max: usize,
    slot_ms: i64,
}

/// What must not be lost of a value: its least and greatest of these are kept in each slot.
pub trait Measures {
    /// The measures.
    fn measures(&self) -> [i64; 2];
}

impl<V: Copy + PartialEq + Measures> Series<V> {
    /// An empty series.
    pub fn new(start: Time, steps_max: usize) -> Series<V> {
        Series {
            start,
            steps: Vec::new(),
            // A slot keeps up to six steps.
            steps_max: steps_max.max(16),
            slot_ms: 1,
        }
    }

    /// From `time` on the value is this. The last value of an instant counts.
    pub fn push(&mut self, time: Time, value: V) {
        if let Some(last) = self.steps.last_mut()
            && last.0 == time
        {
            last.1 = value;
            return;
        }
        if self.steps.last().is_some_and(|last| last.1 == value) {
            return;
        }
        self.steps.push((time, value));
        if self.steps.len() > self.steps_max {
            // Down to half, so that the next steps are cheap again.
            self.thin_to(self.steps_max / 2);
        }
    }

    /// The steps.
    pub fn steps(&self) -> &[Step<V>] {
        &self.steps
    }

    /// The same in at most so many steps (but at least a slot's six).
    #[must_use]
    pub fn at_most(&self, steps_max: usize) -> Series<V> {
        let mut series = self.clone();
        series.thin_to(steps_max.max(6));
        series
    }

    fn thin_to(&mut self, steps_max: usize) {
        while self.steps.len() > steps_max {
            self.slot_ms = self.slot_ms.saturating_mul(2);
            self.steps = thinned(&self.steps, self.start, self.slot_ms);
        }
    }
}

/// The first and last step of each slot, and those with its least and greatest measures.
fn thinned<V: Copy + Measures>(steps: &[Step<V>], start: Time, slot_ms: i64) -> Vec<Step<V>> {
    let slot_of = |step: &Step<V>| (step.0 - start).0.div_euclid(slot_ms);
    let mut kept = Vec::new();
    for slot in steps.chunk_by(|a, b| slot_of(a) == slot_of(b)) {
        let mut indices = vec![0, slot.len() - 1];
        for measure in 0..2 {
            let of = |index: &usize| slot[*index].1.measures()[measure];
            indices.extend((0..slot.len()).min_by_key(of));
            indices.extend((0..slot.len()).max_by_key(of));
        }
        indices.sort_unstable();
        indices.dedup();
        kept.extend(indices.into_iter().map(|index| slot[index]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Measures for i64 {
        fn measures(&self) -> [i64; 2] {
            [*self, *self]
        }
    }

    #[test]
    fn the_last_value_of_an_instant_counts_and_repeats_are_no_steps() {
        let mut series = Series::new(Time(0), 100);
        for (time, value) in [(0, 1), (0, 2), (5, 2), (7, 3)] {
            series.push(Time(time), value);
        }
        assert_eq!(series.steps(), [(Time(0), 2), (Time(7), 3)]);
    }

    #[test]
    fn a_long_series_stays_short_and_keeps_its_peaks() {
        let mut series = Series::new(Time(0), 64);
        for n in 0..100_000_i64 {
            let value = match n {
                31_415 => 1_000_000,
                92_653 => -1_000_000,
                _ => n * 7 % 100,
            };
            series.push(Time(n * 10), value);
        }
        assert!(series.steps().len() <= 64);
        for peak in [(Time(314_150), 1_000_000), (Time(926_530), -1_000_000)] {
            assert!(series.steps().contains(&peak));
            assert!(series.at_most(20).steps().contains(&peak));
        }
        assert!(series.at_most(20).steps().len() <= 20);
        assert_eq!(series.steps().first().map(|step| step.0), Some(Time(0)));
        assert_eq!(
            series.steps().last().map(|step| step.0),
            Some(Time(999_990))
        );
    }
}
