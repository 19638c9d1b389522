//! Scenarios in, listings of what happened out.

mod always;
mod listing;
mod published;

use super::{Options, RunError, run};
use crate::model::{Policy, Scenario};
use crate::record::Totals;
use expect_test::{Expect, expect};
use listing::Listing;
use std::fmt::Write;

/// A scenario of four nodes of 4 CPUs, a pool over them, and `rest` of the document's `spec`.
fn scenario(objects: &str, rest: &str) -> Scenario {
    let mut text = String::from(
        "apiVersion: leasehold.dev/v1alpha1\nkind: Scenario\nmetadata: {name: test}\nspec:\n  cluster:\n    nodes:\n      \
         - {count: 4, name: n, labels: {leasehold.dev/pool: p}, allocatable: {cpu: \"4\", memory: 16Gi, pods: 110}}\n    \
         podStartup: 1s\n    podTermination: 3s\n  objects:\n    - {apiVersion: leasehold.dev/v1alpha1, kind: CapacityPool, \
         metadata: {name: p}, spec: {nodeSelector: {matchLabels: {leasehold.dev/pool: p}}, resources: [cpu], rootNamespace: \
         root}}\n",
    );
    for line in objects
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (lessee, spec) = line.split_once(' ').unwrap();
        let _ = writeln!(
            text,
            "    - {{apiVersion: leasehold.dev/v1alpha1, kind: CapacityLease, metadata: {{name: {lessee}, namespace: root}}, \
             spec: {{pool: p, lessee: {lessee}, {spec}}}}}"
        );
    }
    for line in rest.lines().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(text, "  {}", line.trim_start_matches("        "));
    }
    let (scenario, problems) = crate::scenario::read_text(&text, "test.yaml");
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    scenario.unwrap()
}

fn listing(scenario: &Scenario, policy: Policy) -> Listing {
    let mut listing = Listing {
        start: scenario.start.0,
        ..Listing::default()
    };
    let ran: Result<Totals, RunError> = run(scenario, policy, &Options::default(), &mut listing);
    ran.unwrap();
    listing
}

fn check(scenario: &Scenario, policy: Policy, expected: Expect) {
    expected.assert_eq(&listing(scenario, policy).text);
}

