//! What the engine is told of what was seen.

use super::{Driver, Stage};
use crate::cluster::{Kind, LeaseSeen, Observation, PodSeen, PoolSeen};
use crate::decider::message::Change;
use api::crd::CapacityLeaseStatus;
use engine::spec::{LeaseSpec, NodeSpec, PodId, PodSpec, PoolSpec, Template};
use engine::{Action, Event, Time};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time as WallTime};
use serde_json::json;
use std::sync::Arc;

fn pool() -> Observation {
    let spec: PoolSpec = serde_json::from_value(json!({
        "name": "general", "created": 0, "node_selector": {"labels": {}, "terms": []},
        "resources": ["cpu"], "capacity": {}, "reserve": {}, "root_namespace": "root", "checks_room": true,
    }))
    .unwrap();
    Observation::Pool(Box::new(PoolSeen {
        name: "general".into(),
        uid: "pool".into(),
        generation: 1,
        spec: Ok(spec),
        status: Default::default(),
    }))
}

/// A node with 10 CPUs.
fn node(name: &str) -> Observation {
    let spec: NodeSpec = serde_json::from_value(json!({
        "name": name, "labels": {}, "taints": [], "allocatable": {"cpu": 10_000, "pods": 100}, "schedulable": true,
    }))
    .unwrap();
    Observation::Node(Box::new(spec))
}

fn lease_spec(lessor: &str, lessee: &str, cpus: i64) -> LeaseSpec {
    serde_json::from_value(json!({
        "key": {"namespace": lessor, "name": lessee}, "created": 0, "pool": "general", "lessee": lessee,
        "kind": "Sublease", "guaranteed": {"cpu": cpus * 1000}, "limit": {}, "lend_limit": {}, "weight": 1,
        "max_priority": null, "queueing": "BestEffort", "start": null, "end": null, "renew": false,
        "on_expiry": "Borrow", "grace_period": 0, "min_runtime": 0,
    }))
    .unwrap()
}

fn lease_seen(spec: LeaseSpec) -> LeaseSeen {
    LeaseSeen {
        key: spec.key.clone(),
        uid: format!("lease-{}", spec.key.name).into(),
        generation: 1,
        spec: Ok(spec),
        status: CapacityLeaseStatus::default(),
    }
}

fn lease(lessor: &str, lessee: &str, cpus: i64) -> Observation {
    Observation::Lease(Box::new(lease_seen(lease_spec(lessor, lessee, cpus))))
}

