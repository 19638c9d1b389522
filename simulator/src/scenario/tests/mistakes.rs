//! Mistakes that one file makes by itself: all at once, each with its place.

use super::{CLUSTER, check, said};
use expect_test::expect;

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
