//! Elastic workloads: what their owners are, how they are asked for another size, and whether they follow.
//!
//! [`watch()`] finds and watches what ElasticWorkloads name (`desk` keeps it, [`resolve`] reads it), [`mod@write`] asks
//! an owner for another count, [`follow`] judges whether it does what it was asked, [`status`] tells people. Which
//! workload changes its size, by how much and for whom is the engine's word.

mod desk;
pub mod follow;
mod kinds;
mod path;
pub mod resolve;
pub mod status;
mod target;
mod watch;
pub mod write;

pub use follow::Patience;
pub use target::{Form, Means, Members, Target, Unmanaged};
pub use watch::watch;
