//! A scenario as what is to be done in a cluster, and when: no I/O.
//!
//! A fixed job becomes a Job, an elastic one a Deployment (or a Job) with an ElasticWorkload beside it, a service a
//! Deployment whose count is set at the scenario's steps. Pods take as long to start and to end as the scenario says.

use super::manifests::{self, PodForm};
use crate::{Failure, Result};
use engine::Span;
use engine::spec::{Name, Quantities, Template};
use serde_json::{Value, json};
use simulator::model::{Elastic, Job, Replicas, Scenario, Service, Work, Workload};
use std::collections::{BTreeMap, BTreeSet};
use testbed::NodeGroup;

/// The namespace of what runs beside all leases.
const BACKGROUND: &str = "background";

/// Which owner elastic jobs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Owner {
    /// Its pods that go are chosen.
    Deployment,
    /// Its newest pods go.
    Job,
}

/// How a scenario is to be played.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The owner of elastic jobs.
    pub owner: Owner,
    /// Whether pods bring their gate along, because no admission policy adds it.
    pub brings_gate: bool,
}

/// What is to be done, and what is to be looked at.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// The scenario's seed.
    pub seed: u64,
    /// The cluster's nodes.
    pub nodes: Vec<NodeGroup>,
    /// What is there before instant 0, in the order in which it is made.
    pub ground: Vec<Value>,
    /// What happens, in the order of time.
    pub steps: Vec<Step>,
    /// When it ends.
    pub duration: Span,
    /// The jobs and services.
    pub works: BTreeMap<WorkKey, WorkPlan>,
}

/// Namespace and name of a job or service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkKey {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

/// What is known beforehand of a job or service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkPlan {
    /// `job` or `service`.
    pub kind: &'static str,
    /// Its pods' priority.
    pub priority: i32,
    /// The most replicas that it may have or asks for.
    pub wanted: u32,
    /// Whether its size may change by itself.
    pub is_elastic: bool,
    /// What its pods have done survives their eviction.
    pub checkpoint: bool,
}

/// Something that is done at an instant after the start.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Span,
    /// What.
    pub deed: Deed,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum Deed {
    /// These objects are made.
    Create(Vec<Value>),
    /// A Deployment gets another count.
    Scale(WorkKey, u32),
    /// A job's owner is deleted: of this API version and kind.
    Delete(WorkKey, &'static str, &'static str),
}

impl Plan {
    /// The plan of a scenario; `text` is its file, whose `spec.objects` are applied as they stand there.
    ///
    /// # Errors
    /// The scenario has something that cannot be played.
    pub fn new(scenario: &Scenario, text: &str, manner: Manner) -> Result<Plan> {
        let duration = scenario
            .duration
            .ok_or("a live run needs `spec.duration`: it has to end")?;
        if let Some(change) = scenario.events.first() {
            let after = change.at - scenario.start;
            return Err(format!(
                "events cannot be played, and there is one at {} ms",
                after.0
            )
            .into());
        }
        let mut making = Making {
            scenario,
            manner,
            works: BTreeMap::new(),
            steps: Vec::new(),
        };
        for workload in &scenario.workloads {
            match workload {
                Workload::Job(job) => making.job(job)?,
                Workload::Service(service) => making.service(service)?,
                Workload::Series(_) | Workload::Trace(_) => {
                    return Err("only jobs and services that are written out can be played".into());
                }
            }
        }
        let Making {
            works, mut steps, ..
        } = making;
        steps.sort_by_key(|step| step.at);
        Ok(Plan {
            name: scenario.name.clone(),
            seed: scenario.seed,
            nodes: nodes(scenario),
            ground: ground(scenario, &works, objects(text)?),
            steps,
            duration,
            works,
        })
    }
}

/// A plan in the making.
struct Making<'a> {
    scenario: &'a Scenario,
    manner: Manner,
    works: BTreeMap<WorkKey, WorkPlan>,
    steps: Vec<Step>,
}

