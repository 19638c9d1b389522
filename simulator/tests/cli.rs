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
fn one_thread_and_two_leave_the_same_results() {
    let folder = folder("threads");
    let results = |threads: &str| {
        let out = folder.join(threads);
        let arguments = [
            "run",
            "edl-case2",
            "--csv",
            "--pods",
            "--threads",
            threads,
            "--out",
        ];
        let output = simulator(&[&arguments[..], &[out.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let entries = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<_> = entries
            .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let (one, two) = (results("1"), results("2"));
    assert_eq!(one.len(), 13);
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one.0, two.0);
        assert!(one.1 == two.1, "{:?} differs", one.0);
    }
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

#[test]
fn an_imported_trace_is_a_table_that_imports_to_itself() {
    let folder = folder("import");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let philly = "timestamp,duration,num_gpus,gpu_time,cluster\n\
        2017-10-09 07:01:55,66.0,12,66.0,vcB\n\
        2017-10-09 07:01:54,2.5,1,2951.0,vcA\n";
    std::fs::write(path("philly.csv"), philly).unwrap();
    let imported = simulator(&[
        "import",
        "philly",
        &path("philly.csv"),
        "-o",
        &path("a.csv"),
    ]);
    assert_eq!(stderr(&imported), "");
    assert_eq!(stdout(&imported), format!("{}: 2 jobs\n", path("a.csv")));
    let text = "name,namespace,submit,duration,priority,gang,replicas,models,gpu,last.gpu\n\
        job-2,vca,0,2.500,0,false,1,,1,\n\
        job-1,vcb,1,66,0,true,1,,8,4\n";
    assert_eq!(std::fs::read_to_string(path("a.csv")).unwrap(), text);
    for (from, to) in [
        ("a.csv", "b.csv.zst"),
        ("b.csv.zst", "c.csv.gz"),
        ("c.csv.gz", "d.csv"),
    ] {
        let imported = simulator(&["import", "csv", &path(from), "-o", &path(to)]);
        assert_eq!(
            (imported.status.code(), stderr(&imported)),
            (Some(0), String::new())
        );
    }
    assert_eq!(std::fs::read_to_string(path("d.csv")).unwrap(), text);
    assert!(
        std::fs::read(path("b.csv.zst"))
            .unwrap()
            .starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
    );
}

#[test]
fn an_import_that_fails_says_where_and_leaves_nothing_behind() {
    let folder = folder("import-fails");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
    std::fs::write(
        path("bad.csv"),
        "submit,duration,namespace\n1,2,a\nnever,2,a\n",
    )
    .unwrap();
    let failed = simulator(&["import", "csv", &path("bad.csv"), "-o", &path("out.csv")]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(stderr(&failed).contains("bad.csv:3:1: column submit: `never` cannot be used"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let passed = simulator(&[
        "import",
        "csv",
        &path("bad.csv"),
        "-o",
        &path("out.csv"),
        "--skip-bad-rows",
        "1",
    ]);
    assert!(stderr(&passed).starts_with("Warning: "));
    assert!(stdout(&passed).ends_with("1 jobs\n1 bad rows passed over\n"));
    let nowhere = simulator(&[
        "import",
        "csv",
        &path("bad.csv"),
        "-o",
        &path("no/out.csv"),
        "--skip-bad-rows",
        "1",
    ]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("out.csv: cannot be written: No such file"));
}
