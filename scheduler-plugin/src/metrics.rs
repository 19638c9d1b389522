//! What is counted and timed, as Prometheus reads it.

use crate::book::{Applied, Book};
use crate::texts::Denial;
use hdrhistogram::Histogram;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Upper bounds of the buckets in `/metrics`, in microseconds.
const BUCKETS_US: [u64; 15] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 5_000_000,
];

/// Longer than any answer may take; what takes longer is counted as this.
const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// How long answers took.
#[derive(Debug)]
pub struct Latency {
    times: Mutex<Option<Histogram<u64>>>,
    sum_ns: AtomicU64,
}

impl Default for Latency {
    fn default() -> Latency {
        // Two significant digits: 60 KiB a histogram.
        let times = Histogram::new_with_bounds(1, LATENCY_NS_MAX, 2).ok();
        Latency {
            times: Mutex::new(times),
            sum_ns: AtomicU64::new(0),
        }
    }
}

impl Latency {
    /// Counts an answer.
    pub fn record(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(nanos, Ordering::Relaxed);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = times.as_mut() {
            times.saturating_record(nanos.min(LATENCY_NS_MAX));
        }
    }

    fn print(&self, text: &mut String, name: &str, verb: &str) {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = times.as_ref() else { return };
        let seconds = |nanos: u64| decimal(nanos, 9);
        for bound in BUCKETS_US {
            let count = times.count_between(0, bound * 1000);
            let le = decimal(bound, 6);
            let _ = writeln!(
                text,
                "{name}_seconds_bucket{{verb=\"{verb}\",le=\"{le}\"}} {count}"
            );
        }
        let count = times.len();
        let sum = seconds(self.sum_ns.load(Ordering::Relaxed));
        let _ = writeln!(
            text,
            "{name}_seconds_bucket{{verb=\"{verb}\",le=\"+Inf\"}} {count}"
        );
        let _ = writeln!(text, "{name}_seconds_sum{{verb=\"{verb}\"}} {sum}");
        let _ = writeln!(text, "{name}_seconds_count{{verb=\"{verb}\"}} {count}");
    }

    fn print_quantiles(&self, text: &mut String, name: &str, verb: &str) {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = times.as_ref() else { return };
        for (label, quantile) in [("0.5", 0.5), ("0.99", 0.99), ("0.999", 0.999), ("1", 1.0)] {
            let value = decimal(times.value_at_quantile(quantile), 9);
            let _ = writeln!(
                text,
                "{name}_quantile_seconds{{verb=\"{verb}\",quantile=\"{label}\"}} {value}"
            );
        }
    }
}

/// `value` / 10^`digits`, exactly.
fn decimal(value: u64, digits: u32) -> String {
    let unit = 10_u64.pow(digits);
    let width = usize::try_from(digits).unwrap_or(0);
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// All that is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Answers to `filter`.
    pub filter: Latency,
    /// Answers to `prioritize`.
    pub prioritize: Latency,
    /// Answers to `preempt`.
    pub preempt: Latency,
    /// Answers of the controller to `Reserve`.
    pub reserve: Latency,
    denials: [AtomicU64; Denial::ALL.len()],
    unreadable: AtomicU64,
    vetoes: AtomicU64,
    revisions: AtomicU64,
}

impl Metrics {
    /// Counts nodes that were denied to a pod.
    pub fn denied(&self, denials: impl Iterator<Item = Denial>) {
        let mut counts = [0_u64; Denial::ALL.len()];
        for denial in denials {
            counts[denial as usize] += 1;
        }
        for (total, count) in self.denials.iter().zip(counts) {
            if count > 0 {
                total.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// Counts nodes on which the scheduler would have evicted pods, and may not.
    pub fn vetoed(&self, nodes: usize) {
        let nodes = u64::try_from(nodes).unwrap_or(u64::MAX);
        self.vetoes.fetch_add(nodes, Ordering::Relaxed);
    }

    /// Counts a question that could not be read.
    pub fn unreadable(&self) {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what a controller said.
    pub fn heard(&self, applied: Applied) {
        if applied == Applied::New {
            self.revisions.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of it as text.
    pub fn print(&self, book: &Book) -> String {
        let mut text = String::with_capacity(8192);
        let verbs = [
            ("filter", &self.filter),
            ("prioritize", &self.prioritize),
            ("preempt", &self.preempt),
            ("reserve", &self.reserve),
        ];
        let name = "leasehold_extender";
        head(
            &mut text,
            "leasehold_extender_seconds",
            "histogram",
            "Time to answer the scheduler; `reserve`: time in which the controller answered",
        );
        for (verb, latency) in verbs {
            latency.print(&mut text, name, verb);
        }
        head(
            &mut text,
            "leasehold_extender_quantile_seconds",
            "gauge",
            "The same since the start, as quantiles; 1 is the longest",
        );
        for (verb, latency) in verbs {
            latency.print_quantiles(&mut text, name, verb);
        }
        head(
            &mut text,
            "leasehold_extender_denials_total",
            "counter",
            "Nodes denied to a pod, by reason",
        );
        for (denial, count) in Denial::ALL.iter().zip(&self.denials) {
            let count = count.load(Ordering::Relaxed);
            let reason = denial.reason();
            let _ = writeln!(
                text,
                "leasehold_extender_denials_total{{reason=\"{reason}\"}} {count}"
            );
        }
        let counters = [
            (
                "leasehold_extender_vetoes_total",
                "Nodes on which preemption was vetoed",
                &self.vetoes,
            ),
            (
                "leasehold_extender_unreadable_total",
                "Questions that could not be read",
                &self.unreadable,
            ),
            (
                "leasehold_extender_revisions_total",
                "Changes taken over from the controller",
                &self.revisions,
            ),
        ];
        for (name, help, count) in counters {
            head(&mut text, name, "counter", help);
            let _ = writeln!(text, "{name} {}", count.load(Ordering::Relaxed));
        }
        let [namespaces, grants, nodes, earmarked] = book.sizes().map(|size| size.to_string());
        let valid = u64::try_from(book.valid_for(Instant::now()).as_millis()).unwrap_or(u64::MAX);
        let gauges = [
            (
                "leasehold_extender_epoch",
                "The epoch of the leader that is obeyed",
                book.epoch().to_string(),
            ),
            (
                "leasehold_extender_valid_seconds",
                "How long what is known may still be used",
                decimal(valid, 3),
            ),
            (
                "leasehold_extender_leased_namespaces",
                "Leased namespaces",
                namespaces,
            ),
            (
                "leasehold_extender_grants",
                "Pods that may be scheduled, or run",
                grants,
            ),
            ("leasehold_extender_nodes", "Nodes of pools", nodes),
            (
                "leasehold_extender_earmarked_nodes",
                "Nodes on which room is kept for a request",
                earmarked,
            ),
        ];
        for (name, help, value) in gauges {
            head(&mut text, name, "gauge", help);
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
