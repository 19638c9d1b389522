//! `CapacityPool`.

use crate::problem::Problems;
use crate::{Problem, amounts, created, name};
use api::CapacityPool;
use api::crd::{LabelRequirement, PoolNodeSelector};
use engine::Time;
use engine::spec::{
    Name, NodeSelector, NodeSelectorTerm, Operator, PoolSpec, Requirement, Reserve,
};
use std::collections::BTreeMap;

/// What a pool's object does not say.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// When it was created, if its metadata does not say.
    pub created: Time,
    /// Whether requests are also checked against room on nodes.
    pub checks_room: bool,
}

/// The pool, or everything that is wrong with it.
pub fn pool(pool: &CapacityPool, options: PoolOptions) -> Result<PoolSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    let spec = &pool.spec;
    let resources = read_resources(&mut problems, &spec.resources);
    let capacity = amounts::read(&mut problems, &["spec", "capacity"], &spec.capacity);
    let mut reserve = BTreeMap::new();
    for (resource, text) in &spec.reserve {
        let text = text.0.0.as_str();
        match read_reserve(resource, text) {
            Ok(share) => {
                reserve.insert(resource.as_str().into(), share);
            }
            Err(message) => problems.add(&["spec", "reserve", resource], text, message),
        }
    }
    let named = [
        ("capacity", spec.capacity.keys().collect::<Vec<_>>()),
        ("reserve", spec.reserve.keys().collect()),
    ];
    for (field, names) in named {
        for resource in names {
            if !spec.resources.contains(resource) {
                let leased = spec.resources.join(", ");
                let message = format!("the pool leases {leased}: add {resource} to resources");
                problems.add(&["spec", field, resource], resource, message);
            }
        }
    }
    if spec.root_namespace.is_empty() {
        let message = "the namespace of the top-level leases must be named";
        problems.add(&["spec", "rootNamespace"], "", message);
    }
    let node_selector = node_selector(&mut problems, &spec.node_selector);
    problems.finish(PoolSpec {
        name: name(pool.metadata.name.as_deref()),
        created: created(&pool.metadata, options.created),
        node_selector,
        resources,
        capacity,
        reserve,
        root_namespace: spec.root_namespace.as_str().into(),
        checks_room: options.checks_room,
    })
}

fn read_resources(problems: &mut Problems, resources: &[String]) -> Vec<Name> {
    let most = usize::try_from(api::crd::RESOURCES_MAX).unwrap_or(usize::MAX);
    let path = ["spec", "resources"];
    if resources.is_empty() {
        problems.add(&path, "[]", "a pool must lease at least one resource");
    }
    if resources.len() > most {
        let message = format!("{} resources; at most {most} are allowed", resources.len());
        problems.add(&path, resources.join(", "), message);
    }
    for (index, resource) in resources.iter().enumerate() {
        if resources[..index].contains(resource) {
            problems.add(&path, resource, format!("{resource} is there twice"));
        }
    }
    resources.iter().map(|name| name.as_str().into()).collect()
}

/// A quantity, or a percentage in exact millionths.
fn read_reserve(resource: &str, text: &str) -> Result<Reserve, String> {
    match text.strip_suffix('%') {
        Some(percent) => read_percent(percent).map(Reserve::Millionths).ok_or_else(|| {
            format!("{text:?} is no percentage from 0% to 100% with up to four decimal places, as in 2.5%")
        }),
        None => amounts::amount(resource, text).map(Reserve::Amount),
    }
}

fn read_percent(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 3) || !digits(fraction, 4) {
        return None;
    }
    // A hundredth of a percent is 100 millionths, so four places are exact.
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<4}").parse().ok()?;
    let millionths = whole * 10_000 + fraction;
    (millionths <= 1_000_000).then_some(millionths)
}

fn node_selector(problems: &mut Problems, selector: &PoolNodeSelector) -> NodeSelector {
    let labels = selector.match_labels.iter();
    let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    let requirements: Vec<Requirement> = selector
        .match_expressions
        .iter()
        .enumerate()
        .filter_map(|(index, requirement)| read_requirement(problems, index, requirement))
        .collect();
    let term = NodeSelectorTerm {
        labels: requirements,
        names: Vec::new(),
    };
    NodeSelector {
        labels: labels.collect(),
        terms: if term.labels.is_empty() {
            Vec::new()
        } else {
            vec![term]
        },
    }
}

fn read_requirement(
    problems: &mut Problems,
    index: usize,
    requirement: &LabelRequirement,
) -> Option<Requirement> {
    let place = format!("matchExpressions[{index}]");
    let path = ["spec", "nodeSelector", &place];
    let operator = match requirement.operator.as_str() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => {
            let message = format!("{other:?} is none of In, NotIn, Exists, DoesNotExist");
            problems.add(&[&path[..], &["operator"]].concat(), other, message);
            return None;
        }
    };
    let wants_values = matches!(operator, Operator::In | Operator::NotIn);
    if wants_values == requirement.values.is_empty() {
        let message = "In and NotIn need values, Exists and DoesNotExist take none";
        let values = requirement.values.join(", ");
        problems.add(&[&path[..], &["values"]].concat(), values, message);
    }
    let values = requirement.values.iter();
    Some(Requirement {
        key: requirement.key.as_str().into(),
        operator,
        values: values.map(|value| value.as_str().into()).collect(),
    })
}
