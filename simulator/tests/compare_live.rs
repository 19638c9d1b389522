//! `compare-live` on folders as a live run leaves them. What is in them here was simulated: a run in a cluster is
//! compared where there is one, in the controller's own tests.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic, as tests do"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Two accounts of 4 cores; `train` grows into what is idle and makes room when `web` rises, twice.
const SCENARIO: &str = "
apiVersion: leasehold.dev/v1alpha1
kind: Scenario
metadata: {name: small}
spec:
  duration: 5m
  cluster:
    nodes: [{count: 2, name: std, allocatable: {cpu: 4, pods: 110}}]
    podStartup: 2s
    podTermination: 2s
  objects:
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityPool
      metadata: {name: general}
      spec: {resources: [cpu], rootNamespace: enterprise, nodeSelector: {}}
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityLease
      metadata: {name: web, namespace: enterprise}
      spec: {pool: general, lessee: web, guaranteed: {cpu: 4}}
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityLease
      metadata: {name: ml, namespace: enterprise}
      spec: {pool: general, lessee: ml, guaranteed: {cpu: 4}}
  workloads:
    - service: {namespace: web, name: shop, request: {cpu: 1},
                replicas: [{at: 0s, count: 1}, {at: 60s, count: 4}, {at: 120s, count: 1}, {at: 200s, count: 3}]}
    - job: {namespace: ml, name: train, at: 10s, request: {cpu: 1}, replicas: 2, work: 100000s,
            elastic: {min: 1, max: 8, cooldown: 10s}}
";

fn simulator(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The scenario as a file, and a folder of a run of it.
fn run_of(home: &Path) -> (PathBuf, PathBuf) {
    let scenario = home.join("small.yaml");
    fs::write(&scenario, SCENARIO).unwrap();
    let live = home.join("live");
    let arguments = [
        "run",
        text(&scenario),
        "--csv",
        "--pods",
        "--out",
        text(&live),
    ];
    let output = simulator(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    (scenario, live)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn rewrite(path: &Path, change: impl Fn(String) -> String) {
    let old = fs::read_to_string(path).unwrap();
    let new = change(old.clone());
    assert_ne!(old, new, "nothing to change in {}", path.display());
    fs::write(path, new).unwrap();
}

#[test]
fn a_run_agrees_with_itself() {
    let home = tempfile::tempdir().unwrap();
    let (scenario, live) = run_of(home.path());
    let output = simulator(&["compare-live", text(&scenario), text(&live)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = stdout(&output);
    assert!(told.contains(" 0 within the tolerance, 0 differ"), "{told}");
    assert!(told.contains("2 workloads, 0 differ"), "{told}");

    let json = simulator(&["compare-live", text(&scenario), text(&live), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["agrees"], true);
    let steps = json["steps"].as_array().unwrap();
    let shrinks = steps.iter().filter(|step| step["verb"] == "shrink");
    assert_eq!(shrinks.count(), 2, "the web has risen twice: {json:#}");
    assert!(steps.iter().all(|step| step["live"] == step["simulated"]));
}

/// Names, numbers of pods and the clock are a cluster's own; a log comes in several files, with other lines in it.
#[test]
fn names_of_pods_and_the_clock_may_be_others() {
    let home = tempfile::tempdir().unwrap();
    let (scenario, live) = run_of(home.path());
    let log = live.join("decisions.jsonl");
    // The simulator's pods are named after their workload; here they are not, and all is two days later.
    let renamed = |text: String| {
        text.replace("\"shop-", "\"web-7d9c-")
            .replace("\"train-", "\"worker-")
    };
    rewrite(&live.join("pods.csv"), |text| {
        text.replace(",shop-", ",web-7d9c-")
            .replace(",train-", ",worker-")
    });
    let lines: Vec<String> = renamed(fs::read_to_string(&log).unwrap())
        .lines()
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["now"] = (line["now"].as_i64().unwrap() + 172_800_000).into();
            line["time"] = 7.into();
            line.to_string()
        })
        .collect();
    fs::remove_file(&log).unwrap();
    let started = "{\"started\": {\"epoch\": 1, \"version\": \"0.1.0\"}}";
    let (first, second) = lines.split_at(lines.len() / 2);
    fs::write(
        live.join("decisions-1.jsonl"),
        format!("{started}\n{}\n", first.join("\n")),
    )
    .unwrap();
    fs::write(
        live.join("decisions-2.jsonl"),
        format!("{{\"audit\": {{}}}}\n{}\n", second.join("\n")),
    )
    .unwrap();
    // 2026-01-03T00:00:00Z: scenarios begin with the year, and this one two days later.
    let about =
        "{\"schema\": \"leasehold.dev/live-run/v1\", \"start\": 1767398400000, \"nodes\": 2}";
    fs::write(live.join("run.json"), about).unwrap();
    let output = simulator(&["compare-live", text(&scenario), text(&live)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    // An hour's error of the clock is no detail.
    fs::write(
        live.join("run.json"),
        about.replace("1767398400000", "1767402000000"),
    )
    .unwrap();
    let output = simulator(&["compare-live", text(&scenario), text(&live)]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_decision_that_is_missing_and_a_pod_that_came_late_are_found() {
    let home = tempfile::tempdir().unwrap();
    let (scenario, live) = run_of(home.path());
    let log = live.join("decisions.jsonl");
    let whole = fs::read_to_string(&log).unwrap();
    // At 60 s the web rises: its pods have arrived, but nobody was asked to make room.
    let without = |line: &str| -> String {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["time"] == 60.0 {
            let actions = line["actions"].as_array_mut().unwrap();
            actions.retain(|action| action.get("scale").is_none());
        }
        format!("{line}\n")
    };
    rewrite(&log, |text| text.lines().map(without).collect());
    let output = simulator(&["compare-live", text(&scenario), text(&live)]);
    assert_eq!(output.status.code(), Some(1));
    let told = stdout(&output);
    assert!(
        told.contains("1 differ\nthe first difference is step"),
        "{told}"
    );
    assert!(
        told.contains("shrink ml/train to 4  ONLY SIMULATED"),
        "{told}"
    );
    assert!(told.contains("2 workloads, 0 differ"), "{told}");

    fs::write(&log, whole).unwrap();
    // The job's pods run 3 s later than they did: 2 s, 5 s.
    rewrite(&live.join("pods.csv"), |text| {
        let late = |line: &str| -> String {
            let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
            if fields[1] == "train" && !fields[6].is_empty() {
                fields[6] = (fields[6].parse::<f64>().unwrap() + 3.0).to_string();
            }
            fields.join(",") + "\n"
        };
        text.lines().map(late).collect()
    });
    let output = simulator(&["compare-live", text(&scenario), text(&live)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains("2 workloads, 1 differ"),
        "{output:?}"
    );
    let patient = [
        "compare-live",
        text(&scenario),
        text(&live),
        "--slack",
        "3s",
    ];
    assert_eq!(simulator(&patient).status.code(), Some(0));
}

#[test]
fn a_folder_without_a_log_is_bad_input() {
    let home = tempfile::tempdir().unwrap();
    let output = simulator(&["compare-live", "edl-case1", text(home.path())]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("holds no decisions.jsonl"), "{told}");
}
