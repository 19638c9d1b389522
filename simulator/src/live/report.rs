//! What a comparison says: as text for people, as JSON for programs.

use super::lineup::{Pair, Verdict};
use super::steps::Verb;
use super::waits::{Compared, Waits, agree};
use super::{History, Tolerance, lineup, waits};
use crate::output::numbers::{Seconds, divided, from_millionths, from_thousandths};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The form of the JSON.
pub const SCHEMA: &str = "leasehold.dev/live-comparison/v1";

/// Steps that are shown before and after a difference.
const CONTEXT: usize = 2;

/// Differences whose surroundings are shown; the JSON has all.
const SHOWN_MAX: usize = 20;

/// A live run and a simulated one, compared.
pub struct Comparison {
    /// The scenario's name.
    pub scenario: String,
    /// The policy's name.
    pub policy: String,
    /// What counted as the same.
    pub tolerance: Tolerance,
    /// Decisions, in the order of time.
    pub pairs: Vec<Pair>,
    /// Waits by workload.
    pub waits: Vec<Compared>,
    /// Waits of all pods: live and simulated.
    pub in_all: (Waits, Waits),
}

impl Comparison {
    /// Compares.
    pub fn new(
        (scenario, policy): (&str, &str),
        live: &History,
        simulated: &History,
        tolerance: Tolerance,
    ) -> Comparison {
        Comparison {
            scenario: scenario.to_owned(),
            policy: policy.to_owned(),
            tolerance,
            pairs: lineup::line_up(&live.steps, &simulated.steps, &tolerance),
            waits: waits::compare(&live.pods, &simulated.pods, &tolerance),
            in_all: (waits::in_all(&live.pods), waits::in_all(&simulated.pods)),
        }
    }

    /// Steps that differ, waits that differ.
    pub fn differences(&self) -> (usize, usize) {
        let steps = self.pairs.iter().filter(|pair| !pair.verdict.agrees());
        let waits = self.waits.iter().filter(|waits| !waits.agrees);
        (steps.count(), waits.count())
    }

    /// Whether live and simulated agree in everything.
    pub fn agrees(&self) -> bool {
        self.differences() == (0, 0) && agree(&self.in_all.0, &self.in_all.1, &self.tolerance)
    }

    fn count(&self, verdict: Verdict) -> usize {
        let those = self.pairs.iter().filter(|pair| pair.verdict == verdict);
        those.count()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} under {}: live and simulated, {} % or {} s apart at most\n\n",
            self.scenario,
            self.policy,
            percent(self.tolerance.millionths),
            from_thousandths(self.tolerance.slack.0),
        );
        self.write_decisions(&mut text);
        text.push('\n');
        self.write_waits(&mut text);
        text
    }

    fn write_decisions(&self, text: &mut String) {
        let live = self.pairs.iter().filter(|pair| pair.live.is_some());
        let simulated = self.pairs.iter().filter(|pair| pair.simulated.is_some());
        let (differ, _) = self.differences();
        line(
            text,
            format_args!(
                "decisions: {} steps live, {} simulated: {} the same, {} within the tolerance, {differ} differ",
                live.count(),
                simulated.count(),
                self.count(Verdict::Same),
                self.count(Verdict::Near),
            ),
        );
        let different = |(at, pair): (usize, &Pair)| (!pair.verdict.agrees()).then_some(at);
        let different: Vec<usize> = self
            .pairs
            .iter()
            .enumerate()
            .filter_map(different)
            .collect();
        let Some(&first) = different.first() else {
            return;
        };
        line(
            text,
            format_args!("the first difference is step {}:", first + 1),
        );
        line(text, format_args!("       live  simulated  step"));
        let shown: BTreeSet<usize> = different
            .iter()
            .take(SHOWN_MAX)
            .flat_map(|at| at.saturating_sub(CONTEXT)..=at + CONTEXT)
            .filter(|at| *at < self.pairs.len())
            .collect();
        let mut next = 0;
        for at in shown {
            left_out(text, at - next);
            write_pair(text, &self.pairs[at]);
            next = at + 1;
        }
        left_out(text, self.pairs.len() - next);
    }

    fn write_waits(&self, text: &mut String) {
        let (_, differ) = self.differences();
        line(
            text,
            format_args!(
                "waits of pods, from creation to running, in seconds: {} workloads, {differ} differ",
                self.waits.len()
            ),
        );
        let names: Vec<String> = self
            .waits
            .iter()
            .map(|waits| format!("{}/{}", waits.namespace, waits.workload))
            .collect();
        let longest = names.iter().map(String::len).max().unwrap_or(0);
        let width = longest.max("workload".len());
        line(
            text,
            format_args!(
                "  {:width$}  {:>11}  {:>9}  {:>9}  {:>8}  {:>9}  {:>9}  {:>9}  {:>9}",
                "workload",
                "pods ran",
                "mean live",
                "simulated",
                "apart",
                "1st live",
                "simulated",
                "to admit",
                "simulated",
            ),
        );
        let rows = names.iter().zip(&self.waits);
        for (name, row) in rows {
            write_waits(text, (name, width), &row.live, &row.simulated, row.agrees);
        }
        let (live, simulated) = &self.in_all;
        let agrees = agree(live, simulated, &self.tolerance);
        write_waits(text, ("all", width), live, simulated, agrees);
    }

    /// For programs.
    ///
    /// # Errors
    /// It cannot be written as JSON: does not happen.
    pub fn json(&self) -> serde_json::Result<String> {
        let (steps, waits) = self.differences();
        serde_json::to_string_pretty(&View {
            schema: SCHEMA,
            scenario: &self.scenario,
            policy: &self.policy,
            tolerance: from_millionths(self.tolerance.millionths),
            slack: Seconds(self.tolerance.slack.0),
            together: Seconds(self.tolerance.together.0),
            agrees: self.agrees(),
            steps_differ: steps,
            waits_differ: waits,
            first_difference: self.pairs.iter().position(|pair| !pair.verdict.agrees()),
            steps: self.pairs.iter().map(StepView::new).collect(),
            waits: &self.waits,
            all: SidesView {
                live: self.in_all.0,
                simulated: self.in_all.1,
            },
        })
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Text grows without end: this cannot fail.
    let _ = writeln!(text, "{arguments}");
}

