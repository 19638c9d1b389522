//! Figures by hand.

use super::*;

fn used(time: i64, used: i64) -> UtilizationRow {
    UtilizationRow {
        time: Time(time),
        resource: "cpu".into(),
        used,
        allocatable: 100,
    }
}

fn counts(time: i64, desired: u32, running: u32) -> ServiceRow {
    ServiceRow {
        time: Time(time),
        namespace: "web".into(),
        name: "web".into(),
        desired,
        running,
    }
}

#[test]
fn use_is_weighted_by_time_within_the_stretch() {
    let rows = [used(0, 50), used(1_000, 100), used(4_000, 0)];
    let of = |from, to| utilization(&rows, "cpu", Time(from), Time(to));
    assert_eq!(of(0, 2_000), Some(7_500));
    assert_eq!(of(500, 5_000), Some(7_222), "25 + 300 of 450");
    assert_eq!(utilization(&rows, "memory", Time(0), Time(1)), None);
}

#[test]
fn a_rise_is_reached_when_so_many_run_and_may_be_short_again() {
    let rows = [
        counts(0, 3, 0),
        counts(4_000, 3, 3),
        counts(5_000, 3, 2),
        counts(7_000, 3, 3),
        counts(9_000, 1, 3),
        counts(9_500, 1, 0),
        counts(10_000, 4, 1),
    ];
    let expected = [
        Rise {
            time: Time(0),
            desired: 3,
            reached_after: Some(Span(4_000)),
            short_after: Span(2_000),
        },
        Rise {
            time: Time(10_000),
            desired: 4,
            reached_after: None,
            short_after: Span(0),
        },
    ];
    assert_eq!(rises(&rows, Time(20_000)), expected);
}

#[test]
fn pods_are_bound_so_long_after_the_rise_that_asked_for_them() {
    let rise = |time| Rise {
        time: Time(time),
        desired: 3,
        reached_after: None,
        short_after: Span(0),
    };
    let pod = |submitted, placed: Option<i64>| PodRow {
        namespace: "web".into(),
        workload: "web".into(),
        pod: "p".into(),
        submitted: Time(submitted),
        admitted: None,
        placed: placed.map(Time),
        started: None,
        ended: None,
        node: None,
        outcome: simulator::record::Outcome::Running,
    };
    let pods = [
        pod(0, Some(10)),
        pod(110, Some(400)),
        pod(250, Some(500)),
        pod(260, None),
    ];
    let after = bound_after(&[rise(100), rise(200)], &pods);
    assert_eq!(after, Some((Span(300), Span(300))));
    assert_eq!(bound_after(&[rise(100), rise(200)], &pods[..1]), None);
}

#[test]
fn a_count_turns_where_it_goes_the_other_way() {
    assert_eq!(turns(&[4]), 0);
    assert_eq!(turns(&[4, 2, 2, 1]), 0);
    assert_eq!(turns(&[4, 2, 3, 5, 5, 1]), 2);
}
