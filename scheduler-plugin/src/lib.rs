//! A kube-scheduler extender that lets pods onto nodes by their leases.
//!
//! The data's way: `follow` listens to the leading controller and keeps [`book::Book`] up to date; `http` takes the
//! scheduler's questions, `filter`, `prioritize` and `preempt` answer them out of the book.
//!
//! **Architecture invariant:** nothing is decided here. Which pod may go where is the controller's word or a function of
//! `engine::place`; this crate looks up and passes on.
//!
//! **Architecture invariant:** an answer waits for nobody but `Reserve`, and for that no longer than it is told to. Whoever
//! writes into the book holds no lock that a reader waits for longer than one entry takes.
//!
//! **Architecture invariant:** there is no state to lose. A replica that starts, or is asked for the first time, answers as
//! any other does once it has heard from the controller.

pub mod book;
pub mod cli;
mod controller;
mod filter;
pub mod follow;
mod http;
mod json;
pub mod metrics;
mod outside;
mod preempt;
mod prioritize;
mod reserve;
pub mod run;
mod texts;

pub use http::{Plugin, router};
pub use texts::Denial;
