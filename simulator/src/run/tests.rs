//! Scenarios in, listings of what happened out.

use super::{Options, RunError, run};
use crate::model::{Policy, Scenario};
use crate::record::{
    Outcome, PodRow, RefusalRow, ServiceRow, Sink, TimelineRow, Totals, UtilizationRow, WorkloadRow,
};
use engine::{Action, Event, Time};
use expect_test::{Expect, expect};
use std::fmt::Write;

/// Writes rows as lines.
#[derive(Default)]
struct Listing {
    start: i64,
    text: String,
    pods: Vec<PodRow>,
    works: Vec<WorkloadRow>,
    usage: String,
    /// Instant, cpu used, cpu there.
    cpu: Vec<(i64, i64, i64)>,
}

impl Listing {
    fn at(&self, time: Option<Time>) -> String {
        time.map_or_else(|| "-".to_owned(), |time| seconds(time.0 - self.start))
    }
}

fn seconds(ms: i64) -> String {
    if ms % 1000 == 0 {
        format!("{}s", ms / 1000)
    } else {
        format!("{ms}ms")
    }
}

impl Sink for Listing {
    fn workload(&mut self, row: WorkloadRow) {
        let mut line = format!(
            "{}/{} started {} ended {} {:?}",
            row.namespace,
            row.name,
            self.at(row.started),
            self.at(row.ended),
            row.outcome,
        );
        for (name, count) in [
            ("shrinks", row.shrinks),
            ("grows", row.grows),
            ("evictions", row.evictions),
        ] {
            if count > 0 {
                let _ = write!(line, " {name} {count}");
            }
        }
        if row.work_lost > 0 {
            let _ = write!(line, " lost {}", seconds(row.work_lost));
        }
        self.text.push_str(&line);
        self.text.push('\n');
        self.works.push(row);
    }
    fn pod(&mut self, row: PodRow) {
        self.pods.push(row);
    }
    fn wants_pods(&self) -> bool {
        true
    }
    fn wants_timeline(&self) -> bool {
        true
    }
    fn timeline(&mut self, row: TimelineRow) {
        let _ = writeln!(self.usage, "{row:?}");
    }
    fn service(&mut self, row: ServiceRow) {
        let at = self.at(Some(row.time));
        let _ = writeln!(
            self.text,
            "{at} {}/{} {} of {}",
            row.namespace, row.name, row.running, row.desired
        );
    }
    fn utilization(&mut self, row: UtilizationRow) {
        if &*row.resource == "cpu" {
            self.cpu
                .push((row.time.0 - self.start, row.used, row.allocatable));
        }
        let _ = writeln!(self.usage, "{row:?}");
    }
    fn refusal(&mut self, row: RefusalRow) {
        let at = self.at(Some(row.time));
        let _ = writeln!(
            self.text,
            "{at} refused {} {}: {}",
            row.kind,
            row.name,
            row.refusal.reason()
        );
    }
    fn wants_decisions(&self) -> bool {
        true
    }
    fn decision(&mut self, _: Time, _: &[Event], _: &[Action]) {}
    fn finish(&mut self, totals: &Totals) {
        let at = self.at(Some(totals.end));
        let _ = write!(self.text, "end {at}");
        for (name, count) in [
            ("disruptions", totals.disruptions),
            ("violations", totals.guarantee_violations),
        ] {
            if count > 0 {
                let _ = write!(self.text, " {name} {count}");
            }
        }
        self.text.push('\n');
    }
}

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

