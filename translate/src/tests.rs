//! Objects as users write them, and what the engine is told.

use crate::{
    ElasticTarget, PodContext, PoolOptions, Problem, amount, elastic, lease, node, pod, pool,
    removal, template,
};
use api::{CapacityLease, CapacityPool, ElasticWorkload};
use engine::spec::{
    LeaseKind, NodeSelectorTerm, OnExpiry, Operator, PodId, Queueing, Removal, Requirement,
    Reserve, TaintEffect, Template, Toleration,
};
use engine::{AMOUNT_MAX, Span, Time};
use k8s_openapi::api::core::v1;
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: Time = Time(1_000);

fn read_pool(spec: Value) -> Result<engine::spec::PoolSpec, Vec<Problem>> {
    let object = json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "CapacityPool",
        "metadata": {"name": "general"},
        "spec": spec,
    });
    let object: CapacityPool = serde_json::from_value(object).unwrap();
    let options = PoolOptions {
        created: NOW,
        checks_room: true,
    };
    pool(&object, options)
}

fn read_lease(spec: Value) -> Result<engine::spec::LeaseSpec, Vec<Problem>> {
    let object = json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "CapacityLease",
        "metadata": {"name": "base", "namespace": "enterprise"},
        "spec": spec,
    });
    let object: CapacityLease = serde_json::from_value(object).unwrap();
    lease(&object, NOW)
}

fn read_elastic(spec: Value) -> Result<engine::spec::ElasticSpec, Vec<Problem>> {
    let mut object = json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "ElasticWorkload",
        "metadata": {"name": "train", "namespace": "ml"},
        "spec": spec,
    });
    object["spec"]["scaleTargetRef"] =
        json!({"apiVersion": "batch/v1", "kind": "Job", "name": "train"});
    let object: ElasticWorkload = serde_json::from_value(object).unwrap();
    let target = ElasticTarget {
        priority: 7,
        template: Arc::new(Template::default()),
        pool: None,
        removal: removal("Job"),
    };
    elastic(&object, &target, NOW)
}

fn read_template(spec: Value) -> Template {
    let spec: v1::PodSpec = serde_json::from_value(spec).unwrap();
    template(&spec).unwrap()
}

fn lines(problems: Vec<Problem>) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_pool_is_told_in_base_units() {
    let pool = read_pool(json!({
        "nodeSelector": {
            "matchLabels": {"leasehold.dev/pool": "general"},
            "matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}],
        },
        "resources": ["cpu", "memory", "nvidia.com/gpu"],
        "capacity": {"cpu": "4000", "memory": "1Ti"},
        "reserve": {"cpu": "3%", "memory": "2.5%", "nvidia.com/gpu": 2},
        "rootNamespace": "enterprise",
    }))
    .unwrap();
    assert_eq!(&*pool.name, "general");
    assert_eq!(pool.created, NOW);
    assert_eq!(
        pool.resources,
        ["cpu", "memory", "nvidia.com/gpu"].map(Into::into)
    );
    assert_eq!(pool.capacity["cpu"], 4_000_000);
    assert_eq!(pool.capacity["memory"], 1 << 40);
    assert_eq!(pool.reserve["cpu"], Reserve::Millionths(30_000));
    assert_eq!(pool.reserve["memory"], Reserve::Millionths(25_000));
    assert_eq!(pool.reserve["nvidia.com/gpu"], Reserve::Amount(2));
    assert_eq!(&*pool.node_selector.labels["leasehold.dev/pool"], "general");
    assert_eq!(pool.node_selector.terms[0].labels[0].values.len(), 2);
    assert!(pool.checks_room);
}

#[test]
fn percentages_are_exact_to_four_places() {
    let reserve = |text: &str| {
        read_pool(json!({"resources": ["cpu"], "reserve": {"cpu": text}, "rootNamespace": "e"}))
            .map(|pool| pool.reserve["cpu"])
    };
    for (text, millionths) in [
        ("0%", 0),
        ("100%", 1_000_000),
        ("0.0001%", 1),
        ("33.3333%", 333_333),
        ("7.05%", 70_500),
    ] {
        assert_eq!(reserve(text), Ok(Reserve::Millionths(millionths)), "{text}");
    }
    for text in [
        "%",
        "-1%",
        "101%",
        "100.0001%",
        "1.00001%",
        "1.%",
        ".5%",
        "1e1%",
        "3 %",
    ] {
        assert!(reserve(text).is_err(), "{text}");
    }
}

