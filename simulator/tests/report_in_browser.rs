//! The report in a real browser: charts are drawn, nothing is complained of, nothing is fetched, and it fits.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

#[path = "common/browser.rs"]
mod browser;
mod common;

use browser::Browser;
use serde_json::Value;
use std::path::Path;

/// What is drawn in each chart: lines, areas and bars with a shape of their own.
const MARKS: &str = "window.reportDrawn.then(() => Array.from(document.querySelectorAll('[data-chart]'), chart => ({
    kind: chart.dataset.chart,
    marks: Array.from(chart.querySelectorAll('.js-line, .js-fill, .bars .point path'))
        .filter(mark => (mark.getAttribute('d') || '').length > 8).length,
    label: chart.getAttribute('aria-label') || '',
    width: chart.querySelector('svg.main-svg') ? chart.querySelector('svg.main-svg').getBoundingClientRect().width : 0,
    room: chart.getBoundingClientRect().width,
})))";

fn look_at(report: &Path, kinds: &[(&str, u64)]) {
    let mut browser = Browser::start();
    for width in [1280, 400] {
        for scheme in ["light", "dark"] {
            let view = format!("{width} px, {scheme}");
            browser.open(report, width, scheme);
            let charts = browser.evaluate(MARKS);
            let charts = charts.as_array().unwrap();
            for (kind, count) in kinds {
                let drawn = charts.iter().filter(|chart| chart["kind"] == *kind);
                assert_eq!(drawn.count() as u64, *count, "{view}: charts of {kind}");
            }
            for chart in charts {
                assert!(
                    chart["marks"].as_u64() >= Some(1),
                    "{view}: nothing drawn in {chart}"
                );
                assert!(
                    !chart["label"].as_str().unwrap().is_empty(),
                    "{view}: {chart}"
                );
                assert!(
                    chart["width"].as_f64().unwrap() <= chart["room"].as_f64().unwrap() + 1.0,
                    "{view}: {chart} is wider than its place"
                );
            }
            let overflow = browser.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth",
            );
            assert_eq!(overflow, 0, "{view}: the page is wider than the window");
            let background = browser.evaluate(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number).every(part => part < 128)",
            );
            assert_eq!(background, scheme == "dark", "{view}: colours");
            if let Some(folder) = std::env::var_os("LEASEHOLD_SCREENSHOTS") {
                let name = report
                    .parent()
                    .unwrap()
                    .file_name()
                    .unwrap()
                    .to_string_lossy();
                let path = Path::new(&folder).join(format!("{name}-{width}-{scheme}.png.base64"));
                std::fs::write(path, browser.screenshot()).unwrap();
            }
            assert_eq!(complaints(&browser.events, report), [""; 0], "{view}");
        }
    }
}

/// Console messages, exceptions, and requests for anything but the page itself.
fn complaints(events: &[Value], report: &Path) -> Vec<String> {
    let page = format!("file://{}", report.display());
    events
        .iter()
        .filter(|event| match event["method"].as_str() {
            Some("Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded") => true,
            Some("Network.requestWillBeSent") => {
                let url = event["params"]["request"]["url"].as_str().unwrap();
                url != page && !url.starts_with("data:") && !url.starts_with("blob:")
            }
            _ => false,
        })
        .map(Value::to_string)
        .collect()
}

#[test]
fn the_report_of_a_run_draws_its_charts_without_a_complaint() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("run");
    common::write(&folder, "leasehold", common::ALL);
    look_at(
        &folder.join("report.html"),
        &[
            ("utilization", 2),
            ("account", 5),
            ("waits", 1),
            ("service", 1),
        ],
    );
}

#[test]
fn the_report_of_a_comparison_draws_its_charts_without_a_complaint() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("comparison");
    simulator::output::comparison::write(
        &folder,
        &["leasehold", "static", "borrow-kill"].map(|policy| (common::about(policy), policy)),
        common::ALL,
        std::num::NonZeroUsize::MIN,
        &|policy, sink| {
            common::feed(sink, policy);
            Ok(())
        },
    )
    .unwrap();
    look_at(
        &folder.join("report.html"),
        &[
            ("bars", 6),
            ("utilization", 2),
            ("waits", 1),
            ("service", 1),
        ],
    );
}

#[test]
fn a_name_that_looks_like_markup_is_shown_and_does_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("run");
    common::write(&folder, "leasehold", common::ALL);
    let mut browser = Browser::start();
    browser.open(&folder.join("report.html"), 1280, "light");
    browser.evaluate("window.reportDrawn.then(() => true)");
    let name = "<script>alert(1)</script>";
    let shown = browser.evaluate(&format!(
        "[...document.querySelectorAll('h3, tbody th, .legendtext')].filter(e => e.textContent.includes({name:?})).length"
    ));
    assert!(shown.as_u64() >= Some(3), "{shown}");
    let scripts = browser.evaluate("document.scripts.length");
    assert_eq!(scripts, 3);
    let dialogs = browser
        .events
        .iter()
        .filter(|event| event["method"] == "Page.javascriptDialogOpening");
    assert_eq!(dialogs.count(), 0);
}
