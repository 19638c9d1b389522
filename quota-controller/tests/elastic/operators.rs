//! Owners of custom types: one with a scale subresource, and the real definitions of batch operators.
//!
//! The definitions are those in `../shared/crds` beside the project, or in `LEASEHOLD_CRDS`; where neither is there the
//! tests say so and pass over them. The operators are stand-ins: they make and remove pods by the fields of their
//! object alone.

use crate::kit::{World, elastic, establish, resource, template};
use crate::shrink::{Owner, shrinks_and_grows_back};
use flate2::read::GzDecoder;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, PostParams};
use kube::core::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// How a stand-in makes its pods.
#[derive(Clone)]
struct Operator {
    api_version: &'static str,
    kind: &'static str,
    pointer: &'static str,
    /// Labels of every pod.
    labels: Value,
    /// The label that holds a pod's number, if the operator numbers them.
    index_label: Option<&'static str>,
}

impl Operator {
    async fn run(self, client: Client) {
        let resource = resource(&client, self.api_version, self.kind).await;
        let owners = Api::<DynamicObject>::namespaced_with(client.clone(), "ml", &resource);
        let pods = Api::<Pod>::namespaced(client.clone(), "ml");
        let owners = watcher::watcher(owners, watcher::Config::default()).default_backoff();
        let sights = watcher::watcher(pods.clone(), watcher::Config::default()).default_backoff();
        let mut owners = std::pin::pin!(owners);
        let mut sights = std::pin::pin!(sights);
        let mut owner: Option<DynamicObject> = None;
        let mut there: BTreeMap<String, Pod> = BTreeMap::new();
        let mut made = 0;
        loop {
            tokio::select! {
                Some(event) = owners.next() => {
                    if let Ok(Event::Apply(object) | Event::InitApply(object)) = event {
                        owner = Some(object);
                    }
                }
                Some(event) = sights.next() => match event {
                    Ok(Event::Apply(pod) | Event::InitApply(pod)) => {
                        there.insert(pod.name_any(), pod);
                    }
                    Ok(Event::Delete(pod)) => {
                        there.remove(&pod.name_any());
                    }
                    _ => {}
                },
            }
            if let Some(owner) = &owner {
                self.reconcile(&pods, owner, &mut there, &mut made).await;
            }
        }
    }

    async fn reconcile(
        &self,
        pods: &Api<Pod>,
        owner: &DynamicObject,
        there: &mut BTreeMap<String, Pod>,
        made: &mut usize,
    ) {
        let wanted = owner
            .data
            .pointer(self.pointer)
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let wanted = usize::try_from(wanted).expect("a small count");
        let named: Vec<&str> = owner
            .data
            .pointer("/spec/workerGroupSpecs/0/scaleStrategy/workersToDelete")
            .and_then(Value::as_array)
            .map_or_else(Vec::new, |names| {
                names.iter().filter_map(Value::as_str).collect()
            });
        for pod in there
            .values()
            .filter(|pod| named.contains(&pod.name_any().as_str()))
        {
            if pod.metadata.deletion_timestamp.is_none() {
                let _ = pods.delete(&pod.name_any(), &DeleteParams::default()).await;
            }
        }
        let is_staying = |pod: &&Pod| {
            pod.metadata.deletion_timestamp.is_none() && !named.contains(&pod.name_any().as_str())
        };
        let mut staying: Vec<Pod> = there.values().filter(is_staying).cloned().collect();
        staying.sort_by_key(number_of);
        for pod in staying.iter().skip(wanted) {
            let _ = pods.delete(&pod.name_any(), &DeleteParams::default()).await;
        }
        for _ in staying.len()..wanted {
            let number = match self.index_label {
                // The lowest number that is free; a pod that is on its way out still has its name.
                Some(_) => (0..).find(|number| !there.contains_key(&name_of(*number))),
                None => Some(*made),
            };
            let Some(number) =
                number.filter(|&number| self.index_label.is_none() || number < wanted)
            else {
                return;
            };
            *made += 1;
            let pod = self.pod(owner, number);
            match pods.create(&PostParams::default(), &pod).await {
                Ok(pod) => there.insert(pod.name_any(), pod),
                Err(_) => return,
            };
        }
    }

