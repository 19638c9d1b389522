//! The decision log: what the engine was told and what it answered, one JSON line a decision.
//!
//! The simulator writes it, a cluster's controller writes it, and [`Replay`] decides it all again. Because the
//! engine gives the same actions for the same events on any machine, a difference is either a change of the
//! rules between two versions or a driver that told the engine one thing and wrote down another.
//!
//! **Architecture invariant:** this crate opens no file and reads no clock. Lines are bytes that the programs
//! bring and take.

mod line;
mod replay;
mod write;

pub use line::{Decision, Line, Malformed, Started, read, write_started};
pub use replay::{Counts, Difference, Replay};
pub use write::{Writer, write_decision};
