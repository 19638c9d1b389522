//! Elastic workloads as one leader sees them: objects go in, scalings and evictions come out.

use super::*;
use crate::act::Scaling;
use crate::cluster::{NamespaceSeen, Observation, lease_seen, pool_seen, see_pod};
use crate::elastic::resolve::{Beside, resolve};
use api::ElasticWorkload;
use engine::Span;
use kube::core::{ApiResource, DynamicObject};
use serde_json::{Value, json};

const START: Time = Time(1_790_000_000_000);

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

/// A leader, and a cluster of one node of 8 CPU of which `web` is guaranteed 6.
struct Kit {
    driver: Driver,
    now: Time,
    version: u64,
}

impl Kit {
    /// Learns what is there: `more` beside pool, leases and node.
    fn learn(more: Vec<Observation>) -> (Kit, WorkloadOrders) {
        let mut driver = Driver::default();
        let lease = |lessee: &str, cpu: &str| {
            let lease = lease_seen(read(json!({
                "apiVersion": "leasehold.dev/v1alpha1", "kind": "CapacityLease",
                "metadata": {"name": lessee, "namespace": "enterprise", "uid": lessee, "creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"pool": "general", "lessee": lessee, "guaranteed": {"cpu": cpu}},
            })));
            Observation::Lease(Box::new(lease))
        };
        let pool = pool_seen(read(json!({
            "apiVersion": "leasehold.dev/v1alpha1", "kind": "CapacityPool",
            "metadata": {"name": "general", "uid": "pool", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"resources": ["cpu"], "rootNamespace": "enterprise"},
        })));
        let node = translate::node(&read(json!({
            "metadata": {"name": "n"},
            "status": {
                "allocatable": {"cpu": "8", "memory": "8Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        })))
        .expect("a node");
        let mut all = Vec::new();
        for kind in Kind::ALL {
            all.push(Observation::Relisting(kind));
        }
        all.push(Observation::Pool(Box::new(pool)));
        all.extend([lease("web", "6"), lease("ml", "2")]);
        all.push(Observation::Node(Box::new(node)));
        for name in ["web", "ml"] {
            all.push(Observation::Namespace(NamespaceSeen {
                name: name.into(),
                has_label: true,
                is_ending: false,
            }));
        }
        all.extend(more);
        for kind in Kind::ALL {
            all.push(Observation::Synced(kind));
        }
        driver.come_to(START);
        driver.observe(all);
        let mut kit = Kit {
            driver,
            now: START,
            version: 100,
        };
        let orders = kit.decide();
        (kit, orders)
    }

    fn decide(&mut self) -> WorkloadOrders {
        self.driver
            .decide()
            .map_or_else(WorkloadOrders::default, |decided| decided.workloads)
    }

    fn see(&mut self, more: Vec<Observation>) -> WorkloadOrders {
        self.driver.come_to(self.now);
        self.driver.observe(more);
        self.decide()
    }

    fn after(&mut self, seconds: i64) -> WorkloadOrders {
        self.now = self.now + Span::seconds(seconds);
        self.see(Vec::new())
    }

    /// The write that was ordered has come to the object.
    fn written(&mut self, to: u32) {
        self.version += 1;
        self.driver.scaled(&key(), to, self.version);
    }
}

fn key() -> WorkloadKey {
    WorkloadKey {
        namespace: "ml".into(),
        name: "train".into(),
    }
}

fn template() -> Value {
    json!({
        "metadata": {"labels": {"app": "train"}},
        "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]},
    })
}

/// The ElasticWorkload of a Deployment with this count.
fn workload(replicas: u32, version: u64, more: &Value, status: Value) -> Observation {
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "train"},
        "minReplicas": 1, "maxReplicas": 8,
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    let object: ElasticWorkload = read(json!({
        "apiVersion": "leasehold.dev/v1alpha1", "kind": "ElasticWorkload",
        "metadata": {"name": "train", "namespace": "ml", "uid": "ew", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec, "status": status,
    }));
    let owner: DynamicObject = read(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "train", "namespace": "ml", "uid": "d", "resourceVersion": version.to_string()},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "train"}}, "template": template(),
        },
    }));
    let resource = ApiResource {
        group: "apps".into(),
        version: "v1".into(),
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        plural: "deployments".into(),
    };
    let beside = Beside {
        has_scale: true,
        ..Beside::default()
    };
    let target = resolve(&object, &owner, &resource, &beside, &|_| 0);
    Observation::Workload(Box::new(WorkloadSeen {
        key: key(),
        object,
        target,
    }))
}

/// A replica: gated, running, or running and on its way out.
fn replica(number: usize, state: &str) -> Observation {
    let mut pod = template();
    pod["metadata"]["name"] = json!(format!("train-{number}"));
    pod["metadata"]["namespace"] = json!("ml");
    pod["metadata"]["uid"] = json!(format!("p-{number}"));
    pod["metadata"]["creationTimestamp"] = json!("2026-01-02T00:00:00Z");
    if state == "gated" {
        pod["spec"]["schedulingGates"] = json!([{"name": "leasehold.dev/admission"}]);
    } else {
        pod["metadata"]["annotations"] = json!({"leasehold.dev/epoch": "1"});
        pod["spec"]["nodeName"] = json!("n");
        pod["status"] = json!({"phase": "Running"});
    }
    if state == "leaving" {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-03T00:00:00Z");
    }
    Observation::Pod(Box::new(see_pod(&read(pod), START)))
}

fn web(number: usize, cpu: &str) -> Observation {
    Observation::Pod(Box::new(see_pod(
        &read(json!({
            "metadata": {
                "name": format!("shop-{number}"), "namespace": "web", "uid": format!("w-{number}"),
                "creationTimestamp": "2026-01-02T00:00:00Z",
            },
            "spec": {
                "schedulingGates": [{"name": "leasehold.dev/admission"}],
                "containers": [{"name": "a", "resources": {"requests": {"cpu": cpu}}}],
            },
        })),
        START,
    )))
}

/// A workload of 8 replicas that run and fill the node.
fn full() -> Kit {
    let mut there = vec![workload(8, 1, &json!({}), json!({"desiredReplicas": 8}))];
    there.extend((0..8).map(|number| replica(number, "runs")));
    let (kit, orders) = Kit::learn(there);
    assert!(orders.scalings.is_empty(), "{:?}", orders.scalings);
    kit
}

fn names(orders: &WorkloadOrders) -> Vec<(u32, Vec<String>)> {
    let names = |scaling: &Scaling| {
        scaling
            .remove
            .iter()
            .map(|chosen| chosen.name.to_string())
            .collect()
    };
    orders
        .scalings
        .iter()
        .map(|scaling| (scaling.to, names(scaling)))
        .collect()
}

#[test]
fn web_load_makes_a_workload_smaller_by_one_write_and_says_for_whom() {
    let mut kit = full();
    let orders = kit.see(vec![web(0, "2")]);
    assert_eq!(
        names(&orders),
        vec![(6, vec!["train-7".to_owned(), "train-6".to_owned()])]
    );
    let (_, status) = orders.statuses.last().expect("a status");
    let last = status.last_shrink.clone().expect("a shrink");
    assert_eq!(
        (last.from, last.to, last.reason.as_str()),
        (8, 6, "Reclaim")
    );
    assert_eq!(last.for_whom.as_deref(), Some("web/shop-0"));
    // What was asked for is not asked again.
    kit.written(6);
    assert!(kit.see(vec![replica(7, "leaving")]).scalings.is_empty());
}

#[test]
fn a_leader_that_starts_while_pods_are_on_their_way_out_asks_nobody_again() {
    let status = json!({"desiredReplicas": 6});
    let mut there = vec![workload(6, 5, &json!({}), status), web(0, "2")];
    there.extend((0..6).map(|number| replica(number, "runs")));
    there.extend((6..8).map(|number| replica(number, "leaving")));
    let (mut kit, orders) = Kit::learn(there);
    assert!(orders.scalings.is_empty(), "{:?}", orders.scalings);
    assert!(kit.after(0).scalings.is_empty());
    let engine = kit.driver.engine().workload(&key()).expect("known");
    assert_eq!((engine.admitted, engine.leaving), (6, 2));
}

#[test]
fn a_leader_that_starts_between_the_write_and_its_effect_takes_the_count_for_asked() {
    let mut there = vec![
        workload(6, 5, &json!({}), json!({"desiredReplicas": 8})),
        web(0, "2"),
    ];
    there.extend((0..8).map(|number| replica(number, "runs")));
    let (kit, orders) = Kit::learn(there);
    assert!(
        orders.scalings.iter().all(|scaling| scaling.to == 6),
        "{:?}",
        orders.scalings
    );
    let engine = kit.driver.engine().workload(&key()).expect("known");
    assert_eq!((engine.admitted, engine.leaving), (6, 2));
}

#[test]
fn the_pod_that_goes_instead_of_a_chosen_one_lets_that_one_stay() {
    let mut kit = full();
    kit.see(vec![web(0, "2")]);
    kit.written(6);
    kit.see(vec![replica(0, "leaving"), replica(7, "leaving")]);
    let engine = kit.driver.engine().workload(&key()).expect("known");
    assert_eq!((engine.admitted, engine.leaving), (6, 2));
    // Nothing is waited for any more, so nothing is evicted later.
    assert!(kit.after(60).evictions.is_empty());
}

#[test]
fn chosen_pods_that_their_owner_keeps_are_evicted_and_then_given_up() {
    let mut kit = full();
    kit.see(vec![web(0, "2")]);
    kit.written(6);
    assert!(kit.after(9).evictions.is_empty());
    let orders = kit.after(1);
    assert_eq!(orders.evictions.len(), 2);
    assert_eq!(orders.tales[0].reason, "OwnerDoesNotFollow");
    let orders = kit.after(10);
    assert!(orders.scalings.is_empty(), "{:?}", orders.scalings);
    let engine = kit.driver.engine().workload(&key()).expect("known");
    assert_eq!((engine.admitted, engine.leaving), (8, 0));
    let (_, status) = orders.statuses.last().expect("a status");
    assert_eq!(status.phase.as_deref(), Some("NotFollowing"));
}

#[test]
fn running_pods_that_become_elastic_stay_and_may_be_made_fewer() {
    let (mut kit, _) = Kit::learn((0..4).map(|number| replica(number, "runs")).collect());
    let orders = kit.see(vec![workload(4, 1, &json!({}), json!(null))]);
    // All that is idle is used.
    assert_eq!(names(&orders), vec![(8, vec![])]);
    kit.written(8);
    let engine = kit.driver.engine().workload(&key()).expect("known");
    assert_eq!((engine.admitted, engine.expected), (8, 4));
}

#[test]
fn a_dry_run_asks_for_nothing_and_tells_what_would_have_been_asked() {
    let dry = json!({"dryRun": true});
    let mut there = vec![workload(8, 1, &dry, json!(null))];
    there.extend((0..8).map(|number| replica(number, "runs")));
    let (mut kit, _) = Kit::learn(there);
    let orders = kit.see(vec![web(0, "1")]);
    assert!(orders.scalings.is_empty());
    let told: Vec<_> = orders
        .tales
        .iter()
        .map(|tale| (tale.reason, tale.message.as_str()))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "WouldShrink");
    assert!(
        told[0]
            .1
            .contains("would be asked for 7 replicas instead of 8"),
        "{told:?}"
    );
}

#[test]
fn granted_pods_that_do_not_come_are_given_back() {
    let (mut kit, _) = Kit::learn((0..4).map(|number| replica(number, "runs")).collect());
    kit.see(vec![workload(4, 1, &json!({}), json!(null))]);
    kit.written(8);
    assert!(kit.after(59).scalings.is_empty());
    let orders = kit.after(1);
    assert_eq!(names(&orders), vec![(4, vec![])]);
    let engine = kit.driver.engine().workload(&key()).expect("known");
    assert_eq!((engine.admitted, engine.expected), (4, 0));
}
