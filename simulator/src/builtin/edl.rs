//! The published experiments with elastic training: their nodes, jobs and times.
//!
//! What the publication does not say is chosen so:
//! - `podStartup: 2s`: images are on the nodes; a web server or trainer runs two seconds after it is bound.
//! - `podTermination: 2s`: a trainer has nothing to save. Its parameters are on the parameter servers and its
//!   share of the data goes back to the master's queue, so it ends as soon as it is asked to.
//! - 64 GiB a node: memory limits nothing, as three trainers and a web pod take 27 of it.
//! - the background of a node is kept out of what is leased by the pool's reserve.
//! - elastic jobs ask for 15 trainers at first, in case 1 as in case 2: of the counts that were tried (2, 15,
//!   60) the one under which the published auto-scaler's waiting times come out as published.
//! - each job is a team of its own below the training tenant. It is sure of its minimum (2 trainers, 10
//!   parameter servers and a master: 51 cpu, 66 GiB) and borrows the rest, so a job that comes late takes its
//!   minimum back from those that grew.

use super::write::Text;

const TRAINERS_MIN: u32 = 2;
const TRAINERS_AT_FIRST: u32 = 15;
const TRAINERS_MAX: u32 = 60;

/// 133 × 376m.
const RESERVE: &str = "reserve: {cpu: 50008m}";

fn head(name: &str, about: &[&str]) -> Text {
    let mut text = Text::scenario(name, about);
    text.line("  cluster:");
    text.line("    nodes:");
    for (group, count, cpu) in [("large", 87, 18), ("small", 46, 17)] {
        text.line(&format!(
            "      - {{name: {group}, count: {count}, labels: {{leasehold.dev/pool: general}}, allocatable: {{cpu: \
             \"{cpu}\", memory: 64Gi, pods: 110}},"
        ));
        text.line("         background: {cpu: 376m}}");
    }
    text.line("    podStartup: 2s");
    text.line("    podTermination: 2s");
    text.pool(&format!(
        "nodeSelector: {{matchLabels: {{leasehold.dev/pool: general}}}}, resources: [cpu, memory], {RESERVE}"
    ));
    text
}

/// A job's master, parameter servers and trainers, each a workload of its own.
fn job(text: &mut Text, n: u32, at: u32, until: u32, trainers: &str) {
    let frame = format!("at: {at}s, until: {until}s");
    text.workload(
        "job",
        &format!("namespace: team-{n}, name: job-{n}-master, {frame}, request: {{cpu: \"1\"}}"),
    );
    text.workload(
        "job",
        &format!("namespace: team-{n}, name: job-{n}-ps, {frame}, request: {{cpu: \"4\", memory: 5Gi}}, replicas: 10"),
    );
    text.workload(
        "job",
        &format!("namespace: team-{n}, name: job-{n}, {frame}, request: {{cpu: \"5\", memory: 8Gi}}, {trainers}"),
    );
}

/// A team for each job.
fn teams(text: &mut Text, count: u32) {
    for n in 0..count {
        text.lease(
            "ml",
            &format!("team-{n}"),
            "guaranteed: {cpu: \"51\", memory: 66Gi}",
        );
    }
}

fn elastic() -> String {
    format!(
        "replicas: {TRAINERS_AT_FIRST}, elastic: {{min: {TRAINERS_MIN}, max: {TRAINERS_MAX}, cooldown: 5s}}"
    )
}

/// Case 1, training only: 20 jobs 10 s apart, killed 300 s after the last came.
pub fn case1(is_elastic: bool) -> String {
    let (name, about, trainers) = match is_elastic {
        true => (
            "edl-case1",
            "20 training jobs of 2 to 60 trainers, 10 s apart.",
            elastic(),
        ),
        false => (
            "edl-case1-fixed",
            "20 training jobs of 60 trainers, 10 s apart.",
            format!("replicas: {TRAINERS_MAX}"),
        ),
    };
    let mut text = head(
        name,
        &[
            about,
            "None is done before all are killed, 300 s after the last came.",
        ],
    );
    // All that can be leased is the training tenant's.
    text.lease(
        "enterprise",
        "ml",
        "guaranteed: {cpu: \"2297\", memory: 8512Gi}",
    );
    teams(&mut text, 20);
    text.line("  workloads:");
    for n in 0..20 {
        job(&mut text, n, n * 10, 490, &trainers);
    }
    text.finish()
}

/// Case 2, web over training: the web service goes from 400 pods to 100 and back.
pub fn case2(is_elastic: bool) -> String {
    let (name, about, trainers) = match is_elastic {
        true => (
            "edl-case2",
            "6 training jobs of 2 to 60 trainers under a web service that goes down and up.",
            elastic(),
        ),
        false => (
            "edl-case2-fixed",
            "6 training jobs of 15 trainers under a web service that goes down and up.",
            "replicas: 15".into(),
        ),
    };
    let mut text = head(
        name,
        &[
            about,
            "Published averages are over the first 550 s; off-peak is 300 s to 370 s.",
        ],
    );
    // The web can always have its 400 pods back. Training is sure of its minima and borrows all else, so all
    // else can be reclaimed.
    text.lease(
        "enterprise",
        "web",
        "guaranteed: {cpu: \"1200\", memory: 1200Gi}",
    );
    text.lease(
        "enterprise",
        "ml",
        "guaranteed: {cpu: \"306\", memory: 396Gi}",
    );
    teams(&mut text, 6);
    text.line("  duration: 680s");
    text.line("  workloads:");
    let steps = [
        (0, 400),
        (110, 300),
        (200, 200),
        (290, 100),
        (380, 200),
        (470, 300),
        (560, 400),
    ];
    let steps = steps.map(|(at, count)| format!("{{at: {at}s, count: {count}}}"));
    text.workload(
        "service",
        &format!(
            "namespace: web, name: web, priority: 10000, request: {{cpu: \"3\", memory: 3Gi}},\n                replicas: [{}]",
            steps.join(", ")
        ),
    );
    for n in 0..6 {
        job(&mut text, n, n * 5, 680, &trainers);
    }
    text.finish()
}
