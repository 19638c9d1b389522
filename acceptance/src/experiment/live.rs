//! One run, from the control plane to the results folder.

use super::audit::{self, Writes};
use super::plan::{Deed, Plan, Step, WorkKey};
use super::play;
use super::results::{self, Run};
use super::scene::{Rows, Scene};
use super::watch::Observer;
use crate::{Installation, Result, SYSTEM, Setup};
use engine::Time;
use serde_json::{Value, json};
use simulator::output::Finished;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Between two lines of progress.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Between the last preparation and instant 0.
const BREATH: Duration = Duration::from_secs(2);

/// What is run.
pub struct Live<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// How: the name in the place of a policy's.
    pub manner: &'a str,
    /// This crate's own binary, which plays Leasehold's programs.
    pub program: &'a Path,
    /// The results folder; must not be there yet.
    pub output: &'a Path,
}

/// What came of it.
pub struct Outcome {
    /// The instant that the scenario calls 0.
    pub start: Time,
    /// What was seen.
    pub rows: Rows,
    /// What the controller wrote.
    pub writes: Writes,
    /// The results in their folder.
    pub finished: Finished,
}

/// Runs it in real time; `told` hears how it goes.
///
/// # Errors
/// Something does not start, the API server refuses something, or results cannot be written. Then the logs of all
/// programs are left in a folder beside the results.
pub async fn run(
    live: &Live<'_>,
    told: impl Fn(String) + Clone + Send + 'static,
) -> Result<Outcome> {
    let output = std::path::absolute(live.output)?;
    if output.exists() {
        return Err(format!("{} is there already: name another folder", output.display()).into());
    }
    let files = PathBuf::from(format!("{}.files", output.display()));
    std::fs::create_dir_all(&files)?;
    let plan = live.plan;
    let nodes: usize = plan.nodes.iter().map(|group| group.count).sum();
    told(format!(
        "starting a control plane with {nodes} nodes, and Leasehold on it"
    ));
    let log = files.join("audit.log");
    let setup = Setup::new(live.program)
        .nodes(plan.nodes.clone())
        .folder(files.join("cluster"))
        .api_server_arguments(audited(&files.join("audit.yaml"), &log)?)
        .with_usual_leadership()
        // One file: a run decides much, and is to be replayed as a whole.
        .controller_arguments(["--decision-log-size=4096"]);
    let mut installation = Installation::start(setup).await?;
    let client = installation.client.clone();
    told("making namespaces, what runs beside all leases, pool and leases".to_owned());
    play::prepare(&client, plan).await?;
    until_leased(&installation, plan).await?;

    let observer = Observer::start(&client, &plan.works);
    let start = Instant::now() + BREATH;
    let time = play::time_of(start);
    let telling = tokio::spawn(tell(observer.seen(), keys(plan), start, told.clone()));
    let played = play::play(&client, plan, start, |step| told(words(step))).await;
    telling.abort();
    let rows = observer.finish();
    played?;

    let decisions = only_folder(&installation.decisions_folder())?;
    for name in installation.controllers() {
        installation.kill_controller(&name)?;
    }
    let writes = audit::count(&log, time, rows.end)?;
    let run = Run {
        plan,
        manner: live.manner,
        start: time,
        rows: &rows,
        writes: &writes,
        decisions: &decisions,
    };
    let finished = results::write(&run, &output)?;
    drop(installation);
    std::fs::remove_dir_all(&files)?;
    Ok(Outcome {
        start: time,
        rows,
        writes,
        finished,
    })
}

/// The API server's arguments for a log of what the controller writes.
fn audited(policy: &Path, log: &Path) -> Result<Vec<String>> {
    let user = format!("system:serviceaccount:{SYSTEM}:quota-controller");
    std::fs::write(policy, audit::policy(&user))?;
    Ok(vec![
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", log.display()),
    ])
}

/// Waits until all leases are in force and pods of the jobs and services go behind the gate.
async fn until_leased(installation: &Installation, plan: &Plan) -> Result<()> {
    for lease in plan
        .ground
        .iter()
        .filter(|object| object["kind"] == "CapacityLease")
    {
        let is_active = |lease: &Value| lease["status"]["phase"] == "Active";
        installation
            .until_object(lease, "the lease is in force", is_active)
            .await?;
    }
    let namespaces: std::collections::BTreeSet<&str> =
        plan.works.keys().map(|key| &*key.namespace).collect();
    for name in namespaces {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let is_leased =
            |namespace: &Value| namespace["metadata"]["labels"][api::names::LABEL_LEASED] == "true";
        installation
            .until_object(&namespace, "the namespace is labelled", is_leased)
            .await?;
    }
    Ok(())
}

fn only_folder(folder: &Path) -> Result<PathBuf> {
    let first = std::fs::read_dir(folder)?.next();
    let first =
        first.ok_or_else(|| format!("nobody has logged a decision in {}", folder.display()))?;
    Ok(first?.path())
}

/// Those whose counts change.
fn keys(plan: &Plan) -> Vec<WorkKey> {
    let works = plan.works.iter();
    let works = works.filter(|(_, work)| work.is_elastic || work.kind == "service");
    works.map(|(key, _)| key.clone()).collect()
}

fn words(step: &Step) -> String {
    let at = step.at.0 / 1000;
    match &step.deed {
        Deed::Create(objects) => {
            let names = objects.iter().map(|object| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                format!(
                    "{} {}",
                    text(&object["kind"]),
                    text(&object["metadata"]["name"])
                )
            });
            format!("{at:>4} s  + {}", names.collect::<Vec<_>>().join(", "))
        }
        Deed::Scale(key, count) => format!("{at:>4} s  {} to {count}", key.name),
        Deed::Delete(key, _, kind) => format!("{at:>4} s  - {kind} {}", key.name),
    }
}

/// How things stand, from time to time.
async fn tell(
    seen: watch::Receiver<Scene>,
    keys: Vec<WorkKey>,
    start: Instant,
    told: impl Fn(String),
) {
    let mut turn = tokio::time::interval_at(start + TELL_EVERY, TELL_EVERY);
    loop {
        turn.tick().await;
        let line = {
            let scene = seen.borrow();
            let (used, all) = scene.use_of("cpu");
            let counts = keys.iter().map(|key| {
                let count = scene.count(key);
                format!("{} {}/{}", key.name, count.running, count.desired)
            });
            let counts: Vec<String> = counts.collect();
            format!(
                "{:>4} s  cpu {} %  {}",
                start.elapsed().as_secs(),
                used * 100 / all.max(1),
                counts.join("  ")
            )
        };
        told(line);
    }
}
