//! Makes leases bind in a cluster: watches what is there, lets the engine decide, carries it out.
//!
//! The data's way: `cluster` turns objects into observations, `decider` into the engine's events, the engine
//! answers with actions, `act` turns those into calls of the API server. `leader` says who may.
//!
//! **Architecture invariant:** nothing is decided here. Who is admitted, held, evicted is the engine's word;
//! this crate knows when to ask and how to carry it out.
//!
//! **Architecture invariant:** there is no state but the API server's. What a leader knows it has listed after
//! it became the leader.

pub mod act;
pub mod admission;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod decider;
pub mod elastic;
pub mod grants;
pub mod health;
pub mod installed;
pub mod leader;
pub mod metrics;
pub mod policies;
pub mod run;
pub mod webhook;
