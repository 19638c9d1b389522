//! Operations of the engine: admission beside a long queue, reclaim plans, room on nodes, growth.

use benches::{admitted, apply, deep_tree, elastic, lease, node, pod, pool, template};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use engine::spec::PodId;
use engine::{Engine, Event, Time};
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

/// 1,000 accounts at depth 4, all full, with 100,000 pods that wait: each operation ends a pod, and another
/// one is admitted.
fn crowded() -> (Engine, VecDeque<PodId>) {
    let mut engine = Engine::new();
    let leaves = deep_tree(&mut engine, [10, 5, 5, 4], 10);
    let form = template(1);
    let events: Vec<Event> = (0u64..110_000)
        .map(|id| {
            pod(
                id,
                &leaves[usize::try_from(id).unwrap_or(0) % leaves.len()],
                &form,
                0,
            )
        })
        .collect();
    let running = admitted(&apply(&mut engine, Time(200_000), &events));
    assert_eq!(running.len(), 10_000);
    (engine, running.into())
}

fn admission(criterion: &mut Criterion) {
    let (mut engine, mut running) = crowded();
    let mut now = 200_000;
    let mut latencies =
        Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).expect("three digits are supported");
    for _ in 0..50_000 {
        now += 1;
        let pod = running.pop_front().expect("10,000 run");
        let event = Event::PodEnded { pod };
        let begin = Instant::now();
        engine.feed(Time(now), &event);
        let actions = engine.decide(Time(now));
        latencies.saturating_record(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
        running.extend(admitted(&actions));
    }
    println!(
        "a pod ends and another is admitted, 1,000 accounts at depth 4, 100,000 waiting: median {} ns, p99 {} ns",
        latencies.value_at_quantile(0.5),
        latencies.value_at_quantile(0.99)
    );

    let (mut engine, _) = crowded();
    let mut id = 1_000_000;
    let form = template(1);
    let mut latencies =
        Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).expect("three digits are supported");
    for _ in 0..50_000 {
        id += 1;
        let event = pod(id, "ns-3-2-1-0", &form, 0);
        let begin = Instant::now();
        engine.feed(Time(900_000), &event);
        black_box(engine.decide(Time(900_000)));
        latencies.saturating_record(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    println!(
        "a pod arrives and is held, the same: median {} ns, p99 {} ns",
        latencies.value_at_quantile(0.5),
        latencies.value_at_quantile(0.99)
    );

    let mut engine = Engine::new();
    let leaves = deep_tree(&mut engine, [10, 5, 5, 4], 1_000);
    let mut id = 0;
    criterion.bench_function(
        "arrive, admit, end: idle cluster, 1,000 accounts at depth 4",
        |bencher| {
            bencher.iter(|| {
                id += 1;
                let leaf = &leaves[usize::try_from(id).unwrap_or(0) % leaves.len()];
                engine.feed(Time(1), &pod(id, leaf, &form, 0));
                black_box(engine.decide(Time(1)));
                engine.feed(Time(1), &Event::PodEnded { pod: PodId(id) });
                black_box(engine.decide(Time(1)));
            });
        },
    );
}

/// A borrower runs 10,000 pods; the owner asks for what `victims` of them hold.
fn reclaim(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reclaim plan over 10,000 candidates");
    group.sample_size(10);
    for victims in [1, 100, 10_000] {
        let setup = || {
            let mut engine = Engine::new();
            let events = [
                pool(10_000),
                lease("root", "owner", 10_000),
                lease("root", "borrower", 0),
            ];
            apply(&mut engine, Time(0), &events);
            let form = template(1);
            let pods: Vec<Event> = (0..10_000)
                .map(|id| pod(id, "borrower", &form, i32::try_from(id % 7).unwrap_or(0)))
                .collect();
            apply(&mut engine, Time(20_000), &pods);
            engine.feed(
                Time(20_001),
                &pod(1_000_000, "owner", &template(victims), 0),
            );
            engine
        };
        group.bench_function(format!("{victims} victims"), |bencher| {
            bencher.iter_batched_ref(
                setup,
                |engine| black_box(engine.decide(Time(20_001))),
                BatchSize::LargeInput,
            );
        });
    }
    let keys: Vec<(i32, std::cmp::Reverse<i64>, String)> = (0..10_000i64)
        .map(|id| {
            (
                i32::try_from(id % 7).unwrap_or(0),
                std::cmp::Reverse(id * 7919 % 10_007),
                format!("p-{id}"),
            )
        })
        .collect();
    group.bench_function("sorting the candidates", |bencher| {
        bencher.iter_batched_ref(|| keys.clone(), |keys| keys.sort(), BatchSize::LargeInput);
    });
    group.finish();
}

fn room(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrive, find room, end");
    for nodes in [10, 100, 1_000, 5_000] {
        let mut engine = Engine::new();
        let mut events = vec![pool(0)];
        events.extend((0..nodes).map(|at| node(&format!("n-{at}"), 16)));
        events.push(lease("root", "a", 16 * nodes));
        apply(&mut engine, Time(0), &events);
        let form = template(5);
        let fill: Vec<Event> = (0..u64::try_from(nodes).unwrap_or(0) * 3 - 1)
            .map(|id| pod(id, "a", &form, 0))
            .collect();
        apply(&mut engine, Time(0), &fill);
        let mut id = 1_000_000;
        group.bench_function(format!("{nodes} nodes"), |bencher| {
            bencher.iter(|| {
                id += 1;
                engine.feed(Time(1), &pod(id, "a", &form, 0));
                black_box(engine.decide(Time(1)));
                engine.feed(Time(1), &Event::PodEnded { pod: PodId(id) });
                black_box(engine.decide(Time(1)));
            });
        });
    }
    group.finish();
}

fn growth(criterion: &mut Criterion) {
    let setup = || {
        let mut engine = Engine::new();
        apply(
            &mut engine,
            Time(0),
            &[
                pool(10_000),
                lease("root", "a", 100),
                lease("root", "b", 100),
            ],
        );
        let form = template(1);
        for at in 0..100 {
            engine.feed(
                Time(0),
                &elastic(
                    if at % 2 == 0 { "a" } else { "b" },
                    &format!("job-{at}"),
                    &form,
                    2,
                    1_000,
                ),
            );
        }
        engine
    };
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10);
    group.bench_function("100 elastic workloads share 10,000 cores", |bencher| {
        bencher.iter_batched_ref(
            setup,
            |engine| black_box(engine.decide(Time(0))),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, admission, reclaim, room, growth);
criterion_main!(benches);