fn left_out(text: &mut String, count: usize) {
    if count > 0 {
        line(text, format_args!("             … {count} more"));
    }
}

fn write_pair(text: &mut String, pair: &Pair) {
    let Some(step) = pair.live.as_ref().or(pair.simulated.as_ref()) else {
        return;
    };
    let at = |step: &Option<super::Step>| match step {
        Some(step) => format!("{:.3}", from_thousandths(step.began)),
        None => "-".to_owned(),
    };
    let amounts = match (&pair.live, &pair.simulated) {
        (Some(live), Some(simulated)) if live.amount != simulated.amount => {
            format!("{} (simulated {})", live.amount, simulated.amount)
        }
        _ => step.amount.to_string(),
    };
    let what = match step.verb {
        Verb::Admit => format!(
            "admit  {}/{}: {amounts} pods",
            step.namespace, step.workload
        ),
        Verb::Evict => format!(
            "evict  {}/{}: {amounts} pods",
            step.namespace, step.workload
        ),
        Verb::Shrink => format!("shrink {}/{} to {amounts}", step.namespace, step.workload),
        Verb::Grow => format!("grow   {}/{} to {amounts}", step.namespace, step.workload),
    };
    let verdict = match pair.verdict {
        Verdict::Same => "",
        Verdict::Near => "  within the tolerance",
        Verdict::Amount => "  DIFFERS",
        Verdict::Order => "  OUT OF ORDER",
        Verdict::OnlyLive => "  ONLY LIVE",
        Verdict::OnlySimulated => "  ONLY SIMULATED",
    };
    line(
        text,
        format_args!(
            "{:>11}{:>11}  {what}{verdict}",
            at(&pair.live),
            at(&pair.simulated)
        ),
    );
}

fn write_waits(
    text: &mut String,
    (name, width): (&str, usize),
    live: &Waits,
    simulated: &Waits,
    agrees: bool,
) {
    let seconds = |wait: Option<i64>| match wait {
        Some(wait) => format!("{:.3}", from_thousandths(wait)),
        None => "-".to_owned(),
    };
    let ran = match live.started == simulated.started {
        true => live.started.to_string(),
        false => format!("{} / {}", live.started, simulated.started),
    };
    let apart = live.mean.zip(simulated.mean).and_then(|(live, simulated)| {
        let millionths = divided((live - simulated).into(), simulated.into(), 1_000_000)?;
        Some(format!("{} %", percent(millionths)))
    });
    line(
        text,
        format_args!(
            "  {name:width$}  {ran:>11}  {:>9}  {:>9}  {:>8}  {:>9}  {:>9}  {:>9}  {:>9}{}",
            seconds(live.mean),
            seconds(simulated.mean),
            apart.unwrap_or_else(|| "-".to_owned()),
            seconds(live.first),
            seconds(simulated.first),
            seconds(live.until_admitted),
            seconds(simulated.until_admitted),
            if agrees { "" } else { "  DIFFERS" },
        ),
    );
}

/// Millionths as a percentage, to a tenth.
fn percent(millionths: i64) -> f64 {
    from_thousandths(divided(millionths.into(), 1000, 1).unwrap_or(i64::MAX) * 100)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    schema: &'static str,
    scenario: &'a str,
    policy: &'a str,
    tolerance: f64,
    slack: Seconds,
    together: Seconds,
    agrees: bool,
    steps_differ: usize,
    waits_differ: usize,
    /// Its place in `steps`, from 0.
    first_difference: Option<usize>,
    steps: Vec<StepView<'a>>,
    waits: &'a [Compared],
    all: SidesView,
}

#[derive(Serialize)]
struct SidesView {
    live: Waits,
    simulated: Waits,
}

#[derive(Serialize)]
struct StepView<'a> {
    verdict: Verdict,
    verb: Verb,
    namespace: &'a str,
    workload: &'a str,
    live: Option<SideView>,
    simulated: Option<SideView>,
}

/// When it began and ended, and pods, or the replica count.
#[derive(Serialize)]
struct SideView {
    began: Seconds,
    ended: Seconds,
    amount: u32,
}

impl SideView {
    fn new(step: &super::Step) -> SideView {
        SideView {
            began: Seconds(step.began),
            ended: Seconds(step.ended),
            amount: step.amount,
        }
    }
}

impl StepView<'_> {
    fn new(pair: &Pair) -> StepView<'_> {
        let step = pair.live.as_ref().or(pair.simulated.as_ref());
        StepView {
            verdict: pair.verdict,
            verb: step.map_or(Verb::Admit, |step| step.verb),
            namespace: step.map_or("", |step| &step.namespace),
            workload: step.map_or("", |step| &step.workload),
            live: pair.live.as_ref().map(SideView::new),
            simulated: pair.simulated.as_ref().map(SideView::new),
        }
    }
}