impl Making<'_> {
    fn job(&mut self, job: &Job) -> Result<()> {
        let key = WorkKey::new(&job.namespace, &job.name);
        let problem =
            |what: &str| Failure::from(format!("job {}/{}: {what}", job.namespace, job.name));
        let [(template, count)] = job.pods.as_slice() else {
            return Err(problem("pods of several forms cannot be played"));
        };
        if job.gang || job.restart_penalty.0 > 0 || !job.efficiency.is_empty() {
            return Err(problem(
                "gangs, penalties and efficiencies cannot be played",
            ));
        }
        let run = match job.work {
            Work::Duration(run) if job.elastic.is_none() => Some(run),
            Work::Until(_) => None,
            _ => {
                return Err(problem(
                    "its work must be `until`, or `duration` where it is not elastic",
                ));
            }
        };
        let form = self.form(&key, template, job.priority, run)?;
        let (objects, owner) = match job.elastic {
            None => (vec![manifests::job(&form, *count)], ("batch/v1", "Job")),
            Some(bounds) => self.elastic(&form, *count, bounds),
        };
        let after = |time: engine::Time| time - self.scenario.start;
        let (at, until) = (after(job.at), job.work);
        self.steps.push(Step {
            at,
            deed: Deed::Create(objects),
        });
        if let Work::Until(end) = until {
            let at = end - self.scenario.start;
            let deed = Deed::Delete(key.clone(), owner.0, owner.1);
            self.steps.push(Step { at, deed });
        }
        let plan = WorkPlan {
            kind: "job",
            priority: job.priority,
            wanted: job.elastic.map_or(*count, |bounds| bounds.max),
            is_elastic: job.elastic.is_some(),
            checkpoint: job.checkpoint,
        };
        self.works.insert(key, plan);
        Ok(())
    }

    /// An elastic job's objects, and the API version and kind of its owner.
    fn elastic(
        &self,
        form: &PodForm,
        count: u32,
        bounds: Elastic,
    ) -> (Vec<Value>, (&'static str, &'static str)) {
        let (owner, named) = match self.manner.owner {
            Owner::Deployment => (
                manifests::deployment(form, count),
                ("apps/v1", "Deployment"),
            ),
            Owner::Job => (manifests::endless_job(form, count), ("batch/v1", "Job")),
        };
        (vec![owner, manifests::elastic(form, bounds, named)], named)
    }

    fn service(&mut self, service: &Service) -> Result<()> {
        let key = WorkKey::new(&service.namespace, &service.name);
        let Replicas::Steps(counts) = &service.replicas else {
            let name = &service.name;
            return Err(
                format!("service {name}: only written counts can be played, not series").into(),
            );
        };
        let form = self.form(&key, &service.template, service.priority, None)?;
        for (number, &(time, count)) in counts.iter().enumerate() {
            let deed = match number {
                0 => Deed::Create(vec![manifests::deployment(&form, count)]),
                _ => Deed::Scale(key.clone(), count),
            };
            self.steps.push(Step {
                at: time - self.scenario.start,
                deed,
            });
        }
        let plan = WorkPlan {
            kind: "service",
            priority: service.priority,
            wanted: counts.iter().map(|&(_, count)| count).max().unwrap_or(0),
            is_elastic: false,
            checkpoint: false,
        };
        self.works.insert(key, plan);
        Ok(())
    }

    fn form(
        &self,
        key: &WorkKey,
        template: &Template,
        priority: i32,
        run: Option<Span>,
    ) -> Result<PodForm> {
        let plain = Template {
            request: template.request.clone(),
            ..Template::default()
        };
        if *template != plain {
            let (namespace, name) = (&key.namespace, &key.name);
            return Err(format!(
                "{namespace}/{name}: node selectors, tolerations and the like cannot be played"
            )
            .into());
        }
        Ok(PodForm {
            key: key.clone(),
            request: template.request.clone(),
            priority,
            start: self.scenario.cluster.pod_startup,
            run,
            termination: self.scenario.cluster.pod_termination,
            brings_gate: self.manner.brings_gate,
        })
    }
}

impl WorkKey {
    /// The key of these.
    pub fn new(namespace: &Name, name: &Name) -> WorkKey {
        WorkKey {
            namespace: namespace.clone(),
            name: name.clone(),
        }
    }
}

/// The objects under `spec.objects` of a scenario's file.
fn objects(text: &str) -> Result<Vec<Value>> {
    let file: Value = serde_saphyr::from_str(text)?;
    if file["spec"]["manifests"].is_array() {
        return Err("spec.manifests is not played: write the objects under spec.objects".into());
    }
    Ok(file["spec"]["objects"]
        .as_array()
        .cloned()
        .unwrap_or_default())
}

fn nodes(scenario: &Scenario) -> Vec<NodeGroup> {
    let groups = scenario.cluster.groups.iter();
    groups
        .map(|group| NodeGroup {
            count: usize::try_from(group.count).unwrap_or(usize::MAX),
            name: group.name.to_string(),
            allocatable: manifests::amounts(&group.node.allocatable),
            labels: group
                .node
                .labels
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            taints: Vec::new(),
        })
        .collect()
}

/// Namespaces, priority classes, what runs beside all leases, then pools and leases.
fn ground(
    scenario: &Scenario,
    works: &BTreeMap<WorkKey, WorkPlan>,
    objects: Vec<Value>,
) -> Vec<Value> {
    let mut namespaces: BTreeSet<Name> = works.keys().map(|key| key.namespace.clone()).collect();
    namespaces.extend(
        scenario
            .pools
            .iter()
            .map(|pool| pool.root_namespace.clone()),
    );
    namespaces.extend(
        scenario
            .leases
            .iter()
            .map(|lease| lease.key.namespace.clone()),
    );
    namespaces.extend(scenario.leases.iter().map(|lease| lease.lessee.clone()));
    namespaces.insert(BACKGROUND.into());
    let namespace = |name: &Name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": &**name}});
    let mut ground: Vec<Value> = namespaces.iter().map(namespace).collect();
    let priorities: BTreeSet<i32> = works.values().map(|work| work.priority).collect();
    let priorities = priorities.into_iter().filter(|&priority| priority != 0);
    ground.extend(priorities.map(manifests::priority_class));
    for group in scenario
        .cluster
        .groups
        .iter()
        .filter(|group| !group.background.is_empty())
    {
        for number in 0..group.count {
            let node = format!("{}-{number}", group.name);
            ground.push(background(&node, &group.background));
        }
    }
    ground.extend(objects);
    ground
}

/// An agent of a node, where no lease is asked.
fn background(node: &str, request: &Quantities) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("agent-{node}"), "namespace": BACKGROUND},
        // As agents of nodes are: or kube-scheduler would evict them where somebody of higher priority finds no room.
        "spec": {
            "nodeName": node, "priorityClassName": "system-node-critical",
            "containers": [manifests::container(request)],
        },
    })
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
