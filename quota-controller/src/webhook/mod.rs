//! The webhooks: an HTTPS server that the API server asks before it stores a lease, a pool or a larger pod.
//!
//! Every replica serves. One that does not lead hands the review to the leader as it is, so any of them may be
//! asked. What is bounded: the size of a review, the time for it, and how many are worked on at once.
//!
//! Nothing is decided here. A review becomes a question to the decider, its refusals become the answer's text.

mod answer;
mod forward;
mod mutate;
mod review;
mod server;
#[cfg(test)]
mod tests;

pub use forward::{ADDRESS_ANNOTATION, Leader};
pub use mutate::additions;
pub use review::{Question, Reading, read};
pub use server::{Metrics, Webhooks, serve};
