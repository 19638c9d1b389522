//! Reads `spec.workloads`: jobs and services. Traces are read by `source`.

use super::walk::{At, Map, with_one_pod};
use super::{cluster, fields, source};
use crate::model::{Elastic, Job, Replicas, Series, Service, Work, Workload};
use engine::spec::{Name, NodeSelector, Template};
use engine::{AMOUNT_MAX, Span, Time};
use std::path::Path;
use std::sync::Arc;

/// What the readers of workloads have to know of the rest.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Instant 0.
    pub start: Time,
    /// The folder to which paths are relative.
    pub folder: &'a Path,
}

/// One workload.
pub fn read<'a>(at: &At<'a>, frame: Frame<'a>) -> Option<Workload> {
    let map = at.map(&fields::WORKLOAD)?;
    let hint = "a workload is one `job`, one `service` or one `trace`";
    let (field, at) = map.one_of(fields::WORKLOAD.fields, hint)?;
    match field {
        "job" => job(&at, frame),
        "service" => service(&at, frame).map(Workload::Service),
        _ => source::trace(&at, frame).map(Workload::Trace),
    }
}

/// The same place, under the workload's own name if it has one.
fn named<'a>(at: &At<'a>, kind: &str) -> At<'a> {
    let part = |field: &str| {
        at.node.get(field).and_then(|node| match &node.value {
            super::yaml::Value::Scalar { text, .. } => Some(super::walk::shorten(text)),
            _ => None,
        })
    };
    match (part("namespace"), part("name")) {
        (Some(namespace), Some(name)) => at.within(&format!("{kind} {namespace}/{name}")),
        _ => at.clone(),
    }
}

const REQUEST: &str = "what one pod asks for, such as `{cpu: \"2\", memory: 4Gi}`";

fn template(map: &Map) -> Option<Arc<Template>> {
    let request = map.need("request", REQUEST).map(|at| at.quantities());
    let labels = map.get("nodeSelector").map(|at| at.labels());
    let tolerations = map.get("tolerations").map_or_else(Vec::new, |at| {
        at.list().iter().filter_map(cluster::toleration).collect()
    });
    Some(Arc::new(Template {
        request: with_one_pod(map.at.reading, request?),
        nodes: NodeSelector {
            labels: labels.unwrap_or_default(),
            terms: Vec::new(),
        },
        tolerations,
        unchecked: false,
    }))
}

fn identity(map: &Map) -> (Option<Name>, Option<Name>) {
    let namespace = map
        .need("namespace", "the account that it is charged to")
        .and_then(|at| at.namespace());
    let name = map
        .need("name", "results name it so")
        .and_then(|at| at.name());
    (namespace, name)
}

fn job<'a>(at: &At<'a>, frame: Frame<'a>) -> Option<Workload> {
    let at = &named(at, "job");
    let map = at.map(&fields::JOB)?;
    let (namespace, name) = identity(&map);
    let submitted = map
        .get("at")
        .map_or(Some(frame.start), |at| at.instant(frame.start));
    let priority = map.get("priority").map_or(Some(0), |at| at.priority());
    let template = template(&map);
    let replicas = map.get("replicas").map_or(Some(1), |at| at.count(1));
    let elastic = map.get("elastic").map(|at| elastic(&at));
    let flag = |field: &str| map.get(field).map_or(Some(false), |at| at.boolean());
    let (gang, checkpoint) = (flag("gang"), flag("checkpoint"));
    let penalty = map
        .get("restartPenalty")
        .map_or(Some(Span(0)), |at| at.span());
    let efficiency = map
        .get("efficiency")
        .map_or(Some(Vec::new()), |at| efficiency(&at));
    let count = map.get("count").map(|at| at.count(1));
    let every = map.get("every").map(|at| at.span());
    let work = work(&map, frame.start, submitted);
    if gang == Some(true)
        && let (Some(_), Some(at)) = (&elastic, map.get("gang"))
    {
        at.wrong(
            "cannot stand beside `elastic`",
            "an elastic job's minimum is admitted all or none anyway",
        );
    }
    if let (None, Some(at)) = (&count, map.get("every")) {
        at.wrong(
            "has no effect without `count`",
            "say how many copies with `count`",
        );
    }
    let elastic = match elastic {
        Some(elastic) => Some(elastic?),
        None => None,
    };
    let (template, replicas) = (template?, replicas?);
    let most = elastic.map_or(replicas, |elastic: Elastic| elastic.max.max(replicas));
    for (resource, amount) in &template.request {
        if amount.saturating_mul(i64::from(most)) > AMOUNT_MAX {
            at.wrong(
                format!("asks for more {resource} in all than can be counted"),
                "",
            );
        }
    }
    let job = Job {
        namespace: namespace?,
        name: name?,
        at: submitted?,
        priority: priority?,
        pods: vec![(template, replicas)],
        work: work?,
        elastic,
        gang: gang?,
        checkpoint: checkpoint?,
        restart_penalty: penalty?,
        efficiency: efficiency?,
    };
    let job = Arc::new(job);
    Some(match count {
        None => Workload::Job(job),
        Some(count) => Workload::Series(Series {
            job,
            count: count?,
            every: every.unwrap_or(Some(Span(0)))?,
        }),
    })
}