    fn pod(&self, owner: &DynamicObject, number: usize) -> Pod {
        let mut labels = self.labels.clone();
        if let Some(label) = self.index_label {
            labels[label] = json!(number.to_string());
        }
        let mut pod = template(&labels, "1", "0");
        pod["metadata"]["name"] = json!(name_of(number));
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": self.api_version, "kind": self.kind, "name": owner.name_any(),
            "uid": owner.uid(), "controller": true,
        }]);
        serde_json::from_value(pod).expect("a pod")
    }
}

fn name_of(number: usize) -> String {
    format!("train-{number:04}")
}

fn number_of(pod: &Pod) -> usize {
    let name = pod.name_any();
    let number = name
        .rsplit('-')
        .next()
        .and_then(|number| number.parse().ok());
    number.expect("a number")
}

/// A type of our own with a scale subresource.
pub fn fleet() -> CustomResourceDefinition {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "fleets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Fleet", "plural": "fleets", "singular": "fleet", "listKind": "FleetList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                }},
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size",
                    "labelSelectorPath": ".status.selector",
                }},
            }],
        },
    });
    serde_json::from_value(definition).expect("a definition")
}

/// Its operator.
pub async fn fleet_operator(client: Client) {
    let operator = Operator {
        api_version: "example.com/v1",
        kind: "Fleet",
        pointer: "/spec/size",
        labels: json!({"fleet": "train"}),
        index_label: None,
    };
    operator.run(client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_type_with_a_scale_subresource_is_asked_through_it() {
    let mut world = World::start(3).await;
    establish(&world.client, &fleet()).await;
    let owner = Owner {
        api_version: "example.com/v1",
        kind: "Fleet",
        object: json!({"metadata": {"name": "train"}, "spec": {"size": 3}}),
        pointer: "/spec/size",
        more: json!({"podLabels": {"fleet": "train"}}),
    };
    world.tasks.spawn(fleet_operator(world.client.clone()));
    shrinks_and_grows_back(&mut world, &owner).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tfjob_changes_its_workers_by_a_path() {
    let kubeflow = json!({
        "training.kubeflow.org/job-name": "train", "training.kubeflow.org/replica-type": "worker",
    });
    let pods = template(&json!({}), "1", "0");
    let mut pods_of_container = pods.clone();
    pods_of_container["spec"]["containers"][0]["name"] = json!("tensorflow");
    tell(
        "kubeflow.org_tfjobs",
        Operator {
            api_version: "kubeflow.org/v1",
            kind: "TFJob",
            pointer: "/spec/tfReplicaSpecs/Worker/replicas",
            labels: kubeflow,
            index_label: Some("training.kubeflow.org/replica-index"),
        },
        json!({"tfReplicaSpecs": {"Worker": {"replicas": 3, "template": pods_of_container}}}),
        json!({"replicasPath": ".spec.tfReplicaSpecs.Worker.replicas"}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_mpijob_changes_its_workers_without_its_launcher() {
    let pods = template(&json!({}), "1", "0");
    tell(
        "kubeflow.org_mpijobs",
        Operator {
            api_version: "kubeflow.org/v2beta1",
            kind: "MPIJob",
            pointer: "/spec/mpiReplicaSpecs/Worker/replicas",
            labels: json!({
                "training.kubeflow.org/job-name": "train", "training.kubeflow.org/job-role": "worker",
            }),
            index_label: Some("training.kubeflow.org/replica-index"),
        },
        json!({"mpiReplicaSpecs": {
            "Launcher": {"replicas": 1, "template": pods.clone()},
            "Worker": {"replicas": 3, "template": pods},
        }}),
        json!({}),
    )
    .await;
}

/// The definition makes `spec.trainer` immutable, so nobody can change the size of a TrainJob in place: that must be
/// told, and must cost nobody anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trainjob_cannot_be_asked_and_says_why() {
    let Some(definition) = read_definition("trainer.kubeflow.org_trainjobs") else {
        return;
    };
    let operator = Operator {
        api_version: "trainer.kubeflow.org/v1alpha1",
        kind: "TrainJob",
        pointer: "/spec/trainer/numNodes",
        labels: json!({
            "jobset.sigs.k8s.io/jobset-name": "train",
            "jobset.sigs.k8s.io/replicatedjob-name": "node",
        }),
        index_label: Some("batch.kubernetes.io/job-completion-index"),
    };
    let mut world = World::start(1).await;
    establish(&world.client, &definition).await;
    world.tasks.spawn(operator.run(world.client.clone()));
    let job = json!({
        "metadata": {"name": "train"},
        "spec": {"runtimeRef": {"name": "torch"}, "trainer": {"numNodes": 3}},
    });
    world
        .create("trainer.kubeflow.org/v1alpha1", "TrainJob", "ml", job)
        .await;
    let workload = elastic("trainer.kubeflow.org/v1alpha1", "TrainJob", 8, &json!({}));
    world
        .create("leasehold.dev/v1alpha1", "ElasticWorkload", "ml", workload)
        .await;
    let told = world
        .until("its status says that it cannot be asked", |picture| {
            let status = picture
                .workloads
                .get("train")
                .and_then(|workload| workload.status.as_ref());
            let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
            conditions.any(|condition| condition.reason == "CannotScale")
        })
        .await;
    let status = told.workloads["train"].status.clone().expect("a status");
    let followed = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Followed");
    let message = &followed.expect("a condition").message;
    assert!(message.contains("immutable"), "{message}");
    // What could not be granted is idle again: web gets all but the three that run.
    world
        .create("apps/v1", "Deployment", "web", crate::kit::web(1))
        .await;
    let done = world
        .until("web runs", |picture| picture.running("web") == 1)
        .await;
    assert_eq!(done.running("ml"), 3);
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ray_cluster_is_told_which_workers_go() {
    let pods = template(&json!({}), "1", "0");
    tell(
        "ray.io_rayclusters",
        Operator {
            api_version: "ray.io/v1",
            kind: "RayCluster",
            pointer: "/spec/workerGroupSpecs/0/replicas",
            labels: json!({"ray.io/cluster": "train", "ray.io/node-type": "worker"}),
            index_label: None,
        },
        json!({
            "headGroupSpec": {"rayStartParams": {}, "template": pods.clone()},
            "workerGroupSpecs": [{
                "groupName": "a", "replicas": 3, "minReplicas": 1, "maxReplicas": 3,
                "rayStartParams": {}, "template": pods,
            }],
        }),
        json!({}),
    )
    .await;
}

/// The story with an operator's real definition.
async fn tell(definition: &str, operator: Operator, spec: Value, more: Value) {
    let Some(definition) = read_definition(definition) else {
        return;
    };
    let mut world = World::start(3).await;
    establish(&world.client, &definition).await;
    let owner = Owner {
        api_version: operator.api_version,
        kind: operator.kind,
        object: json!({"metadata": {"name": "train"}, "spec": spec}),
        pointer: operator.pointer,
        more,
    };
    world.tasks.spawn(operator.run(world.client.clone()));
    shrinks_and_grows_back(&mut world, &owner).await;
    world.finish();
}

fn read_definition(name: &str) -> Option<CustomResourceDefinition> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/crds"));
    let folder = std::env::var_os("LEASEHOLD_CRDS").map_or(beside, PathBuf::from);
    let path = folder.join(format!("{name}.yaml.gz"));
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!(
            "SKIPPED: there is no {}: set LEASEHOLD_CRDS to a folder that has it",
            path.display()
        );
        return None;
    };
    let mut text = String::new();
    GzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("a definition");
    Some(serde_saphyr::from_str(&text).expect("a definition"))
}
