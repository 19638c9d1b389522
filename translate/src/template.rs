//! What pods made from one specification ask of the cluster.

use crate::Problem;
use crate::problem::Problems;
use api::pod_request::{self, BaseUnits, PodRequestError};
use engine::AMOUNT_MAX;
use engine::spec::{
    NodeSelector, NodeSelectorTerm, Operator, Quantities, Requirement, TaintEffect, Template,
    Toleration,
};
use k8s_openapi::api::core::v1;

/// What pods of this form ask for, or everything in it that cannot be read.
pub fn template(spec: &v1::PodSpec) -> Result<Template, Vec<Problem>> {
    of(spec, pod_request::of_spec(spec))
}

/// The template with a request that was summed up already.
pub(crate) fn of(
    spec: &v1::PodSpec,
    request: Result<BaseUnits, Vec<PodRequestError>>,
) -> Result<Template, Vec<Problem>> {
    let mut problems = Problems::default();
    let request = match request {
        Ok(request) => read_request(&mut problems, request),
        Err(errors) => {
            for error in errors {
                problems.add(&[&error.field], "", cause(&error));
            }
            Quantities::new()
        }
    };
    let (nodes, nodes_unchecked) = node_selector(&mut problems, spec);
    let (tolerations, tolerations_unchecked) = tolerations(&mut problems, spec);
    problems.finish(Template {
        request,
        nodes,
        tolerations,
        unchecked: nodes_unchecked || tolerations_unchecked || asks_for_the_unchecked(spec),
    })
}

fn cause(error: &PodRequestError) -> String {
    match &error.cause {
        pod_request::Cause::Unreadable(error) => error.to_string(),
        pod_request::Cause::TooLarge => "the sum is more than can be counted".into(),
    }
}

fn read_request(problems: &mut Problems, request: BaseUnits) -> Quantities {
    let mut amounts = Quantities::new();
    for (resource, amount) in request {
        if !(0..=AMOUNT_MAX).contains(&amount) {
            let quantity = api::Quantity::from_base_units(&resource, amount);
            let most = api::Quantity::from_base_units(&resource, AMOUNT_MAX);
            let message = format!("the pod asks for {quantity} of {resource}; the most is {most}");
            problems.add(&["spec"], quantity, message);
        }
        amounts.insert(resource.into(), amount);
    }
    amounts
}

/// The nodes it may run on, and whether there is more to it than the engine can check.
fn node_selector(problems: &mut Problems, spec: &v1::PodSpec) -> (NodeSelector, bool) {
    let labels = spec.node_selector.iter().flatten();
    let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    let mut selector = NodeSelector {
        labels: labels.collect(),
        terms: Vec::new(),
    };
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| {
            affinity
                .required_during_scheduling_ignored_during_execution
                .as_ref()
        });
    let Some(required) = required else {
        return (selector, false);
    };
    let mut unchecked = false;
    for (index, term) in required.node_selector_terms.iter().enumerate() {
        let place = format!("nodeSelectorTerms[{index}]");
        let (term, more) = read_term(problems, &place, term);
        selector.terms.push(term);
        unchecked |= more;
    }
    (selector, unchecked)
}

fn read_term(
    problems: &mut Problems,
    place: &str,
    term: &v1::NodeSelectorTerm,
) -> (NodeSelectorTerm, bool) {
    let path = ["spec", "affinity", "nodeAffinity", place];
    let mut read = NodeSelectorTerm::default();
    let mut unchecked = false;
    for expression in term.match_expressions.iter().flatten() {
        let values = expression.values.iter().flatten();
        let operator = match expression.operator.as_str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::Gt,
            "Lt" => Operator::Lt,
            other => {
                let message =
                    format!("{other:?} is none of In, NotIn, Exists, DoesNotExist, Gt, Lt");
                problems.add(&path, other, message);
                continue;
            }
        };
        read.labels.push(Requirement {
            key: expression.key.as_str().into(),
            operator,
            values: values.map(|value| value.as_str().into()).collect(),
        });
    }
    for field in term.match_fields.iter().flatten() {
        // The name is the only field there is; a node that is not meant cannot be said here.
        if field.key == "metadata.name" && field.operator == "In" {
            let names = field.values.iter().flatten();
            read.names.extend(names.map(|name| name.as_str().into()));
        } else {
            unchecked = true;
        }
    }
    if read.labels.is_empty() && read.names.is_empty() && !unchecked {
        // A term without requirements matches no node: "in none of these".
        read.labels.push(Requirement {
            key: "kubernetes.io/hostname".into(),
            operator: Operator::In,
            values: Vec::new(),
        });
    }
    (read, unchecked)
}

