//! What the charts are drawn from.

use super::Run;
use crate::output::accounts::{Account, Figures};
use crate::output::console;
use crate::output::distribution::Values;
use crate::output::numbers::{divided, from_thousandths};
use crate::output::results::History;
use crate::output::series::Step;
use engine::Time;
use engine::spec::Name;
use serde::Serialize;
use std::collections::BTreeMap;

/// Accounts that have a chart of their own on the page.
pub const ACCOUNTS_SHOWN: usize = 12;

/// Accounts that have a chart at all.
const ACCOUNTS_MAX: usize = 300;

/// Steps of all accounts that can only be chosen: some 4 MB of page.
const OTHER_STEPS_MAX: usize = 60_000;

/// Namespaces that have a line of their own among the waiting times.
const WAITS_MAX: usize = 7;

/// Services that have a chart.
pub const SERVICES_MAX: usize = 12;

/// Points of a line of waiting times.
const QUANTILES: usize = 200;

/// All that the script reads.
#[derive(Serialize)]
pub struct Data {
    /// The last instant of all runs, in seconds.
    pub end: f64,
    /// The runs.
    pub runs: Vec<RunData>,
    /// Figures to compare policies by.
    pub bars: Vec<Bars>,
}

/// A run.
#[derive(Serialize)]
pub struct RunData {
    /// Its policy.
    pub policy: String,
    /// The use of each resource.
    pub utilization: Vec<Use>,
    /// Waiting times: of all, then of the namespaces with the most workloads.
    pub waits: Vec<Waits>,
    /// Services, those with the largest deficit first.
    pub services: Vec<Service>,
    /// Accounts, those that used the most first; none when runs are compared.
    pub accounts: Vec<AccountData>,
}

/// The use of a resource.
#[derive(Serialize)]
pub struct Use {
    /// The resource.
    pub resource: String,
    /// The axis.
    pub label: String,
    /// Seconds.
    pub t: Vec<f64>,
    /// Requests of running pods.
    pub used: Vec<f64>,
    /// Allocatable.
    pub allocatable: Vec<f64>,
}

/// How long a share of workloads waited at most.
#[derive(Serialize)]
pub struct Waits {
    /// Of whom.
    pub name: String,
    /// Rising.
    pub seconds: Vec<f64>,
    /// The share of all that waited no longer.
    pub percent: Vec<f64>,
}

/// A service.
#[derive(Serialize)]
pub struct Service {
    /// Namespace and name.
    pub name: String,
    /// Seconds.
    pub t: Vec<f64>,
    /// Replicas asked for.
    pub desired: Vec<u32>,
    /// Replicas that ran.
    pub running: Vec<u32>,
}

/// An account.
#[derive(Serialize)]
pub struct AccountData {
    /// The namespace.
    pub name: String,
    /// Its resources.
    pub resources: Vec<ResourceData>,
}

/// An account's figures for one resource.
#[derive(Serialize)]
pub struct ResourceData {
    /// The resource.
    pub resource: String,
    /// The axis.
    pub label: String,
    /// Seconds.
    pub t: Vec<f64>,
    /// Guarantee.
    pub guaranteed: Vec<f64>,
    /// Limit.
    pub limit: Vec<Option<f64>>,
    /// Use.
    pub used: Vec<f64>,
    /// Borrowed.
    pub borrowed: Vec<f64>,
    /// Lent.
    pub lent: Vec<f64>,
    /// Asked for by what waits.
    pub pending: Vec<f64>,
}

/// One figure of each run.
#[derive(Serialize)]
pub struct Bars {
    /// What it is.
    pub title: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The figures; where there is none, nothing is drawn.
    pub values: Vec<Option<f64>>,
    /// As they are written beside the bars.
    pub texts: Vec<String>,
}

