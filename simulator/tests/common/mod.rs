//! A small run as a run loop would tell it, for tests of what is made of it.

use engine::spec::{Name, PodId, PodSpec, WorkloadKey};
use engine::{Action, Cause, Event, Refusal, Span, Time};
use simulator::output::{About, Options, Results};
use simulator::record::{
    Outcome, PodRow, RefusalRow, ServiceRow, Sink, TimelineRow, Totals, UtilizationRow, WorkloadRow,
};
use std::path::Path;

/// Instant 0 of the sample.
pub const START: Time = Time(1_767_225_600_000);

/// Everything there is.
pub const ALL: Options = Options {
    csv: true,
    pods: true,
    timeline: true,
    decisions: true,
    report: true,
};

/// What the sample is.
pub fn about(policy: &str) -> About {
    About {
        scenario: "sample".to_owned(),
        policy: policy.to_owned(),
        seed: 7,
        start: START,
    }
}

/// Writes the sample's results into `folder`.
pub fn write(folder: &Path, policy: &str, options: Options) -> simulator::output::Finished {
    let mut results = Results::create(folder, about(policy), options).unwrap();
    feed(&mut results, policy);
    results.close().unwrap()
}

fn at(seconds: i64) -> Time {
    START + Span::seconds(seconds)
}

/// Ten minutes: a web service that falls and rises, batch jobs in four accounts that make room for it. One
/// namespace has a name that no cluster would allow, and that no page may take for markup.
pub fn feed(sink: &mut dyn Sink, policy: &str) {
    let slow = if policy == "leasehold" { 1 } else { 4 };
    let batch: [Name; 4] = [
        "ml".into(),
        "render".into(),
        "etl".into(),
        "<script>alert(1)</script>".into(),
    ];
    let web: Name = "web".into();
    for second in 0..600_i64 {
        let now = at(second);
        let desired = match second {
            0..110 => 400,
            110..200 => 300,
            200..290 => 200,
            290..380 => 100,
            380..470 => 200,
            _ => 400,
        };
        let lag = if second >= 470 {
            (470 + 12 * slow - second).max(0)
        } else {
            0
        };
        let running = u32::try_from((desired - lag * 200 / (12 * slow)).clamp(0, desired)).unwrap();
        if second % 5 == 0 || lag > 0 {
            sink.service(ServiceRow {
                time: now,
                namespace: web.clone(),
                name: "shop".into(),
                desired: u32::try_from(desired).unwrap(),
                running,
            });
        }
        let web_use = i64::from(running) * 3000;
        account(
            sink,
            now,
            &web,
            1_200_000,
            Some(1_200_000),
            web_use,
            (desired - i64::from(running)) * 3000,
        );
        let free = 2_348_000 - web_use - 50_000;
        for (index, namespace) in (0..).zip(&batch) {
            let share = free * (4 - index) / 10 - (second * 37 + index * 1000) % 40_000;
            let pending = if second % 100 < 20 { 60_000 } else { 0 };
            account(sink, now, namespace, 250_000, None, share, pending);
        }
        sink.utilization(UtilizationRow {
            time: now,
            resource: "cpu".into(),
            used: 2_348_000 * 9 / 10 - (second % 30) * 3000 - lag * 10_000,
            allocatable: if (250..300).contains(&second) {
                2_300_000
            } else {
                2_348_000
            },
        });
        sink.utilization(UtilizationRow {
            time: now,
            resource: "memory".into(),
            used: (4_000 + second) << 30,
            allocatable: 8_512 << 30,
        });
    }
    decisions(sink, &batch[0], &web);
    for n in 0..80_i64 {
        job(sink, n, &batch[usize::try_from(n % 4).unwrap()], slow);
    }
    sink.workload(WorkloadRow {
        namespace: web.clone(),
        name: "shop".into(),
        kind: "service",
        priority: 10_000,
        submitted: at(0),
        admitted: Some(at(0)),
        started: Some(at(2)),
        ended: None,
        wait: Span::seconds(2),
        outcome: Outcome::Running,
        replicas_wanted: 400,
        replica_time: (600_000 * 280, Span::seconds(600)),
        shrinks: 3,
        grows: 2,
        evictions: 0,
        work_lost: 0,
        pods_completed: 0,
    });
    sink.refusal(RefusalRow {
        time: at(60),
        kind: "CapacityLease",
        namespace: "enterprise".into(),
        name: "boost".into(),
        refusal: Refusal::NotFound {
            object: "CapacityPool general".to_owned(),
        },
    });
    sink.finish(&Totals {
        events: 12_345,
        disruptions: 2,
        replicas_shrunk: 48,
        passed_over: 0,
        guarantee_violations: 0,
        end: at(600),
        interrupted: false,
    });
}

