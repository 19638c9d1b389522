//! Bad files and what is said about them, good files and what is read, and files that chance has bitten.

use super::{fields, read, read_text};
use crate::model::{Change, ChangeKind, Replicas, Scenario, Work, Workload};
use crate::problem::Level;
use engine::{Span, Time};
use expect_test::{Expect, expect};
use proptest::prelude::*;

const HEAD: &str = "\
apiVersion: leasehold.dev/v1alpha1
kind: Scenario
metadata: {name: x}
spec:
";

const CLUSTER: &str =
    "  cluster: {nodes: [{name: std, count: 10, allocatable: {cpu: \"10\", memory: 64Gi}}]}\n";

const POOL: &str = "
  objects:
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityPool
      metadata: {name: general}
      spec: {rootNamespace: root, resources: [cpu]}
";

/// What is said about a text, a line for each problem.
fn said(text: &str) -> String {
    let (_, problems) = read_text(text, "s.yaml");
    problems.iter().map(|p| format!("{p}\n")).collect()
}

fn check(spec: &str, expected: Expect) {
    expected.assert_eq(&said(&format!("{HEAD}{spec}")));
}

fn scenario(spec: &str) -> Scenario {
    let (scenario, problems) = read_text(&format!("{HEAD}{spec}"), "s.yaml");
    assert_eq!(problems, []);
    scenario.unwrap()
}

fn lease(lessor: &str, lessee: &str, more: &str) -> String {
    format!(
        "    - {{apiVersion: leasehold.dev/v1alpha1, kind: CapacityLease, metadata: {{name: {lessee}, namespace: \
         {lessor}}}, spec: {{pool: general, lessee: {lessee}, {more}}}}}\n"
    )
}