impl Data {
    /// The data of one run, or of several to compare.
    pub fn new(runs: &[Run<'_>]) -> Data {
        let end = runs
            .iter()
            .map(|run| (run.history.end - run.history.start).0)
            .max()
            .unwrap_or_default();
        let is_comparison = runs.len() > 1;
        Data {
            end: from_thousandths(end),
            runs: runs
                .iter()
                .map(|run| run_data(run, is_comparison))
                .collect(),
            bars: if is_comparison {
                bars(runs)
            } else {
                Vec::new()
            },
        }
    }
}

fn run_data(run: &Run<'_>, is_comparison: bool) -> RunData {
    let history = run.history;
    RunData {
        policy: run.summary.policy.clone(),
        utilization: utilization(history),
        waits: waits(history),
        services: services(run),
        accounts: if is_comparison {
            Vec::new()
        } else {
            accounts(history)
        },
    }
}

/// An amount in the unit that a reader expects: cores, GiB, counts.
pub fn shown(resource: &str, amount: i64) -> f64 {
    if resource == "cpu" {
        from_thousandths(amount)
    } else if in_bytes(resource) {
        from_thousandths(divided(amount.into(), 1 << 30, 1000).unwrap_or_default())
    } else {
        from_thousandths(amount.saturating_mul(1000))
    }
}

/// A resource with the unit it is shown in.
pub fn label(resource: &str) -> String {
    if resource == "cpu" {
        "CPU (cores)".to_owned()
    } else if in_bytes(resource) {
        format!("{resource} (GiB)")
    } else {
        format!("{resource} (count)")
    }
}

fn in_bytes(resource: &str) -> bool {
    resource == "memory" || resource.ends_with("storage") || resource.starts_with("hugepages-")
}

fn seconds<V>(start: Time, steps: &[Step<V>]) -> Vec<f64> {
    steps
        .iter()
        .map(|step| from_thousandths((step.0 - start).0))
        .collect()
}

fn utilization(history: &History) -> Vec<Use> {
    history
        .utilization
        .series()
        // How many pods a node takes is a bound, not a resource that is used up.
        .filter(|(resource, _)| &***resource != "pods")
        .map(|(resource, series)| {
            let steps = series.steps();
            Use {
                resource: resource.to_string(),
                label: label(resource),
                t: seconds(history.start, steps),
                used: steps
                    .iter()
                    .map(|step| shown(resource, step.1.used))
                    .collect(),
                allocatable: steps
                    .iter()
                    .map(|step| shown(resource, step.1.allocatable))
                    .collect(),
            }
        })
        .collect()
}

fn waits(history: &History) -> Vec<Waits> {
    let workloads = &history.workloads;
    let mut largest: Vec<(&Name, &Values)> = workloads.waits_by_namespace.iter().collect();
    largest.sort_by_key(|(_, values)| std::cmp::Reverse(values.len()));
    largest.truncate(WAITS_MAX);
    let mut waits = vec![quantiles("all", &workloads.waits)];
    if workloads.waits_by_namespace.len() > 1 {
        waits.extend(
            largest
                .into_iter()
                .map(|(name, values)| quantiles(name, values)),
        );
    }
    waits
}

fn quantiles(name: &str, values: &Values) -> Waits {
    let sorted = values.sorted();
    let count = sorted.len();
    let mut waits = Waits {
        name: name.to_owned(),
        seconds: Vec::new(),
        percent: Vec::new(),
    };
    let points = count.min(QUANTILES);
    for point in 1..=points {
        let rank = (count * point).div_ceil(points);
        // The last of equal values says how many there are.
        let rank = sorted.partition_point(|&value| value <= sorted[rank - 1]);
        let second = from_thousandths(sorted[rank - 1]);
        if waits.seconds.last() != Some(&second) {
            let percent = divided(rank as i128, count as i128, 100_000).unwrap_or_default();
            waits.seconds.push(second);
            waits.percent.push(from_thousandths(percent));
        }
    }
    waits
}

/// The services with the largest deficit, in the order in which the page shows them.
pub fn services_shown(run: &Run<'_>) -> Vec<(Name, Name)> {
    let mut services: Vec<_> = run.summary.service_deficit.services.iter().collect();
    services.sort_by_key(|service| std::cmp::Reverse(service.integrated));
    services
        .into_iter()
        .take(SERVICES_MAX)
        .map(|service| (service.namespace.clone(), service.name.clone()))
        .collect()
}

fn services(run: &Run<'_>) -> Vec<Service> {
    let history = run.history;
    // Those of another run may be others: all are given, and the page shows the first one's.
    history
        .services
        .series()
        .map(|((namespace, name), series)| {
            let series = series.at_most(1024);
            let steps = series.steps();
            Service {
                name: format!("{namespace}/{name}"),
                t: seconds(history.start, steps),
                desired: steps.iter().map(|step| step.1.desired).collect(),
                running: steps.iter().map(|step| step.1.running).collect(),
            }
        })
        .collect()
}

/// Accounts by their share of what was used of a resource, the largest share of each, largest first.
pub fn accounts_by_use(history: &History) -> Vec<(&Name, &BTreeMap<Name, Account>)> {
    let mut totals: BTreeMap<&Name, i128> = BTreeMap::new();
    for (resource, account) in history.accounts.iter().flat_map(|(_, resources)| resources) {
        *totals.entry(resource).or_default() += account.used();
    }
    let share = |resources: &BTreeMap<Name, Account>| {
        let shares = resources.iter().filter_map(|(resource, account)| {
            divided(account.used(), *totals.get(resource)?, 1_000_000_000)
        });
        shares.max().unwrap_or_default()
    };
    let mut accounts: Vec<_> = history.accounts.iter().collect();
    accounts.sort_by_cached_key(|(_, resources)| std::cmp::Reverse(share(resources)));
    accounts
}

fn accounts(history: &History) -> Vec<AccountData> {
    let accounts = accounts_by_use(history);
    let others = accounts
        .len()
        .min(ACCOUNTS_MAX)
        .saturating_sub(ACCOUNTS_SHOWN);
    let resources = accounts.first().map_or(1, |account| account.1.len());
    let steps_max = OTHER_STEPS_MAX / (others * resources).max(1);
    accounts
        .into_iter()
        .take(ACCOUNTS_MAX)
        .enumerate()
        .map(|(rank, (name, resources))| AccountData {
            name: name.to_string(),
            resources: resources
                .iter()
                .map(|(resource, account)| {
                    let series = account.series();
                    match rank < ACCOUNTS_SHOWN {
                        true => resource_data(history.start, resource, series.steps()),
                        false => resource_data(
                            history.start,
                            resource,
                            series.at_most(steps_max).steps(),
                        ),
                    }
                })
                .collect(),
        })
        .collect()
}

fn resource_data(start: Time, resource: &Name, steps: &[Step<Figures>]) -> ResourceData {
    let of = |figure: fn(&Figures) -> i64| -> Vec<f64> {
        steps
            .iter()
            .map(|step| shown(resource, figure(&step.1)))
            .collect()
    };
    ResourceData {
        resource: resource.to_string(),
        label: label(resource),
        t: seconds(start, steps),
        guaranteed: of(|figures| figures.guaranteed),
        limit: steps
            .iter()
            .map(|step| step.1.limit.map(|limit| shown(resource, limit)))
            .collect(),
        used: of(|figures| figures.used),
        borrowed: of(|figures| figures.borrowed),
        lent: of(|figures| figures.lent),
        pending: of(|figures| figures.pending),
    }
}

fn bars(runs: &[Run<'_>]) -> Vec<Bars> {
    let bars =
        |title, unit, value: &dyn Fn(&Run<'_>) -> Option<f64>, text: &dyn Fn(f64) -> String| {
            let values: Vec<Option<f64>> = runs.iter().map(value).collect();
            Bars {
                title,
                unit,
                texts: values
                    .iter()
                    .map(|value| value.map_or_else(String::new, text))
                    .collect(),
                values,
            }
        };
    let duration = |seconds: f64| console::duration(Some(seconds));
    let amount = |value: f64| format!("{value:.1}").trim_end_matches(".0").to_owned();
    let mut all = vec![
        bars(
            "Mean wait",
            "seconds",
            &|run| run.summary.wait.all.mean,
            &duration,
        ),
        bars(
            "Longest wait",
            "seconds",
            &|run| run.summary.wait.all.max,
            &duration,
        ),
        bars(
            "CPU utilisation",
            "percent",
            &|run| Some(run.summary.utilization.get("cpu")? * 100.0),
            &|percent| format!("{percent:.1} %"),
        ),
        bars(
            "Service deficit",
            "replica-seconds",
            &|run| {
                let deficit = &run.summary.service_deficit;
                (!deficit.services.is_empty()).then(|| from_thousandths(deficit.integrated.0))
            },
            &amount,
        ),
        bars(
            "Work lost",
            "replica-seconds",
            &|run| Some(from_thousandths(run.summary.work_lost.0)),
            &amount,
        ),
        bars(
            "Makespan",
            "seconds",
            &|run| Some(from_thousandths(run.summary.makespan.0)),
            &duration,
        ),
    ];
    all.retain(|bars| bars.values.iter().any(Option::is_some));
    all
}
