//! Series: demand of virtual clusters, active nodes, requests.

use super::super::open_series;
use super::*;
use crate::model::SeriesSource;

const DEMAND: &str = "\
time,total_gpu_num,running_gpu_num,pending_gpu_num
2020-05-01 00:00:00,8,3,0
2020-05-01 00:01:00,8,3,0
2020-05-01 00:02:00,8,8,4
2020-05-01 00:03:00,8,1,0
";

fn helios() -> Folder {
    let folder = Folder::new();
    folder.write("vcB.csv", DEMAND.replace(",3,0", ",0,0"));
    folder.write("vcA.csv", DEMAND);
    folder.write("summary.csv", "date,total\n2020-05-01,16\n");
    folder
}

#[test]
fn each_virtual_cluster_is_a_service_of_one_gpu_pods() {
    let folder = helios();
    let mut trace = source("helios-demand", &folder.0);
    trace.namespace = by_column("vc");
    let found = services(&trace).unwrap();
    let found: Vec<_> = found
        .into_iter()
        .map(|demand| {
            (
                demand.namespace.to_string(),
                demand.name.to_string(),
                demand.template.request.get("nvidia.com/gpu").copied(),
                steps(demand.steps),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "vca".into(),
                "vca".into(),
                Some(1),
                vec![(0, 3), (120_000, 12), (180_000, 1), (240_000, 0)]
            ),
            (
                "vcb".into(),
                "vcb".into(),
                Some(1),
                vec![(0, 0), (120_000, 12), (180_000, 1), (240_000, 0)]
            ),
        ]
    );
    let quotas = super::super::helios_quotas(&folder.0).unwrap();
    assert_eq!(
        quotas.into_iter().collect::<Vec<_>>(),
        [("vca".into(), 8), ("vcb".into(), 8)]
    );
}

#[test]
fn a_window_of_a_level_begins_with_what_is_in_force() {
    let folder = helios();
    let mut trace = source("helios-demand", &folder.0.join("vcA.csv"));
    let mut with = |from, to, speedup| {
        trace.window = (from, to);
        trace.speedup = speedup;
        steps(services(&trace).unwrap().remove(0).steps)
    };
    assert_eq!(
        with(after(90), None, 1_000_000),
        [(0, 3), (30_000, 12), (90_000, 1), (150_000, 0)]
    );
    assert_eq!(
        with(after(60), after(150), 1_000_000),
        [(0, 3), (60_000, 12), (90_000, 0)]
    );
    assert_eq!(
        with(None, None, 2_000_000),
        [(0, 3), (60_000, 12), (90_000, 1), (120_000, 0)]
    );
    assert_eq!(with(after(200), None, 1_000_000), [(0, 1), (40_000, 0)]);
}

#[test]
fn rows_of_a_series_stand_in_order() {
    let folder = Folder::new();
    let text = DEMAND.replace("00:02:00", "00:00:30");
    let trace = source("helios-demand", &folder.write("vcA.csv", text));
    let mut found = services(&trace).unwrap().remove(0).steps;
    let problem = found.find_map(Result::err).unwrap().to_string();
    assert!(
        problem.contains("vcA.csv:4:1: column time: `2020-05-01 00:00:30` cannot be used"),
        "{problem}"
    );
    let trace = TraceSource {
        skip_bad_rows: 1,
        ..trace
    };
    let mut found = services(&trace).unwrap().remove(0).steps;
    assert_eq!(
        found
            .by_ref()
            .map(|step| step.unwrap().1)
            .collect::<Vec<_>>(),
        [3, 1, 0]
    );
    assert_eq!(found.skipped().len(), 1);
}

#[test]
fn active_nodes_are_a_service_of_pods_that_fill_a_node() {
    let folder = Folder::new();
    let text = "time,active,total\n2017-10-03 00:00:00,312,420\n2017-10-03 00:01:00,309,420\n";
    let trace = source("philly-sequence", &folder.write("seq.csv", text));
    let demand = services(&trace).unwrap().remove(0);
    assert_eq!(demand.template.request.get("nvidia.com/gpu"), Some(&8));
    assert_eq!(steps(demand.steps), [(0, 312), (60_000, 309), (120_000, 0)]);
}

fn series(format: &str, path: &Path) -> SeriesSource {
    SeriesSource {
        path: path.into(),
        format: format.into(),
        requests_per_replica: 50,
        interval: Span::seconds(60),
        bounds: (1, 9),
        speedup: 1_000_000,
        window: (None, None),
    }
}

#[test]
fn requests_become_the_replicas_that_serve_them() {
    let folder = Folder::new();
    let path = folder.write("rpm.csv", "minute,requests\n0,42\n1,51\n2,100\n5,10000\n");
    let mut source = series("requests", &path);
    let read = |source: &SeriesSource| steps(open_series(source, Time(0)).unwrap());
    assert_eq!(
        read(&source),
        [
            (0, 1),
            (60_000, 2),
            (180_000, 1),
            (300_000, 9),
            (360_000, 1)
        ]
    );
    source.interval = Span::seconds(120);
    assert_eq!(read(&source), [(0, 2), (240_000, 9), (360_000, 1)]);
    source.window = (after(60), after(180));
    assert_eq!(read(&source), [(0, 4), (120_000, 1)]);
    source.interval = Span::seconds(30);
    let told = open_series(&source, Time(0)).err().unwrap().to_string();
    assert!(
        told.contains("has a row every 60000 ms, and `interval` is 30000 ms"),
        "{told}"
    );
}

#[test]
fn each_row_of_llm_requests_counts_one() {
    let folder = Folder::new();
    let text = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
        2023-11-16 18:17:03.9799600,4808,10\r\n\
        2023-11-16 18:17:04.0319600,3180,8\r\n\
        2023-11-16 18:17:08.0781490,110,27\r\n";
    let mut source = series("llm-requests", &folder.write("llm.csv", text));
    source.interval = Span::seconds(1);
    source.requests_per_replica = 1;
    source.bounds.0 = 0;
    let read = steps(open_series(&source, Time(5000)).unwrap());
    assert_eq!(read, [(5000, 2), (6000, 0), (9000, 1), (10_000, 0)]);
}
