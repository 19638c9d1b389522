//! `ElasticWorkload`.

use crate::lease::read_seconds;
use crate::problem::Problems;
use crate::{Problem, created, name};
use api::ElasticWorkload;
use engine::Time;
use engine::spec::{ElasticSpec, Name, Removal, Template, WorkloadKey};
use std::sync::Arc;

/// Least time between a shrink and the next growth, where the object sets none.
const COOLDOWN_SECONDS: i64 = 30;

/// What the workload that an `ElasticWorkload` names says about its pods.
#[derive(Clone, Debug)]
pub struct ElasticTarget {
    /// Priority of its pods.
    pub priority: i32,
    /// What each replica asks for.
    pub template: Arc<Template>,
    /// The pool its pods' label names, if any.
    pub pool: Option<Name>,
    /// Which replicas go when the count is lowered; see [`removal`].
    pub removal: Removal,
}

/// The elastic workload, or everything that is wrong with it. `created_otherwise` counts where its metadata
/// does not say when it was created.
pub fn elastic(
    workload: &ElasticWorkload,
    target: &ElasticTarget,
    created_otherwise: Time,
) -> Result<ElasticSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    let spec = &workload.spec;
    let min = read_count(&mut problems, "minReplicas", spec.min_replicas);
    let max = read_count(&mut problems, "maxReplicas", spec.max_replicas);
    let step = read_count(&mut problems, "step", spec.step.unwrap_or(1));
    if spec.min_replicas > spec.max_replicas {
        let message = format!("{min} is above maxReplicas, which is {max}");
        problems.add(&["spec", "minReplicas"], min, message);
    }
    let cooldown = read_seconds(
        &mut problems,
        &["spec", "cooldownSeconds"],
        spec.cooldown_seconds,
        COOLDOWN_SECONDS,
    );
    problems.finish(ElasticSpec {
        key: WorkloadKey {
            namespace: name(workload.metadata.namespace.as_deref()),
            name: name(workload.metadata.name.as_deref()),
        },
        created: created(&workload.metadata, created_otherwise),
        priority: target.priority,
        template: Arc::clone(&target.template),
        pool: target.pool.clone(),
        min,
        max,
        step,
        cooldown,
        removal: target.removal,
    })
}

fn read_count(problems: &mut Problems, field: &str, count: i32) -> u32 {
    match u32::try_from(count) {
        Ok(count) if count > 0 => count,
        _ => {
            let message = format!("{count} is too small; the least is 1");
            problems.add(&["spec", field], count, message);
            1
        }
    }
}

/// Which replicas go when the count of a workload of this kind is lowered.
pub fn removal(kind: &str) -> Removal {
    match kind {
        // Their controllers are told by `pod-deletion-cost`, or by name.
        "Deployment" | "ReplicaSet" | "RayCluster" | "RayJob" | "SparkApplication" => {
            Removal::Chosen
        }
        "StatefulSet" | "PyTorchJob" | "PaddleJob" | "JAXJob" => Removal::HighestOrdinal,
        // A Job, and what is not known: the newest have the least work to lose.
        _ => Removal::Newest,
    }
}
