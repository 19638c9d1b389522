//! The policies that the API server itself runs: the gate for every pod of a leased namespace, and no way around it.
//!
//! They are CEL inside the API server's own process: no call out, nothing that can be down. What they say is
//! built here as typed objects, so that the files in `deploy/policies/`, what the controller puts back when
//! somebody took it away, and the webhook for older servers cannot differ.
//!
//! **Invariant:** every field that the API server would fill in is written out. So "is it still what it should
//! be" is a comparison of two specs, and an addition (a match condition that is never true) is seen as well as
//! a removal.

mod namespaces;
mod pods_mutating;
mod pods_validating;
mod render;
#[cfg(test)]
mod tests;
mod write;

pub use render::render;

use api::names;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
};

/// Name of the policies on pods, the adding and the refusing one, and of their bindings.
pub const PODS: &str = "leasehold-pods";

/// Name of the policy on namespaces, and of its binding.
pub const NAMESPACES: &str = "leasehold-namespaces";

/// The way in which the scheduler is extended. The gate is the first line in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// The cluster's own scheduler asks the extender about every pod.
    DefaultScheduler,
    /// A second scheduler with the extender serves the pool's nodes, which are tainted for it.
    OwnScheduler,
    /// The cluster's own scheduler asks the extender about pods with a mark.
    Mark,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 3] = [Mode::DefaultScheduler, Mode::OwnScheduler, Mode::Mark];

    /// As it is written on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Mode::DefaultScheduler => "default-scheduler",
            Mode::OwnScheduler => "own-scheduler",
            Mode::Mark => "mark",
        }
    }
}

/// What the policies have to know of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The namespace that Leasehold runs in.
    pub namespace: String,
    /// The controller's service account.
    pub service_account: String,
    /// The mode.
    pub mode: Mode,
}

impl Installation {
    /// As the files in `deploy/` have it.
    pub fn standard(mode: Mode) -> Installation {
        Installation {
            namespace: names::SYSTEM_NAMESPACE.into(),
            service_account: names::CONTROLLER.into(),
            mode,
        }
    }

    /// The controller's user name, as the API server sees it.
    pub fn controller(&self) -> String {
        format!(
            "system:serviceaccount:{}:{}",
            self.namespace, self.service_account
        )
    }
}

/// All policies of an installation.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// Adds the gate, and what the mode asks for beside it.
    pub adding: (MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding),
    /// Refuse the ways around it.
    pub refusing: Vec<(ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding)>,
}

/// The policies of an installation in its mode.
pub fn policies(installation: &Installation) -> Policies {
    match installation.mode {
        Mode::DefaultScheduler => default_scheduler(installation),
        Mode::OwnScheduler => own_scheduler(installation),
        Mode::Mark => mark(installation),
    }
}

/// Mode `default-scheduler`: the gate and nothing else.
fn default_scheduler(installation: &Installation) -> Policies {
    Policies {
        adding: pods_mutating::adding(&[pods_mutating::GATE]),
        refusing: vec![
            pods_validating::refusing(installation, Vec::new()),
            namespaces::refusing(),
        ],
    }
}

/// Mode `own-scheduler`: also the scheduler's name, and the toleration of the taint that keeps others off.
fn own_scheduler(installation: &Installation) -> Policies {
    Policies {
        adding: pods_mutating::adding(&[
            pods_mutating::GATE,
            pods_mutating::SCHEDULER,
            pods_mutating::TOLERATION,
        ]),
        refusing: vec![
            pods_validating::refusing(installation, pods_validating::own_scheduler()),
            namespaces::refusing(),
        ],
    }
}

/// Mode `mark`: also an extended resource that tells the scheduler to ask the extender.
fn mark(installation: &Installation) -> Policies {
    Policies {
        adding: pods_mutating::adding(&[pods_mutating::GATE, pods_mutating::MARK]),
        refusing: vec![
            pods_validating::refusing(installation, pods_validating::mark()),
            namespaces::refusing(),
        ],
    }
}
