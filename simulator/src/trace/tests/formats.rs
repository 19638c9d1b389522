//! Each format of jobs on a few rows, good and bad.

use super::*;
use crate::model::Shape;
use expect_test::expect;

const SWF: &str = "\
; UnixStartTime: 1000
   15   60 192180   3477    4     -1    -1    4  53940    -1  1  12  12  -1 -1 -1 -1 -1
   16   90  11940     -1   25     -1    -1   25   3600    -1  1  13  13  -1 -1 -1 -1 -1
   17   95  11940      0   -1     -1    -1    2   3600    -1  1  -1  13  -1 -1 -1 -1 -1
   18   99  11940      5   -1     -1    -1   -1   3600    -1  1  13  13  -1 -1 -1 -1 -1
";

#[test]
fn an_swf_job_is_a_gang_of_one_processor_pods() {
    let folder = Folder::new();
    let mut trace = source("swf", &folder.write("a.swf", SWF));
    expect![[r#"
        60 lab/job-15 for 3477: 4 x (cpu 1000) gang
        95 lab/job-17 for 0: 2 x (cpu 1000) gang
        2 passed over: their processors or run time are unknown
    "#]]
    .assert_eq(&listing(&trace));
    trace.shape = Some(Shape::Single);
    trace.namespace = by_column("user");
    trace.priority = 7;
    trace.node_selector = vec![("team".into(), "of-{namespace}".into())];
    expect![[r#"
        60 12/job-15 for 3477: 1 x (cpu 4000) on team=of-12 priority 7
        95 unknown/job-17 for 0: 1 x (cpu 2000) on team=of-unknown priority 7
        2 passed over: their processors or run time are unknown
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn the_log_of_an_swf_file_knows_dates() {
    let folder = Folder::new();
    let mut trace = source("swf", &folder.write("a.swf", SWF));
    trace.window = (Some(Bound::At(Time(1_070_000))), None);
    expect![[r#"
        25 lab/job-17 for 0: 2 x (cpu 1000) gang
        2 passed over: their processors or run time are unknown
        1 outside, 0 bad
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn bad_rows_of_swf_are_told_with_line_and_column() {
    let folder = Folder::new();
    let text = "1 x 0 5 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n1 2 3\n";
    let trace = source("swf", &folder.write("bad.swf", text));
    expect![[r#"
        Error: /bad.swf:1:3: column submit time: `x` cannot be used
        Hint: write seconds (`12.5`) or a time (`2017-10-09 07:01:55`, `2017-10-09T07:01:55Z`)
        Error: /bad.swf:2:1: has 3 fields instead of 18
        Hint: a row of SWF has 18 numbers, -1 for what is unknown
    "#]]
    .assert_eq(&problems(&trace));
    let trace = TraceSource {
        namespace: by_column("tenant"),
        ..trace
    };
    expect![[r#"
        Error: /bad.swf: has no column `tenant`
        Hint: the namespace may come from `user`, `group`, `executable`, `queue`, `partition`
    "#]]
    .assert_eq(&problems(&trace));
}

const OPENB: &str = "\
name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
openb-pod-0000,12000,16384,1,460,,LS,Running,427061,427100,427063
openb-pod-0001,6000,12288,8,1000,T4|P100,BE,Pending,0,50,
openb-pod-0002,6000,0,0,0,,BE,Running,0,50,0
";

#[test]
fn an_openb_pod_is_charged_its_fraction_of_a_gpu() {
    let folder = Folder::new();
    let mut trace = source("openb", &folder.write("pods.csv", OPENB));
    trace.namespace = by_column("qos");
    expect![[r#"
        0 be/openb-pod-0001 for 50: 1 x (cpu 6000, gpu-milli 8000, memory 12884901888) of T4|P100
        0 be/openb-pod-0002 for 50: 1 x (cpu 6000)
        427061 ls/openb-pod-0000 for 37: 1 x (cpu 12000, gpu-milli 460, memory 17179869184)
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn a_pod_that_was_deleted_before_it_was_scheduled_is_a_bad_row() {
    let folder = Folder::new();
    let text = OPENB.replace("427100", "427000");
    let trace = source("openb", &folder.write("pods.csv", text));
    expect![[r#"
        Error: /pods.csv:2:53: column deletion_time: `427000` cannot be used
        Hint: a pod is deleted after it was scheduled
    "#]]
    .assert_eq(&problems(&trace));
}

#[test]
fn openb_nodes_are_grouped_by_form() {
    let folder = Folder::new();
    let text = "sn,cpu_milli,memory_mib,gpu,model\na,32000,1024,0,\nb,64000,1024,2,P100\nc,32000,1024,0,\n";
    let nodes = super::super::openb::read_nodes(&folder.write("nodes.csv", text)).unwrap();
    let groups = super::super::openb::groups(&nodes, "openb");
    let text: Vec<String> = groups
        .iter()
        .map(|group| {
            format!(
                "{} {} {:?} {:?}",
                group.name, group.count, group.node.labels, group.node.allocatable
            )
        })
        .collect();
    expect![[r#"
        openb-1 2 {} {"cpu": 32000, "memory": 1073741824, "pods": 110}
        openb-2 1 {"gpu-model": "P100"} {"cpu": 64000, "gpu-milli": 2000, "memory": 1073741824, "pods": 110}"#]]
    .assert_eq(&text.join("\n"));
}

const PHILLY: &str = "\
timestamp,duration,num_gpus,gpu_time,cluster
2017-10-09 07:01:55,66.0,1,66.0,11cb48
2017-10-09 06:13:03,2951.5,12,2951.0,6214e9
2017-09-29 07:58:32,860662.0,16,860662.0,11cb48
";

#[test]
fn a_philly_job_becomes_as_few_pods_as_its_gpus_need() {
    let folder = Folder::new();
    let mut trace = source("philly", &folder.write("philly.csv", PHILLY));
    trace.namespace = by_column("cluster");
    expect![[r#"
        0 11cb48/job-3 for 860662: 2 x (nvidia.com/gpu 8) gang
        857671 6214e9/job-2 for 2951.500: 1 x (nvidia.com/gpu 8) + 1 x (nvidia.com/gpu 4) gang
        860603 11cb48/job-1 for 66: 1 x (nvidia.com/gpu 1)
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn a_map_and_a_bound_select_philly_jobs_and_from_is_instant_zero() {
    let folder = Folder::new();
    let mut trace = source("philly", &folder.write("philly.csv", PHILLY));
    let date = |text| Some(Bound::At(Time(super::super::time::calendar(text).unwrap())));
    trace.namespace = NamespaceFrom::Column {
        column: "cluster".into(),
        map: Some([("11cb48".into(), "vision".into())].into()),
    };
    trace.max_gpus = [("vision".into(), 15)].into();
    trace.window = (date("2017-10-09"), date("2017-10-10"));
    expect![[r#"
        25315 vision/job-1 for 66: 1 x (nvidia.com/gpu 1)
        1 passed over: their namespace is not in the map
        1 passed over: they ask for more GPUs than `maxGpus` of their namespace
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn a_window_may_be_counted_from_the_earliest_row() {
    let folder = Folder::new();
    let mut trace = source("philly", &folder.write("philly.csv", PHILLY));
    trace.window = (after(857_671), after(860_603));
    trace.start = Time(1_000_000);
    expect![[r#"
        1000 lab/job-2 for 2951.500: 1 x (nvidia.com/gpu 8) + 1 x (nvidia.com/gpu 4) gang
        2 outside, 0 bad
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn speed_brings_arrivals_together_and_leaves_jobs_as_long_as_they_are() {
    let folder = Folder::new();
    let mut trace = source("swf", &folder.write("a.swf", SWF));
    trace.speedup = 2_500_000;
    expect![[r#"
        24 lab/job-15 for 3477: 4 x (cpu 1000) gang
        38 lab/job-17 for 0: 2 x (cpu 1000) gang
        2 passed over: their processors or run time are unknown
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn csv_columns_are_named_and_amounts_are_of_the_job_or_of_each_replica() {
    let folder = Folder::new();
    let text = "\
id,when,secs,n,cores,mem,gpus,prio,who
a,2026-01-01 00:00:00,10,,2.5,1Gi,,5,Team A
b,2026-01-01T00:00:01.5Z,0.25,,4,8Gi,12,,Team A
c,2026-01-01 00:01:00,10,3,500m,1G,,-1,Team B
d,2026-01-01 00:01:00,10,2,1,,4,,Team B
";
    let mut trace = source("csv", &folder.write("jobs.csv", text));
    let names = [
        ("name", "id"),
        ("submit", "when"),
        ("duration", "secs"),
        ("replicas", "n"),
        ("cpu", "cores"),
        ("memory", "mem"),
        ("gpu", "gpus"),
        ("priority", "prio"),
    ];
    trace.columns = names
        .map(|(field, column)| (field.into(), column.into()))
        .into();
    trace.namespace = by_column("who");
    expect![[r#"
        0 team-a/a for 10: 1 x (cpu 2500, memory 1073741824) priority 5
        1.500 team-a/b for 0.250: 1 x (cpu 2667, memory 5726623062, nvidia.com/gpu 8) + 1 x (cpu 1334, memory 2863311531, nvidia.com/gpu 4) gang
        60 team-b/c for 10: 3 x (cpu 500, memory 1000000000) priority -1
        60 team-b/d for 10: 2 x (cpu 1000, nvidia.com/gpu 4) gang
    "#]]
    .assert_eq(&listing(&trace));
    trace.shape = Some(Shape::Gang);
    trace.window = (None, after(1));
    expect![[r#"
        0 team-a/a for 10: 2 x (cpu 1000, memory 429496730) + 1 x (cpu 500, memory 214748365) gang priority 5
        3 outside, 0 bad
    "#]]
    .assert_eq(&listing(&trace));
    trace.shape = Some(Shape::Single);
    trace.window = (after(60), None);
    expect![[r#"
        0 team-b/c for 10: 1 x (cpu 1500, memory 3000000000) priority -1
        0 team-b/d for 10: 1 x (cpu 2000, nvidia.com/gpu 8)
        2 outside, 0 bad
    "#]]
    .assert_eq(&listing(&trace));
}

#[test]
fn absent_columns_of_a_csv_are_nothing() {
    let folder = Folder::new();
    let trace = source(
        "csv",
        &folder.write("jobs.csv", "submit,duration\n3,4\n\n5,6\n"),
    );
    expect![[r#"
        3 lab/job-1 for 4: 1 x ()
        5 lab/job-2 for 6: 1 x ()
    "#]]
    .assert_eq(&listing(&trace));
}

const BAD_CSV: &str = "\
name,submit,duration,cpu,gpu,replicas
a,0,-5,1,0,1
b,soon,5,1,0,1
c,3,5,lots,0,1
d,4,5,1,0.5,1
e,5,5,1
f,6,5,1,0,0
g,7,5,1,0,2
h,2026-01-01,5,1,0,2
";

#[test]
fn every_bad_row_of_a_csv_is_told() {
    let folder = Folder::new();
    let mut trace = source("csv", &folder.write("bad.csv", BAD_CSV));
    let told = expect![[r#"
        Error: /bad.csv:2:5: column duration: `-5` cannot be used
        Hint: write seconds, such as `90` or `0.5`
        Error: /bad.csv:3:3: column submit: `soon` cannot be used
        Hint: write seconds (`12.5`) or a time (`2017-10-09 07:01:55`, `2017-10-09T07:01:55Z`)
        Error: /bad.csv:4:7: column cpu: `lots` cannot be used
        Hint: write a Kubernetes quantity, such as `2`, `500m` or `4Gi`, up to 2^53 base units
        Error: /bad.csv:5:9: column gpu: `0.5` cannot be used
        Hint: write a whole number, 0 or more
        Error: /bad.csv:6:1: has 4 fields instead of 6
        Hint: a row has one field for each column of the first line
        Error: /bad.csv:7:1: asks for 0 pods
        Hint: a job has 1 to 1,000,000 pods
        Error: /bad.csv:9:3: column submit: `2026-01-01` cannot be used
        Hint: write all of a file's times in one form
    "#]];
    told.assert_eq(&problems(&trace));
    trace.skip_bad_rows = 6;
    assert!(problems(&trace).contains("has 7 bad rows, and 6 may be passed over"));
    trace.skip_bad_rows = 7;
    expect![[r#"
        7 lab/g for 5: 2 x (cpu 1000)
        0 outside, 7 bad
    "#]]
    .assert_eq(&listing(&trace));
    let (_, jobs) = all(&trace);
    assert_eq!((jobs.warnings().len(), jobs.counts().passed_over()), (7, 7));
}

#[test]
fn a_header_without_the_column_names_the_nearest() {
    let folder = Folder::new();
    let mut trace = source("csv", &folder.write("a.csv", "submitted,duration\n"));
    expect![[r#"
        Error: /a.csv:1:1: has no column `submit`
        Hint: did you mean `submitted`? (name another with `columns: {submit: …}`)
    "#]]
    .assert_eq(&problems(&trace));
    trace.path = folder.write("empty.csv", "");
    expect![[r#"
        Error: /empty.csv: is empty
        Hint: the first line names the columns
    "#]]
    .assert_eq(&problems(&trace));
    trace.path = folder.0.join("none.csv");
    assert!(problems(&trace).starts_with("Error: /none.csv: cannot be read: No such file"));
}

#[test]
fn a_date_does_not_cut_a_trace_that_counts_seconds() {
    let folder = Folder::new();
    let mut trace = source("csv", &folder.write("a.csv", "submit,duration\n1,2\n"));
    trace.window = (Some(Bound::At(Time(0))), None);
    expect![[r#"
        Error: /a.csv: counts its time in seconds since its start, and `from` or `to` is a date
        Hint: give `from` and `to` as durations since the trace's start, such as `24h`
    "#]]
    .assert_eq(&problems(&trace));
}
