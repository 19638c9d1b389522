//! Short workloads in queues with borrowing, after a published load test of a queueing controller.
//!
//! A cohort is a line of business that borrows from no other; a queue is a namespace with a guarantee of 20
//! cpu that may use up to 120. No workload runs longer than a second, so `minRuntimeSeconds: 1` lets each one
//! end: to evict it would only waste what it has done, and the capacity is back soon enough. There are no nodes in it, so leases alone decide and pods start at once.

use super::write::Text;

/// The size of a load test.
pub struct Size {
    name: &'static str,
    cohorts: u32,
    queues: u32,
    /// Small, medium and large workloads of each queue.
    counts: [u32; 3],
}

/// 5 cohorts × 6 queues × 500 workloads.
pub const BASELINE: Size = Size {
    name: "queue-baseline",
    cohorts: 5,
    queues: 6,
    counts: [350, 100, 50],
};

/// 10 cohorts × 100 queues × 50 workloads.
pub const LARGE: Size = Size {
    name: "queue-large",
    cohorts: 10,
    queues: 100,
    counts: [35, 11, 4],
};

/// Name, cpu, spacing and run time in milliseconds, priority.
const CLASSES: [(&str, u32, u32, u32, u32); 3] = [
    ("small", 1, 100, 200, 50),
    ("medium", 5, 500, 500, 100),
    ("large", 20, 1200, 1000, 200),
];

const GUARANTEE: u32 = 20;
const LIMIT: u32 = 120;

/// The scenario.
pub fn text(size: &Size) -> String {
    let each: u32 = size.counts.iter().sum();
    let about = format!(
        "{} cohorts of {} queues with {each} workloads each.",
        size.cohorts, size.queues
    );
    let mut text = Text::scenario(size.name, &[&about]);
    let cohort_cpu = size.queues * GUARANTEE;
    text.line("  cluster:");
    text.line("    placement: quota-only");
    text.line("    podStartup: 0s");
    text.line("    podTermination: 0s");
    text.line("    nodes:");
    text.line(&format!(
        "      - {{name: quota, count: {}, allocatable: {{cpu: \"{cohort_cpu}\", pods: \"1000000\"}}}}",
        size.cohorts
    ));
    text.pool("resources: [cpu]");
    for cohort in 0..size.cohorts {
        let cpu =
            format!("guaranteed: {{cpu: \"{cohort_cpu}\"}}, limit: {{cpu: \"{cohort_cpu}\"}}");
        text.lease("enterprise", &format!("cohort-{cohort}"), &cpu);
    }
    let queue_name = |cohort: u32, queue: u32| format!("cohort-{cohort}-queue-{queue}");
    for cohort in 0..size.cohorts {
        for queue in 0..size.queues {
            let limit = LIMIT.min(cohort_cpu);
            let cpu = format!(
                "guaranteed: {{cpu: \"{GUARANTEE}\"}}, limit: {{cpu: \"{limit}\"}}, reclaim: {{minRuntimeSeconds: 1}}"
            );
            text.lease(
                &format!("cohort-{cohort}"),
                &queue_name(cohort, queue),
                &cpu,
            );
        }
    }
    text.line("  workloads:");
    for cohort in 0..size.cohorts {
        for queue in 0..size.queues {
            for ((class, cpu, spacing, run, priority), count) in
                CLASSES.into_iter().zip(size.counts)
            {
                // The first one comes one spacing after the start, so the last of 50 large ones at 60 s.
                text.workload(
                    "job",
                    &format!(
                        "namespace: {}, name: {class}, at: {spacing}ms, every: {spacing}ms, count: {count}, request: \
                         {{cpu: \"{cpu}\"}}, priority: {priority}, duration: {run}ms",
                        queue_name(cohort, queue)
                    ),
                );
            }
        }
    }
    text.finish()
}
