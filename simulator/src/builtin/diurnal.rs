//! Web load by day and night, and what batch and training make of the rest.

use super::random::Random;
use super::write::Text;

/// Load by the hour in thousandths of the peak, as web shops see it: least at 4, most at 20.
const DAY: [u64; 24] = [
    420, 310, 240, 200, 180, 200, 270, 380, 500, 600, 670, 710, 740, 730, 710, 710, 740, 800, 890,
    970, 1000, 950, 790, 590,
];

/// Steps of a quarter of an hour in two days.
const STEPS: u64 = 192;
const MINUTES_PER_STEP: u64 = 15;

/// The scenario of a seed.
pub fn text(seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut text = Text::scenario(
        "diurnal",
        &[
            "Two web services with a day and a night, for two days. At night batch and training borrow what the web",
            "leaves idle; in the morning training is made smaller and batch within its guarantee goes on.",
        ],
    );
    text.line("  duration: 48h");
    text.line(&format!("  seed: {seed}"));
    text.line("  cluster:");
    text.line("    nodes:");
    text.line(
        "      - {name: node, count: 100, labels: {leasehold.dev/pool: general}, allocatable: {cpu: \"32\", memory: 128Gi, pods: 110}}",
    );
    text.line("    podStartup: 5s");
    text.line("    podTermination: 10s");
    text.pool(
        "nodeSelector: {matchLabels: {leasehold.dev/pool: general}}, resources: [cpu, memory], reserve: {cpu: \"2%\"}",
    );
    text.lease(
        "enterprise",
        "retail",
        "guaranteed: {cpu: \"2000\", memory: 6000Gi}",
    );
    text.lease(
        "enterprise",
        "research",
        "guaranteed: {cpu: \"1100\", memory: 6000Gi}",
    );
    text.lease(
        "retail",
        "shop",
        "guaranteed: {cpu: \"1400\", memory: 4000Gi}",
    );
    text.lease(
        "retail",
        "search",
        "guaranteed: {cpu: \"600\", memory: 2000Gi}",
    );
    text.lease(
        "research",
        "training",
        "guaranteed: {cpu: \"500\", memory: 3000Gi}, weight: 2",
    );
    text.lease(
        "research",
        "batch",
        "guaranteed: {cpu: \"600\", memory: 3000Gi}",
    );
    text.line("  workloads:");
    service(
        &mut text,
        &mut random,
        "shop",
        "cpu: \"4\", memory: 8Gi",
        340,
    );
    service(
        &mut text,
        &mut random,
        "search",
        "cpu: \"2\", memory: 6Gi",
        290,
    );
    for n in 0..24 {
        let at = n * 110 + random.between(0, 40);
        // From 4 to 12 hours of 20 replicas.
        let work = random.between(4, 12) * 20;
        text.workload(
            "job",
            &format!(
                "namespace: training, name: train-{n}, at: {at}m, request: {{cpu: \"8\", memory: 32Gi}}, replicas: 20, \
                 elastic: {{min: 4, max: 60, step: 2, cooldown: 60s}}, work: {work}h, restartPenalty: 20s, efficiency: [[1, \
                 1.0], [16, 0.95], [60, 0.8]]"
            ),
        );
    }
    for n in 0..400 {
        let at = n * 7 + random.between(0, 6);
        let cpu = random.one_of(&[1, 2, 4, 8]);
        let replicas = random.between(4, 40);
        let minutes = random.between(10, 120);
        text.workload(
            "job",
            &format!(
                "namespace: batch, name: batch-{n}, at: {at}m, request: {{cpu: \"{cpu}\", memory: {}Gi}}, replicas: \
                 {replicas}, duration: {minutes}m",
                cpu * 3
            ),
        );
    }
    text.finish()
}

fn service(text: &mut Text, random: &mut Random, name: &str, request: &str, peak: u64) {
    let mut steps = Vec::new();
    let mut last = 0;
    for step in 0..STEPS {
        let count = (peak * (level(step) + random.between(0, 60)) / 1060).max(1);
        if count != last {
            steps.push(format!(
                "{{at: {}m, count: {count}}}",
                step * MINUTES_PER_STEP
            ));
            last = count;
        }
    }
    text.workload(
        "service",
        &format!(
            "namespace: {name}, name: {name}, priority: 10000, request: {{{request}}}, replicas: [{}]",
            steps.join(", ")
        ),
    );
}

/// The load of a quarter of an hour, on the line between two hours.
fn level(step: u64) -> u64 {
    let hour = |n: u64| DAY[usize::try_from(n % 24).unwrap_or(0)];
    let (n, quarter) = (step / 4, step % 4);
    (hour(n) * (4 - quarter) + hour(n + 1) * quarter) / 4
}
