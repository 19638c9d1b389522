//! The program as its users see it: what it prints and how it ends.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic, as tests do"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn simulator(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder of this test alone, empty.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_builtin_that_is_listed_can_be_validated() {
    let list = simulator(&["list"]);
    assert_eq!(list.status.code(), Some(0));
    let list = stdout(&list);
    let names: Vec<&str> = list
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"edl-case2") && names.contains(&"enterprise"));
    for name in names {
        let output = simulator(&["validate", name]);
        assert_eq!(
            (output.status.code(), stderr(&output)),
            (Some(0), String::new())
        );
    }
}

#[test]
fn a_generated_file_is_what_is_printed_and_is_valid() {
    let folder = folder("generated");
    let path = folder.join("mine.yaml");
    let path = path.to_str().unwrap();
    let written = simulator(&["generate", "enterprise:pods=2000,seed=3", "-o", path]);
    assert_eq!(
        (written.status.code(), stdout(&written)),
        (Some(0), String::new())
    );
    let printed = simulator(&["generate", "enterprise:pods=2000,seed=3"]);
    assert_eq!(stdout(&printed), std::fs::read_to_string(path).unwrap());
    assert_eq!(simulator(&["validate", path]).status.code(), Some(0));
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "nothing is left aside"
    );
}

#[test]
fn all_mistakes_of_a_file_and_of_those_it_names_are_on_stderr() {
    let folder = folder("mistakes");
    let scenario = folder.join("s.yaml");
    std::fs::write(
        &scenario,
        "apiVersion: leasehold.dev/v1alpha1
kind: Scenario
metadata: {name: x}
spec:
  cluster: {nodes: [{name: std, allocatable: {cpu: 1o}}]}
  manifests: [leases.yaml, gone.yaml]
  workloads:
    - trace: {path: t.csv, namespaceFrom: {map: tenants.yaml}}
",
    )
    .unwrap();
    let lease = "apiVersion: leasehold.dev/v1alpha1
kind: CapacityLease
metadata: {name: a, namespace: root}
spec: {pool: general, lessee: a, guarantee: {cpu: 1}}
";
    std::fs::write(folder.join("leases.yaml"), lease).unwrap();
    std::fs::write(folder.join("tenants.yaml"), "u1: Team One\n").unwrap();
    std::fs::write(folder.join("t.csv"), "submit,duration\n").unwrap();
    let output = simulator(&["validate", scenario.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let said = stderr(&output).replace(&format!("{}/", folder.display()), "");
    let said = said.replace(
        &folder.canonicalize().unwrap().display().to_string(),
        "FOLDER",
    );
    expect_test::expect![[r#"
        Error: s.yaml:5:52: spec.cluster.nodes[0].allocatable.cpu: "1o" is no quantity: unknown suffix "o"; there are n u m k M G T P E, Ki Mi Gi Ti Pi Ei and exponents such as e3
        Error: s.yaml:6:28: spec.manifests[1]: there is no file `gone.yaml`
        Hint: paths are relative to FOLDER
        Error: leases.yaml:4:34: CapacityLease root/a: spec.guarantee: unknown field; perhaps guaranteed is meant
        Error: tenants.yaml:1:5: u1: `Team One` is no name that Kubernetes allows
        Hint: small letters, digits and `-`, at most 63 characters
    "#]].assert_eq(&said);
}

#[test]
fn a_command_line_that_is_wrong_ends_with_status_2() {
    for arguments in [
        &["validate"][..],
        &["frobnicate"],
        &["validate", "no-such-file.yaml"],
        &["generate", "edl-case9"],
        &["generate", "diurnal:pods=3"],
        &["generate", "edl-case1", "-o", "/no-such-folder/x.yaml"],
    ] {
        let output = simulator(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!stderr(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_folder_or_bytes_that_are_no_text_are_no_scenario() {
    let folder = folder("bytes");
    let path = folder.join("s.yaml");
    std::fs::write(&path, b"kind: \xff\xfe").unwrap();
    for source in [&folder, &path] {
        let output = simulator(&["validate", source.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).starts_with("Error: "),
            "{}",
            stderr(&output)
        );
    }
}
