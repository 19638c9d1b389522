//! What a pod asks for in all, as kube-scheduler counts it.
//!
//! Init containers run one after another before the others, so of them the largest counts; restartable ones
//! (sidecars) go on running, so each counts from its place in the order to the end. Requests at the level of
//! the pod take the place of that sum for `cpu`, `memory` and huge pages. Overhead comes on top.

use crate::quantity::{ParseQuantityError, Quantity};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodStatus, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

/// Amounts by resource name, in base units: thousandths of a `cpu`, else whole units.
pub type BaseUnits = BTreeMap<String, i64>;

type Exact = BTreeMap<String, Quantity>;
type Texts = BTreeMap<String, Text>;

/// An amount in a pod that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRequestError {
    /// The field, such as `spec.containers[0].resources.requests.cpu`.
    pub field: String,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with an amount in a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is no quantity.
    Unreadable(ParseQuantityError),
    /// The sum is more than can be counted.
    TooLarge,
}

impl fmt::Display for PodRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Unreadable(error) => write!(f, "{}: {error}", self.field),
            Cause::TooLarge => write!(f, "{}: the sum is more than can be counted", self.field),
        }
    }
}

impl std::error::Error for PodRequestError {}

/// What a pod of this form asks for, `pods: 1` included, or every amount that cannot be read.
pub fn of_spec(spec: &PodSpec) -> Result<BaseUnits, Vec<PodRequestError>> {
    of(spec, None)
}

/// What this pod asks for, `pods: 1` included; while it is resized in place, the most of what it asks for,
/// was promised and still has.
pub fn of_pod(pod: &Pod) -> Result<BaseUnits, Vec<PodRequestError>> {
    match &pod.spec {
        Some(spec) => of(spec, pod.status.as_ref()),
        None => of(&PodSpec::default(), None),
    }
}

fn of(spec: &PodSpec, status: Option<&PodStatus>) -> Result<BaseUnits, Vec<PodRequestError>> {
    let mut reader = Reader::default();
    let mut total = container_sum(&mut reader, spec, status);
    apply_pod_level(&mut reader, &mut total, spec, status);
    let overhead = reader.amounts("spec.overhead", spec.overhead.as_ref());
    reader.add("spec.overhead", &mut total, &overhead);
    let mut base_units = reader.base_units(&total);
    base_units.insert("pods".into(), 1);
    reader.finish(base_units)
}

/// Which amounts of a container are meant while it is resized.
#[derive(Clone, Copy)]
enum View {
    /// What is asked for.
    Asked,
    /// What the node promised.
    Promised,
    /// What it still has.
    Held,
}

fn container_sum(reader: &mut Reader, spec: &PodSpec, status: Option<&PodStatus>) -> Exact {
    let infeasible = status.is_some_and(resize_is_infeasible);
    let mut most = Exact::new();
    if !infeasible {
        raise(&mut most, &aggregate(reader, spec, status, View::Asked));
    }
    if status.is_some() {
        raise(&mut most, &aggregate(reader, spec, status, View::Promised));
        raise(&mut most, &aggregate(reader, spec, status, View::Held));
    }
    most
}

fn aggregate(reader: &mut Reader, spec: &PodSpec, status: Option<&PodStatus>, view: View) -> Exact {
    let mut running = Exact::new();
    for (index, container) in spec.containers.iter().enumerate() {
        let field = format!("spec.containers[{index}]");
        let asked = container_amounts(reader, &field, container, status, view);
        reader.add(&field, &mut running, &asked);
    }
    let mut sidecars = Exact::new();
    let mut starting = Exact::new();
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        let field = format!("spec.initContainers[{index}]");
        let mut asked = container_amounts(reader, &field, container, status, view);
        if container.restart_policy.as_deref() == Some("Always") {
            reader.add(&field, &mut running, &asked);
            reader.add(&field, &mut sidecars, &asked);
            raise(&mut starting, &sidecars);
        } else {
            // While this one runs, the sidecars started before it run too.
            reader.add(&field, &mut asked, &sidecars);
            raise(&mut starting, &asked);
        }
    }
    raise(&mut running, &starting);
    running
}

fn container_amounts(
    reader: &mut Reader,
    field: &str,
    container: &Container,
    status: Option<&PodStatus>,
    view: View,
) -> Exact {
    let observed = status.and_then(|status| {
        [&status.container_statuses, &status.init_container_statuses]
            .into_iter()
            .flatten()
            .flatten()
            .find(|observed| observed.name == container.name)
    });
    let promised = observed.and_then(|observed| observed.allocated_resources.as_ref());
    let held = observed.and_then(|observed| observed.resources.as_ref()?.requests.as_ref());
    let (place, found) = match view {
        View::Asked => ("", None),
        View::Promised => ("allocatedResources", promised),
        View::Held if held.is_some() => ("resources.requests", held),
        View::Held => ("allocatedResources", promised),
    };
    match found {
        Some(found) => {
            let field = format!("status of {field}.{place}");
            reader.amounts(&field, Some(found))
        }
        None if matches!(view, View::Asked) || !status.is_some_and(resize_is_infeasible) => {
            asked_amounts(reader, field, container.resources.as_ref())
        }
        None => Exact::new(),
    }
}

