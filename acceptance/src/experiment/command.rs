//! The commands: a scenario live, and its figures printed.

use super::figures::{self, Stretch};
use super::live::{self, Live};
use super::plan::{Manner, Owner, Plan};
use crate::Result;
use clap::Args;
use simulator::model::Scenario;
use std::path::PathBuf;

/// What the publication of case 2 reports about.
const STRETCHES: [Stretch; 2] = [("as published", 0, 550), ("off-peak", 300, 370)];

/// The published elastic-training experiment in real time: 133 virtual nodes, 6 training jobs under a web service that
/// goes from 400 pods to 100 and back.
#[derive(Args, Clone, Debug)]
pub struct EdlCase2 {
    /// Jobs of a fixed size, for comparison
    #[arg(long)]
    pub fixed: bool,
    /// The owners of elastic jobs
    #[arg(long, value_enum, default_value = "deployment")]
    pub owner: Owner,
    /// The results folder; must not be there yet
    #[arg(long, value_name = "FOLDER", default_value = "results/edl-case2-live")]
    pub output: PathBuf,
}

/// Any scenario of jobs and services that are written out, in real time.
#[derive(Args, Clone, Debug)]
pub struct Play {
    /// A scenario's file, or the name of a built-in
    pub scenario: String,
    /// The owners of elastic jobs
    #[arg(long, value_enum, default_value = "deployment")]
    pub owner: Owner,
    /// The results folder; must not be there yet
    #[arg(long, value_name = "FOLDER", default_value = "results/live")]
    pub output: PathBuf,
}

/// Runs the published experiment.
///
/// # Errors
/// Something does not start, or the API server refuses.
pub fn edl_case2(args: EdlCase2) -> Result<()> {
    let (scenario, manner) = match args.fixed {
        true => ("edl-case2-fixed", "live-fixed"),
        false => ("edl-case2", "live"),
    };
    run(scenario, manner, args.owner, args.output, &STRETCHES)
}

/// Runs a scenario.
///
/// # Errors
/// Something does not start, or the API server refuses.
pub fn play(args: Play) -> Result<()> {
    run(&args.scenario, "live", args.owner, args.output, &[])
}

/// A scenario and its text.
///
/// # Errors
/// All that is wrong with it.
pub fn read(source: &str) -> Result<(Scenario, String)> {
    let text = match simulator::builtin::is_known(source) {
        true => simulator::builtin::text(source).map_err(|failure| failure.to_string())?,
        false => std::fs::read_to_string(source).map_err(|error| format!("{source}: {error}"))?,
    };
    let (scenario, problems) = simulator::scenario::read_text(&text, source);
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Ok((scenario.ok_or_else(|| problems.concat())?, text))
}

fn run(
    source: &str,
    manner: &str,
    owner: Owner,
    output: PathBuf,
    stretches: &[Stretch],
) -> Result<()> {
    let (scenario, text) = read(source)?;
    let how = Manner {
        owner,
        brings_gate: false,
    };
    let plan = Plan::new(&scenario, &text, how)?;
    let program = std::env::current_exe()?;
    let live = Live {
        plan: &plan,
        manner,
        program: &program,
        output: &output,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(live::run(&live, |line| eprintln!("{line}")))?;
    print!(
        "{}",
        figures::text(
            outcome.start,
            &outcome.rows,
            &outcome.finished.summary,
            &outcome.writes,
            stretches
        )
    );
    println!("results in {}", outcome.finished.folder.display());
    Ok(())
}