/// Every behaviour at once: nodes come and go under elastic, gang, service and plain work of two accounts.
fn busy() -> Scenario {
    scenario(
        TWO,
        "
        seed: 3
        workloads:
          - job: {namespace: a, name: train, at: 0s, request: {cpu: \"2\"}, elastic: {min: 1, max: 6, cooldown: 5s}, work: 300s, restartPenalty: 2s, efficiency: [[1, 1.0], [6, 0.7]]}
          - job: {namespace: a, name: gang, at: 7s, request: {cpu: \"2\"}, replicas: 3, gang: true, duration: 30s}
          - job: {namespace: b, name: batch, at: 3s, request: {cpu: \"1\"}, replicas: 2, duration: 9s, count: 12, every: 4s}
          - service: {namespace: b, name: web, priority: 10, request: {cpu: \"1\"}, replicas: [{at: 5s, count: 2}, {at: 30s, count: 6}, {at: 60s, count: 1}]}
        events:
          - {at: 12s, node: {drain: 1}}
          - {at: 25s, node: {fail: 1}}
          - {at: 40s, node: {recover: 2}}
          - {at: 50s, node: {add: 1}}
        ",
    )
}

#[test]
fn two_runs_tell_the_same_under_every_policy() {
    for policy in Policy::ALL {
        let (one, other) = (listing(&busy(), policy), listing(&busy(), policy));
        assert_eq!(one.text, other.text);
        assert_eq!(one.usage, other.usage);
        assert_eq!(format!("{:?}", one.pods), format!("{:?}", other.pods));
    }
}

#[test]
fn every_pod_has_one_row_and_its_instants_are_in_order() {
    for policy in Policy::ALL {
        let listing = listing(&busy(), policy);
        let mut names: Vec<String> = listing.pods.iter().map(|pod| pod.pod.to_string()).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{policy:?}");
        for pod in &listing.pods {
            let instants = [pod.admitted, pod.placed, pod.started, pod.ended];
            let known: Vec<Time> = std::iter::once(pod.submitted)
                .chain(instants.into_iter().flatten())
                .collect();
            assert!(known.is_sorted(), "{policy:?}: {pod:?}");
        }
        let completed = listing
            .works
            .iter()
            .filter(|work| work.outcome == Outcome::Completed)
            .count();
        assert_eq!(completed, 14, "{policy:?}: {}", listing.text);
    }
}

#[test]
fn a_run_stops_when_it_is_told_to() {
    let stop = std::sync::atomic::AtomicBool::new(true);
    let options = Options {
        stop: Some(&stop),
        ..Options::default()
    };
    let mut listing = Listing::default();
    let totals = run(&busy(), Policy::Leasehold, &options, &mut listing).unwrap();
    assert!(totals.interrupted);
}

#[test]
fn efficiency_lies_on_the_line_between_two_sizes() {
    let curve = [(1, 1_000_000), (8, 900_000)];
    let at = |replicas| super::jobs::efficiency(&curve, replicas);
    assert_eq!((at(1), at(8), at(20)), (1_000_000, 900_000, 900_000));
    assert_eq!(at(4), 1_000_000 - 42_857);
    assert_eq!(super::jobs::efficiency(&[], 5), 1_000_000);
}

/// Mean wait of the training jobs and mean use of the CPUs up to 550 s, as the published experiments count.
fn published_figures(name: &str, policy: Policy) -> String {
    let scenario = crate::scenario::load(name).unwrap().0;
    let listing = listing(&scenario, policy);
    let trainers: Vec<i64> = listing
        .works
        .iter()
        .filter(|work| work.kind == "job")
        .filter(|work| !work.name.ends_with("-ps") && !work.name.ends_with("-master"))
        .map(|work| work.wait.0)
        .collect();
    let mean_wait = trainers.iter().sum::<i64>() / i64::try_from(trainers.len()).unwrap();
    let share = |from: i64, to: i64| {
        let ends = listing.cpu.iter().skip(1).map(|row| row.0).chain([to]);
        let used: i64 = listing
            .cpu
            .iter()
            .zip(ends)
            .map(|(row, end)| (end.min(to) - row.0.max(from)).max(0) * (row.1 * 10_000 / row.2))
            .sum();
        used / (to - from)
    };
    let mut text = format!(
        "wait {} ms, cpu {} of 10000 up to 550 s, {} from 300 s to 370 s\n",
        mean_wait,
        share(0, 550_000),
        share(300_000, 370_000)
    );
    for line in listing.text.lines().filter(|line| line.contains("web/web")) {
        let Some((running, desired)) = line.rsplit_once(" of ") else {
            continue;
        };
        if running.ends_with(&format!(" {desired}")) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

#[test]
fn the_published_autoscaler_lands_near_its_published_figures() {
    expect![[r#"
        wait 45500 ms, cpu 7534 of 10000 up to 550 s, 8935 from 300 s to 370 s
    "#]]
    .assert_eq(&published_figures("edl-case1", Policy::Edl));
    expect![[r#"
        wait 256100 ms, cpu 7433 of 10000 up to 550 s, 8760 from 300 s to 370 s
    "#]]
    .assert_eq(&published_figures("edl-case1-fixed", Policy::Edl));
    expect![[r#"
        wait 50833 ms, cpu 8662 of 10000 up to 550 s, 8330 from 300 s to 370 s
        2s web/web 400 of 400
        110s web/web 300 of 300
        200s web/web 200 of 200
        290s web/web 100 of 100
    "#]]
    .assert_eq(&published_figures("edl-case2", Policy::Edl));
    expect![[r#"
        wait 16500 ms, cpu 6286 of 10000 up to 550 s, 4454 from 300 s to 370 s
        2s web/web 400 of 400
        110s web/web 300 of 300
        200s web/web 200 of 200
        290s web/web 100 of 100
        382s web/web 200 of 200
        472s web/web 300 of 300
        562s web/web 400 of 400
    "#]]
    .assert_eq(&published_figures("edl-case2-fixed", Policy::Edl));
}
