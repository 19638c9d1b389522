//! The readers on the published traces, where they are beside the project; else each test says it was skipped.

use super::super::{helios_quotas, open_series, openb, time};
use super::*;
use crate::model::SeriesSource;
use std::collections::BTreeMap;

fn data(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/traces")
        .join(path);
    if !path.exists() {
        eprintln!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn kth_has_28475_usable_jobs() {
    let Some(path) = data("pwa-kth-sp2-1996/KTH-SP2-1996-2.1-cln.swf.gz") else {
        return;
    };
    let (list, jobs) = all(&source("swf", &path));
    assert_eq!((list.len(), jobs.counts().passed_over()), (28_475, 1));
    assert!(list.is_sorted_by_key(|job| job.at));
}

#[test]
fn the_reference_selection_of_philly_has_68503_jobs() {
    let (Some(path), Some(sizes)) = (
        data("philly-adaptdl/philly.csv.gz"),
        data("philly-node-sequence/philly_vc.csv"),
    ) else {
        return;
    };
    let mut trace = source("philly", &path);
    let (whole, _) = all(&trace);
    assert_eq!(whole.len(), 82_247);
    let sizes = std::fs::read_to_string(sizes).unwrap();
    let sizes: BTreeMap<String, u64> = sizes
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(vc, nodes)| (vc.to_string(), 8 * nodes.trim().parse::<u64>().unwrap()))
        .collect();
    let date = |text| Some(Bound::At(Time(time::calendar(text).unwrap())));
    trace.window = (date("2017-10-01"), date("2017-12-01"));
    trace.namespace = NamespaceFrom::Column {
        column: "cluster".into(),
        map: Some(sizes.keys().map(|vc| (vc.clone(), vc.clone())).collect()),
    };
    trace.max_gpus = sizes;
    let (list, jobs) = all(&trace);
    assert_eq!(list.len(), 68_503);
    let counts = jobs.counts();
    assert_eq!(counts.jobs + counts.outside + counts.passed_over(), 82_247);
}

#[test]
fn openb_has_8152_pods_and_1523_nodes() {
    let (Some(pods), Some(nodes)) = (
        data("alibaba-gpu-v2023-openb/openb_pod_list_default.csv.gz"),
        data("alibaba-gpu-v2023-openb/openb_node_list_all_node.csv"),
    ) else {
        return;
    };
    let (list, _) = all(&source("openb", &pods));
    assert_eq!(list.len(), 8_152);
    let asked = |resource: &str| -> i64 {
        let amounts = list
            .iter()
            .map(|job| job.pods[0].0.request.get(resource).copied().unwrap_or(0));
        amounts.sum()
    };
    assert_eq!((asked("cpu"), asked("gpu-milli")), (85_436_012, 6_086_800));
    let nodes = openb::read_nodes(&nodes).unwrap();
    let has = |resource: &str| -> i64 {
        nodes
            .iter()
            .map(|node| node.allocatable.get(resource).copied().unwrap_or(0))
            .sum()
    };
    assert_eq!(
        (nodes.len(), has("gpu-milli"), has("cpu")),
        (1_523, 6_212_000, 125_514_000)
    );
    let groups = openb::groups(&nodes, "openb");
    assert_eq!(groups.iter().map(|group| group.count).sum::<u32>(), 1_523);
    assert!(groups.len() < 100, "{} groups", groups.len());
}

/// GPUs that wait on average in hundredths: above each tenant's quota, and above the sum of the quotas.
#[test]
fn of_helios_50_55_gpus_wait_under_static_quotas_and_0_27_cannot_be_avoided() {
    let Some(path) = data("helios-earth-vc-demand") else {
        return;
    };
    let quotas = helios_quotas(&path).unwrap();
    assert_eq!((quotas.len(), quotas.values().sum::<i64>()), (16, 856));
    let mut trace = source("helios-demand", &path);
    trace.namespace = by_column("vc");
    let mut waiting = 0;
    let mut changes: BTreeMap<i64, i64> = BTreeMap::new();
    let demands = services(&trace).unwrap();
    assert_eq!(demands.len(), 16);
    for demand in demands {
        let quota = quotas[&demand.namespace];
        let found = steps(demand.steps);
        for pair in found.windows(2) {
            let [(from, count), (to, _)] = pair else {
                continue;
            };
            waiting += (i64::from(*count) - quota).max(0) * (to - from);
        }
        let mut before = 0;
        for (at, count) in found {
            *changes.entry(at).or_default() += i64::from(count) - before;
            before = i64::from(count);
        }
    }
    let month = 44_640 * 60_000;
    assert_eq!(
        (changes.keys().next(), changes.keys().last()),
        (Some(&0), Some(&month))
    );
    let (mut total, mut last, mut unavoidable) = (0, 0, 0);
    for (at, change) in changes {
        unavoidable += (total - 856).max(0) * (at - last);
        (total, last) = (total + change, at);
    }
    let hundredths = |sum: i64| (sum * 100 + month / 2) / month;
    assert_eq!((hundredths(waiting), hundredths(unavoidable)), (5055, 27));
}

#[test]
fn requests_of_the_web_and_of_a_model_are_counted() {
    let (Some(web), Some(model)) = (
        data("web-nasa-1995-rps/requests_per_minute.csv.gz"),
        data("azure-llm-inference-2023/AzureLLMInferenceTrace_code.csv.gz"),
    ) else {
        return;
    };
    let most = |path: &Path, format: &str| {
        let source = SeriesSource {
            path: path.into(),
            format: format.into(),
            requests_per_replica: 1,
            interval: Span::seconds(60),
            bounds: (0, u32::MAX),
            speedup: 1_000_000,
            window: (None, None),
        };
        let found = steps(open_series(&source, Time(0)).unwrap());
        (
            found.last().unwrap().0 / 60_000,
            found.iter().map(|step| step.1).max().unwrap(),
        )
    };
    assert_eq!(most(&web, "requests"), (84_332, 409));
    assert_eq!(most(&model, "llm-requests").0, 58);
}
