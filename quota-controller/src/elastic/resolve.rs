//! From an ElasticWorkload and the object that it names to what can be asked of it.
//!
//! Reads objects only; what must be asked of the API server beside them comes as [`Beside`].

use super::kinds::{Known, known};
use super::path::Path;
use super::target::{Form, Means, Members, Target, Unmanaged};
use api::ElasticWorkload;
use api::names::LABEL_POOL;
use engine::spec::Removal;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{ApiResource, DynamicObject, Selector};
use serde_json::Value;
use std::sync::Arc;

/// What the object itself does not say.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Whether its type has a scale subresource.
    pub has_scale: bool,
    /// Count and pod selector as its scale subresource gives them, for types that the controller does not know.
    pub scale: Option<(u32, String)>,
    /// The HorizontalPodAutoscaler that has the same target.
    pub autoscaler: Option<String>,
    /// The ElasticWorkload, older than this one, that has the same target.
    pub rival: Option<String>,
}

/// What can be asked of the workload, or why nothing can. `priority_of` knows priority classes; no name asks for
/// the default.
pub fn resolve(
    workload: &ElasticWorkload,
    owner: &DynamicObject,
    resource: &ApiResource,
    beside: &Beside,
    priority_of: &dyn Fn(Option<&str>) -> i32,
) -> Result<Target, Unmanaged> {
    let spec = &workload.spec;
    let name = spec.scale_target_ref.name.as_str();
    let title = format!("{} {name}", resource.kind);
    refuse_beside(&title, beside)?;
    let data = &owner.data;
    let known = known(&resource.group, &resource.kind);
    let means = means(workload, resource, known, beside, data)?;
    refuse_idle(&title, &means, data)?;
    let replicas = replicas(&title, &means, data, beside)?;
    let template_path = template_path(workload, &means, known)?;
    let form = template_path
        .and_then(|path| path.get(data).cloned())
        .and_then(|template| serde_json::from_value::<PodTemplateSpec>(template).ok())
        .and_then(|template| form(&template, priority_of));
    let version = owner.metadata.resource_version.as_deref().unwrap_or("0");
    Ok(Target {
        uid: owner.metadata.uid.as_deref().unwrap_or_default().into(),
        name: name.into(),
        resource: resource.clone(),
        removal: removal(&means, &resource.kind, known),
        heeds_deletion_cost: resource.group == "apps"
            && matches!(resource.kind.as_str(), "Deployment" | "ReplicaSet"),
        members: members(workload, resource, known, beside, owner),
        replicas,
        version: version.parse().unwrap_or(0),
        form,
        work_left: work_left(&means, data),
        means,
    })
}

fn refuse_beside(title: &str, beside: &Beside) -> Result<(), Unmanaged> {
    if let Some(autoscaler) = &beside.autoscaler {
        return Err(Unmanaged::new(
            "HorizontalPodAutoscaler",
            format!(
                "{title} is also the target of HorizontalPodAutoscaler {autoscaler}; they would undo each \
                 other's work: delete one of the two"
            ),
        ));
    }
    if let Some(rival) = &beside.rival {
        return Err(Unmanaged::new(
            "TargetTaken",
            format!(
                "{title} is the target of the older ElasticWorkload {rival}: delete one of the two"
            ),
        ));
    }
    Ok(())
}

