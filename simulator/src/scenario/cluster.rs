//! Reads `spec.cluster`.

use super::walk::{At, Map, with_one_pod};
use super::{fields, source};
use crate::model::{Cluster, NodeGroup, Placement};
use crate::trace::openb;
use engine::spec::{Name, NodeSpec, Quantities, Taint, TaintEffect, Toleration};
use engine::{AMOUNT_MAX, Span};
use std::collections::BTreeMap;
use std::path::Path;

/// Pods a node takes where its `allocatable` does not say: the kubelet's own default.
const PODS_DEFAULT: i64 = 110;
/// More nodes than Kubernetes supports by far.
const NODES_MAX: u64 = 200_000;
/// The most of one resource in all nodes: sums of it must stay far from the ends of an `i64`.
const TOTAL_MAX: i64 = AMOUNT_MAX * 256;

const PLACEMENTS: &[(&str, Placement)] = &[
    ("kube-scheduler", Placement::KubeScheduler),
    ("pack", Placement::Pack),
    ("spread", Placement::Spread),
    ("quota-only", Placement::QuotaOnly),
];

const EFFECTS: &[(&str, TaintEffect)] = &[
    ("NoSchedule", TaintEffect::NoSchedule),
    ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
    ("NoExecute", TaintEffect::NoExecute),
];

/// The virtual cluster.
pub fn read(at: &At, folder: &Path) -> Option<Cluster> {
    let map = at.map(&fields::CLUSTER)?;
    let span = |field: &str, default: Span| match map.get(field) {
        Some(at) => at.span(),
        None => Some(default),
    };
    let pod_startup = span("podStartup", Span::seconds(2));
    let pod_termination = span("podTermination", Span::seconds(5));
    let placement = match map.get("placement") {
        Some(at) => at.word(PLACEMENTS),
        None => Some(Placement::KubeScheduler),
    };
    let nodes = map.need(
        "nodes",
        "list the node groups, such as `- {name: std, count: 10, allocatable: {cpu: \"16\", memory: 64Gi}}`",
    )?;
    let items = nodes.list();
    let mut groups: Vec<NodeGroup> = Vec::with_capacity(items.len());
    for item in &items {
        for group in node_groups(item, folder).unwrap_or_default() {
            if groups.iter().any(|g| g.name == group.name) {
                item.wrong(
                    format!("two node groups are called `{}`", group.name),
                    "give each group a name of its own: its nodes are named after it",
                );
            }
            groups.push(group);
        }
    }
    let total: u64 = groups.iter().map(|g| u64::from(g.count)).sum();
    if total > NODES_MAX {
        nodes.wrong(
            format!("{total} nodes in all; at most {NODES_MAX} are simulated"),
            "",
        );
    }
    let mut totals = BTreeMap::new();
    for group in &groups {
        for (resource, amount) in &group.node.allocatable {
            let total: &mut i64 = totals.entry(resource).or_default();
            *total = total.saturating_add(amount.saturating_mul(i64::from(group.count)));
        }
    }
    for (resource, total) in totals {
        if total > TOTAL_MAX {
            nodes.wrong(format!("more {resource} in all than can be counted"), "");
        }
    }
    Some(Cluster {
        groups,
        pod_startup: pod_startup?,
        pod_termination: pod_termination?,
        placement: placement?,
    })
}

/// A group that is written out, or the groups of a list of nodes.
fn node_groups(at: &At, folder: &Path) -> Option<Vec<NodeGroup>> {
    let map = at.map(&fields::NODES)?;
    let name = map
        .need("name", "its nodes are called `NAME-0`, `NAME-1`, …")
        .and_then(|at| at.name());
    let labels = map
        .get("labels")
        .map_or_else(BTreeMap::new, |at| at.labels());
    let taints: Vec<Taint> = map
        .get("taints")
        .map_or_else(Vec::new, |at| at.list().iter().filter_map(taint).collect());
    let groups = match map.get("from") {
        Some(from) => listed(&map, &from, folder, name),
        None => written_out(at, &map, name).map(|group| vec![group]),
    };
    let background = match map.get("background").map(|at| at.quantities()) {
        Some(request) if !request.is_empty() => with_one_pod(at.reading, request),
        _ => Quantities::new(),
    };
    let mut groups = groups?;
    for group in &mut groups {
        group.node.labels.extend(labels.clone());
        group.node.taints.clone_from(&taints);
        group.background.clone_from(&background);
        for (resource, asked) in &background {
            let there = group.node.allocatable.get(resource).copied().unwrap_or(0);
            if *asked > there {
                at.wrong(
                    format!(
                        "background asks for {asked} of {resource}, the node has {there} (base units)"
                    ),
                    "",
                );
            }
        }
    }
    Some(groups)
}

fn written_out(at: &At, map: &Map, name: Option<Name>) -> Option<NodeGroup> {
    let count = map.get("count").map_or(Some(1), |at| at.count(0));
    let allocatable = map
        .need("allocatable", "what the pods of one node may ask for, such as `{cpu: \"16\", memory: 64Gi, pods: 110}`")
        .map(|at| at.quantities());
    let name = name?;
    let mut allocatable = allocatable?;
    allocatable
        .entry(at.reading.name("pods"))
        .or_insert(PODS_DEFAULT);
    Some(NodeGroup {
        count: count?,
        node: NodeSpec {
            name: name.clone(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            allocatable,
            schedulable: true,
        },
        name,
        background: Quantities::new(),
    })
}

/// The nodes of a list, a group for each form.
fn listed(map: &Map, from: &At, folder: &Path, name: Option<Name>) -> Option<Vec<NodeGroup>> {
    for field in ["count", "allocatable"] {
        if let Some(at) = map.get(field) {
            at.wrong(
                "cannot stand beside `from`",
                "the list says it of each node",
            );
        }
    }
    match openb::read_nodes(&source::file(from, folder)?) {
        Ok(nodes) => Some(openb::groups(&nodes, &name?)),
        Err(problems) => {
            for problem in problems {
                from.reading.report(problem);
            }
            None
        }
    }
}

fn taint(at: &At) -> Option<Taint> {
    let map = at.map(&fields::TAINT)?;
    let key = map.need("key", "").and_then(|at| at.text());
    let value = map.get("value").map_or(Some(""), |at| at.text());
    let effect = map
        .need("effect", "`NoSchedule`, `PreferNoSchedule` or `NoExecute`")
        .and_then(|at| at.word(EFFECTS));
    Some(Taint {
        key: at.reading.name(key?),
        value: at.reading.name(value?),
        effect: effect?,
    })
}

/// A toleration of a job's or service's pods.
pub fn toleration(at: &At) -> Option<Toleration> {
    let map = at.map(&fields::TOLERATION)?;
    let key = map.get("key").map(|at| at.text());
    let exists = map.get("operator").map_or(Some(false), |at| {
        at.word(&[("Equal", false), ("Exists", true)])
    })?;
    let value = map.get("value").map_or(Some(""), |at| at.text())?;
    let effect = map.get("effect").map(|at| at.word(EFFECTS));
    if key.is_none() && !exists {
        at.wrong(
            "names no key",
            "name the taint's key, or write `operator: Exists` for every taint",
        );
        return None;
    }
    let name = |text: &str| at.reading.name(text);
    Some(Toleration {
        key: match key {
            Some(key) => Some(name(key?)),
            None => None,
        },
        value: (!exists).then(|| name(value)),
        effect: match effect {
            Some(effect) => Some(effect?),
            None => None,
        },
    })
}
