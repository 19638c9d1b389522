//! The controller as a real process, on a real control plane. How to write such a test: see `harness`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod borrow;
mod harness;
mod leaders;
mod restart;
mod terms;
