//! Room on nodes: a lease with eight GPUs left is worth nothing when they are spread over eight nodes.

use crate::support::check_decisions;
use expect_test::expect;

#[test]
fn a_request_is_admitted_onto_a_node_that_has_room() {
    check_decisions(
        "
        root 12
        └─ a 12
        ",
        "
        0s node n1 4
        0s node n2 8
        1s pod a/big 6
        2s pod a/small 4
        3s pod a/last 2
        ",
        expect![[r#"
            1s   admit   a/big on n2
            2s   admit   a/small on n1
            3s   admit   a/last on n2
        "#]],
    );
}

#[test]
fn a_borrowing_request_without_room_waits_at_its_gate() {
    // 2 are free in all, 1 on each node.
    check_decisions(
        "
        root 8
        ├─ a 6
        └─ b 0
        ",
        "
        0s node n1 4
        0s node n2 4
        1s pod a/w 3 x 2
        2s pod b/web 2
        ",
        expect![[r#"
            1s   admit   a/w 1 on n1
            1s   admit   a/w 1 on n2
            2s   hold    b/web: asks 2, largest piece 1 of 2
        "#]],
    );
}

#[test]
fn an_entitled_request_that_no_node_can_hold_is_admitted_for_the_autoscaler_to_see() {
    check_decisions(
        "
        root 8
        └─ a 8
        ",
        "
        0s node n1 4
        0s node n2 4
        1s pod a/web 6
        ",
        expect![[r#"
            1s   admit   a/web
        "#]],
    );
}

#[test]
fn reclaim_makes_room_on_one_node() {
    // b's four pods of 2 lie on two nodes: those of one node go, though any two would do by their sum.
    check_decisions(
        "
        root 8
        ├─ a 4
        └─ b 4
        ",
        "
        0s node n1 4
        0s node n2 4
        1s pod b/w 2 x 4
        2s pod a/web 4
        3s ended asked
        ",
        expect![[r#"
            1s   admit   b/w 1 on n1
            1s   admit   b/w 1 on n2
            1s   admit   b/w 1 on n1
            1s   admit   b/w 1 on n2
            2s   evict   b/w-0 for a/web
            2s   evict   b/w-2 for a/web
            2s   hold    a/web: 2 pods on their way out since 2s
            3s   admit   a/web on n1
        "#]],
    );
}

#[test]
fn others_are_kept_off_the_room_that_was_made() {
    // w-0 leaves room for c/small on n1, but that is a/web's.
    check_decisions(
        "
        root 8
        ├─ a 4
        ├─ b 2
        └─ c 2
        ",
        "
        0s node n1 4
        0s node n2 4
        1s pod b/w 2 x 4
        2s pod a/web 4
        3s pod c/small 1
        4s ended b/w-0
        5s ended b/w-1
        6s ended asked
        ",
        expect![[r#"
            1s   admit   b/w 1 on n1
            1s   admit   b/w 1 on n2
            1s   admit   b/w 1 on n1
            1s   admit   b/w 1 on n2
            2s   evict   b/w-0 for a/web
            2s   evict   b/w-2 for a/web
            2s   hold    a/web: 2 pods on their way out since 2s
            3s   evict   b/w-1 for c/small
            3s   hold    c/small: 1 pods on their way out since 3s
            5s   admit   c/small on n2
            6s   admit   a/web on n1
        "#]],
    );
}

#[test]
fn a_selector_is_respected() {
    check_decisions(
        "
        root 8
        └─ a 4
        ",
        "
        0s node n1 4 disk=ssd
        0s node n2 4
        1s pod a/one 3 on disk=ssd
        2s pod a/two 3 on disk=ssd
        ",
        expect![[r#"
            1s   admit   a/one on n1
            2s   hold    a/two: asks 3, largest piece 1 of 1
        "#]],
    );
}
