//! What `/metrics` shows: accounts as the engine counts them, and what the program does.

use engine::snapshot::{PoolFigures, ResourceFigures};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Why something was counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// Constant text.
    pub reason: &'static str,
}

/// What the program counts. Cloning is cheap; all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registries: Arc<Mutex<Vec<Registry>>>,
    figures: Arc<Figures>,
    /// 1 while this replica decides.
    pub leading: Gauge,
    /// The epoch in which it decides or learns.
    pub epoch: Gauge,
    /// Decisions made.
    pub decisions: Counter,
    /// Time that a decision took.
    pub decision_seconds: Histogram,
    /// Pods admitted.
    pub admissions: Counter,
    /// Time from a pod's creation to its admission.
    pub admission_wait_seconds: Histogram,
    /// Time from an admission to the answer to its patch.
    pub gate_removal_seconds: Histogram,
    /// Times a pod was told to wait, by reason.
    pub holds: Family<Reason, Counter>,
    /// Evictions asked for, by cause.
    pub evictions: Family<Reason, Counter>,
    /// Changes of the size of elastic workloads, by cause.
    pub scalings: Family<Reason, Counter>,
    /// Evictions that a disruption budget refused, or that failed.
    pub evictions_refused: Counter,
    /// Time from the creation of a request to the deletion call of its victim.
    pub reclaim_seconds: Histogram,
    /// Calls that were tried again, by what they were for.
    pub retries: Family<Reason, Counter>,
    /// Pods found running that nobody admitted.
    pub found: Counter,
    /// Kubernetes events that were left out because there were too many.
    pub events_dropped: Counter,
    /// Changes of leases and pools that were refused, by reason.
    pub refusals: Family<Reason, Counter>,
    /// Pods that are known and have not ended.
    pub pods: Gauge,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("leasehold");
        let figures = Arc::new(Figures::default());
        registry.register_collector(Box::new(Arc::clone(&figures)));
        // From a millisecond to half an hour; an admission may wait for longer, and counts as that.
        let waits = || Histogram::new(exponential_buckets(0.001, 2.0, 21));
        let metrics = Metrics {
            figures,
            leading: Gauge::default(),
            epoch: Gauge::default(),
            decisions: Counter::default(),
            decision_seconds: Histogram::new(exponential_buckets(0.00001, 4.0, 10)),
            admissions: Counter::default(),
            admission_wait_seconds: waits(),
            gate_removal_seconds: waits(),
            holds: Family::default(),
            evictions: Family::default(),
            scalings: Family::default(),
            evictions_refused: Counter::default(),
            reclaim_seconds: waits(),
            retries: Family::default(),
            found: Counter::default(),
            events_dropped: Counter::default(),
            refusals: Family::default(),
            pods: Gauge::default(),
            registries: Arc::default(),
        };
        metrics.register(&mut registry);
        metrics.attach(registry);
        metrics
    }
}

impl Metrics {
    fn register(&self, to: &mut Registry) {
        to.register(
            "leading",
            "1 while this replica decides",
            self.leading.clone(),
        );
        to.register(
            "epoch",
            "Epoch in which this replica decides or learns",
            self.epoch.clone(),
        );
        to.register("decisions", "Decisions made", self.decisions.clone());
        let help = "Time that a decision took";
        to.register("decision_seconds", help, self.decision_seconds.clone());
        to.register("admissions", "Pods admitted", self.admissions.clone());
        let help = "Time from a pod's creation to its admission";
        to.register(
            "admission_wait_seconds",
            help,
            self.admission_wait_seconds.clone(),
        );
        let help = "Time from an admission to the answer to its patch";
        to.register(
            "gate_removal_seconds",
            help,
            self.gate_removal_seconds.clone(),
        );
        to.register("holds", "Times a pod was told to wait", self.holds.clone());
        let help = "Changes of the size of elastic workloads, by cause";
        to.register("scalings", help, self.scalings.clone());
        to.register("evictions", "Evictions asked for", self.evictions.clone());
        let help = "Evictions that a disruption budget refused, or that failed";
        to.register("evictions_refused", help, self.evictions_refused.clone());
        let help = "Time from the creation of a request to the deletion call of its victim";
        to.register("reclaim_seconds", help, self.reclaim_seconds.clone());
        to.register(
            "retries",
            "Calls that were tried again",
            self.retries.clone(),
        );
        to.register(
            "found",
            "Pods found running that nobody admitted",
            self.found.clone(),
        );
        let help = "Kubernetes events left out because there were too many";
        to.register("events_dropped", help, self.events_dropped.clone());
        let help = "Changes of leases and pools that were refused";
        to.register("refusals", help, self.refusals.clone());
        to.register(
            "pods",
            "Pods that are known and have not ended",
            self.pods.clone(),
        );
    }

