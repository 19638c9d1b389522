//! `ElasticWorkload`: a workload whose replica count follows the leased capacity.

use super::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
        name = "Asked",
        type_ = "integer",
        json_path = ".status.desiredReplicas",
        description = "Replicas that leased capacity allows, and its owner was asked for."
    ),
    printcolumn(
        name = "Running",
        type_ = "integer",
        json_path = ".status.currentReplicas",
        description = "Pods that are admitted and have not ended."
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.phase",
        description = "In one word; its conditions say more."
    ),
    printcolumn(
        name = "Last shrink",
        type_ = "date",
        json_path = ".status.lastShrink.time"
    ),
    printcolumn(
        name = "For",
        type_ = "string",
        json_path = ".status.lastShrink.for",
        description = "Who got what the last shrink gave."
    ),
    printcolumn(
        name = "Next growth",
        type_ = "string",
        json_path = ".status.nextGrowthTime",
        priority = 1
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
    /// Where the count stands in the workload, such as `.spec.tfReplicaSpecs.Worker.replicas`. Needed only for
    /// kinds without a scale subresource that are not known beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub replicas_path: Option<String>,
    /// Where the template of its pods stands. Absent: beside the count, or `.spec.template`, or what its first
    /// pod asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub template_path: Option<String>,
    /// The labels of the pods that the count counts. Absent: the workload's own selector, or the pods that it owns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    pub pod_labels: BTreeMap<String, String>,
    /// Ask nobody for anything: its pods are evicted one by one as if this object were not there, and its status
    /// and events say what would have been asked instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
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
    /// Its state in one word: `Waiting`, `Running`, `Shrinking`, `Growing`, `NotFollowing`, `DryRun`, or
    /// `NotManaged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub phase: Option<String>,
    /// Its pods that are admitted and have not ended, those on their way out among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub current_replicas: Option<i32>,
    /// Replicas that leased capacity allows; its owner was asked for as many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub desired_replicas: Option<i32>,
    /// Pods that were asked to go and have not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub leaving_replicas: Option<i32>,
    /// The minimum that is in force: below that of the spec where less work is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_replicas: Option<i32>,
    /// The maximum that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_replicas: Option<i32>,
    /// When it was last made smaller, and for whom: growth waits for the cool-down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_shrink: Option<LastShrink>,
    /// The instant before which it does not grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::instant")]
    pub next_growth_time: Option<Time>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// The last time that a workload was made smaller.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastShrink {
    /// When.
    #[schemars(schema_with = "schema::instant")]
    pub time: Time,
    /// Replicas before.
    #[schemars(range(min = 0))]
    pub from: i32,
    /// Replicas after.
    #[schemars(range(min = 0))]
    pub to: i32,
    /// Constant text for the cause: `Reclaim`, `Priority`, `Drain` or `Bounds`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// The request that got it, as `namespace/name`.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub for_whom: Option<String>,
}
