//! The figures of a run that are asked for and not in its summary, and how they are printed.

use super::audit::Writes;
use super::scene::{Rows, SizeRow};
use engine::{Span, Time};
use simulator::output::Summary;
use simulator::output::numbers::{divided, thousandths_text};
use simulator::record::{PodRow, ServiceRow, UtilizationRow};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Use of a resource from one instant to another, in hundredths of a per cent; `None` where nothing is known.
pub fn utilization(rows: &[UtilizationRow], resource: &str, from: Time, to: Time) -> Option<i64> {
    let (mut used, mut allocatable) = (0_i128, 0_i128);
    let mut rows = rows
        .iter()
        .filter(|row| &*row.resource == resource)
        .peekable();
    while let Some(row) = rows.next() {
        let next = rows.peek().map_or(to, |next| next.time);
        let span = next.min(to) - row.time.max(from);
        if span > Span(0) {
            used += i128::from(row.used) * i128::from(span.0);
            allocatable += i128::from(row.allocatable) * i128::from(span.0);
        }
    }
    divided(used, allocatable, 10_000)
}

/// A rise of what a service asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise {
    /// When.
    pub time: Time,
    /// To how many pods.
    pub desired: u32,
    /// How long it took until so many ran.
    pub reached_after: Option<Span>,
    /// The time that it was short again after that, before something else was asked for.
    pub short_after: Span,
}

/// The rises of a service, each judged until its next change.
pub fn rises(rows: &[ServiceRow], end: Time) -> Vec<Rise> {
    let mut rises: Vec<Rise> = Vec::new();
    let mut asked = 0;
    let mut is_judged = false;
    for (number, row) in rows.iter().enumerate() {
        let until = rows.get(number + 1).map_or(end, |next| next.time);
        if row.desired != asked {
            is_judged = row.desired > asked;
            asked = row.desired;
            if is_judged {
                rises.push(Rise {
                    time: row.time,
                    desired: row.desired,
                    reached_after: None,
                    short_after: Span(0),
                });
            }
        }
        let Some(rise) = rises.last_mut().filter(|_| is_judged) else {
            continue;
        };
        let is_short = row.running < row.desired;
        match rise.reached_after {
            None if !is_short => rise.reached_after = Some(row.time - rise.time),
            Some(_) if is_short => {
                rise.short_after = Span(rise.short_after.0 + (until - row.time).0)
            }
            _ => {}
        }
    }
    rises
}

/// How long after the rise that asked for them the pods of a service were bound: median and 99th percentile.
pub fn bound_after(rises: &[Rise], pods: &[PodRow]) -> Option<(Span, Span)> {
    let mut spans: Vec<Span> = Vec::new();
    for pod in pods {
        let rise = rises.iter().rev().find(|rise| rise.time <= pod.submitted);
        if let (Some(rise), Some(placed)) = (rise, pod.placed) {
            spans.push(placed - rise.time);
        }
    }
    spans.sort();
    let rank = |per_cent: usize| spans.get((spans.len() * per_cent).div_ceil(100).checked_sub(1)?);
    Some((*rank(50)?, *rank(99)?))
}

/// The counts that each owner had, in order.
pub fn sizes(rows: &[SizeRow]) -> BTreeMap<String, Vec<u32>> {
    let mut sizes: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for row in rows {
        sizes
            .entry(row.key.name.to_string())
            .or_default()
            .push(row.count);
    }
    sizes
}

/// How often a count that went one way goes the other way then.
pub fn turns(counts: &[u32]) -> usize {
    let steps = counts.windows(2).filter(|pair| pair[0] != pair[1]);
    let ways: Vec<bool> = steps.map(|pair| pair[1] > pair[0]).collect();
    ways.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

fn pods_of(pods: &[PodRow], namespace: &str, name: &str) -> Vec<PodRow> {
    let pods = pods.iter();
    let of_service = pods.filter(|pod| (&*pod.namespace, &*pod.workload) == (namespace, name));
    of_service.cloned().collect()
}

/// Stretches of the run whose utilisation is asked for: their names, from and to in seconds.
pub type Stretch = (&'static str, i64, i64);

/// What is printed at the end.
pub fn text(
    start: Time,
    rows: &Rows,
    summary: &Summary,
    writes: &Writes,
    stretches: &[Stretch],
) -> String {
    let mut text = String::new();
    let mut line = |what: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{what}");
    };
    for &(name, from, to) in stretches {
        let at = |seconds| start + Span::seconds(seconds);
        let use_ = utilization(&rows.utilization, "cpu", at(from), at(to));
        let use_ = use_.map_or_else(
            || "unknown".to_owned(),
            |it| format!("{}.{:02} %", it / 100, it % 100),
        );
        line(format_args!("cpu in use, {name} ({from}-{to} s): {use_}"));
    }
    let services: std::collections::BTreeSet<_> = rows
        .services
        .iter()
        .map(|row| (&row.namespace, &row.name))
        .collect();
    for (namespace, name) in services {
        let of_service = rows
            .services
            .iter()
            .filter(|row| (&row.namespace, &row.name) == (namespace, name));
        let of_service: Vec<ServiceRow> = of_service.cloned().collect();
        let rises = rises(&of_service, rows.end);
        for rise in &rises {
            let at = thousandths_text((rise.time - start).0);
            let reached = match rise.reached_after {
                Some(after) => format!("reached after {} s", thousandths_text(after.0)),
                None => "never reached".to_owned(),
            };
            let short = thousandths_text(rise.short_after.0);
            line(format_args!(
                "{namespace}/{name} to {} at {at} s: {reached}, short for {short} s after that",
                rise.desired
            ));
        }
        // At the first one nobody has to end.
        if let Some((median, last)) = bound_after(
            rises.get(1..).unwrap_or_default(),
            &pods_of(&rows.pods, namespace, name),
        ) {
            let (median, last) = (thousandths_text(median.0), thousandths_text(last.0));
            line(format_args!(
                "{namespace}/{name}, from a later rise to a pod bound: median {median} s, p99 {last} s, the time in \
                 which others end included"
            ));
        }
    }
    for work in rows
        .workloads
        .iter()
        .filter(|work| work.shrinks + work.grows > 0)
    {
        let wait = thousandths_text(work.wait.0);
        line(format_args!(
            "{}/{}: waited {wait} s, {} shrinks, {} grows",
            work.namespace, work.name, work.shrinks, work.grows
        ));
    }
    for (name, counts) in sizes(&rows.sizes) {
        let turns = turns(&counts);
        let counts: Vec<String> = counts.iter().map(u32::to_string).collect();
        line(format_args!("{name}, {turns} turns: {}", counts.join(" ")));
    }
    line(format_args!(
        "work lost: {} replica-s; pods evicted: {}",
        thousandths_text(summary.work_lost.0),
        summary.evictions
    ));
    let shrinks = summary.shrinks;
    let of_shrinks = writes.of("counts of owners") + writes.of("pods marked to go first");
    line(format_args!(
        "{shrinks} shrinks by {} replicas, {} grows; {of_shrinks} writes for counts and marks",
        summary.replicas_shrunk, summary.grows
    ));
    for (kind, count) in &writes.by_kind {
        line(format_args!("  writes of the controller, {kind}: {count}"));
    }
    line(format_args!("  refused: {}", writes.refused));
    text
}

#[cfg(test)]
#[path = "figures/tests.rs"]
mod tests;
