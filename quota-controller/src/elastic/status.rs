//! What an ElasticWorkload's status tells people: conditions, numbers, one word. No I/O.

use super::target::{Target, Unmanaged};
use api::ElasticWorkload;
use api::crd::{ElasticWorkloadStatus, LastShrink};
use engine::Time;
use engine::snapshot::WorkloadFigures;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time as Instant};

/// All that a status tells of.
pub struct Facts<'a> {
    /// The object, with its status as it is.
    pub object: &'a ElasticWorkload,
    /// What is asked, or why nobody is.
    pub target: Result<&'a Target, &'a Unmanaged>,
    /// What the engine says; nothing while the namespace has no lease.
    pub figures: Option<&'a WorkloadFigures>,
    /// The bounds in force.
    pub bounds: Option<(u32, u32)>,
    /// Until when its owner is passed over, and why.
    pub passed_over: Option<(Time, &'static str)>,
    /// Whether pods that are to go are not on their way out yet.
    pub waits: bool,
    /// Why its owner could not be asked.
    pub problem: Option<&'a str>,
    /// The last shrink.
    pub last_shrink: Option<&'a LastShrink>,
    /// The instant.
    pub now: Time,
}

/// The status, conditions with the instants at which they last changed.
pub fn status(facts: &Facts) -> ElasticWorkloadStatus {
    let old = facts.object.status.clone().unwrap_or_default();
    let generation = facts.object.metadata.generation;
    let condition = |kind: &str, (is_true, reason, message): (bool, &str, String)| {
        let status = if is_true { "True" } else { "False" };
        let before = old
            .conditions
            .iter()
            .find(|condition| condition.type_ == kind);
        let since = before.filter(|before| before.status == status);
        Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: generation,
            last_transition_time: since.map_or(instant(facts.now), |since| {
                since.last_transition_time.clone()
            }),
        }
    };
    let mut conditions = vec![condition("Managed", managed(facts))];
    if facts.target.is_ok() {
        conditions.push(condition("Admitted", admitted(facts)));
        conditions.push(condition("Followed", followed(facts)));
    }
    let figures = facts.figures.filter(|_| facts.target.is_ok());
    ElasticWorkloadStatus {
        observed_generation: generation,
        phase: Some(phase(facts).to_owned()),
        current_replicas: figures
            .map(|it| number(it.admitted - it.expected.min(it.admitted) + it.leaving)),
        desired_replicas: figures.map(|it| number(it.admitted)),
        leaving_replicas: figures.map(|it| number(it.leaving)),
        min_replicas: facts.bounds.map(|(min, _)| number(min)),
        max_replicas: facts.bounds.map(|(_, max)| number(max)),
        last_shrink: facts.last_shrink.cloned().or(old.last_shrink),
        next_growth_time: figures.and_then(|it| it.grows_from).map(instant),
        conditions,
    }
}

fn managed(facts: &Facts) -> (bool, &'static str, String) {
    match facts.target {
        Err(unmanaged) => (false, unmanaged.reason, unmanaged.message.clone()),
        Ok(target) => {
            let how = match target.means {
                super::Means::Scale => "its scale subresource".to_owned(),
                super::Means::Job { indexed: false } => "spec.parallelism".to_owned(),
                super::Means::Job { indexed: true } => {
                    "spec.parallelism and spec.completions".to_owned()
                }
                super::Means::Path(ref path) | super::Means::Ray(ref path) => {
                    path.pointer().trim_start_matches('/').replace('/', ".")
                }
                super::Means::Pods => "its pods".to_owned(),
            };
            (
                true,
                "TargetFound",
                format!("{} is asked through {how}", target.title()),
            )
        }
    }
}

fn admitted(facts: &Facts) -> (bool, &'static str, String) {
    let namespace = facts
        .object
        .metadata
        .namespace
        .as_deref()
        .unwrap_or_default();
    match facts.figures {
        None => {
            let message = format!("namespace {namespace} has no lease in a pool that it could use");
            (false, "NoLease", message)
        }
        Some(figures) => match &figures.waits {
            Some(reason) => (false, reason.reason(), reason.to_string()),
            None => {
                let message = format!("{} in pool {}", replicas(figures.admitted), figures.pool);
                (
                    figures.admitted > 0,
                    if figures.admitted > 0 {
                        "Admitted"
                    } else {
                        "Waiting"
                    },
                    message,
                )
            }
        },
    }
}

fn followed(facts: &Facts) -> (bool, &'static str, String) {
    let title = facts.target.map_or_else(|_| String::new(), Target::title);
    if let Some(problem) = facts.problem {
        return (false, "CannotScale", problem.to_owned());
    }
    if let Some((until, reason)) = facts.passed_over {
        let what = match reason {
            "ScaledByOthers" => {
                "somebody else sets its count back: find out who (kubectl get --show-managed-fields)"
            }
            "PodsDoNotCome" => "its pods do not come: see its events",
            _ => "it was asked for fewer replicas and ended none: is its controller running?",
        };
        return (
            false,
            reason,
            format!(
                "{title}: {what}; not asked again before {}",
                instant(until).0
            ),
        );
    }
    let Some(figures) = facts.figures else {
        return (
            true,
            "NothingAsked",
            format!("{title} was not asked for anything yet"),
        );
    };
    if facts.waits {
        let message = format!("{title} was asked for {}", replicas(figures.admitted));
        return (true, "Asked", message);
    }
    if figures.leaving > 0 {
        let message = format!("{} on their way out", replicas(figures.leaving));
        return (true, "Shrinking", message);
    }
    (
        true,
        "Follows",
        format!("{title} has what it was asked for"),
    )
}

fn phase(facts: &Facts) -> &'static str {
    match (facts.target, facts.figures) {
        (Err(unmanaged), _) if unmanaged.reason == "DryRun" => "DryRun",
        (Err(_), _) => "NotManaged",
        _ if facts.passed_over.is_some() || facts.problem.is_some() => "NotFollowing",
        (Ok(_), None) => "Waiting",
        (Ok(_), Some(figures)) if figures.leaving > 0 => "Shrinking",
        (Ok(_), Some(figures)) if figures.admitted == 0 || figures.waits.is_some() => "Waiting",
        (Ok(_), Some(figures)) if figures.expected > 0 => "Growing",
        _ => "Running",
    }
}

fn replicas(count: u32) -> String {
    format!("{count} replica{}", if count == 1 { "" } else { "s" })
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// An instant as the API writes it, whole seconds.
pub fn instant(time: Time) -> Instant {
    let seconds = time.0.div_euclid(1000);
    Instant(k8s_openapi::jiff::Timestamp::from_second(seconds).unwrap_or_default())
}
