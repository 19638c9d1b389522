//! What is refused of pods in leased namespaces: every way around the gate.
//!
//! Exempt are two, and why:
//! - *A node's own pods* (static pods that a kubelet mirrors): they run already when the API server hears of
//!   them, and cannot have a gate. A node may create a pod only on itself, which is checked here and by the API
//!   server's NodeRestriction. They are found and charged.
//! - *The controller's service account*, for the gate's removal and for our labels and annotations: that patch is
//!   the admission. Creating a pod without a gate is refused to it too.
//!
//! Nobody else is, cluster admins included. Who may impersonate the controller's service account, or delete
//! these policies, is stronger than they are; what comes of that is found, charged and reported.

use super::write::{leased, metadata, on, rule, variable};
use super::{Installation, PODS};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec, Validation, Variable,
};

/// The policy, with the rules of a mode after the common ones.
pub(super) fn refusing(
    installation: &Installation,
    of_mode: Vec<Validation>,
) -> (ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding) {
    let mut rules = on_creation();
    rules.extend(of_mode);
    rules.extend(on_update());
    // `pods/status` because labels and annotations can be changed through it too, `pods/resize` because a pod that
    // waits can be resized as well.
    let resources = ["pods", "pods/status", "pods/resize"];
    let constraints = on(&["CREATE", "UPDATE"], &resources, leased());
    let policy = ValidatingAdmissionPolicy {
        metadata: metadata(PODS),
        spec: Some(ValidatingAdmissionPolicySpec {
            audit_annotations: None,
            failure_policy: Some("Fail".into()),
            match_conditions: None,
            match_constraints: Some(constraints),
            param_kind: None,
            validations: Some(rules),
            variables: Some(variables(installation)),
        }),
        status: None,
    };
    (policy, binding(PODS))
}

/// A binding that denies everywhere.
pub(super) fn binding(name: &str) -> ValidatingAdmissionPolicyBinding {
    ValidatingAdmissionPolicyBinding {
        metadata: metadata(name),
        spec: ValidatingAdmissionPolicyBindingSpec {
            match_resources: None,
            param_ref: None,
            policy_name: name.into(),
            validation_actions: vec!["Deny".into()],
        },
    }
}

fn variables(installation: &Installation) -> Vec<Variable> {
    let gated = |pod: &str| {
        format!(
            "has({pod}.spec.schedulingGates) && \
             {pod}.spec.schedulingGates.exists(g, g.name == \"leasehold.dev/admission\")"
        )
    };
    let old = |field: &str| {
        format!("oldObject == null ? {{}} : oldObject.metadata.?{field}.orValue({{}})")
    };
    vec![
        variable("isNew", "request.operation == \"CREATE\""),
        variable(
            "byController",
            format!(
                "request.userInfo.username == \"{}\"",
                installation.controller()
            ),
        ),
        variable(
            "namesNode",
            "has(object.spec.nodeName) && object.spec.nodeName != \"\"",
        ),
        variable(
            "byItsNode",
            "variables.namesNode && has(request.userInfo.groups) && \
             \"system:nodes\" in request.userInfo.groups && \
             request.userInfo.username == \"system:node:\" + object.spec.nodeName",
        ),
        variable("gated", gated("object")),
        variable(
            "wasGated",
            format!("oldObject != null && {}", gated("oldObject")),
        ),
        variable("labels", "object.metadata.?labels.orValue({})"),
        variable("oldLabels", old("labels")),
        variable("annotations", "object.metadata.?annotations.orValue({})"),
        variable("oldAnnotations", old("annotations")),
    ]
}

