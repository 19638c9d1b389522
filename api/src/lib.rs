//! The Kubernetes objects of Leasehold, exact quantities and pod request arithmetic.
//!
//! **Architecture invariant:** this crate talks to nobody and decides nothing. It knows the form of objects;
//! what they mean together is the `engine`'s business.
#![deny(clippy::float_arithmetic)]

pub mod check;
pub mod crd;
pub mod extender;
#[cfg(feature = "grpc")]
pub mod grpc;
mod manifest;
pub mod names;
pub mod pod_request;
pub mod quantity;

pub use crd::{
    CapacityLease, CapacityLeaseSpec, CapacityPool, CapacityPoolSpec, ElasticWorkload,
    ElasticWorkloadSpec,
};
pub use manifest::to_yaml;
pub use quantity::{Format, ParseQuantityError, Quantity, QuantityText};
