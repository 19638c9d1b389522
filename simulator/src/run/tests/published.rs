//! The published elastic-training experiments, next to their published figures.

use super::listing;
use crate::model::Policy;
use expect_test::expect;
use std::fmt::Write;

/// Mean wait of the training jobs and mean use of the CPUs up to 550 s, as the published experiments count.
fn published_figures(name: &str, policy: Policy) -> String {
    let scenario = crate::scenario::load(name).unwrap().0;
    let listing = listing(&scenario, policy);
    let trainers: Vec<i64> = listing
        .works
        .iter()
        .filter(|work| work.kind == "job")
        .filter(|work| !work.name.ends_with("-ps") && !work.name.ends_with("-master"))
        .map(|work| work.wait.0)
        .collect();
    let mean_wait = trainers.iter().sum::<i64>() / i64::try_from(trainers.len()).unwrap();
    let share = |from: i64, to: i64| {
        let ends = listing.cpu.iter().skip(1).map(|row| row.0).chain([to]);
        let used: i64 = listing
            .cpu
            .iter()
            .zip(ends)
            .map(|(row, end)| (end.min(to) - row.0.max(from)).max(0) * (row.1 * 10_000 / row.2))
            .sum();
        used / (to - from)
    };
    let mut text = format!(
        "wait {} ms, cpu {} of 10000 up to 550 s, {} from 300 s to 370 s\n",
        mean_wait,
        share(0, 550_000),
        share(300_000, 370_000)
    );
    for line in listing.text.lines().filter(|line| line.contains("web/web")) {
        let Some((running, desired)) = line.rsplit_once(" of ") else {
            continue;
        };
        if running.ends_with(&format!(" {desired}")) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

#[test]
fn the_published_autoscaler_lands_near_its_published_figures() {
    expect![[r#"
        wait 45500 ms, cpu 7534 of 10000 up to 550 s, 8935 from 300 s to 370 s
    "#]]
    .assert_eq(&published_figures("edl-case1", Policy::Edl));
    expect![[r#"
        wait 256100 ms, cpu 7433 of 10000 up to 550 s, 8760 from 300 s to 370 s
    "#]]
    .assert_eq(&published_figures("edl-case1-fixed", Policy::Edl));
    expect![[r#"
        wait 50833 ms, cpu 8662 of 10000 up to 550 s, 8330 from 300 s to 370 s
        2s web/web 400 of 400
        110s web/web 300 of 300
        200s web/web 200 of 200
        290s web/web 100 of 100
    "#]]
    .assert_eq(&published_figures("edl-case2", Policy::Edl));
    expect![[r#"
        wait 16500 ms, cpu 6286 of 10000 up to 550 s, 4454 from 300 s to 370 s
        2s web/web 400 of 400
        110s web/web 300 of 300
        200s web/web 200 of 200
        290s web/web 100 of 100
        382s web/web 200 of 200
        472s web/web 300 of 300
        562s web/web 400 of 400
    "#]]
    .assert_eq(&published_figures("edl-case2-fixed", Policy::Edl));
}
