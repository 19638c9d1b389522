//! `simulator verify`, as its users see it: logs of runs, whole and damaged.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic, as tests do"
)]

use decision_log::{Started, write_started};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn simulator(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.args(arguments).output().unwrap()
}

fn verify(logs: &[&Path]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    let output = command.arg("verify").args(logs).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The decision log of a run, and the folder of this test in which it lies.
fn log_of(test: &str, scenario: &str, policy: &str) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let out = folder.join("out");
    let run = simulator(&[
        "run",
        scenario,
        "--policy",
        policy,
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    (out.join("decisions.jsonl"), folder)
}

fn started(version: &str) -> String {
    let mut line = Vec::new();
    let started = Started {
        epoch: 1,
        version: version.to_owned(),
        identity: String::new(),
    };
    write_started(&mut line, &started).unwrap();
    String::from_utf8(line).unwrap()
}

#[test]
fn what_a_run_decided_is_decided_again() {
    for policy in ["leasehold", "borrow-kill", "static"] {
        let (log, _) = log_of(&format!("verify-{policy}"), "edl-case2", policy);
        let decisions = fs::read_to_string(&log).unwrap().lines().count();
        let (status, stdout, stderr) = verify(&[&log]);
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        assert!(
            stdout.starts_with(&format!("no difference: {decisions} decisions and ")),
            "{stdout}"
        );
    }
}

#[test]
fn the_first_difference_is_shown_with_line_and_both_sides() {
    let (log, folder) = log_of("verify-difference", "edl-case2", "leasehold");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.contains("\"scale\":"))
        .unwrap();
    let (before, scale) = lines[at].split_once("\"to\":").unwrap();
    let forged = format!("{before}\"to\":1{scale}");
    let wrong = text.replacen(lines[at], &forged, 1);
    let path = folder.join("wrong.jsonl");
    fs::write(&path, wrong).unwrap();
    let (status, stdout, stderr) = verify(&[&path]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let place = format!("wrong.jsonl:{}:1: ", at + 1);
    assert!(stderr.contains(&place), "{stderr}");
    let [expected, got] = ["expected {\"", "got      {\""].map(|side| {
        let (_, rest) = stderr.split_once(side).unwrap();
        rest.lines().next().unwrap().to_owned()
    });
    assert_ne!(expected, got, "{stderr}");
    assert!(lines[at].contains(&got), "{stderr}");
}

#[test]
fn rotated_files_are_one_log_and_their_order_counts() {
    let (log, folder) = log_of("verify-rotated", "edl-case2", "leasehold");
    let text = fs::read_to_string(&log).unwrap();
    let middle = text.len() / 2;
    let cut = middle + text[middle..].find('\n').unwrap() + 1;
    let [first, second] = ["0.jsonl", "1.jsonl"].map(|name| folder.join(name));
    fs::write(&first, &text[..cut]).unwrap();
    fs::write(&second, &text[cut..]).unwrap();
    let whole = verify(&[&log]);
    assert_eq!(whole.0, Some(0));
    assert_eq!(verify(&[&first, &second]), whole);
    let (status, _, stderr) = verify(&[&second, &first]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("the oldest first?"), "{stderr}");
}

#[test]
fn a_start_makes_the_engine_new_and_a_line_cut_before_it_is_passed_over() {
    let (log, folder) = log_of("verify-start", "edl-case2", "leasehold");
    let text = fs::read_to_string(&log).unwrap();
    let path = folder.join("crash.jsonl");
    let cut_inside = &text[..text.len() - 20];
    let start = started(env!("CARGO_PKG_VERSION"));

    fs::write(&path, format!("{start}{cut_inside}")).unwrap();
    let (status, stdout, stderr) = verify(&[&path]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.starts_with("Warning: ") && stderr.contains("after a crash"));
    assert!(stdout.contains("after one start"), "{stdout}");

    fs::write(&path, format!("{start}{cut_inside}\n{start}{text}")).unwrap();
    let (status, stdout, stderr) = verify(&[&path]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.starts_with("Warning: "), "{stderr}");
    assert!(stdout.contains("after 2 starts"), "{stdout}");

    // Without the start, what follows the cut line cannot be replayed.
    fs::write(&path, format!("{start}{cut_inside}\n{text}")).unwrap();
    let (status, _, stderr) = verify(&[&path]);
    assert_eq!(status, Some(2));
    assert!(stderr.starts_with("Error: "), "{stderr}");
}

#[test]
fn what_is_no_decision_log_is_bad_input_with_its_line() {
    let (log, folder) = log_of("verify-bad", "edl-case2", "edl");
    let (status, _, stderr) = verify(&[&log]);
    assert_eq!(status, Some(2), "the engine decides nothing under edl");
    assert!(stderr.contains("`none` and `edl`"), "{stderr}");

    let path = folder.join("bad.jsonl");
    for (text, message) in [
        ("", "holds no decision"),
        ("{\"now\":1}\n", "bad.jsonl:1:1: is no decision"),
        ("{\"audit\":{}}\nhello\n", "bad.jsonl:2:1: is no decision"),
    ] {
        fs::write(&path, text).unwrap();
        let (status, _, stderr) = verify(&[&path]);
        assert_eq!(status, Some(2));
        assert!(stderr.contains(message), "{stderr}");
    }
    let (status, _, stderr) = verify(&[&folder.join("absent.jsonl")]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("absent.jsonl"), "{stderr}");
}

#[test]
fn a_difference_in_the_log_of_another_version_names_both() {
    let (log, folder) = log_of("verify-version", "edl-case2", "leasehold");
    let text = fs::read_to_string(&log).unwrap();
    let forged = text.replacen("\"to\":", "\"to\":1", 1);
    let path = folder.join("old.jsonl");
    fs::write(&path, format!("{}{forged}", started("0.0.7"))).unwrap();
    let (status, _, stderr) = verify(&[&path]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("version 0.0.7"), "{stderr}");
}
