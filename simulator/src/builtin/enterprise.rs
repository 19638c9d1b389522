//! An enterprise: 12 lines of business, 1,000 namespaces, pods of all kinds.
//!
//! `pods` sets the size: the nodes grow with it, the namespaces stay, so what each does grows. Pods come in
//! four hours at about three quarters of what the cluster can take, in bursts that need to borrow.

use super::random::Random;
use super::write::Text;

const LINES: u64 = 12;
const NAMESPACES: u64 = 1_000;
/// Pods that one node has to do with in the four hours: 25 minutes of 2.4 cpu each are 60 cpu-minutes, and a
/// node has 64 × 240.
const PODS_PER_NODE: u64 = 220;
const NODE_CPU: u64 = 64;
const MINUTES: u64 = 240;

/// What a namespace does.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Web,
    Stream,
    Burst,
    Training,
}

/// The scenario of a size and a seed.
pub fn text(pods: u64, seed: u64) -> String {
    let nodes = (pods / PODS_PER_NODE).max(16);
    let mut text = head(pods, seed, nodes);
    let mut random = Random::new(seed);
    // In a line the guarantees of its namespaces use up 90 % of its own; a twentieth of the pool is leased to
    // nobody and lent to all.
    let line_cpu = nodes * NODE_CPU * 95 / 100 / LINES;
    let line_memory = line_cpu * 4;
    for line in 0..LINES {
        let more = format!("guaranteed: {{cpu: \"{line_cpu}\", memory: {line_memory}Gi}}");
        text.lease("enterprise", &line_name(line), &more);
    }
    let kinds: Vec<Kind> = (0..NAMESPACES)
        .map(|_| {
            random.one_of(&[
                Kind::Web,
                Kind::Web,
                Kind::Web,
                Kind::Stream,
                Kind::Stream,
                Kind::Stream,
                Kind::Stream,
                Kind::Burst,
                Kind::Burst,
                Kind::Training,
            ])
        })
        .collect();
    let each = line_cpu * 1000 * 9 / 10 / NAMESPACES.div_ceil(LINES);
    for (n, kind) in (0..).zip(&kinds) {
        // A burst is three times what its namespace is guaranteed; some keep a part of it back.
        let more = match (kind, n % 7) {
            (Kind::Web, 0) => format!(", lendLimit: {{cpu: {}m}}", each / 2),
            (Kind::Burst, 0) => format!(", limit: {{cpu: {}m}}", each * 8),
            (Kind::Training, _) => ", weight: 2".into(),
            _ => String::new(),
        };
        let guaranteed = format!("guaranteed: {{cpu: {each}m, memory: {}Mi}}", each * 4);
        text.lease(
            &line_name(n % LINES),
            &namespace_name(n),
            &format!("{guaranteed}{more}"),
        );
    }
    text.line("  workloads:");
    let count = |kind: Kind| {
        u64::try_from(kinds.iter().filter(|k| **k == kind).count())
            .unwrap_or(1)
            .max(1)
    };
    // Shares of the pods; web pods are few and stay.
    let web = (pods * 4 / 100 / count(Kind::Web)).max(1);
    let stream = (pods * 70 / 100 / count(Kind::Stream)).max(1);
    let burst = (pods * 20 / 100 / count(Kind::Burst)).max(1);
    let training = (pods * 6 / 100 / count(Kind::Training)).max(1);
    for (n, kind) in (0..).zip(&kinds) {
        let namespace = namespace_name(n);
        match kind {
            Kind::Web => service(&mut text, &mut random, &namespace, web),
            Kind::Stream => jobs(&mut text, &mut random, &namespace, stream),
            Kind::Burst => bursts(&mut text, &mut random, &namespace, burst),
            Kind::Training => trainings(&mut text, &mut random, &namespace, training),
        }
    }
    text.finish()
}

