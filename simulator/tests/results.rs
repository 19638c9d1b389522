//! What a results folder holds, and that it is the same each time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod common;

use simulator::output::{Beside, Options, Results, tables};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (home.path().join("one"), home.path().join("two"));
    common::write(&one, "leasehold", common::ALL);
    common::write(&two, "leasehold", common::ALL);
    let (one, two) = (files(&one), files(&two));
    assert!(one.len() >= 12, "{:?}", one.keys());
    for (name, bytes) in &one {
        assert!(two.get(name) == Some(bytes), "{name} differs");
    }
}

#[test]
fn a_thread_beside_the_run_writes_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (home.path().join("one"), home.path().join("two"));
    common::write(&one, "leasehold", common::ALL);
    let results = Results::create(&two, common::about("leasehold"), common::ALL).unwrap();
    let mut beside = Beside::new(results).unwrap();
    common::feed(&mut beside, "leasehold");
    beside.close().unwrap();
    let (one, two) = (files(&one), files(&two));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        two.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &one {
        assert!(two.get(name) == Some(bytes), "{name} differs");
    }
}

#[test]
fn a_run_that_fails_leaves_nothing_that_was_written_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out");
    let results = Results::create(&target, common::about("leasehold"), common::ALL).unwrap();
    let mut beside = Beside::new(results).unwrap();
    common::feed(&mut beside, "leasehold");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    drop(beside);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn only_what_is_asked_for_is_written() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("out");
    common::write(
        &folder,
        "leasehold",
        Options {
            csv: false,
            pods: false,
            timeline: false,
            decisions: false,
            report: false,
        },
    );
    let names: Vec<String> = files(&folder).into_keys().collect();
    assert_eq!(
        names,
        [
            "services.parquet",
            "summary.json",
            "utilization.parquet",
            "workloads.parquet"
        ]
    );
}

#[test]
fn the_summary_has_the_figures_of_the_rows() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("out");
    common::write(&folder, "static", common::ALL);
    let text = fs::read_to_string(folder.join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (pointer, value) in [
        ("/schema", serde_json::json!("leasehold.dev/summary/v1")),
        ("/policy", serde_json::json!("static")),
        ("/pods_completed", serde_json::json!(280)),
        ("/evictions", serde_json::json!(1)),
        ("/work_lost", serde_json::json!(12.5)),
        ("/replicas_shrunk", serde_json::json!(48)),
        ("/disruptions", serde_json::json!(2)),
        ("/wait/by_namespace/web/p99", serde_json::json!(2.0)),
        ("/wait/by_priority/10000/count", serde_json::json!(1)),
        ("/wait/count", serde_json::json!(81)),
        (
            "/service_deficit/services/0/name",
            serde_json::json!("shop"),
        ),
        ("/service_deficit/longest", serde_json::json!(50.0)),
        ("/refusals/0/time", serde_json::json!(60.0)),
        ("/refusals/0/reason", serde_json::json!("NotFound")),
        ("/workloads/pending", serde_json::json!(2)),
        ("/end", serde_json::json!(600.0)),
        ("/makespan", serde_json::json!(552.396)),
        ("/interrupted", serde_json::json!(false)),
    ] {
        assert_eq!(summary.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn a_time_in_a_csv_is_seconds_since_the_start_and_empty_where_nothing_happened() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("out");
    common::write(&folder, "leasehold", common::ALL);
    let csv = fs::read_to_string(folder.join("workloads.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "namespace,name,kind,priority,submitted,admitted,started,ended,wait,outcome,replicas_wanted,\
         replicas_mean,shrinks,grows,evictions,work_lost"
    );
    assert_eq!(
        lines[2],
        "render,job-1,job,0,5.000,5.009,5.009,36.009,0.009,completed,4,4.000,1,0,0,0.000"
    );
    assert!(
        lines[80].starts_with("<script>alert(1)</script>,job-79,job,0,395.000,,,,205.000,pending")
    );
}

#[test]
fn each_line_of_the_decisions_is_an_instant_with_its_events_and_actions() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("out");
    common::write(&folder, "leasehold", common::ALL);
    let text = fs::read_to_string(folder.join("decisions.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[0]["events"].as_array().map(Vec::len), Some(12));
    assert_eq!(lines[8]["time"], 477.0);
    assert_eq!(lines[8]["actions"][0]["scale"]["to"], 27);
    assert_eq!(lines[8]["now"], common::START.0 + 477_000);
}

#[test]
fn the_documentation_lists_each_table_with_its_columns_in_order() {
    let docs = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/results-format.md"
    ))
    .unwrap();
    for (table, columns) in tables::columns() {
        let (_, section) = docs
            .split_once(&format!("### `{table}`\n"))
            .unwrap_or_else(|| panic!("no section for {table}"));
        let section = section.split("\n##").next().unwrap();
        let listed: Vec<&str> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        assert_eq!(listed, names, "{table}");
    }
}
