//! `simulator compare-live`: a run in a cluster beside the same scenario simulated.

use super::progress::Progress;
use super::run::{load, policy_parser, stop_on_signal};
use crate::live::report::Comparison;
use crate::live::simulated::simulate;
use crate::live::{Tolerance, folder};
use crate::model::Policy;
use crate::problem::{Exit, Failure, Problem};
use crate::run;
use crate::scenario::duration;
use engine::Span;
use std::path::PathBuf;

/// What to compare, and what counts as the same.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A scenario's file, or the name of a built-in
    pub scenario: String,
    /// The live run's folder: the controller's decisions.jsonl, an observer's pods.csv, run.json
    pub live: PathBuf,
    /// Simulate under this policy instead of the scenario's own
    #[arg(short, long, value_parser = policy_parser())]
    pub policy: Option<Policy>,
    /// Waits and amounts may differ by so much of the simulated ones
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percentage)]
    pub tolerance: i64,
    /// Waits may differ by so much in any case: times in a cluster are whole seconds
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse)]
    pub slack: Span,
    /// Decisions about one object within this time of one another are one step, and have no order among themselves
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration::parse)]
    pub together: Span,
    /// JSON, with all steps
    #[arg(long)]
    pub json: bool,
}

/// Reads a percentage, in millionths: `5%`, `0.5%`.
fn percentage(text: &str) -> Result<i64, String> {
    const WANTED: &str = "write a percentage, such as 5% or 0.5%";
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 4 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(WANTED.to_owned());
    }
    // A hundredth is 10,000 millionths: four digits behind the point.
    let part: i64 = format!("{part:0<4}").parse().map_err(|_| WANTED)?;
    let whole: u32 = whole.parse().map_err(|_| WANTED)?;
    Ok(i64::from(whole) * 10_000 + part)
}

/// Simulates the scenario, compares, prints; ends with the exit status of a difference if there is one.
///
/// # Errors
/// There is a difference; or the scenario or a file of the folder is wrong.
pub fn run(args: Args) -> Result<(), Failure> {
    let tolerance = Tolerance {
        millionths: args.tolerance,
        slack: args.slack,
        together: args.together,
    };
    let live = folder::read_folder(&args.live, tolerance.together)?;
    let scenario = load(&args.scenario)?;
    let policy = args.policy.unwrap_or(scenario.policy);
    let stop = stop_on_signal()?;
    let bar = Progress::new(&scenario, 1);
    let show = |progress: run::Progress| bar.tell(0, progress);
    let options = run::Options {
        stop: Some(&stop),
        progress: bar.is_shown().then_some(&show),
        ..run::Options::default()
    };
    let simulated = simulate(&scenario, policy, &options, tolerance.together);
    bar.finish();
    let names = (scenario.name.as_str(), policy.name());
    let comparison = Comparison::new(names, &live, &simulated?, tolerance);
    match args.json {
        false => super::print(&comparison.text())?,
        true => {
            let json = comparison
                .json()
                .map_err(|error| Problem::error(format!("no JSON can be made of it: {error}")))?;
            super::print(&(json + "\n"))?;
        }
    }
    if comparison.agrees() {
        return Ok(());
    }
    let (steps, waits) = comparison.differences();
    let what =
        format!("live and simulated differ in {steps} steps and the waits of {waits} workloads");
    Err(Failure {
        exit: Exit::Difference,
        problems: vec![Problem::error(what).in_file(args.live.display().to_string())],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_exactly() {
        assert_eq!(percentage("5%"), Ok(50_000));
        assert_eq!(percentage("0.5 %"), Ok(5_000));
        assert_eq!(percentage("12.0025%"), Ok(120_025));
        for wrong in ["", "%", "-5%", "5.00001%", "five", "5.x%"] {
            assert!(percentage(wrong).is_err(), "{wrong}");
        }
    }
}