/// Requests, and limits where there is no request: so the API server completes them.
fn asked_amounts(
    reader: &mut Reader,
    field: &str,
    resources: Option<&ResourceRequirements>,
) -> Exact {
    let Some(resources) = resources else {
        return Exact::new();
    };
    let limits = format!("{field}.resources.limits");
    let requests = format!("{field}.resources.requests");
    let mut asked = reader.amounts(&limits, resources.limits.as_ref());
    asked.extend(reader.amounts(&requests, resources.requests.as_ref()));
    asked
}

fn resize_is_infeasible(status: &PodStatus) -> bool {
    status.conditions.iter().flatten().any(|condition| {
        condition.type_ == "PodResizePending" && condition.reason.as_deref() == Some("Infeasible")
    })
}

fn apply_pod_level(
    reader: &mut Reader,
    total: &mut Exact,
    spec: &PodSpec,
    status: Option<&PodStatus>,
) {
    let Some(resources) = &spec.resources else {
        return;
    };
    let limits = reader.amounts("spec.resources.limits", resources.limits.as_ref());
    for (name, limit) in limits {
        if may_be_pod_level(&name) {
            total.entry(name).or_insert(limit);
        }
    }
    let mut requests = reader.amounts("spec.resources.requests", resources.requests.as_ref());
    requests.retain(|name, _| may_be_pod_level(name));
    if requests.is_empty() {
        return;
    }
    if let Some(status) = status {
        requests = pod_level_while_resized(reader, requests, spec, status);
    }
    total.extend(requests);
}

fn pod_level_while_resized(
    reader: &mut Reader,
    asked: Exact,
    spec: &PodSpec,
    status: &PodStatus,
) -> Exact {
    let held = status
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref());
    let promised = status.allocated_resources.as_ref();
    if held.is_none() && promised.is_none() {
        return asked;
    }
    let overhead = reader.amounts("spec.overhead", spec.overhead.as_ref());
    let mut most = if resize_is_infeasible(status) {
        Exact::new()
    } else {
        asked
    };
    for (field, observed) in [
        ("status.resources.requests", held),
        ("status.allocatedResources", promised),
    ] {
        let mut observed = reader.amounts(field, observed);
        // The node counts overhead in; it is added to everything at the end.
        for (name, amount) in &mut observed {
            let overhead = overhead.get(name).copied().unwrap_or(Quantity::ZERO);
            *amount = amount.checked_sub(overhead).unwrap_or(*amount);
        }
        observed.retain(|name, _| may_be_pod_level(name));
        raise(&mut most, &observed);
    }
    most
}

fn may_be_pod_level(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

fn raise(most: &mut Exact, other: &Exact) {
    for (name, &amount) in other {
        most.entry(name.clone())
            .and_modify(|most| *most = (*most).max(amount))
            .or_insert(amount);
    }
}

/// Reads amounts and keeps what could not be read.
#[derive(Default)]
struct Reader {
    errors: Vec<PodRequestError>,
}

impl Reader {
    fn amounts(&mut self, field: &str, texts: Option<&Texts>) -> Exact {
        let mut amounts = Exact::new();
        for (name, Text(text)) in texts.into_iter().flatten() {
            match text.parse() {
                Ok(amount) => {
                    amounts.insert(name.clone(), amount);
                }
                Err(error) => self.fail(format!("{field}.{name}"), Cause::Unreadable(error)),
            }
        }
        amounts
    }

    fn add(&mut self, field: &str, sum: &mut Exact, other: &Exact) {
        for (name, &amount) in other {
            let entry = sum.entry(name.clone()).or_insert(Quantity::ZERO);
            match entry.checked_add(amount) {
                Some(added) => *entry = added,
                None => self.fail(format!("{field}.{name}"), Cause::TooLarge),
            }
        }
    }

    fn base_units(&mut self, exact: &Exact) -> BaseUnits {
        let mut base_units = BaseUnits::new();
        for (name, amount) in exact {
            match amount.base_units(name) {
                Some(amount) => {
                    base_units.insert(name.clone(), amount);
                }
                None => self.fail(format!("spec: request of {name}"), Cause::TooLarge),
            }
        }
        base_units
    }

    /// The same field may be read more than once; it is said once.
    fn fail(&mut self, field: String, cause: Cause) {
        let error = PodRequestError { field, cause };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn finish(self, base_units: BaseUnits) -> Result<BaseUnits, Vec<PodRequestError>> {
        if self.errors.is_empty() {
            Ok(base_units)
        } else {
            Err(self.errors)
        }
    }
}
