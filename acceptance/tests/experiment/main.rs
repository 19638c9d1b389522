//! A scenario of the simulator on a whole installation, in real time: the published case in small.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use acceptance::experiment::command::read;
use acceptance::experiment::figures::{rises, sizes, turns};
use acceptance::experiment::live::{self, Live};
use acceptance::experiment::plan::{Manner, Owner, Plan};
use acceptance::experiment::results::decision_files;
use simulator::commands::verify;
use std::path::Path;

/// Jobs that come, and changes of the web: 2 and 3.
const LOAD_STEPS: usize = 5;

/// A job may change its size so often for each: web pods come and end one after another where the machine is busy.
const CHANGES_PER_STEP: usize = 8;

const SCENARIO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scenarios/web-over-training.yaml"
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_gets_what_it_asks_for_from_training_which_loses_nothing() {
    let (scenario, text) = read(SCENARIO).unwrap();
    let manner = Manner {
        owner: Owner::Deployment,
        brings_gate: false,
    };
    let plan = Plan::new(&scenario, &text, manner).unwrap();
    let home = tempfile::tempdir().unwrap();
    let output = home.path().join("live");
    let live = Live {
        plan: &plan,
        manner: "live",
        program: Path::new(env!("CARGO_BIN_EXE_acceptance")),
        output: &output,
    };
    let outcome = live::run(&live, |line| eprintln!("{line}")).await.unwrap();

    let rises = rises(&outcome.rows.services, outcome.rows.end);
    let desired: Vec<u32> = rises.iter().map(|rise| rise.desired).collect();
    assert_eq!(desired, [36, 36]);
    for rise in &rises {
        assert!(rise.reached_after.is_some(), "never reached: {rise:?}");
        assert_eq!(rise.short_after.0, 0, "short again: {rise:?}");
    }
    let sizes = sizes(&outcome.rows.sizes);
    for job in ["job-0", "job-1"] {
        let sizes = &sizes[job];
        assert!(
            sizes.iter().all(|&size| size >= 2),
            "below its minimum: {job} {sizes:?}"
        );
        assert!(
            sizes.iter().any(|&size| size > 4),
            "it never grew: {job} {sizes:?}"
        );
        assert!(turns(sizes) <= LOAD_STEPS, "it flaps: {job} {sizes:?}");
        assert!(
            sizes.len() <= 1 + LOAD_STEPS * CHANGES_PER_STEP,
            "too many changes: {job} {sizes:?}"
        );
    }
    let summary = &outcome.finished.summary;
    assert_eq!(summary.work_lost.0, 0);
    assert!(summary.shrinks > 0, "nobody gave anything: {sizes:?}");
    // A count is written once a change, beside the first that comes with the owner.
    let changes = summary.shrinks + summary.grows;
    assert!(
        outcome.writes.of("counts of owners") <= changes + 2,
        "{:?} for {changes} changes",
        outcome.writes
    );

    // What was decided is decided again.
    let logs = decision_files(&output).unwrap();
    verify::run(verify::Args { logs }).unwrap();
    for file in ["report.html", "pods.csv", "run.json"] {
        assert!(output.join(file).is_file(), "{file}");
    }
}
