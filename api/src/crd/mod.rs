//! The custom resources of the group `leasehold.dev`, version `v1alpha1`.
//!
//! Every list, map and text has a bound: without them the API server's cost check refuses the rules.
#![expect(
    clippy::duplicated_attributes,
    reason = "each printer column has a type and a path of its own"
)]

mod lease;
mod pool;
mod reserve;
mod schema;
#[cfg(test)]
mod tests;
mod workload;

pub use lease::{
    CapacityLease, CapacityLeaseSpec, CapacityLeaseStatus, LeasePhase, LeaseType, OnExpiry,
    Queueing, Reclaim, Renew, Term,
};
pub use pool::{
    CapacityPool, CapacityPoolSpec, CapacityPoolStatus, LabelRequirement, PoolNodeSelector,
};
pub use reserve::ReserveText;
pub use workload::{
    ElasticWorkload, ElasticWorkloadSpec, ElasticWorkloadStatus, LastShrink, ScaleTargetRef,
};

use crate::quantity::QuantityText;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use std::collections::BTreeMap;

/// The API group.
pub const GROUP: &str = "leasehold.dev";

/// The group's version.
pub const VERSION: &str = "v1alpha1";

/// `apiVersion` of the objects.
pub const API_VERSION: &str = "leasehold.dev/v1alpha1";

/// Amounts by resource name, as written.
pub type Amounts = BTreeMap<String, QuantityText>;

/// The most resources that a pool may lease.
pub const RESOURCES_MAX: u32 = 16;

/// The three definitions, as they are installed.
pub fn definitions() -> [CustomResourceDefinition; 3] {
    [
        CapacityPool::crd(),
        CapacityLease::crd(),
        ElasticWorkload::crd(),
    ]
    .map(schema::tidied)
}

/// A definition as the file that is installed.
pub fn definition_yaml(definition: &CustomResourceDefinition) -> String {
    let value = serde_json::to_value(definition).unwrap_or_default();
    let head =
        "# Generated from api/src/crd by `cargo run -p leasehold-api --bin generate-crds`.\n";
    format!("{head}{}", crate::to_yaml(&value))
}
