//! The same work under several policies, side by side.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod common;

use simulator::output::comparison;
use simulator::problem::Problem;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

const POLICIES: [&str; 3] = ["leasehold", "static", "borrow-kill"];

fn compare(target: &Path, threads: usize) {
    let abouts = POLICIES.map(|policy| (common::about(policy), policy));
    let (folder, summaries) = comparison::write(
        target,
        &abouts,
        common::ALL,
        NonZeroUsize::new(threads).unwrap(),
        &|policy, sink| {
            common::feed(sink, policy);
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(folder, target);
    let policies: Vec<_> = summaries
        .iter()
        .map(|summary| summary.policy.as_str())
        .collect();
    assert_eq!(policies, POLICIES);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

#[test]
fn one_thread_and_two_write_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (home.path().join("one"), home.path().join("two"));
    compare(&one, 1);
    compare(&two, 2);
    let in_one = files(&one);
    assert_eq!(in_one.len(), 2 + 3 * 13);
    for file in in_one {
        let other = two.join(file.strip_prefix(&one).unwrap());
        assert!(
            fs::read(&file).unwrap() == fs::read(other).unwrap(),
            "{} differs",
            file.display()
        );
    }
    assert_eq!(
        files(home.path()).len(),
        2 * (2 + 3 * 13),
        "nothing is left aside"
    );
}

#[test]
fn the_comparison_holds_each_summary_and_replaces_an_earlier_one() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out");
    compare(&target, 2);
    compare(&target, 2);
    let text = fs::read_to_string(target.join("comparison.json")).unwrap();
    let comparison: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (index, policy) in POLICIES.iter().enumerate() {
        let text = fs::read_to_string(target.join(policy).join("summary.json")).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(comparison["runs"][index], summary);
        assert_eq!(comparison["policies"][index], *policy);
    }
}

#[test]
fn a_run_that_fails_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let failure = comparison::write(
        &home.path().join("out"),
        &POLICIES.map(|policy| (common::about(policy), policy)),
        common::ALL,
        NonZeroUsize::new(2).unwrap(),
        &|policy, sink| {
            common::feed(sink, policy);
            match policy {
                "static" => Err(Problem::error("no").into()),
                _ => Ok(()),
            }
        },
    );
    assert_eq!(failure.unwrap_err().to_string(), "Error: no");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn the_result_of_a_policy_is_that_of_a_run_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let (alone, compared) = (home.path().join("alone"), home.path().join("compared"));
    common::write(&alone, "static", common::ALL);
    compare(&compared, 2);
    for file in files(&alone) {
        let other = compared.join("static").join(file.file_name().unwrap());
        assert!(
            fs::read(&file).unwrap() == fs::read(other).unwrap(),
            "{} differs",
            file.display()
        );
    }
}