fn work(map: &Map, start: Time, submitted: Option<Time>) -> Option<Work> {
    let hint = "`duration` of each pod, `work` of the whole job in replica-seconds, or the instant `until` which it runs";
    let (field, at) = map.one_of(&["duration", "work", "until"], hint)?;
    let span = at.span_above_zero()?;
    match field {
        "duration" => Some(Work::Duration(span)),
        "work" => Some(Work::ReplicaTime(span.0)),
        _ => {
            let until = start + span;
            if submitted.is_some_and(|submitted| until <= submitted) {
                at.wrong(
                    "the job would end before it is submitted",
                    "both are counted from the scenario's start",
                );
            }
            Some(Work::Until(until))
        }
    }
}

fn elastic(at: &At) -> Option<Elastic> {
    let map = at.map(&fields::ELASTIC)?;
    let min = map
        .need("min", "the replicas that it cannot do without")
        .and_then(|at| at.count(1));
    let max = map
        .need("max", "the most replicas that it can use")
        .and_then(|at| at.count(1));
    let step = map.get("step").map_or(Some(1), |at| at.count(1));
    let cooldown = map.get("cooldown").map_or(Some(Span(0)), |at| at.span());
    let (min, max) = (min?, max?);
    if max < min {
        at.wrong(
            format!("max {max} is below min {min}"),
            "let `min` be at most `max`",
        );
    }
    Some(Elastic {
        min,
        max,
        step: step?,
        cooldown: cooldown?,
    })
}

fn efficiency(at: &At) -> Option<Vec<(u32, u32)>> {
    let hint =
        "write pairs of replicas and efficiency, such as `[[1, 1.0], [8, 0.9]]`, replicas rising";
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for item in at.list() {
        let parts = item.list();
        let [replicas, share] = parts.as_slice() else {
            item.wrong(format!("has {} parts instead of 2", parts.len()), hint);
            return None;
        };
        let replicas = replicas.count(1)?;
        let share = share.millionths()?;
        let Some(share) = u32::try_from(share)
            .ok()
            .filter(|share| *share <= 1_000_000_000)
        else {
            item.wrong("an efficiency above 1000 is no efficiency", hint);
            return None;
        };
        if pairs.last().is_some_and(|(last, _)| *last >= replicas) {
            item.wrong(
                format!("{replicas} replicas come after as many or more"),
                hint,
            );
            return None;
        }
        pairs.push((replicas, share));
    }
    Some(pairs)
}

fn service<'a>(at: &At<'a>, frame: Frame<'a>) -> Option<Service> {
    let at = &named(at, "service");
    let map = at.map(&fields::SERVICE)?;
    let (namespace, name) = identity(&map);
    let priority = map.get("priority").map_or(Some(0), |at| at.priority());
    let template = template(&map);
    let hint = "`replicas` such as `[{at: 0s, count: 3}]`, or `replicasFrom` a trace";
    let replicas = map
        .one_of(&["replicas", "replicasFrom"], hint)
        .and_then(|(field, at)| match field {
            "replicas" => steps(&at, frame.start).map(Replicas::Steps),
            _ => source::series(&at, frame).map(Replicas::Series),
        });
    Some(Service {
        namespace: namespace?,
        name: name?,
        priority: priority?,
        template: template?,
        replicas: replicas?,
    })
}

fn steps(at: &At, start: Time) -> Option<Vec<(Time, u32)>> {
    let mut steps: Vec<(Time, u32)> = Vec::new();
    let mut complete = true;
    for item in at.list() {
        let Some(map) = item.map(&fields::STEP) else {
            complete = false;
            continue;
        };
        let when = map.need("at", "from when on, such as `60s`");
        let count = map
            .need("count", "how many replicas")
            .and_then(|at| at.count(0));
        let time = when.as_ref().and_then(|at| at.instant(start));
        let (Some(time), Some(count)) = (time, count) else {
            complete = false;
            continue;
        };
        if let (Some((last, _)), Some(when)) = (steps.last(), &when)
            && *last >= time
        {
            when.wrong(
                "does not come after the step before it",
                "write the steps in the order of time",
            );
        }
        steps.push((time, count));
    }
    complete.then_some(steps)
}
