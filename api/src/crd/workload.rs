//! `ElasticWorkload`: a workload whose replica count follows the leased capacity.

use super::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Bounds within which a workload's replica count follows the leased capacity.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "leasehold.dev",
    version = "v1alpha1",
    kind = "ElasticWorkload",
    plural = "elasticworkloads",
    namespaced,
    shortname = "ew",
    category = "leasehold",
    status = "ElasticWorkloadStatus",
    derive = "PartialEq",
    doc = "Bounds within which a workload's replica count follows the leased capacity.",
    printcolumn(
        name = "Kind",
        type_ = "string",
        json_path = ".spec.scaleTargetRef.kind"
    ),
    printcolumn(
        name = "Target",
        type_ = "string",
        json_path = ".spec.scaleTargetRef.name"
    ),
    printcolumn(name = "Min", type_ = "integer", json_path = ".spec.minReplicas"),
    printcolumn(name = "Max", type_ = "integer", json_path = ".spec.maxReplicas"),
    printcolumn(
        name = "Running",
        type_ = "integer",
        json_path = ".status.currentReplicas"
    ),
    printcolumn(
        name = "Desired",
        type_ = "integer",
        json_path = ".status.desiredReplicas"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.minReplicas <= self.maxReplicas")
        .message("minReplicas is above maxReplicas").field_path(".minReplicas"),
)]
pub struct ElasticWorkloadSpec {
    /// The workload, in the same namespace.
    pub scale_target_ref: ScaleTargetRef,
    /// All of these or nothing.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_replicas: i32,
    /// Never more than these.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_replicas: i32,
    /// Replicas above the minimum change by multiples of this; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub step: Option<i32>,
    /// Least time between a shrink and the next growth; 30 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub cooldown_seconds: Option<i64>,
}

/// The workload whose replicas change.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleTargetRef {
    /// Its API group and version, such as `batch/v1`.
    #[schemars(length(min = 1, max = 317))]
    pub api_version: String,
    /// Its kind, such as `Job`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What is observed of an elastic workload.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElasticWorkloadStatus {
    /// The generation of the object that this was observed of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Replicas that there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub current_replicas: Option<i32>,
    /// Replicas that leased capacity allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub desired_replicas: Option<i32>,
    /// When it was last made smaller: growth waits for the cool-down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::instant")]
    pub last_shrink_time: Option<Time>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
