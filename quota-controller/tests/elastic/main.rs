//! Elastic workloads on a real control plane: batch work shrinks for web load through its owners' own means, keeps its
//! minimum, and grows back.
//!
//! API server, controllers, scheduler and our controller are real; nodes and what runs on them are kwok's. Operators
//! of custom resources are small stand-ins here that make and remove pods by their owners' fields alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod autoscaler;
mod faults;
mod kit;
mod operators;
mod owners;
mod shrink;
mod trials;
