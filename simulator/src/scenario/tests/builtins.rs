//! The scenarios that are built in.

use super::super::read;
use crate::model::{Replicas, Scenario, Workload};

#[test]
fn every_builtin_reads_without_a_problem() {
    for (name, ..) in crate::builtin::all() {
        let (scenario, problems) = read(name);
        assert_eq!(problems, [], "{name}");
        assert_eq!(scenario.unwrap().name, name);
    }
}

#[test]
fn a_builtin_is_the_same_each_time_and_its_seed_matters() {
    let text = |source: &str| crate::builtin::text(source).unwrap();
    assert_eq!(text("enterprise"), text("enterprise:pods=100000,seed=1"));
    assert_ne!(text("diurnal"), text("diurnal:seed=2"));
}

/// About how many pods a scenario makes.
fn pods(scenario: &Scenario) -> u64 {
    let of_job = |job: &crate::model::Job| match job.elastic {
        Some(elastic) => u64::from(elastic.max),
        None => job.pods.iter().map(|(_, n)| u64::from(*n)).sum(),
    };
    let each = scenario.workloads.iter().map(|workload| match workload {
        Workload::Job(job) => of_job(job),
        Workload::Series(series) => of_job(&series.job) * u64::from(series.count),
        Workload::Service(service) => match &service.replicas {
            Replicas::Steps(steps) => steps.iter().map(|(_, n)| u64::from(*n)).max().unwrap_or(0),
            Replicas::Series(_) => 0,
        },
        Workload::Trace(_) => 0,
    });
    each.sum()
}

#[test]
fn builtins_have_the_size_that_they_promise() {
    let count = |name: &str| pods(&read(name).0.unwrap());
    assert_eq!(count("queue-baseline"), 15_000);
    assert_eq!(count("queue-large"), 50_000);
    assert_eq!(count("edl-case1"), 20 * 71);
    for (name, promised) in [
        ("enterprise", 100_000),
        ("enterprise:pods=1000000", 1_000_000),
    ] {
        let n = count(name);
        assert!(n.abs_diff(promised) * 20 < promised, "{name}: {n}");
    }
}
