//! What the scheduler plugin is told and asks: the gRPC service `Admission`.
//!
//! The decider owns a [`GrantBook`] and writes into it with each decision, before the decision is carried out: so the plugin
//! hears of a grant before the scheduler sees the pod. [`Service`] hands the book's changes on and passes questions to
//! the decider; [`listen`] is its port.

mod book;
mod port;
mod service;
#[cfg(test)]
mod tests;
mod wire;

pub use book::{Change, GrantBook, Granted, Grants};
pub use port::{GrantOptions, listen};
pub use service::{LeaderUrl, Service};
