//! What kube-scheduler says to an extender and hears from it: JSON with names in PascalCase, absent things `null`.
//!
//! What comes in borrows from the text and skips what nobody asks for, because a pod alone is some kilobytes and comes
//! with every question. Nodes and pods that are passed on are kept as the text they came as.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The question of `filter` and `prioritize`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExtenderArgs<'a> {
    /// The pod that is to be scheduled.
    #[serde(borrow)]
    pub pod: PodHead<'a>,
    /// The nodes, whole, for an extender that is not `nodeCacheCapable`.
    #[serde(borrow, default)]
    pub nodes: Option<NodeList<'a>>,
    /// The names of the nodes, for one that is: a list, as text.
    #[serde(borrow, default)]
    pub node_names: Option<&'a RawValue>,
}

/// Who a pod is; all else of it is skipped.
#[derive(Debug, Deserialize)]
pub struct PodHead<'a> {
    /// Its metadata.
    #[serde(borrow)]
    pub metadata: PodMetadata<'a>,
}

/// The part of a pod's metadata that every question needs.
#[derive(Debug, Deserialize)]
pub struct PodMetadata<'a> {
    /// Its namespace.
    #[serde(borrow, default)]
    pub namespace: Cow<'a, str>,
    /// Its name.
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    /// Its UID.
    #[serde(borrow, default)]
    pub uid: Cow<'a, str>,
}

/// The pod alone, as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WholePod<'a> {
    /// The pod.
    #[serde(borrow)]
    pub pod: &'a RawValue,
}

/// Whole nodes.
#[derive(Debug, Deserialize)]
pub struct NodeList<'a> {
    /// The nodes, as text.
    #[serde(borrow, default)]
    pub items: Option<Vec<&'a RawValue>>,
}

/// What is read of a whole node or pod in a list.
#[derive(Debug, Deserialize)]
pub struct Item<'a> {
    /// Its metadata.
    #[serde(borrow)]
    pub metadata: PodMetadata<'a>,
}

/// The answer of `filter`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FilterResult {
    /// The nodes that will do, whole, if whole nodes were asked about.
    pub nodes: Option<serde_json::Value>,
    /// The names of the nodes that will do, if names were asked about.
    pub node_names: Option<Vec<String>>,
    /// Nodes that will not do unless the scheduler evicts somebody there. Never used: it would not ask us whom.
    pub failed_nodes: Option<BTreeMap<String, String>>,
    /// Nodes that will not do, whoever is evicted, with the reason.
    pub failed_and_unresolvable_nodes: Option<BTreeMap<String, String>>,
    /// Why there is no answer; empty if there is one.
    pub error: String,
}

/// One node in the answer of `prioritize`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostPriority {
    /// The node's name.
    pub host: String,
    /// 0 to 10.
    pub score: i64,
}

/// The question of `preempt`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExtenderPreemptionArgs<'a> {
    /// The pod that needs room.
    #[serde(borrow)]
    pub pod: Preemptor<'a>,
    /// Whole victims by node, for an extender that is not `nodeCacheCapable`.
    #[serde(borrow, default)]
    pub node_name_to_victims: Option<BTreeMap<String, Victims<'a>>>,
    /// The UIDs of victims by node, for one that is.
    #[serde(default)]
    pub node_name_to_meta_victims: Option<BTreeMap<String, MetaVictims>>,
}

/// The pod that needs room.
#[derive(Debug, Deserialize)]
pub struct Preemptor<'a> {
    /// Its metadata.
    #[serde(borrow)]
    pub metadata: PodMetadata<'a>,
    /// The part of its specification that counts here.
    #[serde(default)]
    pub spec: PreemptorSpec,
}

/// What counts of the specification of a pod that needs room.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct PreemptorSpec {
    /// Its priority.
    #[serde(default)]
    pub priority: Option<i32>,
}

/// Whole victims on one node.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Victims<'a> {
    /// The pods.
    #[serde(borrow, default)]
    pub pods: Option<Vec<Item<'a>>>,
    /// How many disruption budgets their eviction would violate.
    #[serde(default, rename = "NumPDBViolations")]
    pub budget_violations: i64,
}

/// Victims on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetaVictims {
    /// The pods.
    #[serde(default)]
    pub pods: Option<Vec<MetaPod>>,
    /// How many disruption budgets their eviction would violate.
    #[serde(default, rename = "NumPDBViolations")]
    pub budget_violations: i64,
}

/// A pod by its UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaPod {
    /// Its UID.
    #[serde(rename = "UID")]
    pub uid: String,
}

/// The answer of `preempt`, in this form whatever the question's was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExtenderPreemptionResult {
    /// The nodes that may be chosen, with their victims. Empty: none, that is a veto.
    pub node_name_to_meta_victims: BTreeMap<String, MetaVictims>,
}
