//! Corners of the rules that the search for counterexamples found: each a small tree, what happens, and what
//! has to follow.

use crate::support::check_decisions;
use expect_test::expect;

#[test]
fn a_group_is_complete_again_when_an_eviction_of_a_member_is_refused() {
    check_decisions(
        "
        root 6
        ├─ a 0
        └─ b 6
        ",
        "
        0s gang a/g 3 x 2
        1s pod b/web 6
        2s refused a/g-0 60s
        3s ended a/g-1
        3s gang a/g 1 x 2 min 3
        4s refused a/g-2 60s
        5s ended b/web
        ",
        expect![[r#"
            0s   admit   a/g 3
            1s   evict   a/g 3 for b/web
            1s   hold    b/web: 3 pods on their way out since 1s
            2s   hold    b/web: asks 6, 0 available, short at root
            3s   hold    a/g 1: g has 2 of 3
            4s   admit   a/g 1
        "#]],
    );
}

#[test]
fn what_shrinks_does_not_grow_in_the_same_decision() {
    check_decisions(
        "
        root 6
        ├─ a 6
        └─ b 0
        ",
        "
        1s pod root/p0 1
        2s pod root/p1 1
        3s ended root/p0
        4s job b/j3 1 x 1, elastic 2..4
        5s ended root/p1
        6s pod root/p5 1
        7s found root/f6 1
        8s job a/j7 1 x 1, elastic 1..4
        9s ended b/j3 1
        10s ended root/p5
        11s gang a/g10 2 x 1 prio 1
        12s pod a/p11 2
        13s ended asked
        14s tick
        ",
        expect![[r#"
            1s   admit   root/p0
            2s   admit   root/p1
            4s   admit   b/j3 4
            6s   admit   root/p5
            8s   shrink  b/j3 4 -> 3 for a/j7
            9s   shrink  b/j3 3 -> 2 for a/j7
            9s   admit   a/j7 1
            10s  grow    a/j7 1 -> 2
            11s  shrink  b/j3 2 -> 0 for a/g10
            11s  hold    a/g10 2: 2 pods on their way out since 11s
            12s  hold    a/p11: asks 2, 0 available, short at root
            13s  admit   a/g10 2
            13s  shrink  a/j7 2 -> 1 for its own p11
            13s  evict   root/f6 for a/j7
            13s  hold    a/p11: 1 pods on their way out since 13s
        "#]],
    );
}

#[test]
fn a_limit_below_the_covering_account_is_made_room_under() {
    check_decisions(
        "
        root 8/4
        ├─ a 2/0 limit 3/1
        │  └─ b 2/0
        │     └─ c 2/0
        └─ d 0/0
        ",
        "
        1s job a/j0 2 x 1/0
        2s pod a/p1 0/2
        3s job d/j2 1 x 0/3
        4s pod d/p3 1/1
        5s pod b/p4 2/1
        6s pod root/p5 1/2
        7s ended asked
        8s tick
        ",
        expect![[r#"
            1s   admit   a/j0 2
            2s   hold    a/p1: asks 2 gpu, 1 gpu available, short at a
            3s   admit   d/j2 1
            4s   admit   d/p3
            5s   hold    b/p4: asks 2, 1 available, short at a
            6s   shrink  a/j0 2 -> 0 for b/p4
            6s   shrink  d/j2 1 -> 0 for root/p5
            6s   hold    b/p4: 2 pods on their way out since 6s
            6s   hold    root/p5: 1 pods on their way out since 6s
            7s   admit   root/p5
            7s   admit   b/p4
        "#]],
    );
}

#[test]
fn what_a_smaller_guarantee_still_covers_is_taken_back() {
    check_decisions(
        "
        root 12
        └─ a 6
        ",
        "
        1s gang root/g 2 x 3
        2s job root/j1 1 x 2, elastic 1..3 newest
        3s pod a/p2 1
        4s pod a/p3 1
        5s pod a/p4 2
        6s lease root/a a 1
        7s found root/f6 1
        8s found root/f7 3
        9s ended asked
        10s tick
        ",
        expect![[r#"
            1s   admit   root/g 2
            2s   admit   root/j1 3
            3s   shrink  root/j1 3 -> 2 for a/p2
            3s   hold    a/p2: 1 pods on their way out since 3s
            4s   hold    a/p3: 0 pods on their way out since 4s
            5s   shrink  root/j1 2 -> 1 for a/p4
            5s   hold    a/p4: 1 pods on their way out since 5s
            6s   hold    a/p3: asks 1, 0 available, short at root
            6s   hold    a/p4: asks 2, 0 available, short at root
            9s   evict   root/f6 for a/p2
        "#]],
    );
}

#[test]
fn a_group_that_waits_for_what_is_on_its_way_takes_back_what_a_sister_borrows_meanwhile() {
    check_decisions(
        "
        root 13/6
        ├─ a 7/3
        │  ├─ b 0/2
        │  └─ c 0/0
        └─ d 0/0
        ",
        "
        1s pod a/p0 4/0
        2s pod b/p1 1/1
        3s job b/j2 1 x 2/1, elastic 2..3
        4s pod d/p3 1/2
        5s gang a/g4 3 x 1/1
        6s job b/j5 1 x 1/1, elastic 2..2
        7s pod root/p6 3/0
        8s ended d/p3
        9s found b/f8 2/0
        10s ended asked
        ",
        expect![[r#"
            1s   admit   a/p0
            2s   admit   b/p1
            3s   admit   b/j2 3
            4s   admit   d/p3
            5s   shrink  b/j2 3 -> 0 for a/g4
            5s   evict   b/p1 for a/g4
            5s   hold    a/g4 3: 4 pods on their way out since 5s
            6s   hold    a/g4 3: asks 3, 1 available, short at root
            7s   hold    root/p6: 0 pods on their way out since 7s
            8s   admit   b/j5 2
            9s   evict   b/f8 for a/g4
            9s   hold    a/g4 3: 1 pods on their way out since 9s
            10s  admit   root/p6
            10s  admit   a/g4 3
        "#]],
    );
}

#[test]
fn a_borrower_does_not_take_what_another_is_covered_in() {
    // Both fit, not together; a/p3 is covered in what it would lack, though not in all that it asks for.
    check_decisions(
        "
        root 6/3
        ├─ a 0/3
        └─ c 0/0
        ",
        "
        1s pod a/p1 0/2
        2s pod c/p2 1/2
        3s pod a/p3 1/2
        4s ended a/p1
        ",
        expect![[r#"
            1s   admit   a/p1
            2s   hold    c/p2: asks 2 gpu, 1 gpu available, short at root
            3s   hold    a/p3: asks 2 gpu, 1 gpu available, short at root
            4s   admit   a/p3
            4s   hold    c/p2: asks 2 gpu, 1 gpu available, short at root
        "#]],
    );
}

#[test]
fn an_earmark_within_its_accounts_own_part_is_not_taken_though_the_account_borrows() {
    // b as a whole borrows for c; what is kept for b/own is within b's own 4.
    check_decisions(
        "
        root 14
        ├─ a 10
        └─ b 4
           └─ c 0
        ",
        "
        0s found c/w 2 x 7
        1s pod b/own 4
        2s pod a/web 10
        3s ended asked
        ",
        expect![[r#"
            1s   evict   c/w-0 for b/own
            1s   evict   c/w-1 for b/own
            1s   hold    b/own: 2 pods on their way out since 1s
            2s   evict   c/w-2 for a/web
            2s   evict   c/w-3 for a/web
            2s   evict   c/w-4 for a/web
            2s   evict   c/w-5 for a/web
            2s   evict   c/w-6 for a/web
            2s   hold    a/web: 5 pods on their way out since 2s
            3s   admit   b/own
            3s   admit   a/web
        "#]],
    );
}
