//! Good files, and what is read.

use super::super::read_text;
use super::{CLUSTER, POOL, scenario};
use crate::model::{Change, ChangeKind, Replicas, Work, Workload};
use engine::{Span, Time};

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
