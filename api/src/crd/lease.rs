//! `CapacityLease`: a grant of capacity by a lessor namespace to a lessee namespace, for a term.

use super::{Amounts, schema};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A grant of capacity by the namespace in which it lies, the lessor, to a lessee namespace.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "leasehold.dev",
    version = "v1alpha1",
    kind = "CapacityLease",
    plural = "capacityleases",
    namespaced,
    shortname = "clease",
    category = "leasehold",
    status = "CapacityLeaseStatus",
    derive = "PartialEq",
    doc = "A grant of capacity by the namespace in which it lies to a lessee namespace, for a term.",
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.pool"),
    printcolumn(name = "Lessee", type_ = "string", json_path = ".spec.lessee"),
    printcolumn(
        name = "Type",
        type_ = "string",
        json_path = ".spec.type",
        priority = 1
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(
        name = "CPU",
        type_ = "string",
        json_path = ".spec.guaranteed.cpu",
        description = "CPU guaranteed."
    ),
    printcolumn(
        name = "Used",
        type_ = "string",
        json_path = ".status.used.cpu",
        description = "CPU that the lessee's account uses."
    ),
    printcolumn(
        name = "Borrowed",
        type_ = "string",
        json_path = ".status.borrowed.cpu",
        description = "CPU that the lessee's account borrows."
    ),
    printcolumn(
        name = "Start",
        type_ = "string",
        json_path = ".spec.term.start",
        priority = 1
    ),
    printcolumn(name = "End", type_ = "string", json_path = ".status.end"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "!has(self.limit) || !has(self.guaranteed) || self.limit.all(r, !(r in self.guaranteed) || \
         quantity(string(self.limit[r])).compareTo(quantity(string(self.guaranteed[r]))) >= 0)"
    ).message("limit is below guaranteed: raise it, or leave it out for no limit").field_path(".limit"),
    validation = Rule::new(
        "!has(self.type) || self.type != 'Transfer' || !(has(self.limit) || has(self.lendLimit) || \
         has(self.weight) || has(self.maxPriority) || has(self.queueing) || has(self.reclaim))"
    ).message("a Transfer moves guarantee only: beside pool and lessee it may set guaranteed, term and onExpiry"),
)]
pub struct CapacityLeaseSpec {
    /// The pool whose capacity is leased.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("pool cannot change: make a new lease"))]
    pub pool: String,
    /// The namespace that may use it.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    #[x_kube(validation = Rule::new("self == oldSelf").message("lessee cannot change: make a new lease"))]
    pub lessee: String,
    /// `Sublease` goes down the tree of accounts; `Transfer` moves guarantee sideways for its term.
    #[serde(default, rename = "type")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("type cannot change: make a new lease"))]
    pub kind: LeaseType,
    /// Capacity the lessee can always get back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub guaranteed: Amounts,
    /// The most the lessee may use, borrowed capacity included. A resource that is absent has no limit of its
    /// own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::amounts")]
    pub limit: Option<Amounts>,
    /// How much of the idle guarantee others may use. A resource that is absent: all that is idle; `0`: never
    /// lent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::amounts")]
    pub lend_limit: Option<Amounts>,
    /// Share of idle capacity among borrowers; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub weight: Option<i64>,
    /// Highest pod priority that may be charged here. Pods above it wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_priority: Option<i32>,
    /// What a request that does not fit does to those behind it: `BestEffort` (if absent) lets smaller ones
    /// go first, `StrictFIFO` stops all behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::queueing")]
    pub queueing: Option<Queueing>,
    /// When it holds: from start on, until just before end. Absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    /// What happens at its end to what runs beyond the guarantee that is left: `Borrow` lets it go on until
    /// somebody entitled needs it, `Drain` shrinks, then evicts it.
    #[serde(default)]
    pub on_expiry: OnExpiry,
    /// What the account's pods may expect when capacity is reclaimed from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reclaim: Option<Reclaim>,
}

/// The direction of a lease.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseType {
    /// Down the tree of accounts.
    #[default]
    Sublease,
    /// Sideways.
    Transfer,
}

/// What a request that does not fit does to those behind it.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Queueing {
    /// Smaller ones behind it may go first.
    #[default]
    BestEffort,
    /// It stops all behind it.
    #[serde(rename = "StrictFIFO")]
    StrictFifo,
}

/// What happens to use beyond the guarantee that is left when a lease ends.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnExpiry {
    /// It goes on as borrowed.
    #[default]
    Borrow,
    /// It is shrunk, then evicted.
    Drain,
}

/// Whether a lease goes on at its end.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Renew {
    /// It ends.
    #[default]
    Never,
    /// It goes on by whole terms while the lessor's own holding allows it.
    Auto,
}

/// A term, half open: the instant `end` is no longer in it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.start) || !has(self.end) || self.end > self.start")
        .message("end must be after start").field_path(".end"),
    validation = Rule::new("!has(self.renew) || self.renew != 'Auto' || (has(self.start) && has(self.end))")
        .message("renew: Auto goes on by whole terms, so it needs start and end").field_path(".renew"),
)]
pub struct Term {
    /// First instant; absent: since ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::instant")]
    pub start: Option<Time>,
    /// First instant after it; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::instant")]
    pub end: Option<Time>,
    /// Whether it goes on at its end, by whole terms, while the lessor's own holding allows it.
    #[serde(default)]
    pub renew: Renew,
}

/// What pods may expect when capacity is reclaimed from them.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reclaim {
    /// Bound of a victim's termination grace; 30 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub grace_period_seconds: Option<i64>,
    /// For so long after its first pod ran, a whole unit is no victim; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub min_runtime_seconds: Option<i64>,
}

/// Where a lease stands in its life.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeasePhase {
    /// Before its start.
    #[default]
    Scheduled,
    /// Within its term.
    Active,
    /// Past its end, with what exceeds the guarantee on its way out.
    Draining,
    /// Past its end.
    Expired,
}

/// What is observed of a lease and of the account that it feeds.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityLeaseStatus {
    /// The generation of the lease that this was observed of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where it stands in its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<LeasePhase>,
    /// Its present end: that of the term, moved on by what was renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::instant")]
    pub end: Option<Time>,
    /// What the account is guaranteed at present, by all its leases, scaled down if capacity is short.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub guaranteed: Amounts,
    /// What the account's charged pods ask for, sub-lessees included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub used: Amounts,
    /// What the account borrows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub borrowed: Amounts,
    /// What the account lends.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub lent: Amounts,
    /// What its own waiting requests ask for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub pending: Amounts,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
