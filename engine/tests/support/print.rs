//! Actions and figures as text.

use super::amount::{show, show_one, show_time};
use super::world::World;
use engine::snapshot::ResourceFigures;
use engine::spec::{LeaseKey, PodId, WorkloadKey};
use engine::{Action, Cause, Refusal};

/// The figures of one account, a resource each.
pub fn figures_of(world: &World, namespace: &str) -> Vec<ResourceFigures> {
    let pools = world.engine.figures();
    let pool = pools.first().expect("a pool");
    let found = pool.accounts.iter().find(|a| &*a.namespace == namespace);
    let account = found.unwrap_or_else(|| panic!("{namespace} has no account"));
    let figures = account.resources.iter();
    figures.map(|(_, figures)| figures.clone()).collect()
}

/// One figure of an account in all resources.
pub fn figure(world: &World, namespace: &str, pick: fn(&ResourceFigures) -> i64) -> String {
    let figures = figures_of(world, namespace);
    show(&figures.iter().map(pick).collect::<Vec<_>>())
}

/// `available` and `potential` of each account drawn, in columns.
pub fn availability(world: &World) -> String {
    table(
        world,
        &[
            ("available", |f| f.available),
            ("potential", |f| f.potential),
        ],
    )
}

/// A name and a figure of it.
pub type Column = (&'static str, fn(&ResourceFigures) -> i64);

/// The columns of each account drawn.
pub fn table(world: &World, columns: &[Column]) -> String {
    let width = world.drawn.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for name in &world.drawn {
        let cells: Vec<_> = columns
            .iter()
            .map(|(title, pick)| format!("{title} {:<7}", figure(world, name, *pick)))
            .collect();
        let line = format!("{name:<width$}  {}", cells.join(" "));
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// One printed line before equal neighbours are counted together.
struct Line {
    verb: &'static str,
    subject: String,
    rest: String,
    /// Pods of a set that are told as one.
    counted: bool,
}

/// The actions of one instant, a line each; pods of one job or gang are counted together.
pub fn actions(world: &World, actions: &[Action]) -> Vec<String> {
    let lines: Vec<_> = actions
        .iter()
        .enumerate()
        .filter_map(|(at, action)| line(world, actions, at, action))
        .collect();
    let same = |a: &Line, b: &Line| {
        a.counted && b.counted && a.verb == b.verb && a.subject == b.subject && a.rest == b.rest
    };
    let time = show_time(world.now.0);
    lines
        .chunk_by(same)
        .map(|these| {
            let Line {
                verb,
                subject,
                rest,
                counted,
            } = &these[0];
            let count = if *counted {
                format!(" {}", these.len())
            } else {
                String::new()
            };
            format!("{time:<4} {verb:<7} {subject}{count}{rest}")
        })
        .collect()
}

fn line(world: &World, actions: &[Action], at: usize, action: &Action) -> Option<Line> {
    let plain = |verb, subject, rest| {
        Some(Line {
            verb,
            subject,
            rest,
            counted: false,
        })
    };
    match action {
        Action::Admit { pod, .. } if world.pods[pod].spec.workload.is_some() => None,
        Action::Admit { pod, node } => {
            let on = node.as_ref().map(|node| format!(" on {node}"));
            pod_line(world, "admit", *pod, on.unwrap_or_default(), true)
        }
        Action::Hold { pod, reason } => {
            let why = if world.in_words {
                reason.to_string()
            } else {
                refusal(reason)
            };
            pod_line(world, "hold", *pod, format!(": {why}"), true)
        }
        Action::Evict { pod, grace, cause } => {
            let grace = match grace.0 {
                30_000 => String::new(),
                ms => format!(" within {}", show_time(ms)),
            };
            let spec = &world.pods[pod].spec;
            let whole = spec.workload.is_some() || spec.group.is_some();
            pod_line(world, "evict", *pod, cause_text(cause) + &grace, whole)
        }
        Action::Scale {
            workload,
            from,
            to,
            cause,
            ..
        } => scale_line(actions, at, workload, (*from, *to), cause),
        Action::Refuse { reason } => plain("refuse", refusal(reason), String::new()),
        Action::Renew { lease, until } => plain(
            "renew",
            key(lease),
            format!(" until {}", show_time(until.0)),
        ),
        Action::WakeAt { .. } => None,
    }
}

fn pod_line(
    world: &World,
    verb: &'static str,
    pod: PodId,
    rest: String,
    as_set: bool,
) -> Option<Line> {
    let pod = &world.pods[&pod];
    let counted = as_set && pod.set != *pod.spec.name;
    let name = if counted { &pod.set } else { &*pod.spec.name };
    let subject = format!("{}/{name}", pod.spec.namespace);
    Some(Line {
        verb,
        subject,
        rest,
        counted,
    })
}

/// Changes of one workload in one direction are one line, where the first of them stands.
fn scale_line(
    actions: &[Action],
    at: usize,
    workload: &WorkloadKey,
    (from, to): (u32, u32),
    cause: &Cause,
) -> Option<Line> {
    let grows = to > from;
    let target = |action: &Action| match action {
        Action::Scale {
            workload: w,
            from: f,
            to: t,
            ..
        } if w == workload && (t > f) == grows => Some(*t),
        _ => None,
    };
    if actions[..at].iter().any(|action| target(action).is_some()) {
        return None;
    }
    let last = actions[at..]
        .iter()
        .filter_map(target)
        .next_back()
        .unwrap_or(to);
    let subject = format!("{}/{}", workload.namespace, workload.name);
    let (verb, rest) = match (from, grows) {
        (0, true) => ("admit", format!(" {last}")),
        (_, true) => ("grow", format!(" {from} -> {last}")),
        (_, false) => ("shrink", format!(" {from} -> {last}{}", cause_text(cause))),
    };
    Some(Line {
        verb,
        subject,
        rest,
        counted: false,
    })
}

fn cause_text(cause: &Cause) -> String {
    match cause {
        Cause::Reclaim { to, request } => format!(" for {to}/{request}"),
        Cause::Priority { request } => format!(" for its own {request}"),
        Cause::Drain => " to drain".to_string(),
        Cause::Admitted | Cause::Growth => String::new(),
        Cause::Bounds => " by its bounds".to_string(),
    }
}

fn key(key: &LeaseKey) -> String {
    format!("{}/{}", key.namespace, key.name)
}

fn resource_amount(amount: i64, resource: &str) -> String {
    match resource {
        "cpu" => show_one(amount, 0),
        _ => format!("{amount} {resource}"),
    }
}

/// A refusal's numbers, without its wording.
pub fn refusal(reason: &Refusal) -> String {
    match reason {
        Refusal::Quota {
            at,
            resource,
            asks,
            available,
            ..
        } => {
            let asks = resource_amount(*asks, resource);
            let available = resource_amount(*available, resource);
            format!("asks {asks}, {available} available, short at {at}")
        }
        Refusal::Room {
            resource,
            asks,
            largest,
            free,
            ..
        } => format!(
            "asks {}, largest piece {} of {}",
            resource_amount(*asks, resource),
            resource_amount(*largest, resource),
            resource_amount(*free, resource),
        ),
        Refusal::OnTheWay { pods, since, .. } => {
            format!("{pods} pods on their way out since {}", show_time(since.0))
        }
        Refusal::Behind { head, .. } => format!("behind {head}"),
        Refusal::GroupIncomplete {
            group,
            present,
            min,
        } => format!("{group} has {present} of {min}"),
        Refusal::AboveAdmitted { workload, admitted } => format!("{workload} has its {admitted}"),
        Refusal::PriorityCeiling {
            at,
            priority,
            ceiling,
            ..
        } => {
            format!("priority {priority} above {at}'s ceiling {ceiling}")
        }
        Refusal::NotStarted { starts, .. } => format!("starts at {}", show_time(starts.0)),
        Refusal::NoLease { .. } => "no lease".to_string(),
        Refusal::Overcommitted {
            lease,
            account,
            at,
            resource,
            leased,
            held,
            ..
        } => format!(
            "{}: Overcommitted {account} at {}: {} leased, {} held",
            lease.as_ref().map_or("pool".to_string(), key),
            if at.0 == i64::MIN {
                "ever".to_string()
            } else {
                show_time(at.0)
            },
            resource_amount(*leased, resource),
            resource_amount(*held, resource),
        ),
        Refusal::LesseeHasLessor {
            lease,
            lessee,
            lessor,
        } => {
            format!("{}: LesseeHasLessor, {lessee} has {lessor}", key(lease))
        }
        Refusal::Cycle { lease, path } => format!("{}: Cycle {}", key(lease), path.join(" ")),
        Refusal::NoAccount { lease, lessee, at } => {
            format!(
                "{}: NoAccount of {lessee} at {}",
                key(lease),
                show_time(at.0)
            )
        }
        Refusal::InOwnSubtree { lease } | Refusal::Ancestor { lease } => {
            format!("{}: {}", key(lease), reason.reason())
        }
        Refusal::Invalid { object, field, .. } => format!("{object}: Invalid {field}"),
        Refusal::NotFound { object } => format!("{object}: NotFound"),
        Refusal::PoolUnclear { .. } => reason.reason().to_string(),
    }
}
