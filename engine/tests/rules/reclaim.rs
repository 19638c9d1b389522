//! The rules of reclaim, one by one: who may take, from whom, in which order, and how much.

use crate::support::check_decisions;
use expect_test::expect;

// Who may reclaim: the table of the lease model.

#[test]
fn a_namespace_gets_back_what_its_sister_borrowed() {
    // R is within its guarantee and gives nothing.
    check_decisions(
        "
        root 40
        ├─ L 20
        │  ├─ l1 10
        │  └─ l2 10
        └─ R 20
        ",
        "
        0s found l1/w 5 x 4
        0s found R/w 5 x 4
        1s pod l2/web 10
        2s ended asked
        ",
        expect![[r#"
            1s   evict   l1/w-0 for l2/web
            1s   evict   l1/w-1 for l2/web
            1s   hold    l2/web: 2 pods on their way out since 1s
            2s   admit   l2/web
        "#]],
    );
}

#[test]
fn an_outsider_gives_back_what_belongs_to_the_line_of_business() {
    // l1 goes above its own 10 with R's, and gives it back when l2 asks.
    check_decisions(
        "
        root 40
        ├─ L 20
        │  ├─ l1 10
        │  └─ l2 10
        └─ R 20
        ",
        "
        0s found l1/w 10
        0s found R/w 5 x 6
        1s pod l1/web 10
        2s ended asked
        3s pod l2/web 10
        4s ended asked
        ",
        expect![[r#"
            1s   evict   R/w-0 for l1/web
            1s   evict   R/w-1 for l1/web
            1s   hold    l1/web: 2 pods on their way out since 1s
            2s   admit   l1/web
            3s   evict   l1/web for l2/web
            3s   hold    l2/web: 1 pods on their way out since 3s
            4s   admit   l2/web
        "#]],
    );
}

#[test]
fn what_a_sister_gives_makes_the_request_covered_above() {
    check_decisions(
        "
        root 40
        ├─ L 20
        │  ├─ l1 10
        │  └─ l2 10
        └─ R 20
        ",
        "
        0s found l1/w 5 x 3
        0s found R/w 5 x 5
        1s pod l2/web 10
        ",
        expect![[r#"
            1s   evict   l1/w-0 for l2/web
            1s   evict   R/w-0 for l2/web
            1s   hold    l2/web: 2 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn a_lessor_without_a_part_of_its_own_gives_to_its_lessee() {
    check_decisions(
        "
        root 20
        └─ n 20
           └─ c 20
        ",
        "
        0s found n/w 10 x 2
        1s pod c/web 20
        ",
        expect![[r#"
            1s   evict   n/w-0 for c/web
            1s   evict   n/w-1 for c/web
            1s   hold    c/web: 2 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn the_last_victim_may_straddle_the_guarantee() {
    check_decisions(
        "
        root 10
        ├─ a 3
        └─ b 7
        ",
        "
        0s found a/w 5
        1s pod b/web 7
        ",
        expect![[r#"
            1s   evict   a/w for b/web
            1s   hold    b/web: 1 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn what_a_sister_keeps_back_is_not_there_to_lend() {
    check_decisions(
        "
        root 2
        ├─ n 1
        │  ├─ c1 1 lend 0
        │  └─ c2 0
        └─ R 1
        ",
        "
        0s found c2/w 1
        1s pod R/web 1
        ",
        expect![[r#"
            1s   evict   c2/w for R/web
            1s   hold    R/web: 1 pods on their way out since 1s
        "#]],
    );
}

// Rule 1.

#[test]
fn rule_1_a_borrower_reclaims_nothing() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 4
        ",
        "
        0s found a/w 1 x 5
        1s pod b/web 6
        ",
        expect![[r#"
            1s   hold    b/web: asks 6, 5 available, short at root
        "#]],
    );
}

// Rule 2.

#[test]
fn rule_2_straddling_units_go_last() {
    // a's one pod would fall below its guarantee; b's four suffice.
    check_decisions(
        "
        root 10
        ├─ a 3
        ├─ b 1
        └─ c 6
        ",
        "
        0s found a/w 5
        0s found b/w 1 x 5
        1s pod c/web 4
        ",
        expect![[r#"
            1s   evict   b/w-0 for c/web
            1s   evict   b/w-1 for c/web
            1s   evict   b/w-2 for c/web
            1s   evict   b/w-3 for c/web
            1s   hold    c/web: 4 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_2_straddling_units_go_when_the_others_cannot_suffice() {
    // b's four are not enough for 6; with a's 5 only one of them is needed.
    check_decisions(
        "
        root 10
        ├─ a 3
        ├─ b 1
        └─ c 6
        ",
        "
        0s found a/w 5
        0s found b/w 1 x 5
        1s pod c/web 6
        ",
        expect![[r#"
            1s   evict   b/w-0 for c/web
            1s   evict   a/w for c/web
            1s   hold    c/web: 2 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_2_within_an_account_priority_comes_before_straddling() {
    // small alone would do without straddling, but it has the higher priority.
    check_decisions(
        "
        root 10
        ├─ a 3
        └─ b 7
        ",
        "
        0s found a/big 4
        0s found a/small 1 prio 1
        0s found b/w 5
        1s pod b/web 1
        ",
        expect![[r#"
            1s   evict   a/big for b/web
            1s   hold    b/web: 1 pods on their way out since 1s
        "#]],
    );
}

// Rule 3.

#[test]
fn rule_3_surplus_shrinks_before_any_whole_unit_goes() {
    // b is further over its share, but its pods are whole units: a's surplus above its guarantee goes first.
    check_decisions(
        "
        root 20
        ├─ a 4
        ├─ b 4
        └─ c 12
        ",
        "
        0s found b/w 1 x 12
        0s job a/train 1 x 1, elastic 1..8
        1s pod c/web 4
        2s ended asked
        3s pod c/more 2
        ",
        expect![[r#"
            0s   admit   a/train 8
            1s   shrink  a/train 8 -> 4 for c/web
            1s   hold    c/web: 4 pods on their way out since 1s
            2s   admit   c/web
            3s   evict   b/w-0 for c/more
            3s   evict   b/w-1 for c/more
            3s   hold    c/more: 2 pods on their way out since 3s
        "#]],
    );
}

#[test]
fn rule_3_as_many_workloads_shrink_as_it_takes() {
    check_decisions(
        "
        root 20
        ├─ a 2
        ├─ b 2
        └─ c 16
        ",
        "
        0s job a/train 1 x 1, elastic 1..20
        0s job b/train 1 x 1, elastic 1..20
        1s pod c/web 9
        ",
        expect![[r#"
            0s   admit   a/train 10
            0s   admit   b/train 10
            1s   shrink  a/train 10 -> 5 for c/web
            1s   shrink  b/train 10 -> 6 for c/web
            1s   hold    c/web: 9 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_3_a_minimum_takes_its_surplus_with_it() {
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 10
        ",
        "
        0s job a/train 1 x 1, elastic 3..6
        0s found b/w 4
        1s pod b/web 6
        2s ended asked
        3s ended b/web
        ",
        expect![[r#"
            0s   admit   a/train 6
            1s   shrink  a/train 6 -> 0 for b/web
            1s   hold    b/web: 6 pods on their way out since 1s
            2s   admit   b/web
            3s   admit   a/train 6
        "#]],
    );
}

// Rule 4.

#[test]
fn rule_4_outsiders_give_before_sisters_do() {
    // l2 is covered at itself and at L: R gives, though l1 borrows as well.
    check_decisions(
        "
        root 40
        ├─ L 20
        │  ├─ l1 5
        │  └─ l2 15
        └─ R 20
        ",
        "
        0s found l1/w 1 x 10
        0s found R/w 1 x 30
        1s pod l2/web 10
        ",
        expect![[r#"
            1s   evict   R/w-0 for l2/web
            1s   evict   R/w-1 for l2/web
            1s   evict   R/w-10 for l2/web
            1s   evict   R/w-11 for l2/web
            1s   evict   R/w-12 for l2/web
            1s   evict   R/w-13 for l2/web
            1s   evict   R/w-14 for l2/web
            1s   evict   R/w-15 for l2/web
            1s   evict   R/w-16 for l2/web
            1s   evict   R/w-17 for l2/web
            1s   hold    l2/web: 10 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_4_who_is_most_over_its_fair_share_gives_first() {
    // b is 10 over, a is 5 over: b gives five, then they take turns, a first by its name.
    check_decisions(
        "
        root 30
        ├─ a 5
        ├─ b 5
        └─ c 20
        ",
        "
        0s found a/w 1 x 10
        0s found b/w 1 x 15
        1s pod c/web 12
        ",
        expect![[r#"
            1s   evict   b/w-0 for c/web
            1s   evict   b/w-1 for c/web
            1s   evict   b/w-10 for c/web
            1s   evict   b/w-11 for c/web
            1s   evict   b/w-12 for c/web
            1s   evict   a/w-0 for c/web
            1s   evict   b/w-13 for c/web
            1s   hold    c/web: 7 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_4_fair_shares_are_weighted() {
    // 10 over at weight 3 is less than 5 over at weight 1.
    check_decisions(
        "
        root 30
        ├─ a 5
        ├─ b 5 weight 3
        └─ c 20
        ",
        "
        0s found a/w 1 x 10
        0s found b/w 1 x 15
        1s pod c/web 7
        ",
        expect![[r#"
            1s   evict   a/w-0 for c/web
            1s   evict   a/w-1 for c/web
            1s   hold    c/web: 2 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_4_lowest_priority_then_shortest_run_then_name() {
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 10
        ",
        "
        0s found a/high 1 prio 9
        0s found a/d 1
        0s found a/c 1
        1s found a/young 1
        2s found b/w 6
        3s pod b/one 1
        4s pod b/two 1
        5s pod b/three 1
        6s pod b/four 1
        ",
        expect![[r#"
            3s   evict   a/young for b/one
            3s   hold    b/one: 1 pods on their way out since 3s
            4s   evict   a/c for b/two
            4s   hold    b/two: 1 pods on their way out since 4s
            5s   evict   a/d for b/three
            5s   hold    b/three: 1 pods on their way out since 5s
            6s   evict   a/high for b/four
            6s   hold    b/four: 1 pods on their way out since 6s
        "#]],
    );
}

#[test]
fn rule_4_of_surplus_the_most_fulfilled_workload_gives() {
    // 5 of 8 steps is more fulfilled than 9 of 16: they give in turn, ranked anew after each step.
    check_decisions(
        "
        root 20
        ├─ a 0
        └─ b 20
        ",
        "
        0s job a/full 1 x 1, elastic 2..10
        0s job a/half 1 x 1, elastic 2..18
        0s job b/w 1 x 2, elastic 1..1
        1s pod b/web 6
        ",
        expect![[r#"
            0s   admit   a/full 7
            0s   admit   a/half 11
            0s   admit   b/w 1
            1s   shrink  a/full 7 -> 4 for b/web
            1s   shrink  a/half 11 -> 8 for b/web
            1s   hold    b/web: 6 pods on their way out since 1s
        "#]],
    );
}

// Rule 5.

#[test]
fn rule_5_only_in_the_resources_that_are_lacking() {
    // cpu is free: the pods that hold cpu alone are left in peace.
    check_decisions(
        "
        root 10/4
        ├─ a 5/2
        └─ b 5/2
        ",
        "
        0s found a/cpu 2/0 x 4
        0s found a/gpu 0/1 x 4
        1s pod b/web 2/1
        ",
        expect![[r#"
            1s   evict   a/gpu-0 for b/web
            1s   hold    b/web: 1 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_5_what_is_not_needed_in_the_end_is_put_back() {
    // The young small one is chosen first; with the big one it is not needed.
    check_decisions(
        "
        root 10
        ├─ a 2
        └─ b 8
        ",
        "
        0s found a/big 7
        1s found a/small 1
        2s pod b/web 8
        ",
        expect![[r#"
            2s   evict   a/big for b/web
            2s   hold    b/web: 1 pods on their way out since 2s
        "#]],
    );
}

// Rule 6.

#[test]
fn rule_6_if_the_victims_cannot_suffice_none_is_touched() {
    // c gives 2 at most, and 4 are lacking: what a has is protected.
    check_decisions(
        "
        root 12
        ├─ a 3 minrun 60s
        ├─ b 9
        └─ c 0
        ",
        "
        0s found a/w 5 x 2
        0s found c/w 1 x 2
        1s pod b/web 4
        ",
        expect![[r#"
            1s   hold    b/web: asks 4, 0 available, short at root
        "#]],
    );
}

// Rule 7.

#[test]
fn rule_7_whole_units_are_protected_for_their_minimum_run_time() {
    check_decisions(
        "
        root 10
        ├─ a 5 minrun 10s
        └─ b 5
        ",
        "
        0s found a/w 5 x 2
        1s pod b/web 5
        20s tick
        ",
        expect![[r#"
            1s   hold    b/web: asks 5, 0 available, short at root
            10s  evict   a/w-0 for b/web
            10s  hold    b/web: 1 pods on their way out since 10s
        "#]],
    );
}

#[test]
fn rule_7_surplus_is_not_protected() {
    check_decisions(
        "
        root 10
        ├─ a 5 minrun 60s
        └─ b 5
        ",
        "
        0s job a/train 1 x 1, elastic 2..10
        1s pod b/web 5
        ",
        expect![[r#"
            0s   admit   a/train 10
            1s   shrink  a/train 10 -> 5 for b/web
            1s   hold    b/web: 5 pods on their way out since 1s
        "#]],
    );
}

// Rule 8.

#[test]
fn rule_8_the_grace_period_is_the_victims_accounts() {
    check_decisions(
        "
        root 10
        ├─ a 5 grace 5s
        └─ b 5
        ",
        "
        0s found a/w 5 x 2
        1s pod b/web 5
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web within 5s
            1s   hold    b/web: 1 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_8_an_eviction_that_is_refused_is_asked_of_another() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found a/w 2 x 4
        1s pod b/web 4
        2s refused a/w-0 30s
        3s ended asked
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web
            1s   hold    b/web: 1 pods on their way out since 1s
            2s   evict   a/w-1 for b/web
            3s   admit   b/web
        "#]],
    );
}

#[test]
fn rule_8_one_write_a_workload_and_decision() {
    // Two requests of one decision take from the same workload.
    check_decisions(
        "
        root 10
        ├─ a 0
        ├─ b 5
        └─ c 5
        ",
        "
        0s job a/train 1 x 1, elastic 1..10
        1s pod b/web 3
        1s pod c/web 2
        ",
        expect![[r#"
            0s   admit   a/train 10
            1s   shrink  a/train 10 -> 5 for c/web
            1s   hold    b/web: 3 pods on their way out since 1s
            1s   hold    c/web: 2 pods on their way out since 1s
        "#]],
    );
}

// Rule 9.

#[test]
fn rule_9_an_earmark_holds_what_is_idle_and_what_is_on_its_way() {
    // 2 are idle, but they are b's; when the victims have ended, b is served and the borrower still waits.
    check_decisions(
        "
        root 10
        ├─ a 4
        ├─ b 6
        └─ c 0
        ",
        "
        0s found a/w 2 x 4
        1s pod b/web 6
        2s pod c/small 1
        3s ended a/w 1
        4s ended asked
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web
            1s   evict   a/w-1 for b/web
            1s   hold    b/web: 2 pods on their way out since 1s
            2s   hold    c/small: asks 1, 0 available, short at root
            4s   admit   b/web
        "#]],
    );
}

#[test]
fn rule_9_what_ends_by_itself_serves_the_earmark_too() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found a/keep 2 x 2
        1s found a/w 2 x 2
        2s pod b/web 6
        3s ended a/keep
        4s ended asked
        ",
        expect![[r#"
            2s   evict   a/w-0 for b/web
            2s   evict   a/w-1 for b/web
            2s   hold    b/web: 2 pods on their way out since 2s
            3s   admit   b/web
        "#]],
    );
}

#[test]
fn rule_9_an_earmark_goes_with_its_request() {
    check_decisions(
        "
        root 10
        ├─ a 4
        ├─ b 6
        └─ c 0
        ",
        "
        0s found a/w 2 x 4
        1s pod b/web 6
        2s pod c/small 1
        3s ended b/web
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web
            1s   evict   a/w-1 for b/web
            1s   hold    b/web: 2 pods on their way out since 1s
            2s   hold    c/small: asks 1, 0 available, short at root
            3s   admit   c/small
        "#]],
    );
}

#[test]
fn rule_9_a_higher_priority_takes_the_earmark_over() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found a/w 2 x 4
        1s pod b/low 6
        2s pod b/high 6 prio 5
        3s ended asked
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/low
            1s   evict   a/w-1 for b/low
            1s   hold    b/low: 2 pods on their way out since 1s
            2s   hold    b/high: asks 6, 2 available, short at root
            3s   admit   b/high
            3s   hold    b/low: asks 6, 0 available, short at root
        "#]],
    );
}

#[test]
fn rule_9_a_lower_priority_does_not_slip_in() {
    // small fits what is idle and is covered, but has the lower priority.
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found a/w 2 x 4
        1s pod b/web 5 prio 5
        2s pod b/small 1
        3s ended asked
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web
            1s   evict   a/w-1 for b/web
            1s   hold    b/web: 2 pods on their way out since 1s
            2s   hold    b/small: asks 1, 2 available, short at root
            3s   admit   b/web
            3s   admit   b/small
        "#]],
    );
}

#[test]
fn rule_9_no_step_of_its_own_account_goes_before_it() {
    // train's step to 2 fits, and is covered: it waits for web all the same.
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found a/w 2 x 4
        1s pod b/web 4
        2s job b/train 1 x 1, elastic 1..2
        3s ended asked
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web
            1s   hold    b/web: 1 pods on their way out since 1s
            2s   admit   b/train 1
            2s   evict   a/w-1 for b/train
            3s   admit   b/web
            3s   grow    b/train 1 -> 2
        "#]],
    );
}

#[test]
fn rule_9_an_earmark_beyond_its_own_guarantee_yields_to_the_entitled() {
    // l1 gets R's 10 by way of L; before they have ended, l2 asks for what is its own.
    check_decisions(
        "
        root 40
        ├─ L 20
        │  ├─ l1 10
        │  └─ l2 10
        └─ R 20
        ",
        "
        0s found l1/w 10
        0s found R/w 5 x 6
        1s pod l1/web 10
        2s pod l2/web 10
        3s ended asked
        ",
        expect![[r#"
            1s   evict   R/w-0 for l1/web
            1s   evict   R/w-1 for l1/web
            1s   hold    l1/web: 2 pods on their way out since 1s
            2s   hold    l1/web: asks 10, 0 available, short at root
            2s   hold    l2/web: 2 pods on their way out since 2s
            3s   admit   l2/web
        "#]],
    );
}

#[test]
fn rule_9_an_earmark_is_dropped_when_its_request_is_no_longer_entitled() {
    // b's lease ends while a's pods are on their way out: they still go, and c, which waited longer for
    // something to borrow, gets what they leave.
    check_decisions(
        "
        root 10
        ├─ a 4
        ├─ b 6 until 5s
        └─ c 0
        ",
        "
        0s found a/w 2 x 5
        1s pod c/web 4
        2s pod b/web 6
        6s tick
        7s ended asked
        ",
        expect![[r#"
            1s   hold    c/web: asks 4, 0 available, short at root
            2s   evict   a/w-0 for b/web
            2s   evict   a/w-1 for b/web
            2s   evict   a/w-2 for b/web
            2s   hold    b/web: 3 pods on their way out since 2s
            5s   hold    b/web: asks 6, 0 available, short at root
            7s   admit   c/web
        "#]],
    );
}

// Rule 10.

#[test]
fn rule_10_a_higher_priority_evicts_within_its_account() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s found a/w 1 x 10
        1s pod a/web 3 prio 5
        2s ended asked
        ",
        expect![[r#"
            1s   evict   a/w-0 for its own web
            1s   evict   a/w-1 for its own web
            1s   evict   a/w-2 for its own web
            1s   hold    a/web: 3 pods on their way out since 1s
            2s   admit   a/web
        "#]],
    );
}

#[test]
fn rule_10_an_equal_priority_takes_surplus_and_evicts_nothing() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s job a/train 1 x 1, elastic 4..10
        1s pod a/web 3
        2s ended asked
        3s pod a/more 4
        ",
        expect![[r#"
            0s   admit   a/train 10
            1s   shrink  a/train 10 -> 7 for its own web
            1s   hold    a/web: 3 pods on their way out since 1s
            2s   admit   a/web
            3s   hold    a/more: asks 4, 0 available, short at root
        "#]],
    );
}

#[test]
fn rule_10_a_step_takes_nothing_of_its_own_account() {
    // The step to 2 is covered and lacks; b is protected, and a's own pod of lower priority stays.
    check_decisions(
        "
        root 10
        ├─ a 6
        └─ b 4 minrun 60s
        ",
        "
        0s found b/w 7
        0s found a/w 2
        0s job a/train 1 x 1, elastic 1..4 prio 5
        9s tick
        ",
        expect![[r#"
            0s   admit   a/train 1
        "#]],
    );
}

#[test]
fn rule_10_borrowers_elsewhere_give_first() {
    check_decisions(
        "
        root 10
        ├─ a 6
        └─ b 4
        ",
        "
        0s found a/w 1 x 4
        0s found b/w 1 x 6
        1s pod a/web 2 prio 5
        ",
        expect![[r#"
            1s   evict   b/w-0 for a/web
            1s   evict   b/w-1 for a/web
            1s   hold    a/web: 2 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn rule_10_what_borrowers_cannot_give_comes_from_its_own() {
    // b gives the 2 it borrows; the third comes from a's own lowest priority.
    check_decisions(
        "
        root 10
        ├─ a 6
        └─ b 4
        ",
        "
        0s found a/w 1 x 4
        0s found b/w 1 x 6
        1s pod a/web 3 prio 5
        ",
        expect![[r#"
            1s   evict   a/w-0 for its own web
            1s   evict   b/w-0 for a/web
            1s   evict   b/w-1 for a/web
            1s   hold    a/web: 3 pods on their way out since 1s
        "#]],
    );
}

// Rule 11.

#[test]
fn rule_11_a_decision_that_has_been_made_is_not_made_again() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found a/w 2 x 4
        1s pod b/web 6
        2s tick
        3s pod a/other 2
        4s ended a/w 1
        5s tick
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web
            1s   evict   a/w-1 for b/web
            1s   hold    b/web: 2 pods on their way out since 1s
            3s   hold    a/other: asks 2, 0 available, short at root
        "#]],
    );
}
