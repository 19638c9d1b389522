//! Whole runs of small scenarios: decided only, and with all results, written here or by a thread beside the run.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to measure"
)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use simulator::model::Scenario;
use simulator::output::{About, Beside, Options, Results};
use simulator::record::{Discard, Sink, Totals};
use simulator::{run, scenario};
use std::path::Path;
use std::time::Duration;

/// A web service over elastic training; queues by leases alone; a thousand namespaces with work of all kinds.
const SCENARIOS: [&str; 3] = ["edl-case2", "queue-baseline", "enterprise:pods=10000"];

fn run_into(scenario: &Scenario, sink: &mut dyn Sink) -> Totals {
    run::run(scenario, scenario.policy, &run::Options::default(), sink).unwrap()
}

fn results(scenario: &Scenario, folder: &Path) -> Results {
    let about = About {
        scenario: scenario.name.clone(),
        policy: scenario.policy.name().to_owned(),
        seed: scenario.seed,
        start: scenario.start,
    };
    Results::create(&folder.join("out"), about, Options::default()).unwrap()
}

fn runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("run");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    let folder = tempfile::tempdir().unwrap();
    for name in SCENARIOS {
        let (scenario, _) = scenario::load(name).unwrap();
        group.bench_function(BenchmarkId::new("decided", name), |bencher| {
            bencher.iter(|| run_into(&scenario, &mut Discard));
        });
        group.bench_function(BenchmarkId::new("one thread", name), |bencher| {
            bencher.iter(|| {
                let mut results = results(&scenario, folder.path());
                run_into(&scenario, &mut results);
                results.close().unwrap().summary
            });
        });
        group.bench_function(BenchmarkId::new("two threads", name), |bencher| {
            bencher.iter(|| {
                let mut beside = Beside::new(results(&scenario, folder.path())).unwrap();
                run_into(&scenario, &mut beside);
                beside.close().unwrap().summary
            });
        });
    }
    group.finish();
}

criterion_group!(benches, runs);
criterion_main!(benches);