fn means(
    workload: &ElasticWorkload,
    resource: &ApiResource,
    known: Option<&Known>,
    beside: &Beside,
    data: &Value,
) -> Result<Means, Unmanaged> {
    let (group, kind) = (resource.group.as_str(), resource.kind.as_str());
    let given = workload.spec.replicas_path.as_deref();
    let path = given.or(known
        .map(|known| known.replicas_path)
        .filter(|path| !path.is_empty()));
    let path = path.map(Path::parse).transpose();
    let path = path.map_err(|problem| {
        Unmanaged::new("PathUnreadable", format!("spec.replicasPath: {problem}"))
    })?;
    match (group, kind, path) {
        ("ray.io", "RayCluster", Some(path)) => Ok(Means::Ray(path)),
        (_, _, Some(path)) => Ok(Means::Path(path)),
        ("batch", "Job", None) => Ok(Means::Job {
            indexed: is_elastic_indexed(data),
        }),
        ("sparkoperator.k8s.io", "SparkApplication", None) => Ok(Means::Pods),
        (_, _, None) if beside.has_scale => Ok(Means::Scale),
        _ => Err(Unmanaged::new(
            "NoReplicas",
            format!(
                "{kind} ({group}) has no scale subresource and is not known: say in spec.replicasPath where its \
                 count stands, such as .spec.workers.replicas"
            ),
        )),
    }
}

/// An indexed Job may change its `completions` only together with an equal `parallelism`. One with more
/// completions than it runs at a time is a queue of work like any other.
fn is_elastic_indexed(data: &Value) -> bool {
    let spec = |field: &str| data.pointer(&format!("/spec/{field}"));
    spec("completionMode").and_then(Value::as_str) == Some("Indexed")
        && (spec("completions") == spec("parallelism")
            // Nobody runs at present; see `write`.
            || spec("parallelism").and_then(Value::as_u64) == Some(0))
}

/// An owner that makes no pods is not asked for any.
fn refuse_idle(title: &str, means: &Means, data: &Value) -> Result<(), Unmanaged> {
    let spec = |field: &str| data.pointer(&format!("/spec/{field}"));
    let is_suspended = spec("suspend").and_then(Value::as_bool) == Some(true)
        || data
            .pointer("/spec/runPolicy/suspend")
            .and_then(Value::as_bool)
            == Some(true);
    if is_suspended {
        return Err(Unmanaged::new("Suspended", format!("{title} is suspended")));
    }
    let conditions = data.pointer("/status/conditions").and_then(Value::as_array);
    let is_finished = conditions.into_iter().flatten().any(|condition| {
        let field = |name: &str| condition.get(name).and_then(Value::as_str);
        let finished = ["Complete", "Failed", "Succeeded"]
            .map(Some)
            .contains(&field("type"));
        finished && field("status") == Some("True")
    });
    let ends = !matches!(means, Means::Scale);
    if ends && is_finished {
        return Err(Unmanaged::new("Finished", format!("{title} has finished")));
    }
    Ok(())
}

fn replicas(
    title: &str,
    means: &Means,
    data: &Value,
    beside: &Beside,
) -> Result<Option<u32>, Unmanaged> {
    let count = |value: &Value| value.as_u64().and_then(|count| u32::try_from(count).ok());
    match means {
        Means::Scale => {
            let scale = beside.scale.as_ref().map(|scale| scale.0);
            // Where the object says nothing the API means one.
            let own = data.pointer("/spec/replicas").map_or(Some(1), count);
            Ok(scale.or(own))
        }
        Means::Job { .. } => Ok(data.pointer("/spec/parallelism").map_or(Some(1), count)),
        Means::Pods => Ok(None),
        Means::Path(path) | Means::Ray(path) => match path.get(data) {
            Some(value) => count(value).map(Some).ok_or_else(|| {
                Unmanaged::new(
                    "NoReplicas",
                    format!("{title}: {} is {value}, no count", path.pointer()),
                )
            }),
            None => Err(Unmanaged::new(
                "NoReplicas",
                format!(
                    "{title} has no {}: set it, or correct spec.replicasPath",
                    path.pointer()
                ),
            )),
        },
    }
}

fn template_path(
    workload: &ElasticWorkload,
    means: &Means,
    known: Option<&Known>,
) -> Result<Option<Path>, Unmanaged> {
    let given = workload.spec.template_path.as_deref();
    let text = match (given, known, means) {
        (Some(given), _, _) => given,
        (None, Some(known), _) => known.template_path,
        (None, None, Means::Path(path)) => return Ok(Some(path.beside("template"))),
        _ => ".spec.template",
    };
    if text.is_empty() {
        return Ok(None);
    }
    let path = Path::parse(text);
    path.map(Some).map_err(|problem| {
        Unmanaged::new("PathUnreadable", format!("spec.templatePath: {problem}"))
    })
}