#[test]
fn what_is_no_scenario_is_said() {
    for (text, expected) in [
        (
            "",
            expect![[r#"
            Error: s.yaml: holds no scenario
            Hint: begin with `kind: Scenario`; `simulator generate edl-case2` prints one
        "#]],
        ),
        (
            "[1, 2]",
            expect![[r#"
            Error: s.yaml:1:1: must be a mapping, is a list
            Hint: its fields are `apiVersion`, `kind`, `metadata`, `spec`
        "#]],
        ),
        (
            "a: [",
            expect![[r#"
            Error: s.yaml:2:1: not valid YAML: while parsing a node, did not find expected node content
        "#]],
        ),
        (
            "a: 1\n---\nb: 2\n",
            expect![[r#"
            Error: s.yaml:3:1: a scenario's file holds one document
            Hint: write pools and leases under `spec.objects`, or name their files under `spec.manifests`
        "#]],
        ),
        (
            "kind: Scenaro\napiVersion: v1\nmetadata: {nam: x}\n",
            expect![[r#"
                Error: s.yaml:1:1: spec: is missing
                Hint: `spec` holds the cluster and the workloads
                Error: s.yaml:1:7: kind: `Scenaro` is not known here
                Hint: did you mean `Scenario`?
                Error: s.yaml:2:13: apiVersion: `v1` is not known here
                Hint: known are `leasehold.dev/v1alpha1`
                Error: s.yaml:3:11: metadata.name: is missing
                Hint: results are named after it
                Error: s.yaml:3:12: metadata.nam: is no known field
                Hint: did you mean `name`?
            "#]],
        ),
    ] {
        expected.assert_eq(&said(text));
    }
}

#[test]
fn every_mistake_of_a_cluster_is_said_at_once() {
    check(
        "
  durration: 24h
  seed: -1
  start: yesterday
  policy: leashold
  cluster:
    placement: packed
    podStartup: 2
    nodes:
      - {count: 87, name: std, allocatable: {cpu: 18x, memory: 64Gb}}
      - {count: 1, name: std, allocatable: {cpu: 1}, background: {cpu: 2}}
      - {count: many, name: Big_One, allocatable: [], taints: [{key: a, effect: NoShedule}]}
",
        expect![[r#"
            Error: s.yaml:6:3: spec.durration: is no known field
            Hint: did you mean `duration`?
            Error: s.yaml:7:9: spec.seed: `-1` is no whole number from 0 to 9223372036854775807
            Error: s.yaml:8:10: spec.start: `yesterday` is no calendar time
            Hint: write it like `2026-01-01T00:00:00Z`
            Error: s.yaml:9:11: spec.policy: `leashold` is not known here
            Hint: did you mean `leasehold`?
            Error: s.yaml:11:16: spec.cluster.placement: `packed` is not known here
            Hint: did you mean `pack`?
            Error: s.yaml:12:17: spec.cluster.podStartup: duration `2` has no unit
            Hint: write it like `200ms`, `5s` or `1h30m`
            Error: s.yaml:14:51: spec.cluster.nodes[0].allocatable.cpu: "18x" is no quantity: unknown suffix "x"; there are n u m k M G T P E, Ki Mi Gi Ti Pi Ei and exponents such as e3
            Error: s.yaml:14:64: spec.cluster.nodes[0].allocatable.memory: "64Gb" is no quantity: unknown suffix "Gb", perhaps "G" is meant
            Error: s.yaml:15:9: spec.cluster.nodes[1]: background asks for 2000 of cpu, the node has 1000 (base units)
            Error: s.yaml:15:9: spec.cluster.nodes[1]: two node groups are called `std`
            Hint: give each group a name of its own: its nodes are named after it
            Error: s.yaml:16:17: spec.cluster.nodes[2].count: `many` is no whole number from 0 to 100000000
            Error: s.yaml:16:29: spec.cluster.nodes[2].name: `Big_One` is no name that Kubernetes allows
            Hint: small letters, digits and `-`, at most 253 characters
            Error: s.yaml:16:51: spec.cluster.nodes[2].allocatable: must be a mapping, is a list
            Error: s.yaml:16:81: spec.cluster.nodes[2].taints[0].effect: `NoShedule` is not known here
            Hint: did you mean `NoSchedule`?
        "#]],
    );
}

#[test]
fn every_mistake_of_the_workloads_is_said_at_once() {
    check(
        &format!(
            "{CLUSTER}
  workloads:
    - service: {{namespace: web, name: shop, request: {{cpu: 3}}, replicas: [{{at: 10s, count: 4}}, {{at: 5s, count: 3}}]}}
    - service: {{namespace: web, name: shop, request: {{cpu: 3}}}}
    - service: {{namespace: web, name: shop, request: {{cpu: 3}}, replicas: []}}
    - job: {{namespace: ml, name: train, replicas: 0, elastic: {{min: 7, max: 6, stepp: 1}}, work: 1h, duration: 5s}}
    - job: {{namespace: ml, name: t2, at: 10s, request: {{cpu: -1}}, until: 5s, gang: true, elastic: {{min: 1, max: 2}},
            every: 5s, efficiency: [[1, 1], [1, 2]]}}
    - trace: {{path: nowhere.swf, namespace: a, namespaceFrom: {{column: c}}, shape: gangs, speedup: 0}}
    - jobb: {{}}
"
        ),
        expect![[r#"
            Error: s.yaml:8:101: service web/shop: spec.workloads[0].service.replicas[1].at: does not come after the step before it
            Hint: write the steps in the order of time
            Error: s.yaml:9:16: service web/shop: spec.workloads[1].service: needs one of `replicas`, `replicasFrom`
            Hint: `replicas` such as `[{at: 0s, count: 3}]`, or `replicasFrom` a trace
            Error: s.yaml:10:7: spec.workloads[2]: `web/shop` is already the name of spec.workloads[0]
            Hint: give each workload of a namespace a name of its own
            Error: s.yaml:11:12: job ml/train: spec.workloads[3].job.request: is missing
            Hint: what one pod asks for, such as `{cpu: "2", memory: 4Gi}`
            Error: s.yaml:11:51: job ml/train: spec.workloads[3].job.replicas: `0` is no whole number from 1 to 100000000
            Error: s.yaml:11:63: job ml/train: spec.workloads[3].job.elastic: max 6 is below min 7
            Hint: let `min` be at most `max`
            Error: s.yaml:11:80: job ml/train: spec.workloads[3].job.elastic.stepp: is no known field
            Hint: did you mean `step`?
            Error: s.yaml:11:97: job ml/train: spec.workloads[3].job.work: `work` cannot stand beside `duration`
            Hint: `duration` of each pod, `work` of the whole job in replica-seconds, or the instant `until` which it runs
            Error: s.yaml:12:62: job ml/t2: spec.workloads[4].job.request.cpu: -1 is below zero; the least is 0
            Error: s.yaml:12:74: job ml/t2: spec.workloads[4].job.until: the job would end before it is submitted
            Hint: both are counted from the scenario's start
            Error: s.yaml:12:84: job ml/t2: spec.workloads[4].job.gang: cannot stand beside `elastic`
            Hint: an elastic job's minimum is admitted all or none anyway
            Error: s.yaml:13:20: job ml/t2: spec.workloads[4].job.every: has no effect without `count`
            Hint: say how many copies with `count`
            Error: s.yaml:13:45: job ml/t2: spec.workloads[4].job.efficiency[1]: 1 replicas come after as many or more
            Hint: write pairs of replicas and efficiency, such as `[[1, 1.0], [8, 0.9]]`, replicas rising
            Error: s.yaml:14:21: spec.workloads[5].trace.path: there is no file `nowhere.swf`
            Hint: paths are relative to the scenario's file
            Error: s.yaml:14:63: spec.workloads[5].trace.namespaceFrom: `namespaceFrom` cannot stand beside `namespace`
            Hint: `namespace`, one for the whole file, or `namespaceFrom: {column: …}`
            Error: s.yaml:14:83: spec.workloads[5].trace.shape: `gangs` is not known here
            Hint: did you mean `gang`?
            Error: s.yaml:14:99: spec.workloads[5].trace.speedup: `0` is no decimal above 0
            Hint: write it like `2` or `0.95`, with at most 6 decimals
            Error: s.yaml:15:7: spec.workloads[6].jobb: is no known field
            Hint: did you mean `job`?
            Error: s.yaml:15:7: spec.workloads[6]: needs one of `job`, `service`, `trace`
            Hint: a workload is one `job`, one `service` or one `trace`
        "#]],
    );
}

#[test]
fn every_mistake_of_the_events_is_said_at_once() {
    check(
        &format!(
            "{CLUSTER}
  events:
    - {{at: 6h, apply: boost-lease.yaml}}
    - {{at: 7h, node: {{drain: 10, group: stdd}}}}
    - {{at: 7h, node: {{}}}}
    - {{apply: {{}}, delete: {{kind: CapacityLeese, name: x}}}}
    - {{at: 1x, delete: {{kind: CapacityLease, name: x}}}}
"
        ),
        expect![[r#"
            Error: s.yaml:8:23: spec.events[0].apply: there is no file `boost-lease.yaml`
            Hint: paths are relative to the scenario's file
            Error: s.yaml:9:41: spec.events[1].node.group: no node group is called `stdd`
            Hint: did you mean `std`?
            Error: s.yaml:10:22: spec.events[2].node: needs one of `drain`, `fail`, `recover`, `add`
            Hint: such as `{drain: 10, group: std}`
            Error: s.yaml:11:7: spec.events[3].at: is missing
            Hint: the instant, such as `6h`
            Error: s.yaml:11:15: spec.events[3].apply: is no manifest: it has no `kind`
            Hint: a manifest has `apiVersion`, `kind`, `metadata` and `spec`
            Error: s.yaml:11:27: spec.events[3].delete: `delete` cannot stand beside `apply`
            Hint: an event is one `apply`, one `delete` or one `node` change
            Error: s.yaml:12:12: spec.events[4].at: duration `1x` has the unknown unit "x"
            Hint: write it like `200ms`, `5s` or `1h30m`
            Error: s.yaml:12:24: spec.events[4].delete.namespace: is missing
            Hint: the namespace in which the object is
        "#]],
    );
}

#[test]
fn every_mistake_of_the_objects_is_said_at_once() {
    check(
        &format!(
            "{CLUSTER}
  objects:
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityPool
      metadata: {{name: general, namespce: x}}
      spec: {{resources: [cpu, cpu], capacity: {{memory: 5Gi}}, reserve: {{cpu: \"101%\"}}}}
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityLease
      metadata: {{name: a, namespace: root}}
      spec: {{pool: general, lessee: a, guaranted: {{cpu: 1}}, weight: 0, queueing: Strict, term: {{start: 2026-01-01}}}}
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityLease
      metadata: {{name: b, namespace: root}}
      spec: {{pool: general, lessee: b, guaranteed: {{cpu: 1.5, memory: 5Q}}, type: Transfer, weight: 1}}
    - {{apiVersion: v1, kind: ConfigMap}}
    - apiVersion: leasehold.dev/v1alpha1
      kind: ElasticWorkload
      metadata: {{name: e, namespace: n}}
      spec: {{scaleTargetRef: {{apiVersion: batch/v1, kind: Job, name: e}}, minReplicas: 3, maxReplicas: 2}}
  manifests: [no.yaml]
"
        ),
        expect![[r#"
            Error: s.yaml:10:33: CapacityPool general: metadata.namespce: unknown field; perhaps name is meant
            Error: s.yaml:11:7: CapacityPool general: spec: rootNamespace is missing
            Error: s.yaml:11:31: CapacityPool general: spec.resources[1]: "cpu" is there twice
            Error: s.yaml:15:40: CapacityLease root/a: spec.guaranted: unknown field; perhaps guaranteed is meant
            Error: s.yaml:15:61: CapacityLease root/a: spec.weight: 0 is too small; the least is 1
            Error: s.yaml:15:72: CapacityLease root/a: spec.queueing: "Strict" is none of BestEffort, StrictFIFO
            Error: s.yaml:15:104: CapacityLease root/a: spec.term.start: `2026-01-01` is no calendar time
            Hint: write it like `2026-01-01T00:00:00Z`
            Error: s.yaml:19:53: CapacityLease root/b: spec.guaranteed.cpu: 1.5 has a fraction: write "1.5", in quotes
            Error: s.yaml:19:63: CapacityLease root/b: spec.guaranteed.memory: "5Q" is no quantity: unknown suffix "Q"; there are n u m k M G T P E, Ki Mi Gi Ti Pi Ei and exponents such as e3
            Error: s.yaml:19:92: CapacityLease root/b: spec.weight: a Transfer moves guarantee only, with guaranteed, term and onExpiry: leave weight out
            Error: s.yaml:20:30: spec.objects[3].kind: `ConfigMap` is not known here
            Hint: known are `CapacityPool`, `CapacityLease`, `ElasticWorkload`
            Error: s.yaml:24:74: ElasticWorkload n/e: spec.minReplicas: 3 is above maxReplicas, which is 2
            Error: s.yaml:25:15: spec.manifests[0]: there is no file `no.yaml`
            Hint: paths are relative to the scenario's file
        "#]],
    );
}

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

#[test]
fn a_scenario_is_read_into_the_engines_units() {
    let read = scenario(&format!(
        "{CLUSTER}
  start: 2026-12-01T00:00:00Z
  duration: 1h30m
  workloads:
    - job: {{namespace: ml, name: train, at: 10s, request: {{cpu: 1500m, memory: 1Gi}}, replicas: 3, work: 10h,
            efficiency: [[1, 1.0], [8, 0.95]], restartPenalty: 1.5s}}
    - job: {{namespace: ml, name: array, request: {{cpu: 1}}, until: 5m, count: 1000000, every: 20ms}}
    - service: {{namespace: web, name: shop, priority: 10, request: {{cpu: 1}}, replicas: [{{at: 0s, count: 4}}]}}
  events:
    - {{at: 7h, node: {{drain: 1}}}}
    - {{at: 6h, node: {{fail: 2, group: std}}}}
"
    ));
    let start = Time(1_796_083_200_000);
    assert_eq!(
        (read.start, read.duration),
        (start, Some(Span::seconds(5400)))
    );
    let [
        Workload::Job(job),
        Workload::Series(series),
        Workload::Service(service),
    ] = &read.workloads[..]
    else {
        panic!("{:?}", read.workloads);
    };
    assert_eq!(
        (job.at, job.work),
        (start + Span::seconds(10), Work::ReplicaTime(36_000_000))
    );
    assert_eq!(job.efficiency, [(1, 1_000_000), (8, 950_000)]);
    assert_eq!(job.restart_penalty, Span(1500));
    let request: Vec<(&str, i64)> = job.pods[0]
        .0
        .request
        .iter()
        .map(|(r, n)| (&**r, *n))
        .collect();
    assert_eq!(request, [("cpu", 1500), ("memory", 1 << 30), ("pods", 1)]);
    let last = series.job(999_999);
    assert_eq!(
        (&*last.name, last.at),
        ("array-999999", start + Span(19_999_980))
    );
    assert!(matches!(&service.replicas, Replicas::Steps(steps) if steps == &[(start, 4)]));
    let hours: Vec<i64> = read
        .events
        .iter()
        .map(|e| (e.at - start).0 / 3_600_000)
        .collect();
    assert_eq!(hours, [6, 7]);
}

#[test]
fn an_elastic_workload_makes_the_job_that_it_names_elastic() {
    let read = scenario(&format!(
        "{CLUSTER}{POOL}
    - apiVersion: leasehold.dev/v1alpha1
      kind: ElasticWorkload
      metadata: {{name: bounds, namespace: ml}}
      spec: {{scaleTargetRef: {{apiVersion: batch/v1, kind: Job, name: train}}, minReplicas: 2, maxReplicas: 6}}
  workloads:
    - job: {{namespace: ml, name: train, priority: 7, request: {{cpu: 1}}, replicas: 3, work: 10h}}
  events:
    - {{at: 1h, delete: {{kind: ElasticWorkload, namespace: ml, name: bounds}}}}
"
    ));
    let Workload::Job(job) = &read.workloads[0] else {
        panic!()
    };
    let elastic = job.elastic.unwrap();
    assert_eq!(
        (elastic.min, elastic.max, elastic.cooldown),
        (2, 6, Span::seconds(30))
    );
    assert_eq!(
        (&*read.elastic[0].key.name, read.elastic[0].priority),
        ("train", 7)
    );
    let [
        Change {
            what: ChangeKind::DeleteElastic(key),
            ..
        },
    ] = &read.events[..]
    else {
        panic!()
    };
    assert_eq!(&*key.name, "train");
}

#[test]
fn every_builtin_reads_without_a_problem() {
    for (name, ..) in crate::builtin::all() {
        let (scenario, problems) = read(name);
        assert_eq!(problems, [], "{name}");
        assert_eq!(scenario.unwrap().name, name);
    }
}

#[test]
fn a_builtin_is_the_same_each_time_and_its_seed_matters() {
    let text = |source: &str| crate::builtin::text(source).unwrap();
    assert_eq!(text("enterprise"), text("enterprise:pods=100000,seed=1"));
    assert_ne!(text("diurnal"), text("diurnal:seed=2"));
}

/// About how many pods a scenario makes.
fn pods(scenario: &Scenario) -> u64 {
    let of_job = |job: &crate::model::Job| match job.elastic {
        Some(elastic) => u64::from(elastic.max),
        None => job.pods.iter().map(|(_, n)| u64::from(*n)).sum(),
    };
    let each = scenario.workloads.iter().map(|workload| match workload {
        Workload::Job(job) => of_job(job),
        Workload::Series(series) => of_job(&series.job) * u64::from(series.count),
        Workload::Service(service) => match &service.replicas {
            Replicas::Steps(steps) => steps.iter().map(|(_, n)| u64::from(*n)).max().unwrap_or(0),
            Replicas::Series(_) => 0,
        },
        Workload::Trace(_) => 0,
    });
    each.sum()
}

#[test]
fn builtins_have_the_size_that_they_promise() {
    let count = |name: &str| pods(&read(name).0.unwrap());
    assert_eq!(count("queue-baseline"), 15_000);
    assert_eq!(count("queue-large"), 50_000);
    assert_eq!(count("edl-case1"), 20 * 71);
    for (name, promised) in [
        ("enterprise", 100_000),
        ("enterprise:pods=1000000", 1_000_000),
    ] {
        let n = count(name);
        assert!(n.abs_diff(promised) * 20 < promised, "{name}: {n}");
    }
}

/// The tables of docs/scenario-reference.md: path and fields.
fn documented() -> Vec<(String, Vec<String>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario-reference.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        let quoted = |text: &str| text.strip_prefix('`')?.split('`').next().map(String::from);
        if let Some(path) = line.strip_prefix("## ").and_then(quoted) {
            tables.push((path, Vec::new()));
        } else if let (Some(field), Some(table)) =
            (line.strip_prefix("| ").and_then(quoted), tables.last_mut())
        {
            table.1.push(field);
        }
    }
    tables
}

#[test]
fn the_reference_names_every_field_that_is_read_and_no_other() {
    let known: Vec<(String, Vec<String>)> = fields::ALL
        .iter()
        .map(|table| {
            (
                table.path.into(),
                table.fields.iter().map(|f| (*f).into()).collect(),
            )
        })
        .collect();
    assert_eq!(documented(), known);
}

#[test]
fn the_example_of_the_guide_is_valid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/simulator.md");
    let text = std::fs::read_to_string(path).unwrap();
    let examples = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let mut found = 0;
    for example in examples.filter(|example| example.contains("kind: Scenario")) {
        assert_eq!(said(example), "");
        found += 1;
    }
    assert!(found > 0);
}

/// A text with everything in it, to be bitten.
fn everything() -> String {
    let lease = lease(
        "root",
        "a",
        "guaranteed: {cpu: 60}, term: {start: \"2026-01-01T00:00:00Z\", end: \"2026-01-02T00:00:00Z\", renew: Auto}",
    );
    format!(
        "{HEAD}{CLUSTER}{POOL}{lease}
  start: 2026-12-01T00:00:00Z
  duration: 24h
  workloads:
    - &j
      job: {{namespace: ml, name: train, at: 10s, request: {{cpu: \"5\", memory: 8Gi}}, replicas: 60, elastic: {{min: 2, max: 60}},
            work: 36000s, efficiency: [[1, 1.0], [8, 0.9]], tolerations: [{{operator: Exists}}]}}
    - service: {{namespace: web, name: shop, priority: 10000, request: {{cpu: \"3\"}}, replicas: [{{at: 0s, count: 400}}]}}
    - *j
  events:
    - {{at: 6h, delete: {{kind: CapacityLease, namespace: root, name: a}}}}
    - {{at: 7h, node: {{drain: 10, group: std}}}}
"
    )
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        bites in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..12, "[-a-z0-9:{}\\[\\],\"'&*|>%#!\\n\\t <~é.]{0,6}"),
            1..6,
        ),
    ) {
        let mut text: Vec<char> = everything().chars().collect();
        for (at, length, put) in bites {
            let from = at.index(text.len());
            let to = (from + length).min(text.len());
            text.splice(from..to, put.chars());
        }
        let text: String = text.into_iter().collect();
        let (scenario, problems) = read_text(&text, "s.yaml");
        let usable = problems.iter().all(|p| p.level == Level::Warning);
        prop_assert_eq!(scenario.is_some(), usable);
    }

    #[test]
    fn no_numbers_make_the_reader_panic(numbers in prop::collection::vec("[0-9]{1,25}(|[a-zA-Z]{1,2}|\\.[0-9]{1,12})", 12)) {
        let mut text = String::new();
        let mut next = numbers.iter().cycle();
        // Every third number is replaced.
        let whole = everything();
        let mut rest = whole.as_str();
        let mut n = 0;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, after) = rest.split_at(at);
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            text.push_str(before);
            n += 1;
            match next.next() {
                Some(number) if n > 1 && n % 3 == 0 => text.push_str(number),
                _ => text.push_str(&after[..end]),
            }
            rest = &after[end..];
        }
        text.push_str(rest);
        let _ = read_text(&text, "s.yaml");
    }
}

#[test]
fn nodes_may_come_from_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = "sn,cpu_milli,memory_mib,gpu,model\na,32000,1024,0,\nb,64000,1024,2,P100\nc,32000,1024,0,\n";
    std::fs::write(folder.path().join("nodes.csv"), list).unwrap();
    let file = folder.path().join("s.yaml");
    let read = |nodes: &str| {
        let text = format!(
            "apiVersion: leasehold.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: x}}\nspec:\n  duration: 1h\n  cluster: {{nodes: [{nodes}]}}\n"
        );
        read_text(&text, &file.display().to_string())
    };
    let (scenario, problems) = read("{name: n, from: nodes.csv, labels: {pool: p}}");
    assert_eq!(problems, []);
    let groups: Vec<_> = scenario
        .unwrap()
        .cluster
        .groups
        .iter()
        .map(|g| (g.name.to_string(), g.count, g.node.labels.len()))
        .collect();
    assert_eq!(groups, [("n-1".into(), 2, 1), ("n-2".into(), 1, 2)]);
    let (_, problems) = read("{name: n, from: nodes.csv, count: 3}");
    assert!(
        problems[0]
            .to_string()
            .contains("cannot stand beside `from`")
    );
}
