//! What is known of operators' kinds beforehand, so that an ElasticWorkload need not say it.

use engine::spec::Removal;

/// How an operator's kind is made smaller or larger, where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub group: &'static str,
    pub kind: &'static str,
    /// Where the count stands; empty: the scale subresource, or the pods themselves.
    pub replicas_path: &'static str,
    /// Labels of the pods that are counted. `{name}` stands for the owner's name.
    pub labels: &'static [(&'static str, &'static str)],
    /// Where the pods' template stands.
    pub template_path: &'static str,
    pub removal: Removal,
}

const KUBEFLOW_JOB: &str = "training.kubeflow.org/job-name";
const KUBEFLOW_TYPE: &str = "training.kubeflow.org/replica-type";
const WORKERS: &[(&str, &str)] = &[(KUBEFLOW_JOB, "{name}"), (KUBEFLOW_TYPE, "worker")];

const KNOWN: &[Known] = &[
    Known {
        group: "kubeflow.org",
        kind: "TFJob",
        replicas_path: ".spec.tfReplicaSpecs.Worker.replicas",
        labels: WORKERS,
        template_path: ".spec.tfReplicaSpecs.Worker.template",
        removal: Removal::HighestOrdinal,
    },
    Known {
        group: "kubeflow.org",
        kind: "MPIJob",
        replicas_path: ".spec.mpiReplicaSpecs.Worker.replicas",
        labels: &[
            (KUBEFLOW_JOB, "{name}"),
            ("training.kubeflow.org/job-role", "worker"),
        ],
        template_path: ".spec.mpiReplicaSpecs.Worker.template",
        removal: Removal::HighestOrdinal,
    },
    Known {
        group: "kubeflow.org",
        kind: "PyTorchJob",
        replicas_path: "",
        labels: WORKERS,
        template_path: ".spec.pytorchReplicaSpecs.Worker.template",
        removal: Removal::HighestOrdinal,
    },
    Known {
        group: "kubeflow.org",
        kind: "PaddleJob",
        replicas_path: "",
        labels: WORKERS,
        template_path: ".spec.paddleReplicaSpecs.Worker.template",
        removal: Removal::HighestOrdinal,
    },
    Known {
        group: "kubeflow.org",
        kind: "JAXJob",
        replicas_path: "",
        labels: WORKERS,
        template_path: ".spec.jaxReplicaSpecs.Worker.template",
        removal: Removal::HighestOrdinal,
    },
    Known {
        group: "trainer.kubeflow.org",
        kind: "TrainJob",
        replicas_path: ".spec.trainer.numNodes",
        labels: &[
            ("jobset.sigs.k8s.io/jobset-name", "{name}"),
            ("jobset.sigs.k8s.io/replicatedjob-name", "node"),
        ],
        // The pods' form stands in a runtime: it is learned from the first of them.
        template_path: "",
        removal: Removal::HighestOrdinal,
    },
    Known {
        group: "ray.io",
        kind: "RayCluster",
        replicas_path: ".spec.workerGroupSpecs[0].replicas",
        labels: &[("ray.io/cluster", "{name}"), ("ray.io/node-type", "worker")],
        template_path: ".spec.workerGroupSpecs[0].template",
        removal: Removal::Chosen,
    },
    Known {
        group: "sparkoperator.k8s.io",
        kind: "SparkApplication",
        replicas_path: "",
        labels: &[
            ("sparkoperator.k8s.io/app-name", "{name}"),
            ("spark-role", "executor"),
        ],
        template_path: ".spec.executor.template",
        removal: Removal::Chosen,
    },
];

/// What is known of a kind.
pub(super) fn known(group: &str, kind: &str) -> Option<&'static Known> {
    KNOWN
        .iter()
        .find(|known| known.group == group && known.kind == kind)
}