const TWO: &str = "a guaranteed: {cpu: \"8\"}
    b guaranteed: {cpu: \"8\"}";

#[test]
fn a_job_runs_after_its_pods_have_started() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: one, at: 2s, request: {cpu: \"1\"}, replicas: 2, duration: 10s}
        ",
    );
    check(
        &scenario,
        Policy::Leasehold,
        expect![[r#"
        a/one started 3s ended 13s Completed
        end 13s
    "#]],
    );
}

#[test]
fn borrowed_pods_are_evicted_for_the_owner_and_do_their_work_again() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: long, at: 0s, request: {cpu: \"4\"}, replicas: 4, duration: 60s}
          - job: {namespace: b, name: own, at: 20s, request: {cpu: \"4\"}, replicas: 1, duration: 10s}
        ",
    );
    check(
        &scenario,
        Policy::Leasehold,
        expect![[r#"
        b/own started 24s ended 34s Completed
        a/long started 1s ended 95s Completed evictions 1 lost 19s
        end 95s
    "#]],
    );
    check(
        &scenario,
        Policy::Static,
        expect![[r#"
        b/own started 21s ended 31s Completed
        a/long started 1s ended 122s Completed
        end 122s
    "#]],
    );
    check(
        &scenario,
        Policy::None,
        expect![[r#"
        a/long started 1s ended 61s Completed
        b/own started 62s ended 72s Completed
        end 72s
    "#]],
    );
}

#[test]
fn an_elastic_job_shrinks_for_the_owner_grows_back_and_loses_nothing() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: train, at: 0s, request: {cpu: \"4\"}, replicas: 4, elastic: {min: 1, max: 4}, work: 160s}
          - job: {namespace: b, name: own, at: 20s, request: {cpu: \"4\"}, replicas: 1, duration: 10s}
        ",
    );
    check(
        &scenario,
        Policy::Leasehold,
        expect![[r#"
            b/own started 24s ended 34s Completed
            a/train started 1s ended 44750ms Completed shrinks 1 grows 1
            end 44750ms
        "#]],
    );
    check(
        &scenario,
        Policy::BorrowKill,
        expect![[r#"
            b/own started 24s ended 34s Completed
            a/train started 1s ended 75s Completed evictions 4 lost 76s
            end 75s
        "#]],
    );
}

#[test]
fn a_gang_that_loses_a_pod_loses_all_and_waits_again() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: gang, at: 0s, request: {cpu: \"4\"}, replicas: 3, gang: true, duration: 30s}
        events:
          - {at: 11s, node: {fail: 2}}
          - {at: 20s, node: {recover: 2}}
        ",
    );
    check(
        &scenario,
        Policy::Leasehold,
        expect![[r#"
        a/gang started 1s ended 51s Completed lost 30s
        end 51s disruptions 1
    "#]],
    );
    check(
        &scenario,
        Policy::None,
        expect![[r#"
        a/gang started 1s ended 51s Completed lost 30s
        end 51s disruptions 1
    "#]],
    );
}

#[test]
fn a_service_goes_up_and_down_the_last_started_first() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - service: {namespace: a, name: web, request: {cpu: \"1\"}, replicas: [{at: 0s, count: 3}, {at: 10s, count: 5}, {at: 20s, count: 2}]}
        ",
    );
    let listing = listing(&scenario, Policy::Leasehold);
    expect![[r#"
        0s a/web 0 of 3
        1s a/web 3 of 3
        10s a/web 3 of 5
        11s a/web 5 of 5
        20s a/web 2 of 2
        a/web started 1s ended - Running
        end 23s
    "#]]
    .assert_eq(&listing.text);
    let ended: Vec<&str> = listing
        .pods
        .iter()
        .filter(|pod| pod.ended.is_some())
        .map(|pod| &*pod.pod)
        .collect();
    assert_eq!(ended.len(), 3);
    assert!(
        ended.contains(&"web-0003") && ended.contains(&"web-0004"),
        "{ended:?}"
    );
}

#[test]
fn a_drained_node_is_empty_and_its_pods_wait_again() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: jobs, at: 0s, request: {cpu: \"4\"}, replicas: 4, duration: 30s, checkpoint: true}
        events:
          - {at: 11s, node: {drain: 1}}
        ",
    );
    check(
        &scenario,
        Policy::Leasehold,
        expect![[r#"
            a/jobs started 1s ended 52s Completed
            end 52s disruptions 1
        "#]],
    );
}

#[test]
fn until_asks_a_job_to_end_and_kills_what_never_started() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: runs, at: 0s, request: {cpu: \"4\"}, replicas: 2, until: 10s}
          - job: {namespace: a, name: waits, at: 1s, request: {cpu: \"64\"}, until: 12s}
        ",
    );
    check(
        &scenario,
        Policy::Static,
        expect![[r#"
        a/waits started - ended 12s Killed
        a/runs started 1s ended 13s Killed
        end 13s
    "#]],
    );
}

#[test]
fn without_leases_a_higher_priority_kills_the_lowest() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: low, at: 0s, priority: 1, request: {cpu: \"4\"}, replicas: 2, duration: 60s}
          - job: {namespace: a, name: mid, at: 0s, priority: 2, request: {cpu: \"4\"}, replicas: 2, duration: 60s}
          - job: {namespace: b, name: high, at: 10s, priority: 3, request: {cpu: \"4\"}, duration: 10s}
        ",
    );
    check(
        &scenario,
        Policy::None,
        expect![[r#"
        b/high started 14s ended 24s Completed
        a/mid started 1s ended 61s Completed
        a/low started 1s ended 85s Completed evictions 1 lost 9s
        end 85s
    "#]],
    );
}

#[test]
fn strict_queues_let_nobody_pass() {
    let scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: first, at: 0s, request: {cpu: \"3\"}, replicas: 2, duration: 10s}
          - job: {namespace: a, name: big, at: 1s, request: {cpu: \"4\"}, duration: 10s}
          - job: {namespace: a, name: small, at: 2s, request: {cpu: \"1\"}, duration: 10s}
        ",
    );
    check(
        &scenario,
        Policy::Static,
        expect![[r#"
        a/first started 1s ended 11s Completed
        a/small started 3s ended 13s Completed
        a/big started 12s ended 22s Completed
        end 22s
    "#]],
    );
    check(
        &scenario,
        Policy::Fcfs,
        expect![[r#"
        a/first started 1s ended 11s Completed
        a/big started 12s ended 22s Completed
        a/small started 12s ended 22s Completed
        end 22s
    "#]],
    );
}

#[test]
fn with_quotas_only_no_node_is_asked() {
    let mut scenario = scenario(
        TWO,
        "
        workloads:
          - job: {namespace: a, name: wide, at: 0s, request: {cpu: \"7\"}, duration: 10s}
        ",
    );
    scenario.cluster.placement = crate::model::Placement::QuotaOnly;
    check(
        &scenario,
        Policy::Leasehold,
        expect![[r#"
        a/wide started 1s ended 11s Completed
        end 11s
    "#]],
    );
}

#[test]
fn a_refused_lease_is_told_and_changes_nothing() {
    let scenario = crate::scenario::read_text(REFUSED, "test.yaml").0.unwrap();
    check(
        &scenario,
        Policy::Leasehold,
        expect![[r#"
        root/one started 2s ended 7s Completed
        10s refused CapacityLease much: Overcommitted
        end 20s
    "#]],
    );
}

const REFUSED: &str = "
apiVersion: leasehold.dev/v1alpha1
kind: Scenario
metadata: {name: test}
spec:
  duration: 20s
  cluster:
    nodes:
      - {count: 1, name: n, labels: {leasehold.dev/pool: p}, allocatable: {cpu: \"4\", memory: 16Gi, pods: 110}}
  objects:
    - {apiVersion: leasehold.dev/v1alpha1, kind: CapacityPool, metadata: {name: p}, spec: {nodeSelector: {matchLabels: {leasehold.dev/pool: p}}, resources: [cpu], rootNamespace: root}}
  workloads:
    - job: {namespace: root, name: one, at: 0s, request: {cpu: \"1\"}, duration: 5s}
  events:
    - at: 10s
      apply: {apiVersion: leasehold.dev/v1alpha1, kind: CapacityLease, metadata: {name: much, namespace: root}, spec: {pool: p, lessee: a, guaranteed: {cpu: \"5\"}}}
";