fn account(
    sink: &mut dyn Sink,
    time: Time,
    namespace: &Name,
    guaranteed: i64,
    limit: Option<i64>,
    used: i64,
    pending: i64,
) {
    for (resource, factor) in [("cpu", 1), ("memory", (1 << 30) / 1000)] {
        sink.timeline(TimelineRow {
            time,
            namespace: namespace.clone(),
            resource: resource.into(),
            guaranteed: guaranteed * factor,
            limit: limit.map(|limit| limit * factor),
            used: used * factor,
            borrowed: (used - guaranteed).max(0) * factor,
            lent: (guaranteed - used).max(0) / 2 * factor,
            pending: pending * factor,
        });
    }
}

fn decisions(sink: &mut dyn Sink, ml: &Name, web: &Name) {
    let pods: Vec<Event> = (0..12)
        .map(|id| {
            Event::PodArrived(PodSpec {
                id: PodId(id),
                namespace: ml.clone(),
                name: format!("train-{id}").into(),
                priority: 0,
                created: at(0),
                template: Default::default(),
                pool: None,
                group: None,
                ordinal: None,
                workload: Some("train".into()),
            })
        })
        .collect();
    sink.decision(at(0), pods, Vec::new());
    let cause = |n: i64| Cause::Reclaim {
        to: web.clone(),
        request: format!("shop-{n}").into(),
    };
    for n in 0..8_u32 {
        let shrink = Action::Scale {
            workload: WorkloadKey {
                namespace: ml.clone(),
                name: format!("job-{n}").into(),
            },
            from: 40 - n,
            to: 34 - n,
            remove: vec![],
            cause: cause(n.into()),
        };
        let evict = Action::Evict {
            pod: PodId(n.into()),
            grace: Span::seconds(5),
            cause: cause(n.into()),
        };
        let actions = if n == 7 {
            vec![shrink, evict]
        } else {
            vec![shrink]
        };
        sink.decision(at(470 + i64::from(n)), vec![Event::TimePassed], actions);
    }
}

fn job(sink: &mut dyn Sink, n: i64, namespace: &Name, slow: i64) {
    let submitted = at(n * 5);
    let wait = match n {
        78.. => at(600) - submitted,
        _ if n % 7 == 0 => Span(0),
        _ => Span(n * n * 9 * slow),
    };
    let is_done = n < 70;
    let started = Some(submitted + wait).filter(|_| n < 78);
    let ended = Some(submitted + wait + Span::seconds(30 + n % 9)).filter(|_| is_done);
    let name: Name = format!("job-{n}").into();
    sink.workload(WorkloadRow {
        namespace: namespace.clone(),
        name: name.clone(),
        kind: "job",
        priority: 0,
        submitted,
        admitted: started,
        started,
        ended,
        wait,
        outcome: match n {
            0..70 => Outcome::Completed,
            70..78 => Outcome::Running,
            _ => Outcome::Pending,
        },
        replicas_wanted: 4,
        replica_time: (
            i64::from(is_done) * 4 * (30_000 + n % 9 * 1000),
            Span::seconds(30 + n % 9),
        ),
        shrinks: u64::from(n < 8),
        grows: 0,
        evictions: u64::from(n == 7 && slow > 1),
        work_lost: if n == 7 && slow > 1 { 12_500 } else { 0 },
        pods_completed: if is_done { 4 } else { 0 },
    });
    if sink.wants_pods() {
        sink.pod(PodRow {
            namespace: namespace.clone(),
            workload: name.clone(),
            pod: format!("{name}-0").into(),
            submitted,
            admitted: started,
            placed: started,
            started,
            ended,
            node: started.map(|_| format!("std-{n}").into()),
            outcome: if is_done {
                Outcome::Completed
            } else {
                Outcome::Running
            },
        });
    }
}
