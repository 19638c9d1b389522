//! Decides a log again.

use crate::line::{Decision, Line};
use engine::{Action, Engine};

/// What was replayed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times a driver started.
    pub starts: u64,
    /// Decisions.
    pub decisions: u64,
    /// Events that the engine was told.
    pub events: u64,
    /// Actions that were the same.
    pub actions: u64,
}

/// The first action that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The action's place in the decision, from 1.
    pub place: usize,
    /// What the log says; nothing, where it ends earlier.
    pub expected: Option<Action>,
    /// What the engine says now; nothing, where it says less.
    pub got: Option<Action>,
}

/// An engine that follows a log.
#[derive(Debug, Default)]
pub struct Replay {
    engine: Engine,
    counts: Counts,
    is_fed: bool,
}

impl Replay {
    /// An engine that knows nothing, at the beginning of a log.
    pub fn new() -> Replay {
        Replay::default()
    }

    /// What was replayed so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The engine, as the log has left it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether the engine, since it is new, was told anything.
    pub fn is_fed(&self) -> bool {
        self.is_fed
    }

    /// Follows a line. After a difference the state is no longer that of the log.
    ///
    /// # Errors
    /// The first action that differs.
    pub fn follow(&mut self, line: &Line) -> Result<(), Box<Difference>> {
        match line {
            Line::Started(_) => {
                self.engine = Engine::new();
                self.is_fed = false;
                self.counts.starts += 1;
                Ok(())
            }
            Line::Decision(decision) => self.decide(decision),
            Line::Audit => Ok(()),
        }
    }

    fn decide(&mut self, decision: &Decision) -> Result<(), Box<Difference>> {
        for event in &decision.events {
            self.engine.feed(decision.now, event);
        }
        self.is_fed |= !decision.events.is_empty();
        let got = self.engine.decide(decision.now);
        // Nobody asks here which accounts changed: dropped, or it would be kept for ever.
        drop(self.engine.take_changed());
        self.counts.events += decision.events.len() as u64;
        let same = decision.actions.iter().zip(&got);
        let same = same.take_while(|(expected, got)| expected == got).count();
        self.counts.actions += same as u64;
        if same < decision.actions.len().max(got.len()) {
            return Err(Box::new(Difference {
                place: same + 1,
                expected: decision.actions.get(same).cloned(),
                got: got.into_iter().nth(same),
            }));
        }
        self.counts.decisions += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Started;
    use engine::spec::{PodId, PodSpec};
    use engine::{Event, Time};

    /// A pod that no lease knows is held, with the reason: the shortest decision there is.
    fn arrival() -> Decision {
        let event = Event::PodArrived(PodSpec {
            id: PodId(1),
            namespace: "web".into(),
            name: "a".into(),
            priority: 0,
            created: Time(0),
            template: Default::default(),
            pool: None,
            group: None,
            ordinal: None,
            workload: None,
        });
        let mut engine = Engine::new();
        engine.feed(Time(0), &event);
        let actions = engine.decide(Time(0));
        assert!(!actions.is_empty());
        Decision {
            now: Time(0),
            events: vec![event],
            actions,
        }
    }

    #[test]
    fn what_was_decided_is_decided_again() {
        let mut replay = Replay::new();
        let line = Line::Decision(arrival());
        assert_eq!(replay.follow(&line), Ok(()));
        let counts = replay.counts();
        assert_eq!((counts.decisions, counts.events, counts.actions), (1, 1, 1));
    }

    #[test]
    fn the_first_action_that_differs_is_told_with_both_sides() {
        let told = arrival();
        let admit = Action::Admit {
            pod: PodId(1),
            node: None,
        };
        let wrong = Line::Decision(Decision {
            actions: vec![admit.clone()],
            ..told.clone()
        });
        let missing = Line::Decision(Decision {
            actions: Vec::new(),
            ..told.clone()
        });
        let got = told.actions.first().cloned();
        for (line, expected) in [(wrong, Some(admit)), (missing, None)] {
            assert_eq!(
                Replay::new().follow(&line),
                Err(Box::new(Difference {
                    place: 1,
                    expected,
                    got: got.clone()
                }))
            );
        }
    }

    #[test]
    fn after_a_start_the_engine_knows_nothing() {
        let mut replay = Replay::new();
        let line = Line::Decision(arrival());
        replay.follow(&line).unwrap();
        // The same pod once more says nothing new to an engine that knows it.
        assert!(replay.follow(&line).is_err());
        replay.follow(&Line::Started(Started::default())).unwrap();
        assert!(!replay.is_fed());
        assert_eq!(replay.follow(&line), Ok(()));
    }
}