fn tolerations(problems: &mut Problems, spec: &v1::PodSpec) -> (Vec<Toleration>, bool) {
    let mut read = Vec::new();
    let mut unchecked = false;
    for toleration in spec.tolerations.iter().flatten() {
        let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        let value = match toleration.operator.as_deref() {
            Some("Exists") => None,
            None | Some("" | "Equal") => {
                Some(toleration.value.as_deref().unwrap_or_default().into())
            }
            // Comparisons of numbers, which only the scheduler makes.
            Some(_) => {
                unchecked = true;
                continue;
            }
        };
        let effect = match toleration.effect.as_deref() {
            None | Some("") => None,
            Some(effect) => match taint_effect(effect) {
                Some(effect) => Some(effect),
                None => {
                    problems.add(
                        &["spec", "tolerations", "effect"],
                        effect,
                        no_effect(effect),
                    );
                    continue;
                }
            },
        };
        let key = toleration.key.as_deref().filter(|_| given(&toleration.key));
        read.push(Toleration {
            key: key.map(Into::into),
            value,
            effect,
        });
    }
    (read, unchecked)
}

pub(crate) fn taint_effect(text: &str) -> Option<TaintEffect> {
    match text {
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        _ => None,
    }
}

pub(crate) fn no_effect(text: &str) -> String {
    format!("{text:?} is none of NoSchedule, PreferNoSchedule, NoExecute")
}

/// Whether where it may run depends on more than resources, labels and taints.
fn asks_for_the_unchecked(spec: &v1::PodSpec) -> bool {
    let spreads = spec.topology_spread_constraints.iter().flatten();
    let must_spread = spreads
        .into_iter()
        .any(|spread| spread.when_unsatisfiable == "DoNotSchedule");
    let affinity = spec.affinity.as_ref();
    let near = affinity
        .and_then(|affinity| affinity.pod_affinity.as_ref())
        .and_then(|near| {
            near.required_during_scheduling_ignored_during_execution
                .as_ref()
        });
    let apart = affinity
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref())
        .and_then(|apart| {
            apart
                .required_during_scheduling_ignored_during_execution
                .as_ref()
        });
    let has_device = spec.resource_claims.iter().flatten().next().is_some();
    must_spread
        || near.is_some_and(|terms| !terms.is_empty())
        || apart.is_some_and(|terms| !terms.is_empty())
        || has_device
        || spec.volumes.iter().flatten().any(may_be_bound_to_nodes)
        || asks_for_host_ports(spec)
}

/// Whether a volume may be reachable from some nodes only, or be limited in number on each.
fn may_be_bound_to_nodes(volume: &v1::Volume) -> bool {
    volume.persistent_volume_claim.is_some()
        || volume.ephemeral.is_some()
        || volume.csi.is_some()
        || volume.aws_elastic_block_store.is_some()
        || volume.azure_disk.is_some()
        || volume.cinder.is_some()
        || volume.gce_persistent_disk.is_some()
        || volume.iscsi.is_some()
        || volume.rbd.is_some()
}

fn asks_for_host_ports(spec: &v1::PodSpec) -> bool {
    let containers = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    containers
        .flat_map(|container| container.ports.iter().flatten())
        .any(|port| port.host_port.is_some_and(|port| port != 0))
}