#[test]
fn everything_wrong_with_a_pool_is_said_at_once() {
    let problems = read_pool(json!({
        "nodeSelector": {"matchExpressions": [{"key": "zone", "operator": "Exists", "values": ["a"]}]},
        "resources": ["cpu", "cpu"],
        "capacity": {"cpu": "4000GB", "memory": "1Ti"},
        "reserve": {"cpu": "130%"},
        "rootNamespace": "",
    }))
    .unwrap_err();
    assert_eq!(
        lines(problems),
        [
            "spec.resources: cpu is there twice",
            "spec.capacity.cpu: \"4000GB\" is no quantity: unknown suffix \"GB\", perhaps \"G\" is meant",
            "spec.reserve.cpu: \"130%\" is no percentage from 0% to 100% with up to four decimal places, as in 2.5%",
            "spec.capacity.memory: the pool leases cpu, cpu: add memory to resources",
            "spec.rootNamespace: the namespace of the top-level leases must be named",
            "spec.nodeSelector.matchExpressions[0].values: In and NotIn need values, Exists and DoesNotExist take none",
        ]
    );
}

#[test]
fn a_lease_gets_the_defaults_of_the_model() {
    let lease =
        read_lease(json!({"pool": "general", "lessee": "retail", "guaranteed": {"cpu": "400"}}))
            .unwrap();
    assert_eq!(
        (&*lease.key.namespace, &*lease.key.name),
        ("enterprise", "base")
    );
    assert_eq!(lease.guaranteed["cpu"], 400_000);
    assert!(lease.limit.is_empty() && lease.lend_limit.is_empty());
    assert_eq!(lease.kind, LeaseKind::Sublease);
    assert_eq!((lease.weight, lease.max_priority), (1, None));
    assert_eq!(lease.queueing, Queueing::BestEffort);
    assert_eq!((lease.start, lease.end, lease.renew), (None, None, false));
    assert_eq!(lease.on_expiry, OnExpiry::Borrow);
    assert_eq!(lease.grace_period, Span::seconds(30));
    assert_eq!(lease.min_runtime, Span::seconds(0));
}

#[test]
fn every_field_of_a_lease_is_told() {
    let lease = read_lease(json!({
        "pool": "general",
        "lessee": "retail",
        "guaranteed": {"cpu": "400", "memory": "1Ti"},
        "limit": {"cpu": "600"},
        "lendLimit": {"cpu": "0"},
        "weight": 3,
        "maxPriority": 100_000,
        "queueing": "StrictFIFO",
        "term": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-31T00:00:00Z", "renew": "Auto"},
        "onExpiry": "Drain",
        "reclaim": {"gracePeriodSeconds": 5, "minRuntimeSeconds": 600},
    }))
    .unwrap();
    assert_eq!(lease.limit["cpu"], 600_000);
    assert_eq!(lease.lend_limit["cpu"], 0);
    assert_eq!((lease.weight, lease.max_priority), (3, Some(100_000)));
    assert_eq!(lease.queueing, Queueing::StrictFifo);
    assert_eq!(lease.start, Some(Time(1_796_083_200_000)));
    assert_eq!(
        lease.end.unwrap() - lease.start.unwrap(),
        Span::seconds(30 * 86_400)
    );
    assert!(lease.renew);
    assert_eq!(lease.on_expiry, OnExpiry::Drain);
    assert_eq!(lease.grace_period, Span::seconds(5));
    assert_eq!(lease.min_runtime, Span::seconds(600));
}

#[test]
fn everything_unreadable_in_a_lease_is_said_at_once() {
    let problems = read_lease(json!({
        "pool": "general",
        "lessee": "retail",
        "guaranteed": {"cpu": "-1", "memory": "16Ei"},
        "limit": {"cpu": "many"},
        "term": {"end": "2026-12-31T00:00:00Z", "renew": "Auto"},
        "reclaim": {"gracePeriodSeconds": -1},
    }))
    .unwrap_err();
    assert_eq!(
        lines(problems),
        [
            "spec.guaranteed.cpu: -1 is below zero; the least is 0",
            "spec.guaranteed.memory: 16Ei of memory is more than can be leased; the most is 8Pi",
            "spec.limit.cpu: \"many\" is no quantity: a number must come first, as in 4, 500m, 1.5 or 64Gi",
            "spec.term.renew: Auto goes on by whole terms, so it needs both start and end",
            "spec.reclaim.gracePeriodSeconds: -1 s is not from 0 to 31536000, a year",
        ]
    );
}

