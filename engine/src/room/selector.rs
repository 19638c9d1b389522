//! Which nodes a pod may use: node selector, required node affinity, taints, as kube-scheduler checks them.

use crate::spec::{
    NodeSelector, NodeSelectorTerm, NodeSpec, Operator, Requirement, Taint, TaintEffect, Toleration,
};

/// Whether a pod with this selector and these tolerations may be placed on the node.
pub(crate) fn matches(
    selector: &NodeSelector,
    tolerations: &[Toleration],
    node: &NodeSpec,
) -> bool {
    node.schedulable
        && selects(selector, node)
        && node
            .taints
            .iter()
            .filter(|taint| taint.effect != TaintEffect::PreferNoSchedule)
            .all(|taint| {
                tolerations
                    .iter()
                    .any(|toleration| tolerates(toleration, taint))
            })
}

/// Whether the selector names the node, schedulable or not.
pub(crate) fn selects(selector: &NodeSelector, node: &NodeSpec) -> bool {
    selector
        .labels
        .iter()
        .all(|(key, value)| node.labels.get(key) == Some(value))
        && (selector.terms.is_empty() || selector.terms.iter().any(|term| holds(term, node)))
}

fn holds(term: &NodeSelectorTerm, node: &NodeSpec) -> bool {
    // A term without any requirement selects nothing, as in Kubernetes.
    let asks = !term.labels.is_empty() || !term.names.is_empty();
    asks && (term.names.is_empty() || term.names.contains(&node.name))
        && term
            .labels
            .iter()
            .all(|requirement| meets(requirement, node))
}

fn meets(requirement: &Requirement, node: &NodeSpec) -> bool {
    let value = node.labels.get(&requirement.key);
    match requirement.operator {
        Operator::In => value.is_some_and(|value| requirement.values.contains(value)),
        Operator::NotIn => value.is_none_or(|value| !requirement.values.contains(value)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt | Operator::Lt => {
            let number = |text: &str| text.parse::<i64>().ok();
            let (Some(value), Some(bound)) = (
                value.and_then(|value| number(value)),
                requirement.values.first().and_then(|bound| number(bound)),
            ) else {
                return false;
            };
            if requirement.operator == Operator::Gt {
                value > bound
            } else {
                value < bound
            }
        }
    }
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    toleration
        .effect
        .is_none_or(|effect| effect == taint.effect)
        && toleration.key.as_ref().is_none_or(|key| *key == taint.key)
        && toleration
            .value
            .as_ref()
            .is_none_or(|value| *value == taint.value)
}
