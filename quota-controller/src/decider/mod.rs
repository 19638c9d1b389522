//! The one task that owns the engine: what was seen goes in, decisions are made, actions go out.
//!
//! Others talk to it through [`Decider`]. It holds nothing while it follows; a leader begins with an empty
//! engine, learns from the watches that begin with it, and decides after.

mod driver;
mod handle;
mod log;
mod message;
mod task;
mod term;

pub use handle::{Decider, NotLeading, Observer, Standing};
pub use log::LogOptions;
pub use message::{Change, Message, Outcome, Reserved};
pub use task::{Options, start};
