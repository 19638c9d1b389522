//! Nodes.

use crate::problem::Problems;
use crate::template::{no_effect, taint_effect};
use crate::{Problem, amounts, name};
use api::QuantityText;
use engine::spec::{NodeSpec, Taint};
use k8s_openapi::api::core::v1;
use std::collections::BTreeMap;

/// The node, or everything in it that cannot be read.
pub fn node(node: &v1::Node) -> Result<NodeSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    let labels = node.metadata.labels.iter().flatten();
    let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    let status = node.status.as_ref();
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let allocatable: BTreeMap<String, QuantityText> = allocatable
        .into_iter()
        .flatten()
        .map(|(name, amount)| (name.clone(), QuantityText(amount.0.clone())))
        .collect();
    let allocatable = amounts::read(&mut problems, &["status", "allocatable"], &allocatable);
    let cordoned = node
        .spec
        .as_ref()
        .and_then(|spec| spec.unschedulable)
        .unwrap_or(false);
    let mut conditions = status
        .and_then(|status| status.conditions.as_ref())
        .into_iter()
        .flatten();
    let ready =
        conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let taints = taints(&mut problems, node);
    problems.finish(NodeSpec {
        name: name(node.metadata.name.as_deref()),
        labels: labels.collect(),
        taints,
        allocatable,
        schedulable: ready && !cordoned,
    })
}

fn taints(problems: &mut Problems, node: &v1::Node) -> Vec<Taint> {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let mut read = Vec::new();
    for taint in taints.into_iter().flatten() {
        match taint_effect(&taint.effect) {
            Some(effect) => read.push(Taint {
                key: taint.key.as_str().into(),
                value: taint.value.as_deref().unwrap_or_default().into(),
                effect,
            }),
            None => problems.add(
                &["spec", "taints", &taint.key],
                &taint.effect,
                no_effect(&taint.effect),
            ),
        }
    }
    read
}
