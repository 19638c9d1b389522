//! What is added to every pod that is created in a leased namespace.

use super::PODS;
use super::write::{condition, leased, metadata, on};
use k8s_openapi::api::admissionregistration::v1::{
    ApplyConfiguration, JSONPatch, MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding,
    MutatingAdmissionPolicyBindingSpec, MutatingAdmissionPolicySpec, Mutation,
};

/// One thing to add.
#[derive(Clone, Copy)]
pub(super) enum Addition {
    /// An object of the pod's own form that is merged into it: beside what others put there, and without effect
    /// if it is there already.
    Merge(&'static str),
    /// A JSON patch, for what is no map: only single values. An API server of version 1.36 ends the request with
    /// a panic at a *list of objects* as the value.
    Patch(&'static str),
}

/// The gate, beside others' gates.
pub(super) const GATE: Addition = Addition::Merge(
    "Object{spec: Object.spec{schedulingGates: \
     [Object.spec.schedulingGates{name: \"leasehold.dev/admission\"}]}}",
);

/// The second scheduler's name.
pub(super) const SCHEDULER: Addition =
    Addition::Merge("Object{spec: Object.spec{schedulerName: \"leasehold-scheduler\"}}");

/// The toleration of the taint on the pool's nodes. Tolerations are one value to the API server, which merges
/// nothing into it; and it is never empty, because the API server adds two of its own first
/// (DefaultTolerationSeconds). Where somebody switched that off, the validating policy says what is missing.
pub(super) const TOLERATION: Addition = Addition::Patch(
    "!has(object.spec.tolerations) || object.spec.tolerations.exists(t, \
     has(t.key) && t.key == \"leasehold.dev/pool\") ? [] : [JSONPatch{op: \"add\", \
     path: \"/spec/tolerations/-\", value: Object.spec.tolerations{key: \"leasehold.dev/pool\", \
     operator: \"Exists\", effect: \"NoSchedule\"}}]",
);

/// The extended resource, on the first container unless some container has it.
pub(super) const MARK: Addition = Addition::Merge(
    "object.spec.containers.exists(c, has(c.resources) && has(c.resources.limits) && \
     \"leasehold.dev/lease\" in c.resources.limits) ? Object{} : \
     Object{spec: Object.spec{containers: [Object.spec.containers{name: object.spec.containers[0].name, \
     resources: Object.spec.containers.resources{requests: {\"leasehold.dev/lease\": \"1\"}, \
     limits: {\"leasehold.dev/lease\": \"1\"}}}]}}",
);

/// The policy that adds, and its binding.
pub(super) fn adding(
    additions: &[Addition],
) -> (MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding) {
    let policy = MutatingAdmissionPolicy {
        metadata: metadata(PODS),
        spec: Some(MutatingAdmissionPolicySpec {
            // The validating policy would refuse the pod anyway; this says why.
            failure_policy: Some("Fail".into()),
            // A pod that names its node cannot have a gate. Nodes' own (mirror) pods are like that and pass;
            // all others are refused by the validating policy.
            match_conditions: Some(vec![condition(
                "names-no-node",
                "!has(object.spec.nodeName) || object.spec.nodeName == \"\"",
            )]),
            match_constraints: Some(on(&["CREATE"], &["pods"], leased())),
            mutations: Some(additions.iter().copied().map(mutation).collect()),
            param_kind: None,
            // What comes later may change the first container or drop what we added.
            reinvocation_policy: Some("IfNeeded".into()),
            variables: None,
        }),
    };
    let binding = MutatingAdmissionPolicyBinding {
        metadata: metadata(PODS),
        spec: Some(MutatingAdmissionPolicyBindingSpec {
            match_resources: None,
            param_ref: None,
            policy_name: Some(PODS.into()),
        }),
    };
    (policy, binding)
}

fn mutation(addition: Addition) -> Mutation {
    match addition {
        Addition::Merge(expression) => Mutation {
            apply_configuration: Some(ApplyConfiguration {
                expression: Some(expression.into()),
            }),
            json_patch: None,
            patch_type: "ApplyConfiguration".into(),
        },
        Addition::Patch(expression) => Mutation {
            apply_configuration: None,
            json_patch: Some(JSONPatch {
                expression: Some(expression.into()),
            }),
            patch_type: "JSONPatch".into(),
        },
    }
}
