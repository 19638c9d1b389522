//! `simulator inspect`: the account tree at an instant.

use crate::model::Policy;
use crate::output::numbers::Seconds;
use crate::problem::{Failure, Problem};
use crate::run;
use crate::scenario::duration;
use engine::Span;
use engine::snapshot::{AccountFigures, PoolFigures, ResourceFigures};
use serde::Serialize;
use serde::ser::SerializeMap;
use std::fmt::Write;

/// What to look at, and when.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A scenario's file, or the name of a built-in
    pub scenario: String,
    /// The instant, as a time since the start: 90s, 1h30m
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub at: Span,
    /// Run under this policy instead of the scenario's own
    #[arg(short, long, value_parser = super::run::policy_parser())]
    pub policy: Option<Policy>,
    /// JSON in base units, for programs
    #[arg(long)]
    pub json: bool,
}

/// Runs a scenario up to and including an instant, prints what every account has then.
///
/// # Errors
/// The scenario or a trace is wrong, or an invariant is broken.
pub fn run(args: Args) -> Result<(), Failure> {
    let scenario = super::run::load(&args.scenario)?;
    let policy = args.policy.unwrap_or(scenario.policy);
    if matches!(policy, Policy::None | Policy::Edl) {
        let problem = Problem::error(format!(
            "policy {} has no accounts to look at",
            policy.name()
        ));
        return Err(problem.hint("choose another with --policy").into());
    }
    let pools = run::inspect(&scenario, policy, scenario.start + args.at)?;
    if !args.json {
        return super::print(&tree(&scenario.name, args.at, &pools));
    }
    let view = View {
        time: Seconds(args.at.0),
        pools: pools.iter().map(pool_view).collect(),
    };
    match serde_json::to_string_pretty(&view) {
        Ok(text) => super::print(&(text + "\n")),
        Err(error) => Err(Problem::error(format!("no JSON can be made of it: {error}")).into()),
    }
}

#[derive(Serialize)]
struct View<'a> {
    time: Seconds,
    pools: Vec<PoolView<'a>>,
}

#[derive(Serialize)]
struct PoolView<'a> {
    pool: &'a str,
    accounts: Vec<AccountView<'a>>,
}

#[derive(Serialize)]
struct AccountView<'a> {
    namespace: &'a str,
    parent: Option<&'a str>,
    depth: u32,
    #[serde(serialize_with = "as_map")]
    resources: &'a [(engine::spec::Name, ResourceFigures)],
    state: &'static str,
}

fn as_map<S: serde::Serializer>(
    resources: &&[(engine::spec::Name, ResourceFigures)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(resources.len()))?;
    for (name, figures) in *resources {
        map.serialize_entry(name, figures)?;
    }
    map.end()
}

fn pool_view(pool: &PoolFigures) -> PoolView<'_> {
    PoolView {
        pool: &pool.pool,
        accounts: pool.accounts.iter().map(account_view).collect(),
    }
}

fn account_view(account: &AccountFigures) -> AccountView<'_> {
    AccountView {
        namespace: &account.namespace,
        parent: account.parent.as_deref(),
        depth: account.depth,
        resources: &account.resources,
        state: account.state,
    }
}

/// A column of the tree, and the figure it shows.
type Column = (&'static str, fn(&ResourceFigures) -> Option<i64>);

const COLUMNS: [Column; 11] = [
    ("guaranteed", |figures| Some(figures.guaranteed)),
    ("limit", |figures| figures.limit),
    ("lend limit", |figures| figures.lend_limit),
    ("used", |figures| Some(figures.used)),
    ("in all", |figures| Some(figures.subtree_used)),
    ("kept back", |figures| Some(figures.kept_back)),
    ("available", |figures| Some(figures.available)),
    ("potential", |figures| Some(figures.potential)),
    ("borrowed", |figures| Some(figures.borrowed)),
    ("lent", |figures| Some(figures.lent)),
    ("pending", |figures| Some(figures.pending)),
];

/// The tree for people: a table for each pool and resource, accounts drawn as a tree.
fn tree(scenario: &str, at: Span, pools: &[PoolFigures]) -> String {
    let mut text = format!("{scenario} at {}\n", duration::show(at));
    for pool in pools {
        let names = branches(&pool.accounts);
        let resources = pool.accounts.first().map_or(0, |root| root.resources.len());
        for k in 0..resources {
            let _ = write!(
                text,
                "\npool {}, {}\n",
                pool.pool, pool.accounts[0].resources[k].0
            );
            table(&mut text, &names, &pool.accounts, k);
        }
    }
    text
}

fn table(text: &mut String, names: &[String], accounts: &[AccountFigures], k: usize) {
    let name_width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let cell = |column: &Column, account: &AccountFigures| {
        let (resource, figures) = &account.resources[k];
        column.1(figures).map_or_else(|| "-".to_owned(), |amount| amount_text(resource, amount))
    };
    let widths = COLUMNS.map(|column| {
        let cells = accounts.iter().map(|account| cell(&column, account).len());
        cells.max().unwrap_or(0).max(column.0.len())
    });
    let _ = write!(text, "{:name_width$}", "");
    for ((head, _), width) in COLUMNS.iter().zip(widths) {
        let _ = write!(text, "  {head:>width$}");
    }
    text.push('\n');
    for (name, account) in names.iter().zip(accounts) {
        let _ = write!(text, "{name:name_width$}");
        for (column, width) in COLUMNS.iter().zip(widths) {
            let _ = write!(text, "  {:>width$}", cell(column, account));
        }
        if account.state != "Active" {
            let _ = write!(text, "  {}", account.state);
        }
        text.push('\n');
    }
}

/// Names of accounts, depth first, with the branches of the tree before them.
fn branches(accounts: &[AccountFigures]) -> Vec<String> {
    let depth = |at: usize| accounts.get(at).map_or(0, |account| account.depth);
    let goes_on = |at: usize, level: u32| {
        let later = (at + 1..accounts.len()).take_while(|&later| depth(later) >= level);
        later.into_iter().any(|later| depth(later) == level)
    };
    let draw = |(at, account): (usize, &AccountFigures)| {
        let mut name = String::new();
        for level in 1..account.depth {
            name.push_str(if goes_on(at, level) { "│  " } else { "   " });
        }
        if account.depth > 0 {
            name.push_str(if goes_on(at, account.depth) {
                "├─ "
            } else {
                "└─ "
            });
        }
        name + &account.namespace
    };
    accounts.iter().enumerate().map(draw).collect()
}

/// An amount as a Kubernetes quantity: cores for cpu, binary units for bytes where they are exact.
fn amount_text(resource: &str, amount: i64) -> String {
    if resource == "cpu" {
        return if amount % 1000 == 0 {
            format!("{}", amount / 1000)
        } else {
            format!("{amount}m")
        };
    }
    let units = [
        (1 << 40, "Ti"),
        (1 << 30, "Gi"),
        (1 << 20, "Mi"),
        (1 << 10, "Ki"),
    ];
    let unit = units
        .into_iter()
        .find(|(size, _)| amount != 0 && amount % size == 0);
    match unit {
        Some((size, name)) => format!("{}{name}", amount / size),
        None => amount.to_string(),
    }
}