    /// Shows what another part of the program counts, too.
    pub fn attach(&self, registry: Registry) {
        self.lock().push(registry);
    }

    /// The accounts as they are now; empty when this replica stops deciding.
    pub fn set_figures(&self, pools: Vec<PoolFigures>) {
        *self
            .figures
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = pools;
    }

    /// Everything, in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a string does not fail.
        for registry in self.lock().iter() {
            let _ = text::encode_registry(&mut out, registry);
        }
        let _ = text::encode_eof(&mut out);
        out
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Registry>> {
        self.registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds between two instants of the engine's time.
pub fn seconds(span: engine::Span) -> f64 {
    let milliseconds = u64::try_from(span.0).unwrap_or(0);
    Duration::from_millis(milliseconds).as_secs_f64()
}

/// The accounts, shown as gauges.
#[derive(Debug, Default)]
struct Figures(Mutex<Vec<PoolFigures>>);

/// A figure's name, its help, and where it is found.
type Column = (
    &'static str,
    &'static str,
    fn(&ResourceFigures) -> Option<i64>,
);

const COLUMNS: [Column; 6] = [
    ("guaranteed", "Guarantee of an account", |it| {
        Some(it.guaranteed)
    }),
    ("used", "Use of an account, sub-lessees included", |it| {
        Some(it.subtree_used)
    }),
    ("borrowed", "What an account borrows", |it| {
        Some(it.borrowed)
    }),
    ("lent", "What an account lends", |it| Some(it.lent)),
    (
        "pending",
        "What an account's own waiting requests ask for",
        |it| Some(it.pending),
    ),
    ("limit", "The most that an account may use", |it| it.limit),
];

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, help, figure) in COLUMNS {
            let mut column = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for pool in pools.iter() {
                for account in &pool.accounts {
                    for (resource, figures) in &account.resources {
                        let Some(amount) = figure(figures) else {
                            continue;
                        };
                        let labels = [
                            ("pool", &*pool.pool),
                            ("namespace", &*account.namespace),
                            ("resource", &**resource),
                        ];
                        let family = column.encode_family(&labels)?;
                        ConstGauge::new(base_amount(resource, amount)).encode(family)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Cores, bytes, counts: the units that Prometheus asks for.
#[expect(
    clippy::cast_precision_loss,
    reason = "gauges are floating point; nothing is decided from them"
)]
fn base_amount(resource: &str, amount: i64) -> f64 {
    match resource {
        "cpu" => amount as f64 / 1000.0,
        _ => amount as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::snapshot::AccountFigures;

    #[test]
    fn accounts_are_shown_in_cores_and_with_their_names() {
        let metrics = Metrics::default();
        let cpu = ResourceFigures {
            subtree_used: 1500,
            ..ResourceFigures::default()
        };
        metrics.set_figures(vec![PoolFigures {
            pool: "general".into(),
            accounts: vec![AccountFigures {
                namespace: "shop".into(),
                parent: None,
                depth: 0,
                resources: vec![("cpu".into(), cpu)],
                state: "Active",
            }],
        }]);
        let text = metrics.text();
        let line = r#"leasehold_used{pool="general",namespace="shop",resource="cpu"} 1.5"#;
        assert!(text.contains(line), "{text}");
        assert!(
            !text.contains("leasehold_limit{"),
            "no limit is set: {text}"
        );
    }

    #[test]
    fn counters_carry_the_prefix() {
        let metrics = Metrics::default();
        metrics
            .holds
            .get_or_create(&Reason { reason: "Quota" })
            .inc();
        assert!(
            metrics
                .text()
                .contains("leasehold_holds_total{reason=\"Quota\"} 1")
        );
    }
}
