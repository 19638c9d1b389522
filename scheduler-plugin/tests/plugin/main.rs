//! A plugin as the scheduler meets it: questions over HTTP, and what it hears from a controller over gRPC.

#[path = "../support/mod.rs"]
mod support;

mod filter;
mod followed;
mod preempt;
mod prioritize;
mod transport;