fn form(template: &PodTemplateSpec, priority_of: &dyn Fn(Option<&str>) -> i32) -> Option<Form> {
    let spec = template.spec.as_ref()?;
    let labels = template
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.labels.as_ref());
    let priority = spec
        .priority
        .unwrap_or_else(|| priority_of(spec.priority_class_name.as_deref()));
    Some(Form {
        priority,
        // What cannot be read here cannot be read in its pods either: they are left out, with the reason.
        template: Arc::new(translate::template(spec).ok()?),
        pool: labels
            .and_then(|labels| labels.get(LABEL_POOL))
            .map(|pool| pool.as_str().into()),
    })
}

fn removal(means: &Means, kind: &str, known: Option<&Known>) -> Removal {
    match (means, known) {
        (Means::Job { indexed: true }, _) => Removal::HighestOrdinal,
        (_, Some(known)) => known.removal,
        _ => translate::removal(kind),
    }
}

fn members(
    workload: &ElasticWorkload,
    resource: &ApiResource,
    known: Option<&Known>,
    beside: &Beside,
    owner: &DynamicObject,
) -> Members {
    let spec = &workload.spec;
    if !spec.pod_labels.is_empty() {
        return Members::Labels(spec.pod_labels.clone().into_iter().collect());
    }
    if let Some(known) = known {
        let name = spec.scale_target_ref.name.as_str();
        let labels = known.labels.iter();
        return Members::Labels(
            labels
                .map(|&(key, value)| (key.to_owned(), value.replace("{name}", name)))
                .collect(),
        );
    }
    let of_spec = || {
        let selector = owner.data.pointer("/spec/selector")?.clone();
        let selector: LabelSelector = serde_json::from_value(selector).ok()?;
        let is_empty = selector
            .match_labels
            .as_ref()
            .is_none_or(|labels| labels.is_empty())
            && selector
                .match_expressions
                .as_ref()
                .is_none_or(|terms| terms.is_empty());
        (!is_empty).then(|| Selector::try_from(selector).ok())?
    };
    let builtin = matches!(resource.group.as_str(), "apps" | "batch");
    let selector = match (&beside.scale, builtin) {
        (_, true) => of_spec(),
        (Some((_, selector)), false) => labels_of(selector),
        (None, false) => None,
    };
    selector.map_or(Members::Owned, Members::Labels)
}

/// A selector as a scale subresource writes it, `a=b,c=d`.
fn labels_of(text: &str) -> Option<Selector> {
    let pairs: Option<Vec<(String, String)>> = text
        .split(',')
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let key = key.trim_end_matches(['=', '!']);
            (!pair.contains("!="))
                .then(|| (key.to_owned(), value.trim_start_matches('=').to_owned()))
        })
        .collect();
    pairs
        .filter(|pairs| !pairs.is_empty())
        .map(|pairs| pairs.into_iter().collect())
}

/// A Job with `completions` needs no more replicas than it has pods left to complete.
fn work_left(means: &Means, data: &Value) -> Option<u32> {
    if !matches!(means, Means::Job { indexed: false }) {
        return None;
    }
    let count = |path: &str| data.pointer(path).and_then(Value::as_u64);
    let uncounted = data
        .pointer("/status/uncountedTerminatedPods/succeeded")
        .and_then(Value::as_array)
        .map_or(0, |pods| pods.len() as u64);
    let completions = count("/spec/completions")?;
    let done = count("/status/succeeded").unwrap_or(0) + uncounted;
    u32::try_from(completions.saturating_sub(done)).ok()
}

#[cfg(test)]
#[path = "resolve/tests.rs"]
mod tests;
