//! The summary as the console shows it.

use super::summary::Summary;
use std::fmt::Write;

/// A figure: its name, and its text for each of the runs.
type Figure = (String, Vec<String>);

/// The figures of one run, or of several side by side, as lines of text.
pub fn table(summaries: &[&Summary]) -> String {
    let mut text = String::new();
    let figures = figures(summaries);
    let heads: Vec<String> = summaries
        .iter()
        .map(|summary| summary.policy.clone())
        .collect();
    let label_width = figures.iter().map(|figure| width(&figure.0)).max();
    let label_width = label_width.unwrap_or_default();
    let widths: Vec<usize> = (0..summaries.len())
        .map(|run| {
            let cells = figures.iter().map(|figure| width(&figure.1[run]));
            cells.max().unwrap_or_default().max(width(&heads[run]))
        })
        .collect();
    if let Some(first) = summaries.first() {
        let policies = heads.join(", ");
        let _ = writeln!(text, "{} under {policies}", first.scenario);
    }
    let mut line = |label: &str, cells: &[String]| {
        let _ = write!(text, "  {label:label_width$}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    };
    if summaries.len() > 1 {
        line("", &heads);
    }
    for (label, cells) in &figures {
        line(label, cells);
    }
    for summary in summaries {
        for refusal in &summary.refusals {
            let _ = writeln!(
                text,
                "  refused at {}: {} {}/{}: {}",
                duration(Some(super::numbers::from_thousandths(refusal.time.0))),
                refusal.kind,
                refusal.namespace,
                refusal.name,
                refusal.message
            );
        }
        if summary.interrupted {
            let _ = writeln!(
                text,
                "  {}: interrupted, figures are of what was run",
                summary.policy
            );
        }
    }
    text
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// The key figures of runs, as the console and the report's head show them.
pub fn figures(summaries: &[&Summary]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    let mut add = |label: &str, text: &dyn Fn(&Summary) -> String| {
        figures.push((
            label.to_owned(),
            summaries.iter().map(|summary| text(summary)).collect(),
        ));
    };
    add("makespan", &|s| {
        duration(Some(super::numbers::from_thousandths(s.makespan.0)))
    });
    add("workloads completed", &|s| {
        let all =
            s.workloads.completed + s.workloads.running + s.workloads.pending + s.workloads.killed;
        format!("{} of {}", grouped(s.workloads.completed), grouped(all))
    });
    add("pods completed", &|s| grouped(s.pods_completed));
    add("wait, mean", &|s| duration(s.wait.all.mean));
    add("wait, p50", &|s| duration(s.wait.all.p50));
    add("wait, p95", &|s| duration(s.wait.all.p95));
    add("wait, p99", &|s| duration(s.wait.all.p99));
    add("wait, longest", &|s| duration(s.wait.all.max));
    let resources: std::collections::BTreeSet<_> = summaries
        .iter()
        .flat_map(|summary| summary.utilization.keys().cloned())
        .collect();
    for resource in resources.iter().filter(|resource| &***resource != "pods") {
        let shown = if &**resource == "cpu" {
            "CPU"
        } else {
            resource
        };
        add(&format!("{shown} utilisation"), &|s| {
            percent(s.utilization.get(resource).copied())
        });
    }
    if summaries
        .iter()
        .any(|s| !s.service_deficit.services.is_empty())
    {
        add("service deficit", &|s| {
            format!("{} replica-s", decimal(s.service_deficit.integrated.0))
        });
        add("longest service deficit", &|s| {
            duration(Some(super::numbers::from_thousandths(
                s.service_deficit.longest.0,
            )))
        });
    }
    add("shrinks, grows", &|s| {
        format!("{}, {}", grouped(s.shrinks), grouped(s.grows))
    });
    add("evictions", &|s| grouped(s.evictions));
    add("work lost", &|s| {
        format!("{} replica-s", decimal(s.work_lost.0))
    });
    add("guarantee violations", &|s| grouped(s.guarantee_violations));
    add("fairness (Jain)", &|s| {
        s.fairness
            .jain
            .map_or("–".to_owned(), |jain| format!("{jain:.3}"))
    });
    if summaries.iter().any(|s| s.disruptions > 0) {
        add("pods ended by node events", &|s| grouped(s.disruptions));
    }
    if summaries.iter().any(|s| s.passed_over > 0) {
        add("trace rows passed over", &|s| grouped(s.passed_over));
    }
    if summaries.iter().any(|s| !s.refusals.is_empty()) {
        add("refused changes", &|s| s.refusals.len().to_string());
    }
    add("events", &|s| grouped(s.events));
    figures
}

/// Seconds as a reader would say them: `0 s`, `12.35 s`, `4 min 05 s`, `3 h 12 min`, `4 d 12 h`.
pub fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else {
        return "–".to_owned();
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and is for reading only"
    )]
    let whole = seconds.round() as i64;
    match whole {
        ..60 if seconds.fract() == 0.0 => format!("{seconds:.0} s"),
        ..60 => format!("{seconds:.2} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        _ => format!(
            "{} d {:02} h",
            grouped_signed(whole / 86_400),
            whole % 86_400 / 3600
        ),
    }
}

/// A share as percent with two decimals.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

/// Thousandths with grouped digits, without decimals if there are none.
fn decimal(thousandths: i64) -> String {
    let whole = grouped_signed(thousandths / 1000);
    match thousandths % 1000 {
        0 => whole,
        rest => format!("{whole}.{:03}", rest.abs()),
    }
}

fn grouped_signed(number: i64) -> String {
    let sign = if number < 0 { "−" } else { "" };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

/// A number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_one_would_say_them() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.05, "0.05 s"),
            (12.345, "12.35 s"),
            (59.0, "59 s"),
            (59.9, "1 min 00 s"),
            (245.0, "4 min 05 s"),
            (11_520.0, "3 h 12 min"),
            (390_083.0, "4 d 12 h"),
        ] {
            assert_eq!(duration(Some(seconds)), text);
        }
        assert_eq!(duration(None), "–");
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(decimal(1_234_500), "1,234.500");
    }
}
