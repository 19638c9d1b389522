//! The label that makes a namespace leased: it is taken away only by who may update pools.
//!
//! Adding it is free to all who may update the namespace: it gives no freedom, it takes some. Deleting the whole
//! namespace is no way around it: its pods go with it.

use super::NAMESPACES;
use super::pods_validating::binding;
use super::write::{condition, metadata, on, rule};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The policy and its binding.
pub(super) fn refusing() -> (ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding) {
    // A selector on the namespace's labels would look at the new ones, which the label is missing from. Labels
    // can be changed through the subresources too.
    let resources = ["namespaces", "namespaces/status", "namespaces/finalize"];
    let policy = ValidatingAdmissionPolicy {
        metadata: metadata(NAMESPACES),
        spec: Some(ValidatingAdmissionPolicySpec {
            audit_annotations: None,
            failure_policy: Some("Fail".into()),
            match_conditions: Some(vec![condition(
                "loses-the-label",
                "has(oldObject.metadata.labels) && \"leasehold.dev/leased\" in oldObject.metadata.labels && \
                 !(has(object.metadata.labels) && \"leasehold.dev/leased\" in object.metadata.labels)",
            )]),
            match_constraints: Some(on(&["UPDATE"], &resources, LabelSelector::default())),
            param_kind: None,
            validations: Some(vec![rule(
                "authorizer.group(\"leasehold.dev\").resource(\"capacitypools\").check(\"update\").allowed()",
                "\"the label leasehold.dev/leased of namespace \" + object.metadata.name + \" is removed only by \
                 who may update capacitypools: its pods would run outside all leases\"",
            )]),
            variables: None,
        }),
        status: None,
    };
    (policy, binding(NAMESPACES))
}
