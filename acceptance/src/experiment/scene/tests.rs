//! Lives of pods, told by hand.

use super::*;
use simulator::record::Outcome;

fn works() -> BTreeMap<WorkKey, WorkPlan> {
    let plan = |kind, is_elastic| WorkPlan {
        kind,
        priority: 0,
        wanted: 4,
        is_elastic,
        checkpoint: false,
    };
    BTreeMap::from([
        (
            WorkKey::new(&"ml".into(), &"train".into()),
            plan("job", true),
        ),
        (
            WorkKey::new(&"web".into(), &"shop".into()),
            plan("service", false),
        ),
    ])
}

fn pod(name: &str, namespace: &str, work: &str) -> PodSight {
    PodSight {
        uid: name.into(),
        namespace: namespace.into(),
        name: name.into(),
        work: Some(work.into()),
        request: Quantities::from([("cpu".into(), 3_000)]),
        is_gated: true,
        node: None,
        phase: Phase::Pending,
        is_leaving: false,
        is_evicted: false,
    }
}

fn key(namespace: &str, name: &str) -> WorkKey {
    WorkKey::new(&namespace.into(), &name.into())
}

#[test]
fn a_pod_counts_as_running_until_it_is_asked_to_end_and_as_use_until_it_is_gone() {
    let mut scene = Scene::new(&works());
    let node = Quantities::from([("cpu".into(), 8_000), ("pods".into(), 110)]);
    scene.node(Time(0), &"a".into(), Some(node));
    scene.owner(Time(0), &key("web", "shop"), 1);
    let gated = pod("p", "web", "shop");
    scene.pod(Time(100), gated.clone());
    let admitted = PodSight {
        is_gated: false,
        ..gated
    };
    scene.pod(Time(200), admitted.clone());
    let placed = PodSight {
        node: Some("a".into()),
        ..admitted
    };
    scene.pod(Time(300), placed.clone());
    let runs = PodSight {
        phase: Phase::Running,
        ..placed
    };
    scene.pod(Time(2_300), runs.clone());
    scene.pod(
        Time(5_000),
        PodSight {
            is_leaving: true,
            ..runs
        },
    );
    assert_eq!(scene.use_of("cpu"), (3_000, 8_000));
    scene.pod_gone(Time(7_000), "p");
    assert_eq!(scene.use_of("cpu"), (0, 8_000));
    let rows = scene.finish(Time(8_000));
    let used: Vec<(i64, i64)> = rows
        .utilization
        .iter()
        .map(|row| (row.time.0, row.used))
        .collect();
    assert_eq!(used, [(0, 0), (2_300, 3_000), (7_000, 0)]);
    let counts: Vec<_> = rows
        .services
        .iter()
        .map(|row| (row.time.0, row.desired, row.running))
        .collect();
    assert_eq!(counts, [(0, 1, 0), (2_300, 1, 1), (5_000, 1, 0)]);
    let [pod] = &rows.pods[..] else {
        panic!("{:?}", rows.pods)
    };
    assert_eq!(
        (
            pod.submitted,
            pod.admitted,
            pod.placed,
            pod.started,
            pod.ended
        ),
        (
            Time(100),
            Some(Time(200)),
            Some(Time(300)),
            Some(Time(2_300)),
            Some(Time(7_000))
        )
    );
    assert_eq!(pod.outcome, Outcome::Killed);
}

#[test]
fn changes_of_an_elastic_owners_count_are_counted_and_what_it_gives_up_loses_no_work() {
    let mut scene = Scene::new(&works());
    let train = key("ml", "train");
    for (time, count) in [(0, 2), (1_000, 4), (1_500, 4), (5_000, 3)] {
        scene.owner(Time(time), &train, count);
    }
    let runs = PodSight {
        is_gated: false,
        phase: Phase::Running,
        ..pod("p", "ml", "train")
    };
    scene.pod(Time(1_000), runs.clone());
    scene.pod(
        Time(5_000),
        PodSight {
            is_leaving: true,
            ..runs
        },
    );
    scene.pod_gone(Time(6_000), "p");
    let rows = scene.finish(Time(9_000));
    let row = rows
        .workloads
        .iter()
        .find(|row| &*row.name == "train")
        .unwrap();
    assert_eq!(
        (row.grows, row.shrinks, row.evictions, row.work_lost),
        (1, 1, 0, 0)
    );
    assert_eq!(row.replica_time.0, 4_000);
    assert_eq!((rows.replicas_shrunk, rows.sizes.len()), (1, 3));
}

#[test]
fn an_evicted_pod_has_to_do_its_work_again_where_it_was_the_last() {
    let mut scene = Scene::new(&works());
    scene.owner(Time(0), &key("ml", "train"), 1);
    let runs = PodSight {
        is_gated: false,
        phase: Phase::Running,
        ..pod("p", "ml", "train")
    };
    scene.pod(Time(1_000), runs.clone());
    scene.pod(
        Time(5_000),
        PodSight {
            is_leaving: true,
            is_evicted: true,
            ..runs
        },
    );
    let rows = scene.finish(Time(9_000));
    let row = rows
        .workloads
        .iter()
        .find(|row| &*row.name == "train")
        .unwrap();
    assert_eq!((row.evictions, row.work_lost), (1, 4_000));
}

#[test]
fn what_a_list_does_not_name_is_gone() {
    let mut scene = Scene::new(&works());
    scene.pod(Time(1_000), pod("p", "web", "shop"));
    scene.pods_listed(Time(2_000), &BTreeSet::new());
    let rows = scene.finish(Time(3_000));
    assert_eq!(rows.pods[0].ended, Some(Time(2_000)));
}