fn on_creation() -> Vec<Validation> {
    vec![
        rule(
            "!variables.isNew || variables.byItsNode || !variables.namesNode",
            "\"namespace \" + request.namespace + \" is leased: a pod there may not name its node (spec.nodeName \
             is \" + object.spec.nodeName + \"), because no lease would be asked; leave spec.nodeName empty, and \
             select nodes by spec.nodeSelector or spec.affinity\"",
        ),
        // A missing or failing mutating policy means refused, never let through.
        rule(
            "!variables.isNew || variables.namesNode || variables.gated",
            "\"namespace \" + request.namespace + \" is leased: its pods need the scheduling gate \
             leasehold.dev/admission, and the policy that adds it has not run; try again in some seconds, and if \
             that does not help have the MutatingAdmissionPolicy leasehold-pods put back\"",
        ),
        // What only the controller writes (the epoch of the admission) is not for a pod's author.
        rule(
            "!variables.isNew || (variables.labels.all(k, !k.startsWith(\"leasehold.dev/\") || \
             k in [\"leasehold.dev/pool\", \"leasehold.dev/group\"]) && variables.annotations.all(k, \
             !k.startsWith(\"leasehold.dev/\") || k == \"leasehold.dev/group-min\"))",
            "\"of the labels and annotations leasehold.dev/* a pod may have the labels leasehold.dev/pool and \
             leasehold.dev/group and the annotation leasehold.dev/group-min; take the others out, they are \
             quota-controller's\"",
        ),
    ]
}

/// In mode `own-scheduler`.
pub(super) fn own_scheduler() -> Vec<Validation> {
    vec![
        rule(
            "!variables.isNew || variables.namesNode || object.spec.schedulerName == \"leasehold-scheduler\"",
            "\"namespace \" + request.namespace + \" is leased: its pods are scheduled by leasehold-scheduler, not \
             by \" + object.spec.schedulerName + \"; leave spec.schedulerName empty\"",
        ),
        rule(
            "!variables.isNew || variables.namesNode || (has(object.spec.tolerations) && \
             object.spec.tolerations.exists(t, !has(t.key) || t.key == \"leasehold.dev/pool\"))",
            "\"namespace \" + request.namespace + \" is leased: its pods need a toleration of the taint \
             leasehold.dev/pool:NoSchedule, and the policy that adds it has not; add it to spec.tolerations, or \
             switch the admission plugin DefaultTolerationSeconds on again\"",
        ),
    ]
}

/// In mode `mark`.
pub(super) fn mark() -> Vec<Validation> {
    vec![rule(
        "!variables.isNew || variables.namesNode || object.spec.containers.exists(c, has(c.resources) && \
         has(c.resources.limits) && \"leasehold.dev/lease\" in c.resources.limits)",
        "\"namespace \" + request.namespace + \" is leased: a container of its pods needs the limit \
         leasehold.dev/lease: 1, and the policy that adds it has not run; try again in some seconds\"",
    )]
}

fn on_update() -> Vec<Validation> {
    vec![
        rule(
            "!variables.wasGated || variables.gated || variables.byController",
            "\"the scheduling gate leasehold.dev/admission is removed by quota-controller alone, when the pod is \
             admitted by its lease; why it waits stands in its events\"",
        ),
        // The pool in which the pod is charged, and its group: what was asked for is what is decided on.
        rule(
            unchanged("labels", "oldLabels"),
            "\"labels leasehold.dev/* of a pod cannot change once it is created: the decision about it rests on \
             them; delete the pod and create it with the right ones\"",
        ),
        rule(
            unchanged("annotations", "oldAnnotations"),
            "\"annotations leasehold.dev/* of a pod cannot change once it is created: the decision about it \
             rests on them; delete the pod and create it with the right ones\"",
        ),
        // The API server lets both be narrowed while a gate is there, and they say which pool is meant.
        rule(
            "!variables.wasGated || variables.byController || \
             (object.spec.?nodeSelector.orValue({}) == oldObject.spec.?nodeSelector.orValue({}) && \
             object.spec.?affinity == oldObject.spec.?affinity)",
            "\"nodeSelector and affinity of a pod cannot change while it waits for its lease: they say which pool \
             it is charged in; delete the pod and create it with the right ones\"",
        ),
        // The admission would be decided on the old request and seen with the new one.
        rule(
            "!variables.wasGated || request.?subResource.orValue(\"\") != \"resize\"",
            "\"a pod cannot be resized while it waits for its lease: what it asks for is being decided on; delete \
             the pod and create it with the right requests\"",
        ),
    ]
}

/// Nobody but the controller added, changed or removed what is ours.
fn unchanged(new: &str, old: &str) -> String {
    format!(
        "variables.isNew || variables.byController || (variables.{new}.all(k, \
         !k.startsWith(\"leasehold.dev/\") || (k in variables.{old} && variables.{old}[k] == variables.{new}[k])) \
         && variables.{old}.all(k, !k.startsWith(\"leasehold.dev/\") || k in variables.{new}))"
    )
}
