//! What the model says to a scenario's pools, leases and changes.

use super::super::read_text;
use super::{CLUSTER, HEAD, POOL, check, lease, scenario};
use crate::problem::Level;
use expect_test::expect;

#[test]
fn leases_that_do_not_fit_are_refused_with_instant_and_numbers() {
    let leases = [
        lease("root", "a", "guaranteed: {cpu: 60}"),
        lease(
            "root",
            "b",
            "guaranteed: {cpu: 30}, term: {start: \"2026-02-01T00:00:00Z\"}",
        ),
        lease("root", "c", "guaranteed: {cpu: 20}, limit: {cpu: 10}"),
        lease(
            "root",
            "d",
            "guaranteed: {cpu: 20}, term: {end: \"2026-03-01T00:00:00Z\"}",
        ),
        lease("x", "y", "guaranteed: {cpu: 0}"),
        lease("y", "x", "guaranteed: {cpu: 0}"),
        lease("a", "b", "guaranteed: {cpu: 1}"),
    ];
    check(
        &format!("{CLUSTER}{POOL}{}", leases.concat()),
        expect![[r#"
            Error: s.yaml:14:7: CapacityLease root/c: spec.limit.cpu: limit 10 is below guaranteed 20; ask for at least 20
            Error: s.yaml:14:7: CapacityLease root/c: lease root/c overcommits root in pool general from 2026-02-01T00:00:00Z: cpu: 110 leased out, 100 held, 10 missing; ask for 10 less, or end leases of root before that instant
            Error: s.yaml:15:7: CapacityLease root/d: lease root/d overcommits root in pool general from 2026-02-01T00:00:00Z: cpu: 110 leased out, 100 held, 10 missing; ask for 10 less, or end leases of root before that instant
            Error: s.yaml:16:7: CapacityLease x/y: the leases go in a circle: y → x → y
            Hint: the tree grows from the pool's rootNamespace downwards: take one of them out
            Error: s.yaml:17:7: CapacityLease y/x: the leases go in a circle: x → y → x
            Hint: the tree grows from the pool's rootNamespace downwards: take one of them out
            Error: s.yaml:18:7: CapacityLease a/b: lease a/b: b already leases from root in this pool; lease to it from root, or delete its leases there first
        "#]],
    );
}

#[test]
fn a_pool_that_matches_no_node_holds_nothing() {
    let pool = POOL.replace(
        "resources",
        "nodeSelector: {matchLabels: {a: b}}, resources",
    );
    let lease = lease("root", "a", "guaranteed: {cpu: 1}");
    check(
        &format!("{CLUSTER}{pool}{lease}"),
        expect![[r#"
        Error: s.yaml:12:7: CapacityLease root/a: lease root/a overcommits root in pool general from 2026-01-01T00:00:00Z: cpu: 1 leased out, 0 held, 1 missing; ask for 1 less, or end leases of root before that instant
        Hint: `root` holds nothing then: does pool `general` match any nodes, and has `root`, if it is not the pool's root, a lease of its own for that time?
    "#]],
    );
}

#[test]
fn objects_that_are_there_twice_are_named_with_both_places() {
    let lease = lease("root", "a", "guaranteed: {cpu: 1}");
    let job = "    - job: {namespace: a, name: j, request: {cpu: 1}, duration: 5s}\n";
    let spec = format!("{CLUSTER}{POOL}{lease}{lease}  workloads:\n{job}{job}");
    check(
        &spec,
        expect![[r#"
        Error: s.yaml:13:7: CapacityLease root/a: is there twice, first in s.yaml:12
        Hint: two objects of one kind need two names; an update belongs into `spec.events`
        Error: s.yaml:16:7: spec.workloads[1]: `a/j` is already the name of spec.workloads[0]
        Hint: give each workload of a namespace a name of its own
    "#]],
    );
}

#[test]
fn changes_that_the_model_refuses_are_warnings_and_the_scenario_stays_usable() {
    let apply = |lease: String| lease.trim().trim_start_matches("- ").to_string();
    let c = apply(lease("root", "c", "guaranteed: {cpu: 41}"));
    let spec = format!(
        "{CLUSTER}{POOL}{}{}  events:
    - {{at: 1h, delete: {{kind: CapacityLease, namespace: root, name: a}}}}
    - {{at: 2h, delete: {{kind: CapacityLease, namespace: root, name: nobody}}}}
    - {{at: 3h, apply: {c}}}
    - {{at: 4h, node: {{add: 1}}}}
    - {{at: 5h, apply: {c}}}
    - {{at: 6h, delete: {{kind: ElasticWorkload, namespace: root, name: nobody}}}}
",
        lease("root", "a", "guaranteed: {cpu: 60}"),
        lease("a", "b", "guaranteed: {cpu: 60}"),
    );
    check(
        &spec,
        expect![[r#"
        Warning: s.yaml:15:24: CapacityLease root/a: spec.events[0].delete: lease root/a overcommits a in pool general from 2026-01-01T01:00:00Z: cpu: 60 leased out, 0 held, 60 missing; leave a 60 more, or end leases of a before that instant
        Warning: s.yaml:16:24: CapacityLease root/nobody: spec.events[1].delete: CapacityLease root/nobody is not there; check its namespace and name
        Warning: s.yaml:17:23: CapacityLease root/c: lease root/c overcommits root in pool general from 2026-01-01T03:00:00Z: cpu: 101 leased out, 100 held, 1 missing; ask for 1 less, or end leases of root before that instant
        Warning: s.yaml:20:24: ElasticWorkload root/nobody: spec.events[5].delete: there is no such object at that instant
    "#]],
    );
    let (scenario, problems) = read_text(&format!("{HEAD}{spec}"), "s.yaml");
    assert!(scenario.is_some());
    assert!(problems.iter().all(|p| p.level == Level::Warning));
}

#[test]
fn nodes_that_leave_and_come_back_count_in_what_later_leases_may_hold() {
    let apply = |name: &str| {
        let lease = lease("root", name, "guaranteed: {cpu: 40}");
        lease.trim().trim_start_matches("- ").to_string()
    };
    let spec = format!(
        "{CLUSTER}{POOL}{}  events:
    - {{at: 1h, node: {{fail: 3}}}}
    - {{at: 2h, apply: {}}}
    - {{at: 3h, node: {{recover: 2}}}}
    - {{at: 4h, apply: {}}}
    - {{at: 5h, node: {{drain: 9}}}}
    - {{at: 6h, apply: {}}}
",
        lease("root", "a", "guaranteed: {cpu: 50}"),
        apply("b"),
        apply("c"),
        apply("d"),
    );
    check(
        &spec,
        expect![[r#"
        Warning: s.yaml:15:23: CapacityLease root/b: lease root/b overcommits root in pool general from 2026-01-01T02:00:00Z: cpu: 90 leased out, 70 held, 20 missing; ask for 20 less, or end leases of root before that instant
        Warning: s.yaml:19:23: CapacityLease root/d: lease root/d overcommits root in pool general from 2026-01-01T06:00:00Z: cpu: 130 leased out, 0 held, 130 missing; ask for 130 less, or end leases of root before that instant
    "#]],
    );
}

#[test]
fn leases_come_parents_first_and_the_order_of_the_file_tells_their_age() {
    let leases = [
        lease("a", "b", "guaranteed: {cpu: 1}"),
        lease("root", "a", "guaranteed: {cpu: 1}"),
        lease("root", "c", "guaranteed: {cpu: 1}"),
    ];
    let read = scenario(&format!("{CLUSTER}{POOL}{}", leases.concat()));
    let names: Vec<&str> = read.leases.iter().map(|l| &*l.key.name).collect();
    assert_eq!(names, ["a", "c", "b"]);
    let created = |name: &str| {
        read.leases
            .iter()
            .find(|l| &*l.key.name == name)
            .unwrap()
            .created
    };
    assert!(created("b") < created("a") && created("a") < created("c"));
    assert!(read.leases.iter().all(|lease| lease.created < read.start));
}