#[test]
fn a_transfer_may_set_guaranteed_term_and_on_expiry_only() {
    let good = json!({
        "pool": "general",
        "lessee": "media",
        "type": "Transfer",
        "guaranteed": {"cpu": "20"},
        "term": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-31T00:00:00Z"},
        "onExpiry": "Drain",
    });
    assert_eq!(read_lease(good.clone()).unwrap().kind, LeaseKind::Transfer);
    for (field, value) in [
        ("limit", json!({})),
        ("lendLimit", json!({"cpu": "1"})),
        ("weight", json!(1)),
        ("maxPriority", json!(0)),
        ("queueing", json!("BestEffort")),
        ("reclaim", json!({})),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let problems = read_lease(bad).unwrap_err();
        assert_eq!(problems.len(), 1, "{field}");
        assert_eq!(problems[0].path, ["spec", field]);
    }
}

#[test]
fn the_largest_amount_that_the_engine_takes_is_the_largest_there_is() {
    assert_eq!(amount("memory", "8Pi"), Ok(AMOUNT_MAX));
    assert!(amount("memory", "9007199254740993").is_err());
    assert_eq!(amount("cpu", "9007199254740992m"), Ok(AMOUNT_MAX));
    assert_eq!(
        amount("cpu", "9007199254741").unwrap_err(),
        "9007199254741 of cpu is more than can be leased; the most is 9007199254740992m"
    );
}

#[test]
fn an_elastic_workload_gets_the_defaults_of_the_model() {
    let workload = read_elastic(json!({"minReplicas": 2, "maxReplicas": 60})).unwrap();
    assert_eq!((workload.min, workload.max, workload.step), (2, 60, 1));
    assert_eq!(workload.cooldown, Span::seconds(30));
    assert_eq!((workload.priority, workload.removal), (7, Removal::Newest));
    let workload =
        read_elastic(json!({"minReplicas": 4, "maxReplicas": 4, "step": 2, "cooldownSeconds": 0}))
            .unwrap();
    assert_eq!((workload.step, workload.cooldown), (2, Span(0)));
}

#[test]
fn everything_wrong_with_an_elastic_workload_is_said_at_once() {
    let problems = read_elastic(
        json!({"minReplicas": 9, "maxReplicas": 0, "step": -1, "cooldownSeconds": -5}),
    )
    .unwrap_err();
    assert_eq!(
        lines(problems),
        [
            "spec.maxReplicas: 0 is too small; the least is 1",
            "spec.step: -1 is too small; the least is 1",
            "spec.minReplicas: 9 is above maxReplicas, which is 1",
            "spec.cooldownSeconds: -5 s is not from 0 to 31536000, a year",
        ]
    );
}

#[test]
fn which_replicas_go_depends_on_the_owner() {
    assert_eq!(removal("Deployment"), Removal::Chosen);
    assert_eq!(removal("StatefulSet"), Removal::HighestOrdinal);
    assert_eq!(removal("Job"), Removal::Newest);
}

#[test]
fn a_template_says_where_its_pods_may_run() {
    let template = read_template(json!({
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "500m"}}}],
        "nodeSelector": {"disk": "ssd"},
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["8"]}]},
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]},
            {},
        ]}}},
        "tolerations": [
            {"operator": "Exists"},
            {"key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule"},
            {"key": "spot"},
        ],
    }));
    assert_eq!(template.request["cpu"], 500);
    assert_eq!(template.request["pods"], 1);
    assert_eq!(&*template.nodes.labels["disk"], "ssd");
    let gt = Requirement {
        key: "cores".into(),
        operator: Operator::Gt,
        values: vec!["8".into()],
    };
    assert_eq!(
        template.nodes.terms[0],
        NodeSelectorTerm {
            labels: vec![gt],
            names: vec![]
        }
    );
    assert_eq!(
        template.nodes.terms[1],
        NodeSelectorTerm {
            labels: vec![],
            names: vec!["n1".into()]
        }
    );
    // A term without requirements matches nothing, so it must not become one that matches everything.
    assert_eq!(template.nodes.terms[2].labels[0].operator, Operator::In);
    assert!(template.nodes.terms[2].labels[0].values.is_empty());
    assert_eq!(
        template.tolerations,
        [
            Toleration {
                key: None,
                value: None,
                effect: None
            },
            Toleration {
                key: Some("gpu".into()),
                value: Some("a100".into()),
                effect: Some(TaintEffect::NoSchedule),
            },
            Toleration {
                key: Some("spot".into()),
                value: Some("".into()),
                effect: None
            },
        ]
    );
    assert!(!template.unchecked);
}