/// A lease of 10 CPUs that was granted before.
fn granted(lessee: &str) -> Observation {
    let mut seen = lease_seen(lease_spec("root", lessee, 10));
    seen.status.conditions = vec![Condition {
        type_: "Granted".into(),
        status: "True".into(),
        reason: "Granted".into(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: WallTime(jiff::Timestamp::UNIX_EPOCH),
    }];
    Observation::Lease(Box::new(seen))
}

/// A gated pod that asks for so many CPUs.
fn pod(namespace: &str, name: &str, cpus: i64) -> PodSeen {
    let request = [("cpu".into(), cpus * 1000), ("pods".into(), 1)].into();
    PodSeen {
        uid: format!("{namespace}/{name}").into(),
        spec: Ok(PodSpec {
            id: PodId(0),
            namespace: namespace.into(),
            name: name.into(),
            priority: 0,
            created: Time(0),
            template: Arc::new(Template {
                request,
                ..Template::default()
            }),
            pool: None,
            group: None,
            ordinal: None,
            workload: None,
        }),
        namespace: namespace.into(),
        name: name.into(),
        labels: Arc::default(),
        controller: None,
        gate: Some(0),
        has_annotations: false,
        epoch: None,
        node: None,
        is_started: false,
        is_leaving: false,
        is_ended: false,
        grace_seconds: None,
    }
}

/// The same without its gate.
fn ungated(namespace: &str, name: &str, cpus: i64) -> PodSeen {
    PodSeen {
        gate: None,
        ..pod(namespace, name, cpus)
    }
}

fn bound(mut pod: PodSeen, node: &str) -> PodSeen {
    pod.node = Some(node.into());
    pod
}

fn seen(pod: PodSeen) -> Observation {
    Observation::Pod(Box::new(pod))
}

/// A driver that has learned these.
fn learned(things: Vec<Observation>) -> Driver {
    learned_after(None, things)
}

/// The same, after a leader that was last heard of then.
fn learned_after(unwatched_since: Option<Time>, things: Vec<Observation>) -> Driver {
    let mut driver = Driver::new(unwatched_since);
    let mut all: Vec<Observation> = Kind::ALL.map(Observation::Relisting).into();
    all.extend(things);
    all.extend(Kind::ALL.map(Observation::Synced));
    driver.come_to(Time(1000));
    driver.observe(all);
    driver
}

/// What the engine was told and answers, a word for each.
fn decide(driver: &mut Driver) -> (Vec<String>, Vec<String>) {
    let Some(decided) = driver.decide() else {
        return (Vec::new(), Vec::new());
    };
    let word = |text: String| {
        text.split([' ', '(', '{'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    (
        decided
            .events
            .iter()
            .map(|event| word(format!("{event:?}")))
            .collect(),
        decided
            .actions
            .iter()
            .map(|action| word(format!("{action:?}")))
            .collect(),
    )
}

fn one_tenant() -> Vec<Observation> {
    vec![pool(), node("n1"), lease("root", "shop", 10)]
}

#[test]
fn nothing_is_decided_before_everything_was_listed() {
    let mut driver = Driver::default();
    driver.observe(one_tenant());
    driver.observe(vec![seen(pod("shop", "a", 1))]);
    for kind in [
        Kind::Pools,
        Kind::Leases,
        Kind::Workloads,
        Kind::Nodes,
        Kind::Namespaces,
    ] {
        driver.observe(vec![Observation::Synced(kind)]);
    }
    assert!(driver.decide().is_none());
    driver.observe(vec![Observation::Synced(Kind::Pods)]);
    let (events, actions) = decide(&mut driver);
    assert_eq!(events.last().unwrap(), "PodArrived");
    assert!(actions.contains(&"Admit".to_owned()), "{actions:?}");
}

#[test]
fn pods_that_came_while_nobody_led_are_reported_and_older_ones_are_not_again() {
    let created = |name: &str, at: i64| {
        let mut pod = bound(ungated("shop", name, 1), "n1");
        if let Ok(spec) = &mut pod.spec {
            spec.created = Time(at);
        }
        seen(pod)
    };
    let things = || {
        let pods = [created("before", 499), created("meanwhile", 500)];
        [pool(), node("n1"), granted("shop")]
            .into_iter()
            .chain(pods)
            .collect()
    };
    let names = |driver: &Driver| -> Vec<String> {
        let found = driver.news.found.iter();
        found
            .filter_map(|&pod| Some(driver.pod(pod)?.spec.name.to_string()))
            .collect()
    };
    assert_eq!(
        names(&learned_after(Some(Time(500)), things())),
        ["meanwhile"]
    );
    // Before the first leader there were no leases that anybody could have gone around.
    assert!(names(&learned(things())).is_empty());
}

#[test]
fn what_a_leader_before_has_admitted_is_charged_and_not_asked_again() {
    let mut admitted = ungated("shop", "a", 10);
    admitted.epoch = Some(1);
    let mut things = one_tenant();
    things.extend([seen(admitted), seen(pod("shop", "b", 10))]);
    let mut driver = learned(things);
    let (events, actions) = decide(&mut driver);
    assert_eq!(events[events.len() - 2..], ["PodFound", "PodArrived"]);
    assert!(
        !actions.contains(&"Admit".to_owned()),
        "there is no room for b: {actions:?}"
    );
}

#[test]
fn a_pod_whose_gate_somebody_took_away_waits_until_it_is_admitted() {
    let mut things = one_tenant();
    things.push(seen(pod("shop", "full", 10)));
    let mut driver = learned(things);
    decide(&mut driver);
    driver.observe(vec![seen(pod("shop", "b", 1))]);
    decide(&mut driver);
    driver.observe(vec![seen(ungated("shop", "b", 1))]);
    decide(&mut driver);
    let stage = |driver: &Driver| {
        let id = driver.pod_by_uid(&"shop/b".into()).unwrap();
        (
            driver.pod(id).unwrap().stage,
            driver.engine().explain(id).is_some(),
        )
    };
    assert_eq!(
        stage(&driver),
        (Stage::Waiting, true),
        "there is no room for it"
    );
    driver.observe(vec![Observation::PodGone("shop/full".into())]);
    decide(&mut driver);
    assert_eq!(stage(&driver), (Stage::Charged, false));
}

#[test]
fn a_pod_bound_past_all_of_it_is_charged_as_found_and_told_of() {
    let mut driver = learned(one_tenant());
    decide(&mut driver);
    driver.observe(vec![seen(bound(ungated("shop", "rogue", 4), "n1"))]);
    let (events, _) = decide(&mut driver);
    assert_eq!(events, ["PodFound", "PodPlaced"]);
    assert_eq!(driver.news.found.len(), 1);
}

#[test]
fn a_pod_that_was_there_before_the_first_lease_is_charged_from_then_on() {
    let outside = seen(bound(ungated("late", "a", 4), "n1"));
    let mut things = one_tenant();
    things.push(outside);
    let mut driver = learned(things);
    let (events, _) = decide(&mut driver);
    assert_eq!(events.last().unwrap(), "OutsidePlaced");
    driver.observe(vec![lease("root", "late", 0)]);
    let (events, _) = decide(&mut driver);
    assert_eq!(events, ["LeaseSet", "PodEnded", "PodFound", "PodPlaced"]);
}

#[test]
fn the_end_of_a_pod_in_the_same_batch_as_its_life_is_its_end() {
    let mut driver = learned(one_tenant());
    decide(&mut driver);
    driver.observe(vec![
        seen(pod("shop", "a", 1)),
        Observation::PodGone("shop/a".into()),
    ]);
    assert!(
        driver.decide().is_none(),
        "nobody heard of it, nobody has to"
    );
    assert_eq!(driver.pods().count(), 0);
}

#[test]
fn ends_are_told_before_arrivals_whatever_came_first() {
    let mut things = one_tenant();
    things.push(seen(pod("shop", "a", 10)));
    let mut driver = learned(things);
    decide(&mut driver);
    driver.observe(vec![
        seen(pod("shop", "b", 10)),
        Observation::PodGone("shop/a".into()),
    ]);
    let (events, actions) = decide(&mut driver);
    assert_eq!(events, ["PodEnded", "PodArrived"]);
    assert!(actions.contains(&"Admit".to_owned()));
}

#[test]
fn what_a_new_list_does_not_name_is_gone() {
    let mut things = one_tenant();
    things.extend([seen(pod("shop", "a", 1)), seen(pod("shop", "b", 1))]);
    let mut driver = learned(things);
    decide(&mut driver);
    driver.observe(vec![
        Observation::Relisting(Kind::Pods),
        seen(pod("shop", "b", 1)),
        Observation::Synced(Kind::Pods),
    ]);
    let (events, _) = decide(&mut driver);
    assert_eq!(events, ["PodEnded"]);
}

#[test]
fn a_gated_pod_on_its_way_out_is_over() {
    let mut driver = learned(one_tenant());
    decide(&mut driver);
    let mut leaving = pod("shop", "a", 1);
    leaving.is_leaving = true;
    driver.observe(vec![seen(leaving)]);
    assert!(
        driver.decide().is_none(),
        "it never runs, whoever holds it with a finalizer"
    );
}

#[test]
fn what_was_seen_before_the_gate_went_does_not_bring_it_back() {
    let mut things = one_tenant();
    things.push(seen(pod("shop", "a", 1)));
    let mut driver = learned(things);
    decide(&mut driver);
    let id = driver.pod_by_uid(&"shop/a".into()).unwrap();
    driver.ungated(id);
    driver.observe(vec![seen(pod("shop", "a", 1))]);
    assert_eq!(driver.pod(id).unwrap().gate, None);
    assert!(driver.decide().is_none());
}

#[test]
fn two_leases_that_exclude_each_other_are_not_both_accepted() {
    let mut driver = learned(vec![pool(), node("n1")]);
    decide(&mut driver);
    let ask = |lessee| Change::Lease(Box::new(lease_spec("root", lessee, 6)));
    assert_eq!(
        driver.check(&ask("shop"), true),
        [],
        "a dry run remembers nothing"
    );
    assert_eq!(driver.check(&ask("ml"), false), []);
    let refused = driver.check(&ask("shop"), false);
    assert_eq!(refused[0].reason(), "Overcommitted");
}

#[test]
fn an_accepted_lease_that_was_never_stored_is_let_go() {
    let mut driver = learned(vec![pool(), node("n1")]);
    decide(&mut driver);
    let ask = |lessee| Change::Lease(Box::new(lease_spec("root", lessee, 6)));
    assert_eq!(driver.check(&ask("ml"), false), []);
    decide(&mut driver);
    assert!(driver.overdue().is_empty());
    driver.come_to(Time(60_000));
    assert_eq!(driver.overdue().len(), 1, "it is read again");
    driver.observe(vec![Observation::LeaseGone(
        lease_spec("root", "ml", 6).key,
    )]);
    decide(&mut driver);
    assert_eq!(driver.check(&ask("shop"), false), []);
}

#[test]
fn nobody_builds_on_a_lease_whose_removal_was_just_accepted() {
    let mut things = one_tenant();
    things.push(lease("shop", "web", 1));
    let mut driver = learned(things);
    decide(&mut driver);
    let removal = Change::LeaseRemoved(lease_spec("root", "shop", 10).key);
    assert!(!driver.check(&removal, false).is_empty(), "it is leased on");
    let web = Change::LeaseRemoved(lease_spec("shop", "web", 1).key);
    assert_eq!(driver.check(&web, false), []);
    let deeper = Change::Lease(Box::new(lease_spec("web", "deeper", 1)));
    let refused = driver.check(&deeper, false);
    assert!(refused[0].to_string().contains("try again"), "{refused:?}");
}

#[test]
fn a_lease_that_was_refused_is_granted_when_there_is_room_for_it() {
    let mut driver = learned(vec![
        pool(),
        node("n1"),
        lease("root", "shop", 6),
        lease("root", "zoo", 6),
    ]);
    decide(&mut driver);
    let zoo = lease_spec("root", "zoo", 6).key;
    assert_eq!(
        driver.lease(&zoo).unwrap().refused[0].reason(),
        "Overcommitted"
    );
    driver.observe(vec![node("n2")]);
    let (events, _) = decide(&mut driver);
    assert_eq!(events, ["NodeSet", "LeaseSet"]);
    assert!(driver.lease(&zoo).unwrap().refused.is_empty());
}

#[test]
fn what_was_granted_is_held_to_after_a_restart_however_short_capacity_is() {
    let mut driver = learned(vec![pool(), node("n1"), granted("shop"), granted("ml")]);
    decide(&mut driver);
    for lessee in ["shop", "ml"] {
        let standing = driver.engine().lease(&lease_spec("root", lessee, 10).key);
        assert!(
            standing.unwrap().is_scaled,
            "{lessee} has its share of what is left"
        );
    }
}

#[test]
fn growing_in_place_is_charged_before_it_is_allowed_and_refused_beyond_the_lease() {
    let mut things = one_tenant();
    things.push(seen(pod("shop", "a", 4)));
    let mut driver = learned(things);
    decide(&mut driver);
    let request = |cpus: i64| [("cpu".into(), cpus * 1000)].into();
    let uid = "shop/a".into();
    let refused = driver.resize(&uid, &request(11), false).unwrap_err();
    assert_eq!(refused.reason(), "Quota");
    assert_eq!(driver.resize(&uid, &request(8), true), Ok(()));
    assert!(driver.decide().is_none(), "a dry run charges nothing");
    assert_eq!(driver.resize(&uid, &request(8), false), Ok(()));
    let (events, _) = decide(&mut driver);
    assert_eq!(events, ["PodResized"]);
    let refused = driver.resize(&uid, &request(11), false);
    assert!(refused.is_err(), "what was granted counts");
}

#[test]
fn a_refused_eviction_is_the_engines_to_think_about() {
    let mut things = one_tenant();
    things.push(seen(bound(ungated("shop", "a", 4), "n1")));
    let mut driver = learned(things);
    decide(&mut driver);
    let id = driver.pod_by_uid(&"shop/a".into()).unwrap();
    driver.eviction_refused(id, Time(9000));
    let decided = driver.decide().unwrap();
    let refused = Event::EvictionRefused {
        pod: id,
        retry: Time(9000),
    };
    assert_eq!(decided.events, [refused]);
    let evicts = |action: &Action| matches!(action, Action::Evict { .. });
    assert!(!decided.actions.iter().any(evicts));
}
