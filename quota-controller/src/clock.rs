//! The time that is given to the engine.

use engine::Time;

/// Now, in whole milliseconds since 1970.
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_millisecond())
}

/// A clock that never goes back: the engine's time must not, even where the machine's is set.
#[derive(Debug, Default)]
pub struct Clock {
    last: Time,
}

impl Clock {
    /// Now, or the last instant told if the machine's clock was set back.
    pub fn now(&mut self) -> Time {
        self.last = self.last.max(now());
        self.last
    }
}