#[test]
fn what_the_engine_cannot_check_is_marked() {
    let with = |field: &str, value: Value| {
        let mut spec = json!({"containers": [{"name": "c"}]});
        spec[field] = value;
        read_template(spec).unchecked
    };
    let spread =
        |when: &str| json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": when}]);
    let near = json!([{"topologyKey": "zone"}]);
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": near});
    let other_node = json!({"key": "metadata.name", "operator": "NotIn", "values": ["n"]});
    assert!(with("topologySpreadConstraints", spread("DoNotSchedule")));
    assert!(!with("topologySpreadConstraints", spread("ScheduleAnyway")));
    assert!(with("affinity", json!({"podAffinity": required})));
    assert!(with("affinity", json!({"podAntiAffinity": required})));
    assert!(with(
        "affinity",
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [other_node]}],
        }}})
    ));
    assert!(with(
        "volumes",
        json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])
    ));
    assert!(!with("volumes", json!([{"name": "v", "emptyDir": {}}])));
    assert!(with("resourceClaims", json!([{"name": "gpu"}])));
    assert!(with(
        "containers",
        json!([{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}]}])
    ));
    assert!(with(
        "tolerations",
        json!([{"key": "k", "operator": "Gt", "value": "5"}])
    ));
}

fn read_pod(object: Value) -> Result<engine::spec::PodSpec, Vec<Problem>> {
    let object: v1::Pod = serde_json::from_value(object).unwrap();
    let workload = "train".into();
    let context = PodContext {
        id: PodId(5),
        workload: Some(&workload),
        pod_group_min: &|group| (group == "g").then_some(4),
        created: NOW,
    };
    pod(&object, &context)
}

#[test]
fn a_pod_says_its_pool_its_group_and_its_age() {
    let read = read_pod(json!({
        "metadata": {
            "name": "train-0",
            "namespace": "ml",
            "creationTimestamp": "1970-01-01T00:00:07Z",
            "labels": {"leasehold.dev/pool": "gpu", "leasehold.dev/group": "train"},
            "annotations": {"leasehold.dev/group-min": "3"},
        },
        "spec": {"containers": [], "priority": 9},
    }))
    .unwrap();
    assert_eq!(
        (read.id, read.priority, read.created),
        (PodId(5), 9, Time(7_000))
    );
    assert_eq!(read.pool.as_deref(), Some("gpu"));
    assert_eq!(read.workload.as_deref(), Some("train"));
    let group = read.group.unwrap();
    assert_eq!((&*group.name, group.min), ("train", 3));
    let read = read_pod(json!({
        "metadata": {"name": "train-0", "namespace": "ml"},
        "spec": {"containers": [], "schedulingGroup": {"podGroupName": "g"}},
    }))
    .unwrap();
    let group = read.group.unwrap();
    assert_eq!((&*group.name, group.min, read.created), ("g", 4, NOW));
}

#[test]
fn everything_wrong_with_a_pod_is_said_at_once() {
    let problems = read_pod(json!({
        "metadata": {"name": "p", "namespace": "ml", "labels": {"leasehold.dev/group": "train"}},
        "spec": {
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "1e28", "memory": "1gb"}}}],
            "tolerations": [{"operator": "Exists", "effect": "Never"}],
        },
    }))
    .unwrap_err();
    assert_eq!(
        lines(problems),
        [
            "spec.containers[0].resources.requests.memory: \"1gb\" is no quantity: unknown suffix \"gb\", perhaps \
             \"G\" is meant",
            "spec: request of cpu: the sum is more than can be counted",
            "spec.tolerations.effect: \"Never\" is none of NoSchedule, PreferNoSchedule, NoExecute",
            "metadata.annotations.leasehold.dev/group-min: \"\" is no number of pods: a pod of group train must say \
             how many make it complete, at least \"1\"",
        ]
    );
}

#[test]
fn a_node_counts_while_it_is_ready_and_not_cordoned() {
    let read = |spec: Value, ready: &str| {
        let object = json!({
            "metadata": {"name": "n1", "labels": {"zone": "a"}},
            "spec": spec,
            "status": {
                "allocatable": {"cpu": "7500m", "memory": "30Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": ready}],
            },
        });
        let object: v1::Node = serde_json::from_value(object).unwrap();
        node(&object).unwrap()
    };
    let node = read(
        json!({"taints": [{"key": "gpu", "value": "a100", "effect": "NoSchedule"}]}),
        "True",
    );
    assert!(node.schedulable);
    assert_eq!(node.allocatable["cpu"], 7500);
    assert_eq!(node.allocatable["pods"], 110);
    assert_eq!(&*node.labels["zone"], "a");
    assert_eq!(
        (&*node.taints[0].value, node.taints[0].effect),
        ("a100", TaintEffect::NoSchedule)
    );
    assert!(!read(json!({}), "Unknown").schedulable);
    assert!(!read(json!({"unschedulable": true}), "True").schedulable);
}
