//! Owners that follow, late, otherwise, and not at all.

use super::*;

const PATIENCE: Patience = Patience {
    shrink: Span::seconds(10),
    grow: Span::seconds(60),
    pass_over: Span::seconds(300),
    overrides_max: 3,
};

fn at(seconds: i64) -> Time {
    Time(seconds * 1000)
}

fn shrinking() -> Follow {
    let mut follow = Follow::default();
    follow.ask(at(0), 3, &[PodId(1), PodId(2)]);
    follow.written(3, 50);
    follow
}

#[test]
fn an_owner_that_follows_is_left_alone() {
    let mut follow = shrinking();
    assert_eq!(follow.leaves(PodId(1), true), None);
    assert_eq!(follow.leaves(PodId(2), true), None);
    assert_eq!(follow.next(&PATIENCE), None);
    assert_eq!(follow.remedies(at(1000), &PATIENCE), vec![]);
}

#[test]
fn a_pod_that_goes_instead_of_a_chosen_one_lets_that_one_stay() {
    let mut follow = shrinking();
    assert_eq!(follow.leaves(PodId(7), true), Some(PodId(2)));
    assert_eq!(follow.leaves(PodId(1), true), None);
    assert!(!follow.waits());
}

#[test]
fn chosen_pods_that_stay_are_evicted_once_and_the_owner_is_passed_over_then() {
    let mut follow = shrinking();
    follow.leaves(PodId(1), true);
    assert_eq!(follow.next(&PATIENCE), Some(at(10)));
    assert_eq!(follow.remedies(at(9), &PATIENCE), vec![]);
    assert_eq!(
        follow.remedies(at(10), &PATIENCE),
        vec![Remedy::Evict(vec![PodId(2)])]
    );
    assert_eq!(follow.remedies(at(11), &PATIENCE), vec![]);
    assert_eq!(follow.next(&PATIENCE), Some(at(20)));
    assert_eq!(
        follow.remedies(at(20), &PATIENCE),
        vec![Remedy::PassOver {
            stay: vec![PodId(2)],
            until: at(320),
            reason: "OwnerDoesNotFollow",
        }]
    );
    assert_eq!(follow.passed_over(), Some((at(320), "OwnerDoesNotFollow")));
    assert_eq!(follow.remedies(at(320), &PATIENCE), vec![]);
    assert_eq!(follow.passed_over(), None);
}

#[test]
fn what_is_older_than_our_own_write_is_not_somebody_elses_change() {
    let mut follow = Follow::default();
    follow.ask(at(0), 3, &[]);
    // Not known to be written yet: the watch still shows the old count.
    assert_eq!(follow.seen(at(1), 5, 40, 3, &PATIENCE), Count::AsAsked);
    follow.written(3, 50);
    assert_eq!(follow.seen(at(1), 5, 49, 3, &PATIENCE), Count::AsAsked);
    assert_eq!(follow.seen(at(2), 3, 50, 3, &PATIENCE), Count::AsAsked);
    assert_eq!(follow.seen(at(3), 5, 60, 3, &PATIENCE), Count::Changed);
}

#[test]
fn a_count_that_is_set_back_again_and_again_is_left_for_a_while() {
    let mut follow = Follow::default();
    for round in 0..4u64 {
        let now = at(i64::try_from(round).expect("small"));
        assert_eq!(
            follow.seen(now, 9, 100 + 2 * round, 3, &PATIENCE),
            Count::Changed
        );
        follow.ask(now, 3, &[]);
        follow.written(3, 101 + 2 * round);
    }
    assert_eq!(follow.remedies(at(5), &PATIENCE), vec![Remedy::LeaveCount]);
    assert_eq!(follow.passed_over(), Some((at(305), "ScaledByOthers")));
}

#[test]
fn pods_that_do_not_come_are_given_up_while_some_come_it_is_waited() {
    let mut follow = Follow::default();
    follow.expects(at(0), 4);
    assert_eq!(follow.remedies(at(59), &PATIENCE), vec![]);
    follow.came(at(59));
    follow.expects(at(59), 3);
    assert_eq!(follow.remedies(at(60), &PATIENCE), vec![]);
    let remedies = follow.remedies(at(119), &PATIENCE);
    assert!(matches!(
        remedies[..],
        [Remedy::PassOver {
            reason: "PodsDoNotCome",
            ..
        }]
    ));
}
