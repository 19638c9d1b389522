//! `CapacityPool`: a set of nodes whose capacity is leased.

use super::reserve::ReserveText;
use super::{Amounts, schema};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A set of nodes whose capacity is leased.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "leasehold.dev",
    version = "v1alpha1",
    kind = "CapacityPool",
    plural = "capacitypools",
    shortname = "cpool",
    category = "leasehold",
    status = "CapacityPoolStatus",
    derive = "PartialEq",
    doc = "A set of nodes whose capacity is leased.",
    printcolumn(
        name = "Root",
        type_ = "string",
        json_path = ".spec.rootNamespace",
        description = "The lessor of the top-level leases."
    ),
    printcolumn(
        name = "CPU",
        type_ = "string",
        json_path = ".status.capacity.cpu",
        description = "Capacity."
    ),
    printcolumn(
        name = "Leased",
        type_ = "string",
        json_path = ".status.leased.cpu",
        description = "CPU leased to top-level lessees."
    ),
    printcolumn(
        name = "Used",
        type_ = "string",
        json_path = ".status.used.cpu",
        description = "CPU used."
    ),
    printcolumn(
        name = "Borrowed",
        type_ = "string",
        json_path = ".status.borrowed.cpu",
        description = "CPU used beyond guarantees.",
        priority = 1
    ),
    printcolumn(name = "Accounts", type_ = "integer", json_path = ".status.accounts"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.capacity) || self.capacity.all(r, r in self.resources)")
        .message("capacity may name only what the pool leases: add the resource to resources")
        .field_path(".capacity"),
    validation = Rule::new("!has(self.reserve) || self.reserve.all(r, r in self.resources)")
        .message("reserve may name only what the pool leases: add the resource to resources")
        .field_path(".reserve"),
)]
pub struct CapacityPoolSpec {
    /// The nodes of this pool. A node that two pools match belongs to the older one.
    #[serde(default)]
    pub node_selector: PoolNodeSelector,
    /// What is leased; other resources are not limited.
    #[schemars(schema_with = "schema::resource_names")]
    pub resources: Vec<String>,
    /// Fixed capacity. A resource that is absent follows the allocatable of the matching, ready, schedulable
    /// nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub capacity: Amounts,
    /// What is never leased: an amount, or a percentage of the capacity, which is rounded up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "reserves")]
    pub reserve: BTreeMap<String, ReserveText>,
    /// The lessor of the top-level leases: leases in this namespace divide the pool itself.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    #[x_kube(validation = Rule::new("self == oldSelf").message("rootNamespace cannot change: make a new pool"))]
    pub root_namespace: String,
}

fn reserves(generator: &mut SchemaGenerator) -> Schema {
    use schemars::JsonSchema;
    schema::by_resource(ReserveText::json_schema(generator))
}

/// Which nodes belong to a pool: those that meet all of it. Empty, it matches every node.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolNodeSelector {
    /// Labels that must be there with this value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements on labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// A requirement on one label.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 \
     : !has(self.values) || size(self.values) == 0"
).message("In and NotIn need values, Exists and DoesNotExist take none"))]
pub struct LabelRequirement {
    /// The label's key.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// How it is compared: `In`, `NotIn`, `Exists` or `DoesNotExist`.
    #[schemars(schema_with = "operators")]
    pub operator: String,
    /// What it is compared with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub values: Vec<String>,
}

fn operators(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"]})
}

/// What is observed of a pool.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityPoolStatus {
    /// The generation of the pool that this was observed of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Capacity at present.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub capacity: Amounts,
    /// What is leased to top-level lessees at present.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub leased: Amounts,
    /// What charged pods ask for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub used: Amounts,
    /// What accounts use beyond their guarantees.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub borrowed: Amounts,
    /// How many accounts the pool has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub accounts: Option<i32>,
    /// Conditions, `Ready` and `NodesShared` among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
