//! The `testbed` program, as a person uses it.

use crate::support::until_all_gone;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program with its state in this folder.
fn testbed(state: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_testbed"))
        .args(arguments)
        .env("XDG_STATE_HOME", state)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(both).unwrap()
}

/// What a cluster's supervisor has written of it.
fn processes(folder: &Path) -> Vec<(String, u32)> {
    let facts = std::fs::read(folder.join("cluster.json")).unwrap();
    let facts: Value = serde_json::from_slice(&facts).unwrap();
    serde_json::from_value(facts["processes"].clone()).unwrap()
}

#[tokio::test]
async fn up_leaves_a_cluster_that_its_kubectl_reaches_and_down_removes_it() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("leasehold-testbed/leasehold");
    let up = testbed(state.path(), &["up", "--nodes", "5", "--label", "pool=a"]);
    assert!(up.status.success(), "{}", text(&up));
    let said = text(&up);
    let export = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("{name} in {said}"));
        value.split(['#', ':']).next().unwrap().trim().to_string()
    };
    let kubectl = Path::new(&export("export PATH=")).join("kubectl");
    let nodes = Command::new(kubectl)
        .args(["get", "nodes", "--selector=pool=a", "--output=name"])
        .env("KUBECONFIG", export("export KUBECONFIG="))
        .output()
        .unwrap();
    assert_eq!(text(&nodes).lines().count(), 5, "{}", text(&nodes));

    let twice = testbed(state.path(), &["up"]);
    assert!(text(&twice).contains("is up already"), "{}", text(&twice));
    let status = testbed(state.path(), &["status"]);
    assert!(
        text(&status).contains("5 nodes, 0 pods"),
        "{}",
        text(&status)
    );

    let processes = processes(&folder);
    let down = testbed(state.path(), &["down"]);
    assert!(text(&down).contains("is gone"), "{}", text(&down));
    until_all_gone(&processes, &folder).await;
    let again = testbed(state.path(), &["down"]);
    assert!(
        again.status.success() && text(&again).contains("no cluster"),
        "{}",
        text(&again)
    );
}

#[tokio::test]
async fn everything_ends_when_the_owner_is_killed() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("leasehold-testbed/doomed");
    let up = testbed(state.path(), &["up", "--name", "doomed", "--nodes", "1"]);
    assert!(up.status.success(), "{}", text(&up));
    let supervisor = std::fs::read_to_string(folder.join("lock")).unwrap();
    let supervisor = Pid::from_raw(supervisor.parse().unwrap());
    let processes = processes(&folder);
    assert_eq!(processes.len(), 5);

    kill(supervisor, Signal::SIGKILL).unwrap();
    until_all_gone(&processes, &folder.join("cluster")).await;
    let status = testbed(state.path(), &["status"]);
    assert!(
        text(&status).contains("ended by itself"),
        "{}",
        text(&status)
    );
    let down = testbed(state.path(), &["down", "--name", "doomed"]);
    assert!(down.status.success(), "{}", text(&down));
}

#[test]
fn a_mistake_in_the_arguments_is_told_before_anything_starts() {
    let state = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (["up", "--label", "pool"], "key=value"),
        (["up", "--taint", "pool"], "NoSchedule"),
        (["up", "--name", "a/b"], "letters, digits and dashes"),
    ] {
        let output = testbed(state.path(), &arguments);
        assert!(!output.status.success());
        assert!(text(&output).contains(said), "{}", text(&output));
    }
}
