//! The decision log of a run, as a file.

use decision_log::Writer;
use engine::{Action, Event, Time};
use std::fs::File;
use std::io::{self, Write};

/// So much is gathered before it is written: a system call for each line would cost more than the line.
const BUFFER: usize = 1 << 18;

/// `decisions.jsonl`.
pub struct Decisions {
    writer: Writer,
    lines: Vec<u8>,
    file: File,
}

impl Decisions {
    /// A log whose time counts from `start`.
    pub fn new(file: File, start: Time) -> Decisions {
        Decisions {
            writer: Writer::new(start),
            lines: Vec::with_capacity(2 * BUFFER),
            file,
        }
    }

    /// Adds a decision.
    ///
    /// # Errors
    /// The file cannot be written to.
    pub fn write(&mut self, now: Time, events: &[Event], actions: &[Action]) -> io::Result<()> {
        self.writer
            .decision(&mut self.lines, now, events, actions)?;
        if self.lines.len() >= BUFFER {
            self.file.write_all(&self.lines)?;
            self.lines.clear();
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The file cannot be written to.
    pub fn close(mut self) -> io::Result<()> {
        self.file.write_all(&self.lines)
    }
}
