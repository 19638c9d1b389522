//! The decision core of Leasehold: events in, actions out.
//!
//! **Architecture invariant:** no clock, no I/O, no thread, no randomness, no floating point. `now` is an
//! argument. That is what lets a decision log from a cluster be replayed bit for bit on a laptop.
//!
//! **Architecture invariant:** deciding cannot fail. A request that cannot be met gets a [`Refusal`] with
//! the numbers; `Result` begins in the programs around this crate.
#![deny(clippy::float_arithmetic)]

mod action;
mod amounts;
mod demand;
mod engine;
mod event;
pub mod grants;
mod ids;
pub mod lease;
pub mod place;
mod pool;
mod ratio;
mod refusal;
mod room;
pub mod score;
mod slab;
pub mod snapshot;
pub mod spec;
mod time;
mod tree;

pub use action::{Action, Cause};
pub use amounts::{AMOUNT_MAX, Amounts, UNLIMITED};
pub use engine::Engine;
pub use event::Event;
pub use refusal::Refusal;
pub use time::{Span, Time};
