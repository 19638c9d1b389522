//! The services between the controller and the scheduler plugin, generated from `proto/`.

/// `leasehold.v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::panic
)]
pub mod v1 {
    tonic::include_proto!("leasehold.v1");
}

/// The metadata entry in which a replica that does not lead names the leader's address.
pub const METADATA_LEADER: &str = "leasehold-leader";

/// The compiled descriptors of all services, with their comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
