//! What is there: the objects of the cluster as observations, trimmed to what the engine and we need.
//!
//! Objects are read here, as far from the one task that decides as possible; what reaches it is small.

mod node;
mod observation;
mod pod;
mod watch;

pub use observation::{
    Kind, LeaseSeen, NamespaceSeen, Observation, PodSeen, PoolSeen, Uid, WorkloadSeen,
};
pub use pod::see as see_pod;
pub use watch::{lease_seen, pool_seen, watch_all};
