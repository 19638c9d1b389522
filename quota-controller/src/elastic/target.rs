//! What an ElasticWorkload's owner is, as far as its size goes: plain data.

use super::path::Path;
use engine::spec::{Name, Removal, Template};
use kube::core::{ApiResource, Selector, SelectorExt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a workload's count is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// Through its scale subresource.
    Scale,
    /// A Job: `parallelism`; where its pods are indexed `completions` with it.
    Job {
        /// Whether its pods are indexed.
        indexed: bool,
    },
    /// A field of the object.
    Path(Path),
    /// A RayCluster's worker group: its count, its most, and the names of the pods that go. The path is that of
    /// the count.
    Ray(Path),
    /// Nothing says how many there are: the chosen pods are deleted, and what comes instead waits.
    Pods,
}

/// Which pods a workload's count counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// Those with these labels.
    Labels(Selector),
    /// Those whose controller it is.
    Owned,
}

/// What each replica asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its priority.
    pub priority: i32,
    /// Its request and nodes.
    pub template: Arc<Template>,
    /// The pool that its label names.
    pub pool: Option<Name>,
}

/// A workload that can be made smaller and larger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its identity.
    pub uid: Name,
    /// Its name.
    pub name: Name,
    /// Its type at the API server.
    pub resource: ApiResource,
    /// How it is asked.
    pub means: Means,
    /// Which of its pods go.
    pub removal: Removal,
    /// Whether a lower `pod-deletion-cost` makes a pod go first.
    pub heeds_deletion_cost: bool,
    /// Which pods are its replicas.
    pub members: Members,
    /// The count that it is asked for at present, where it says one.
    pub replicas: Option<u32>,
    /// The version of the object that says so.
    pub version: u64,
    /// What its replicas ask for; unknown until there is one, where the object does not say.
    pub form: Option<Form>,
    /// The most replicas for which it has work left, where that is known.
    pub work_left: Option<u32>,
}

impl Target {
    /// Whether a pod with these labels and this controller is one of its replicas.
    pub fn owns(&self, labels: &BTreeMap<String, String>, controller: Option<&str>) -> bool {
        match &self.members {
            Members::Labels(selector) => selector.matches(labels),
            Members::Owned => controller == Some(&*self.uid),
        }
    }

    /// What a person calls it: `Job train`.
    pub fn title(&self) -> String {
        format!("{} {}", self.resource.kind, self.name)
    }
}

/// Why a workload is not managed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmanaged {
    /// Constant text for programs.
    pub reason: &'static str,
    /// What is wrong, with names and the remedy.
    pub message: String,
}

impl Unmanaged {
    pub(super) fn new(reason: &'static str, message: String) -> Unmanaged {
        Unmanaged { reason, message }
    }
}
