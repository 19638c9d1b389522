//! The page's sections, in the order in which a planner asks.

use super::Run;
use super::data::{self, Data, label, shown};
use super::html::{Cell, Table, escaped};
use crate::output::console::{self, duration, grouped};
use crate::output::distribution::Distribution;
use crate::output::numbers::{Seconds, from_thousandths, ratio};
use crate::output::summary::Summary;
use engine::spec::Name;
use std::collections::BTreeSet;

/// Rows of a table by namespace.
const NAMESPACES_MAX: usize = 1000;

/// A section: the anchor of its heading, the heading, what is below.
type Section = (&'static str, &'static str, String);

/// All that stands between `<body>` and the scripts.
pub fn body(title: &str, runs: &[Run<'_>], data: &Data) -> String {
    let Some(first) = runs.first() else {
        return String::new();
    };
    let mut sections: Vec<Section> = vec![("figures", "Key figures", key_figures(runs, data))];
    sections.push(("utilisation", "Utilisation over time", utilization(data)));
    if runs.len() == 1 && !data.runs[0].accounts.is_empty() {
        sections.push((
            "accounts",
            "Accounts: use against guarantee and limit",
            accounts(first, data),
        ));
    }
    sections.push(("waiting", "Waiting times", waiting(runs)));
    if runs
        .iter()
        .any(|run| !run.summary.service_deficit.services.is_empty())
    {
        sections.push((
            "services",
            "Services: replicas asked for and running",
            services(runs),
        ));
    }
    if runs.len() == 1 {
        sections.push(("reclaims", "Reclaim log", reclaims(first)));
    }
    if runs.iter().any(|run| !run.summary.refusals.is_empty()) {
        sections.push(("refusals", "Refused changes", refusals(first.summary)));
    }
    let links: String = sections
        .iter()
        .map(|(anchor, heading, _)| {
            let short = heading.split(':').next().unwrap_or(heading);
            format!("<li><a href=\"#{anchor}\">{short}</a></li>")
        })
        .collect();
    let mut text = format!(
        "<header><h1>{}</h1>\n<p class=\"soft\">{}</p>\n{}<nav aria-label=\"Sections\"><ul>{links}</ul></nav></header>\n<main>\n",
        escaped(title),
        escaped(&about(first.summary)),
        interrupted(runs),
    );
    for (anchor, heading, content) in &sections {
        text.push_str(&format!(
            "<section id=\"{anchor}\" aria-labelledby=\"{anchor}-heading\"><h2 id=\"{anchor}-heading\">{heading}</h2>\n{content}</section>\n"
        ));
    }
    text.push_str(&format!(
        "</main>\n<footer><noscript><p>The charts need JavaScript; all figures are in the tables.</p></noscript>\
         Leasehold simulator {}. The tables beside this page hold every row; this page thins long series, but \
         keeps their peaks.</footer>\n",
        escaped(first.summary.version)
    ));
    text
}

fn about(summary: &Summary) -> String {
    format!(
        "{} of simulated time, {} events, seed {}",
        seconds(summary.end),
        grouped(summary.events),
        summary.seed
    )
}

fn interrupted(runs: &[Run<'_>]) -> String {
    let stopped: Vec<_> = runs
        .iter()
        .filter(|run| run.summary.interrupted)
        .map(|run| escaped(&run.summary.policy))
        .collect();
    match stopped.is_empty() {
        true => String::new(),
        false => format!(
            "<p class=\"warning\">Interrupted before its end: {}. The figures are of what was run.</p>\n",
            stopped.join(", ")
        ),
    }
}

fn seconds(seconds: Seconds) -> String {
    duration(Some(from_thousandths(seconds.0)))
}

fn key_figures(runs: &[Run<'_>], data: &Data) -> String {
    let summaries: Vec<&Summary> = runs.iter().map(|run| run.summary).collect();
    let figures = console::figures(&summaries);
    if runs.len() == 1 {
        let items: String = figures
            .iter()
            .map(|(name, values)| {
                format!(
                    "<div><dt>{}</dt><dd>{}</dd></div>\n",
                    escaped(name),
                    escaped(&values[0])
                )
            })
            .collect();
        return format!("<dl class=\"figures\">\n{items}</dl>\n");
    }
    let mut text =
        "<p class=\"note\">The same work arrived under each policy.</p>\n<div class=\"grid\">\n"
            .to_owned();
    let height = 62 + 34 * runs.len();
    for (index, bars) in data.bars.iter().enumerate() {
        text.push_str(&format!(
            "<figure><h3>{}</h3><div class=\"chart bars\" style=\"--bars:{height}px\" data-chart=\"bars\" data-bars=\"{index}\" \
             aria-label=\"{} by policy; the figures are in the table below\"></div></figure>\n",
            bars.title, bars.title
        ));
    }
    text.push_str("</div>\n");
    let mut heads = vec![("figure".to_owned(), false)];
    heads.extend(
        summaries
            .iter()
            .map(|summary| (summary.policy.clone(), true)),
    );
    let rows = figures.into_iter().map(|(name, values)| {
        let mut row = vec![Cell::Head(name)];
        row.extend(values.into_iter().map(Cell::Number));
        row
    });
    text.push_str(
        &Table {
            caption: "Key figures by policy",
            heads,
            rows: rows.collect(),
        }
        .html(),
    );
    let links: Vec<String> = summaries
        .iter()
        .map(|summary| {
            let policy = escaped(&summary.policy);
            format!("<a href=\"{policy}/report.html\">{policy}</a>")
        })
        .collect();
    text.push_str(&format!(
        "<p class=\"note\" style=\"margin-top:12px\">Accounts and reclaim log of each: {}.</p>\n",
        links.join(", ")
    ));
    text
}

fn utilization(data: &Data) -> String {
    let mut text =
        "<p class=\"note\">Requests of running pods against what the nodes have.</p>\n".to_owned();
    let resources: BTreeSet<(&str, &str)> = data
        .runs
        .iter()
        .flat_map(|run| &run.utilization)
        .map(|figures| (figures.resource.as_str(), figures.label.as_str()))
        .collect();
    if resources.is_empty() {
        text.push_str("<p>No pod ran.</p>\n");
    }
    for (resource, label) in resources {
        text.push_str(&format!(
            "<figure><h3>{0}</h3><div class=\"chart\" data-chart=\"utilization\" data-resource=\"{1}\" \
             aria-label=\"{0}: requests of running pods and allocatable over time; the means are among the key figures\"></div></figure>\n",
            escaped(label),
            escaped(resource)
        ));
    }
    text
}

fn accounts(run: &Run<'_>, data: &Data) -> String {
    let accounts = &data.runs[0].accounts;
    let resources: BTreeSet<&str> = accounts
        .iter()
        .flat_map(|account| &account.resources)
        .map(|figures| figures.resource.as_str())
        .collect();
    // cpu first: it is what most scenarios lease.
    let mut resources: Vec<&str> = resources.into_iter().collect();
    resources.sort_by_key(|resource| *resource != "cpu");
    let options: String = resources
        .iter()
        .map(|resource| {
            format!(
                "<option value=\"{}\">{}</option>",
                escaped(resource),
                escaped(&label(resource))
            )
        })
        .collect();
    let mut text = format!(
        "<p class=\"note\">Use is that of the account's own pods; what is borrowed and lent is the whole subtree's.</p>\n\
         <ul class=\"legend\" aria-label=\"Legend\"><li><i class=\"used\"></i>used</li>\
         <li><i class=\"borrowed\"></i>borrowed</li><li><i class=\"lent\"></i>lent to others</li>\
         <li><i class=\"guarantee\"></i>guarantee</li><li><i class=\"limit\"></i>limit</li>\
         <li><i class=\"waiting\"></i>with what waits</li></ul>\n\
         <div class=\"controls\"><label>Resource <select id=\"account-resource\">{options}</select></label></div>\n\
         <div class=\"grid\">\n"
    );
    for account in accounts.iter().take(data::ACCOUNTS_SHOWN) {
        let name = escaped(&account.name);
        text.push_str(&format!(
            "<figure><h3>{name}</h3><div class=\"chart small\" data-chart=\"account\" data-account=\"{name}\"></div></figure>\n"
        ));
    }
    text.push_str("</div>\n");
    if accounts.len() > data::ACCOUNTS_SHOWN {
        let options: String = accounts
            .iter()
            .skip(data::ACCOUNTS_SHOWN)
            .map(|account| format!("<option>{}</option>", escaped(&account.name)))
            .collect();
        text.push_str(&format!(
            "<figure><div class=\"controls\"><label>Another account <select id=\"account-other\">{options}</select></label></div>\
             <div class=\"chart\" data-chart=\"account\"></div></figure>\n"
        ));
    }
    text.push_str(&accounts_table(run, accounts.len()));
    text
}

fn accounts_table(run: &Run<'_>, charted: usize) -> String {
    let history = run.history;
    let span = i128::from((history.end - history.start).0);
    let accounts = data::accounts_by_use(history);
    let all = accounts.len();
    let mut rows = Vec::new();
    for (name, resources) in accounts.into_iter().take(NAMESPACES_MAX) {
        for (resource, account) in resources {
            let last = account.series().steps().last().map(|step| step.1);
            let last = last.unwrap_or_default();
            let mean = ratio(
                account.used(),
                span.saturating_mul(i128::from(last.guaranteed)),
            );
            let amount = |amount| number(shown(resource, amount));
            rows.push(vec![
                Cell::Head(name.to_string()),
                Cell::Text(label(resource)),
                Cell::Number(amount(last.guaranteed)),
                Cell::Number(last.limit.map_or("–".to_owned(), amount)),
                Cell::Number(amount(account.used_max())),
                Cell::Number(console::percent(mean)),
            ]);
        }
    }
    let table = Table {
        caption: "Accounts, those that used the most first; guarantee and limit as at the end",
        heads: vec![
            ("account".to_owned(), false),
            ("resource".to_owned(), false),
            ("guarantee".to_owned(), true),
            ("limit".to_owned(), true),
            ("most used".to_owned(), true),
            ("mean use of guarantee".to_owned(), true),
        ],
        rows,
    };
    let mut text = format!(
        "<details><summary>Table of accounts</summary>\n{}</details>\n",
        table.html()
    );
    if all > charted {
        text.push_str(&format!(
            "<p class=\"note\">Charts are of the {charted} accounts of {} that used the most.</p>\n",
            grouped_len(all)
        ));
    }
    text
}

/// A number with at most three decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn grouped_len(count: usize) -> String {
    grouped(u64::try_from(count).unwrap_or(u64::MAX))
}

fn waiting(runs: &[Run<'_>]) -> String {
    let mut text = "<p class=\"note\">The share of workloads that had started within a time. A curve further up and to \
                    the left waits less.</p>\n\
                    <figure><div class=\"chart\" data-chart=\"waits\" aria-label=\"Distribution of waiting times; percentiles are in the table below\"></div></figure>\n"
        .to_owned();
    let names: BTreeSet<&Name> = runs
        .iter()
        .flat_map(|run| run.summary.wait.by_namespace.keys())
        .collect();
    let mut heads = vec![("namespace".to_owned(), false)];
    if runs.len() > 1 {
        heads.push(("policy".to_owned(), false));
    }
    heads.extend(
        ["workloads", "mean", "p50", "p95", "p99", "longest"].map(|head| (head.to_owned(), true)),
    );
    let mut rows = Vec::new();
    let mut add = |name: &str, run: &Run<'_>, wait: &Distribution| {
        let mut row = vec![Cell::Head(name.to_owned())];
        if runs.len() > 1 {
            row.push(Cell::Text(run.summary.policy.clone()));
        }
        row.push(Cell::Number(grouped(wait.count)));
        row.extend(
            [wait.mean, wait.p50, wait.p95, wait.p99, wait.max]
                .map(|value| Cell::Number(duration(value))),
        );
        rows.push(row);
    };
    for run in runs {
        add("all", run, &run.summary.wait.all);
    }
    let shown = NAMESPACES_MAX / runs.len().max(1);
    for name in names.iter().take(shown) {
        for run in runs {
            if let Some(wait) = run.summary.wait.by_namespace.get(*name) {
                add(name, run, wait);
            }
        }
    }
    let caption = "Waiting times by namespace";
    text.push_str(
        &Table {
            caption,
            heads,
            rows,
        }
        .html(),
    );
    if names.len() > shown {
        text.push_str(&format!(
            "<p class=\"note\">The first {} of {} namespaces; all are in summary.json.</p>\n",
            grouped_len(shown),
            grouped_len(names.len())
        ));
    }
    text
}

fn services(runs: &[Run<'_>]) -> String {
    let mut text = String::new();
    // Those that any policy leaves short, the first policy's first.
    let mut keys: Vec<(Name, Name)> = Vec::new();
    for key in runs.iter().flat_map(data::services_shown) {
        if !keys.contains(&key) && keys.len() < data::SERVICES_MAX {
            keys.push(key);
        }
    }
    for (namespace, name) in &keys {
        let name = format!("{namespace}/{name}");
        text.push_str(&format!(
            "<figure><h3>{0}</h3><div class=\"chart\" data-chart=\"service\" data-service=\"{0}\" \
             aria-label=\"{0}: replicas asked for and running over time; its deficit is in the table below\"></div></figure>\n",
            escaped(&name)
        ));
    }
    let mut heads = vec![("service".to_owned(), false)];
    if runs.len() > 1 {
        heads.push(("policy".to_owned(), false));
    }
    heads.extend(
        [
            "deficit, replica-s",
            "longest",
            "time to target, mean",
            "time to target, longest",
            "targets missed",
        ]
        .map(|head| (head.to_owned(), true)),
    );
    let mut rows = Vec::new();
    for run in runs {
        for service in run
            .summary
            .service_deficit
            .services
            .iter()
            .take(NAMESPACES_MAX)
        {
            let mut row = vec![Cell::Head(format!(
                "{}/{}",
                service.namespace, service.name
            ))];
            if runs.len() > 1 {
                row.push(Cell::Text(run.summary.policy.clone()));
            }
            row.extend(
                [
                    number(from_thousandths(service.integrated.0)),
                    seconds(service.longest),
                    duration(service.time_to_target.mean),
                    duration(service.time_to_target.max),
                    grouped(service.targets_missed),
                ]
                .map(Cell::Number),
            );
            rows.push(row);
        }
    }
    let caption = "Services: what they were short of";
    text.push_str(
        &Table {
            caption,
            heads,
            rows,
        }
        .html(),
    );
    let all = runs
        .iter()
        .map(|run| run.summary.service_deficit.services.len())
        .max();
    if all > Some(keys.len()) {
        text.push_str(&format!(
            "<p class=\"note\">Charts are of the {} services of {} with the largest deficit.</p>\n",
            keys.len(),
            grouped_len(all.unwrap_or_default())
        ));
    }
    text
}

fn reclaims(run: &Run<'_>) -> String {
    let (entries, left_out) = run.history.reclaims.entries();
    if entries.is_empty() {
        return "<p>Nothing was taken back from anybody.</p>\n".to_owned();
    }
    let rows = entries.iter().map(|entry| {
        let what = match entry.from_to {
            Some((from, to)) => format!("shrunk from {from} to {to}"),
            None if entry.replicas == 1 => "1 pod evicted".to_owned(),
            None => format!("{} pods evicted", entry.replicas),
        };
        vec![
            Cell::Number(number(from_thousandths(entry.time.0))),
            Cell::Head(format!("{}/{}", entry.namespace, entry.workload)),
            Cell::Text(what),
            Cell::Text(entry.beneficiary.clone().unwrap_or_else(|| "–".to_owned())),
            Cell::Sentence(entry.why.to_owned()),
        ]
    });
    let table = Table {
        caption: "What was taken, in the order of time",
        heads: vec![
            ("at, s".to_owned(), true),
            ("from".to_owned(), false),
            ("what".to_owned(), false),
            ("for".to_owned(), false),
            ("why".to_owned(), false),
        ],
        rows: rows.collect(),
    };
    let mut text = table.html();
    if left_out > 0 {
        text.push_str(&format!(
            "<p class=\"note\">The first {}; {} more are in decisions.jsonl.</p>\n",
            grouped_len(entries.len()),
            grouped(left_out)
        ));
    }
    text
}

fn refusals(summary: &Summary) -> String {
    let rows = summary.refusals.iter().take(NAMESPACES_MAX).map(|refusal| {
        let name = match refusal.namespace.is_empty() {
            true => refusal.name.to_string(),
            false => format!("{}/{}", refusal.namespace, refusal.name),
        };
        vec![
            Cell::Number(number(from_thousandths(refusal.time.0))),
            Cell::Head(format!("{} {name}", refusal.kind)),
            Cell::Text(refusal.reason.to_owned()),
            Cell::Sentence(refusal.message.clone()),
        ]
    });
    Table {
        caption: "Changes that the model forbids: nothing of them took effect",
        heads: vec![
            ("at, s".to_owned(), true),
            ("object".to_owned(), false),
            ("reason".to_owned(), false),
            ("what is wrong".to_owned(), false),
        ],
        rows: rows.collect(),
    }
    .html()
}
