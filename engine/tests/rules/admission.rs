//! The order of admission: queues, groups, ceilings, fair share among borrowers.

use crate::support::check_decisions;
use expect_test::expect;

#[test]
fn best_effort_lets_smaller_requests_pass() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s found a/w 6
        1s pod a/big 5
        2s pod a/small 2
        3s ended a/w
        ",
        expect![[r#"
            1s   hold    a/big: asks 5, 4 available, short at root
            2s   admit   a/small
            3s   admit   a/big
        "#]],
    );
}

#[test]
fn a_strict_queue_stops_behind_its_head() {
    check_decisions(
        "
        root 10
        └─ a 10 fifo
        ",
        "
        0s found a/w 6
        1s pod a/big 5
        2s pod a/small 2
        3s ended a/w
        ",
        expect![[r#"
            1s   hold    a/big: asks 5, 4 available, short at root
            2s   hold    a/small: behind big
            3s   admit   a/big
            3s   admit   a/small
        "#]],
    );
}

#[test]
fn growth_behind_a_strict_head_stops_too() {
    check_decisions(
        "
        root 10
        └─ a 10 fifo
        ",
        "
        0s found a/w 6
        1s pod a/big 5
        2s job a/train 1 x 1, elastic 1..9
        3s ended a/w
        ",
        expect![[r#"
            1s   hold    a/big: asks 5, 4 available, short at root
            3s   admit   a/big
            3s   admit   a/train 5
        "#]],
    );
}

#[test]
fn within_an_account_priority_goes_before_age() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s found a/w 10
        1s pod a/first 5
        2s pod a/second 5
        3s pod a/late 5 prio 5
        4s ended a/w
        ",
        expect![[r#"
            1s   hold    a/first: asks 5, 0 available, short at root
            2s   hold    a/second: asks 5, 0 available, short at root
            3s   evict   a/w for its own late
            3s   hold    a/late: 1 pods on their way out since 3s
            4s   admit   a/late
            4s   admit   a/first
        "#]],
    );
}

#[test]
fn within_an_account_the_covered_goes_before_the_older() {
    // big is older, but would borrow; small is within the account's own part.
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found b/w 10
        1s pod a/big 7
        2s pod a/small 4
        3s ended b/w
        ",
        expect![[r#"
            1s   hold    a/big: asks 7, 0 available, short at root
            2s   evict   b/w for a/small
            2s   hold    a/small: 1 pods on their way out since 2s
            3s   admit   a/small
        "#]],
    );
}

#[test]
fn a_pod_above_the_ceiling_is_held() {
    check_decisions(
        "
        root 10
        └─ n 10 ceiling 5
           └─ a 10 ceiling 9
        ",
        "
        0s pod a/high 1 prio 7
        0s pod a/low 1 prio 5
        ",
        expect![[r#"
            0s   hold    a/high: priority 7 above n's ceiling 5
            0s   admit   a/low
        "#]],
    );
}

#[test]
fn a_held_pod_does_not_stop_a_strict_queue() {
    check_decisions(
        "
        root 10
        └─ a 10 fifo ceiling 5
        ",
        "
        0s pod a/high 1 prio 7
        1s pod a/low 1
        ",
        expect![[r#"
            0s   hold    a/high: priority 7 above a's ceiling 5
            1s   admit   a/low
        "#]],
    );
}

#[test]
fn a_group_is_admitted_all_or_none() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s found a/w 6
        1s gang a/g 3 x 2
        2s pod a/small 1
        3s ended a/w
        ",
        expect![[r#"
            1s   hold    a/g 3: asks 6, 4 available, short at root
            2s   admit   a/small
            3s   admit   a/g 3
        "#]],
    );
}

#[test]
fn a_group_waits_for_its_members() {
    check_decisions(
        "
        root 10
        └─ a 10
        ",
        "
        0s gang a/g 2 x 2 min 3
        1s gang a/g 1 x 2 min 3
        ",
        expect![[r#"
            0s   hold    a/g 2: g has 2 of 3
            1s   admit   a/g 3
        "#]],
    );
}

#[test]
fn a_group_goes_as_a_whole() {
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 10
        ",
        "
        0s gang a/g 3 x 2
        0s found b/w 4
        1s pod b/web 1
        ",
        expect![[r#"
            0s   admit   a/g 3
            1s   evict   a/g 3 for b/web
            1s   hold    b/web: 3 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn among_borrowers_the_smallest_share_goes_first() {
    // Five each for two accounts that own nothing, one pod at a time in turn, whoever came first.
    check_decisions(
        "
        root 10
        ├─ a 0
        └─ b 0
        ",
        "
        0s pod a/w 1 x 8
        0s pod b/w 1 x 8
        ",
        expect![[r#"
            0s   admit   a/w 1
            0s   admit   b/w 1
            0s   admit   a/w 1
            0s   admit   b/w 1
            0s   admit   a/w 1
            0s   admit   b/w 1
            0s   admit   a/w 1
            0s   admit   b/w 1
            0s   admit   a/w 1
            0s   admit   b/w 1
            0s   hold    a/w 3: asks 1, 0 available, short at root
            0s   hold    b/w 3: asks 1, 0 available, short at root
        "#]],
    );
}

#[test]
fn borrowers_share_by_their_weights() {
    check_decisions(
        "
        root 8
        ├─ a 0
        └─ b 0 weight 3
        ",
        "
        0s pod a/w 1 x 8
        0s pod b/w 1 x 8
        ",
        expect![[r#"
            0s   admit   a/w 1
            0s   admit   b/w 3
            0s   admit   a/w 1
            0s   admit   b/w 3
            0s   hold    a/w 6: asks 1, 0 available, short at root
            0s   hold    b/w 2: asks 1, 0 available, short at root
        "#]],
    );
}

#[test]
fn the_dominant_resource_decides_the_share() {
    // a's pods take a quarter of the gpus each, b's an eighth of the cpu.
    check_decisions(
        "
        root 16/8
        ├─ a 0/0
        └─ b 0/0
        ",
        "
        0s pod a/w 1/2 x 8
        0s pod b/w 2/1 x 8
        ",
        expect![[r#"
            0s   admit   a/w 1
            0s   admit   b/w 2
            0s   admit   a/w 1
            0s   admit   b/w 2
            0s   hold    a/w 6: asks 2 gpu, 0 gpu available, short at root
            0s   hold    b/w 4: asks 1 gpu, 0 gpu available, short at root
        "#]],
    );
}

#[test]
fn the_entitled_go_before_borrowers() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found b/w 10
        1s pod b/more 7
        2s pod a/web 4
        3s ended b/w
        ",
        expect![[r#"
            1s   hold    b/more: asks 7, 0 available, short at root
            2s   evict   b/w for a/web
            2s   hold    a/web: 1 pods on their way out since 2s
            3s   admit   a/web
        "#]],
    );
}

#[test]
fn nothing_is_admitted_that_a_waiting_request_would_take_back() {
    // b's 2 would borrow what a, which asks for 6 in the same decision, would take back at once.
    check_decisions(
        "
        root 10
        ├─ a 6
        ├─ b 0
        └─ c 4
        ",
        "
        0s found c/w 2 x 4
        1s pod b/web 2
        1s pod a/web 6
        2s ended asked
        ",
        expect![[r#"
            1s   evict   c/w-0 for a/web
            1s   evict   c/w-1 for a/web
            1s   hold    b/web: asks 2, 0 available, short at root
            1s   hold    a/web: 2 pods on their way out since 1s
            2s   admit   a/web
        "#]],
    );
}

#[test]
fn a_pod_found_running_is_charged_beyond_the_limit() {
    check_decisions(
        "
        root 10
        └─ a 4 limit 5
        ",
        "
        0s found a/w 8
        1s pod a/web 1
        2s ended a/w
        ",
        expect![[r#"
            1s   hold    a/web: asks 1, 0 available, short at a
            2s   admit   a/web
        "#]],
    );
}

#[test]
fn the_limit_counts_what_is_borrowed() {
    check_decisions(
        "
        root 10
        └─ a 4 limit 6
        ",
        "
        0s pod a/w 1 x 8
        ",
        expect![[r#"
            0s   admit   a/w 6
            0s   hold    a/w 2: asks 1, 0 available, short at a
        "#]],
    );
}

#[test]
fn a_limit_above_holds_for_all_below() {
    check_decisions(
        "
        root 20
        └─ n 6 limit 8
           ├─ a 3
           └─ b 3
        ",
        "
        0s pod a/w 1 x 6
        1s pod b/w 1 x 4
        ",
        expect![[r#"
            0s   admit   a/w 6
            1s   admit   b/w 2
            1s   evict   a/w-0 for b/w-2
            1s   hold    b/w 1: asks 1, 0 available, short at n
            1s   hold    b/w 1: 1 pods on their way out since 1s
        "#]],
    );
}

#[test]
fn a_namespace_without_a_lease_waits() {
    check_decisions(
        "
        root 10
        └─ a 4
        ",
        "
        0s pod stranger/web 1
        ",
        expect![[r#"
            0s   hold    stranger/web: no lease
        "#]],
    );
}
