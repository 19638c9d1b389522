//! Rows as lines.

use crate::record::{
    PodRow, RefusalRow, ServiceRow, Sink, TimelineRow, Totals, UtilizationRow, WorkloadRow,
};
use engine::{Action, Event, Time};
use std::fmt::Write;

/// Writes rows as lines.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) start: i64,
    pub(super) text: String,
    pub(super) pods: Vec<PodRow>,
    pub(super) works: Vec<WorkloadRow>,
    pub(super) usage: String,
    /// Instant, cpu used, cpu there.
    pub(super) cpu: Vec<(i64, i64, i64)>,
}

impl Listing {
    fn at(&self, time: Option<Time>) -> String {
        time.map_or_else(|| "-".to_owned(), |time| seconds(time.0 - self.start))
    }
}

fn seconds(ms: i64) -> String {
    if ms % 1000 == 0 {
        format!("{}s", ms / 1000)
    } else {
        format!("{ms}ms")
    }
}

impl Sink for Listing {
    fn workload(&mut self, row: WorkloadRow) {
        let mut line = format!(
            "{}/{} started {} ended {} {:?}",
            row.namespace,
            row.name,
            self.at(row.started),
            self.at(row.ended),
            row.outcome,
        );
        for (name, count) in [
            ("shrinks", row.shrinks),
            ("grows", row.grows),
            ("evictions", row.evictions),
        ] {
            if count > 0 {
                let _ = write!(line, " {name} {count}");
            }
        }
        if row.work_lost > 0 {
            let _ = write!(line, " lost {}", seconds(row.work_lost));
        }
        self.text.push_str(&line);
        self.text.push('\n');
        self.works.push(row);
    }
    fn pod(&mut self, row: PodRow) {
        self.pods.push(row);
    }
    fn wants_pods(&self) -> bool {
        true
    }
    fn wants_timeline(&self) -> bool {
        true
    }
    fn timeline(&mut self, row: TimelineRow) {
        let _ = writeln!(self.usage, "{row:?}");
    }
    fn service(&mut self, row: ServiceRow) {
        let at = self.at(Some(row.time));
        let _ = writeln!(
            self.text,
            "{at} {}/{} {} of {}",
            row.namespace, row.name, row.running, row.desired
        );
    }
    fn utilization(&mut self, row: UtilizationRow) {
        if &*row.resource == "cpu" {
            self.cpu
                .push((row.time.0 - self.start, row.used, row.allocatable));
        }
        let _ = writeln!(self.usage, "{row:?}");
    }
    fn refusal(&mut self, row: RefusalRow) {
        let at = self.at(Some(row.time));
        let _ = writeln!(
            self.text,
            "{at} refused {} {}: {}",
            row.kind,
            row.name,
            row.refusal.reason()
        );
    }
    fn wants_decisions(&self) -> bool {
        true
    }
    fn decision(&mut self, _: Time, _: Vec<Event>, _: Vec<Action>) {}
    fn finish(&mut self, totals: &Totals) {
        let at = self.at(Some(totals.end));
        let _ = write!(self.text, "end {at}");
        for (name, count) in [
            ("disruptions", totals.disruptions),
            ("violations", totals.guarantee_violations),
        ] {
            if count > 0 {
                let _ = write!(self.text, " {name} {count}");
            }
        }
        self.text.push('\n');
    }
}
