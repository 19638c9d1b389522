//! Elastic workloads: minima, steps, growth out of what is idle, cool-downs.

use crate::support::check_decisions;
use expect_test::expect;

#[test]
fn surplus_shrinks_and_the_claimant_waits_until_pods_have_ended() {
    check_decisions(
        "
        root 100
        ├─ shop 60
        └─ ml 40
        ",
        "
        0s  job ml/train 90 x 1, elastic 2..90
        1s  pod shop/web 60
        6s  ended ml/train 50
        ",
        expect![[r#"
            0s   admit   ml/train 90
            1s   shrink  ml/train 90 -> 40 for shop/web
            1s   hold    shop/web: 50 pods on their way out since 1s
            6s   admit   shop/web
        "#]],
    );
}

#[test]
fn a_minimum_is_all_or_nothing() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s found a/w 8
        1s job a/train 1 x 1, elastic 3..6
        2s ended a/w
        ",
        expect![[r#"
            2s   admit   a/train 6
        "#]],
    );
}

#[test]
fn idle_capacity_is_shared_by_weight() {
    // 8 are idle beyond the guarantees: 6 to 2 at weights 3 and 1.
    check_decisions(
        "
        root 12
        ├─ a 2 weight 3
        └─ b 2
        ",
        "
        0s job a/train 1 x 1, elastic 1..20
        0s job b/train 1 x 1, elastic 1..20
        ",
        expect![[r#"
            0s   admit   a/train 8
            0s   admit   b/train 4
        "#]],
    );
}

#[test]
fn shares_are_compared_at_each_level() {
    // L as a whole gets half of what is idle, its two lessees a quarter each.
    check_decisions(
        "
        root 12
        ├─ L 0
        │  ├─ l1 0
        │  └─ l2 0
        └─ R 0
        ",
        "
        0s job l1/train 1 x 1, elastic 1..20
        0s job l2/train 1 x 1, elastic 1..20
        0s job R/train 1 x 1, elastic 1..20
        ",
        expect![[r#"
            0s   admit   l1/train 3
            0s   admit   l2/train 3
            0s   admit   R/train 6
        "#]],
    );
}

#[test]
fn within_an_account_the_least_fulfilled_grows_first() {
    // 2 of 4 and 4 of 8 steps above the minimum are the same fulfilment.
    check_decisions(
        "
        root 8
        └─ a 8
        ",
        "
        0s job a/small 1 x 1, elastic 1..5
        0s job a/large 1 x 1, elastic 1..9
        ",
        expect![[r#"
            0s   admit   a/small 3
            0s   admit   a/large 5
        "#]],
    );
}

#[test]
fn replicas_change_by_whole_steps() {
    // 1 + 2·4 = 9, the tenth stays idle; for one that is lacking a whole step goes.
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 10
        ",
        "
        0s job a/train 1 x 1, elastic 1..20 step 4
        1s pod b/web 2
        2s ended asked
        ",
        expect![[r#"
            0s   admit   a/train 9
            1s   shrink  a/train 9 -> 5 for b/web
            1s   hold    b/web: 4 pods on their way out since 1s
            2s   admit   b/web
        "#]],
    );
}

#[test]
fn no_growth_before_the_cool_down_is_over() {
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 10
        ",
        "
        0s job a/train 1 x 1, elastic 1..10 cooldown 30s
        1s pod b/web 4
        2s ended asked
        5s ended b/web
        40s tick
        ",
        expect![[r#"
            0s   admit   a/train 10
            1s   shrink  a/train 10 -> 6 for b/web
            1s   hold    b/web: 4 pods on their way out since 1s
            2s   admit   b/web
            31s  grow    a/train 6 -> 10
        "#]],
    );
}

#[test]
fn a_step_within_its_cool_down_is_no_request() {
    // b's own part is idle for b's job, but it was shrunk just now: a borrows it meanwhile.
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 10
        ",
        "
        0s job b/train 1 x 1, elastic 1..10 cooldown 30s
        1s pod b/web 4 prio 1
        2s ended asked
        3s ended b/web
        4s pod a/web 4
        40s tick
        ",
        expect![[r#"
            0s   admit   b/train 10
            1s   shrink  b/train 10 -> 6 for its own web
            1s   hold    b/web: 4 pods on their way out since 1s
            2s   admit   b/web
            4s   admit   a/web
            31s  evict   a/web for b/train
        "#]],
    );
}

#[test]
fn waiting_requests_come_before_growth() {
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 0
        ",
        "
        0s found b/w 9
        0s job a/train 1 x 1, elastic 1..10
        1s pod b/web 5
        2s ended b/w
        ",
        expect![[r#"
            0s   admit   a/train 1
            1s   hold    b/web: asks 5, 0 available, short at root
            2s   admit   b/web
            2s   grow    a/train 1 -> 5
        "#]],
    );
}

#[test]
fn growth_never_reclaims() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 2
        ",
        "
        0s found b/w 1 x 6
        0s job a/train 1 x 1, elastic 1..10
        1s ended b/w 1
        ",
        expect![[r#"
            0s   admit   a/train 4
            1s   grow    a/train 4 -> 5
        "#]],
    );
}

#[test]
fn a_step_within_its_own_part_is_a_request_that_reclaims() {
    // b borrows 4 of a's 6: a's minimum fits, and its steps up to 6 take them back.
    check_decisions(
        "
        root 10
        ├─ a 6
        └─ b 4
        ",
        "
        0s found b/w 1 x 8
        1s job a/train 1 x 1, elastic 2..10
        2s ended asked
        3s tick
        ",
        expect![[r#"
            1s   admit   a/train 2
            1s   evict   b/w-0 for a/train
            2s   grow    a/train 2 -> 3
            2s   evict   b/w-1 for a/train
        "#]],
    );
}

#[test]
fn bounds_that_fall_shrink_the_workload() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s job a/train 1 x 1, elastic 2..8
        1s job a/train 1 x 1, elastic 2..5
        2s ended asked
        3s job a/train 1 x 1, elastic 2..6
        ",
        expect![[r#"
            0s   admit   a/train 8
            1s   shrink  a/train 8 -> 5 by its bounds
            3s   grow    a/train 5 -> 6
        "#]],
    );
}

#[test]
fn the_last_step_ends_at_or_below_the_maximum() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s job a/train 1 x 1, elastic 1..4 step 2
        ",
        expect![[r#"
            0s   admit   a/train 3
        "#]],
    );
}

#[test]
fn steps_within_its_own_part_go_on_until_the_part_is_full() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found b/w 1 x 9
        1s job a/train 1 x 1, elastic 1..10
        2s ended asked
        3s ended asked
        4s ended asked
        5s tick
        ",
        expect![[r#"
            1s   admit   a/train 1
            1s   evict   b/w-0 for a/train
            2s   grow    a/train 1 -> 2
            2s   evict   b/w-1 for a/train
            3s   grow    a/train 2 -> 3
            3s   evict   b/w-2 for a/train
            4s   grow    a/train 3 -> 4
        "#]],
    );
}

#[test]
fn a_count_that_somebody_else_changed_is_noticed() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s job a/train 1 x 1, elastic 2..4
        1s observed a/train 9
        2s observed a/train 4
        3s observed a/train 3
        4s ended a/train
        60s tick
        ",
        expect![[r#"
            0s   admit   a/train 4
            1s   shrink  a/train 9 -> 4 by its bounds
            3s   shrink  a/train 3 -> 3 by its bounds
            3001ms grow    a/train 3 -> 4
        "#]],
    );
}

#[test]
fn who_does_not_follow_is_passed_over_until_it_may_be_asked_again() {
    check_decisions(
        "
        root 10
        ├─ a 0
        ├─ b 0
        └─ web 10
        ",
        "
        0s  job a/train 1 x 1, elastic 1..9
        0s  job b/train 1 x 1, elastic 1..9
        1s  pod web/w 2
        9s  stuck a/train until 60s
        10s ended b/train 2
        70s tick
        ",
        expect![[r#"
            0s   admit   a/train 5
            0s   admit   b/train 5
            1s   shrink  a/train 5 -> 4 for web/w
            1s   shrink  b/train 5 -> 4 for web/w
            1s   hold    web/w: 2 pods on their way out since 1s
            9s   shrink  b/train 4 -> 3 for web/w
            10s  admit   web/w
        "#]],
    );
}