fn head(pods: u64, seed: u64, nodes: u64) -> Text {
    let about = format!(
        "1 enterprise, {LINES} lines of business, {NAMESPACES} namespaces, about {pods} pods."
    );
    let mut text = Text::scenario("enterprise", &[&about]);
    text.line(&format!("  seed: {seed}"));
    text.line("  cluster:");
    text.line("    nodes:");
    text.line(&format!(
        "      - {{name: node, count: {nodes}, labels: {{leasehold.dev/pool: general}}, allocatable: {{cpu: \
         \"{NODE_CPU}\", memory: {}Gi, pods: 250}}}}",
        NODE_CPU * 4
    ));
    text.line("    podStartup: 3s");
    text.line("    podTermination: 5s");
    text.line("  duration: 6h");
    text.pool(
        "nodeSelector: {matchLabels: {leasehold.dev/pool: general}}, resources: [cpu, memory]",
    );
    text
}

fn line_name(line: u64) -> String {
    format!("line-{line:02}")
}

fn namespace_name(n: u64) -> String {
    format!("line-{:02}-team-{n:03}", n % LINES)
}

/// A web service that changes its size each half hour, up to `peak` pods.
fn service(text: &mut Text, random: &mut Random, namespace: &str, peak: u64) {
    let steps: Vec<String> = (0..8)
        .map(|n| {
            let count = (peak * random.between(40, 100) / 100).max(1);
            format!("{{at: {}m, count: {count}}}", n * 30)
        })
        .collect();
    let cpu = random.one_of(&["500m", "1", "2"]);
    text.workload(
        "service",
        &format!(
            "namespace: {namespace}, name: web, priority: 10000, request: {{cpu: \"{cpu}\", memory: 2Gi}}, replicas: [{}]",
            steps.join(", ")
        ),
    );
}

/// Single pods that come evenly, in three forms.
fn jobs(text: &mut Text, random: &mut Random, namespace: &str, pods: u64) {
    for (form, cpu, share) in [("small", 1, 60), ("medium", 2, 30), ("large", 8, 10)] {
        let count = (pods * share / 100).max(1);
        let every = MINUTES * 60_000 / count;
        let at = random.between(0, every);
        let run = random.between(15, 35);
        text.workload(
            "job",
            &format!(
                "namespace: {namespace}, name: {form}, at: {at}ms, every: {every}ms, count: {count}, request: {{cpu: \
                 \"{cpu}\", memory: {}Gi}}, duration: {run}m",
                cpu * 3
            ),
        );
    }
}

/// Six arrays of pods that come at once; every other one is a gang.
fn bursts(text: &mut Text, random: &mut Random, namespace: &str, pods: u64) {
    let replicas = (pods / 6).max(1);
    for n in 0..6 {
        let at = n * 40 + random.between(0, 30);
        let cpu = random.one_of(&[1, 2, 4]);
        let run = random.between(5, 40);
        let gang = if n % 2 == 1 && replicas <= 16 {
            ", gang: true"
        } else {
            ""
        };
        text.workload(
            "job",
            &format!(
                "namespace: {namespace}, name: array-{n}, at: {at}m, request: {{cpu: \"{cpu}\", memory: {}Gi}}, replicas: \
                 {replicas}, duration: {run}m, priority: {}{gang}",
                cpu * 2,
                random.one_of(&[0, 0, 100])
            ),
        );
    }
}

/// Elastic jobs whose size follows what is idle.
fn trainings(text: &mut Text, random: &mut Random, namespace: &str, pods: u64) {
    let max = (pods / 4).clamp(4, 64);
    let min = (max / 8).max(1);
    let count = (pods / max).max(1);
    for n in 0..count {
        let at = n * MINUTES / count + random.between(0, 20);
        let work = max * random.between(20, 60);
        text.workload(
            "job",
            &format!(
                "namespace: {namespace}, name: train-{n}, at: {at}m, request: {{cpu: \"4\", memory: 16Gi}}, replicas: {min}, \
                 elastic: {{min: {min}, max: {max}, cooldown: 30s}}, work: {work}m"
            ),
        );
    }
}
