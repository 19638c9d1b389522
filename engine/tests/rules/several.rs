//! Several resources: who is entitled changes with what others take and give anywhere in the tree.

use crate::support::check_decisions;
use expect_test::expect;

#[test]
fn who_lacked_two_is_entitled_when_others_give_back_the_one_that_was_not_covered() {
    // a's GPU is lent to c while a's pod lacks processors, too. When somebody else's end, only the GPU is lacking.
    check_decisions(
        "
        root 4/2
        ├─ a 0/1
        ├─ b 2/1
        └─ c 2/0
        ",
        "
        0s found b/gpu 0/1
        0s found c/cpu 2/0 x 2
        1s pod a/first 0/1
        2s pod a/web 1/1
        3s pod c/greedy 0/1
        4s ended a/first
        5s ended c/cpu-0
        ",
        expect![[r#"
            1s   admit   a/first
            2s   hold    a/web: asks 1, 0 available, short at root
            3s   hold    c/greedy: asks 1 gpu, 0 gpu available, short at root
            4s   admit   c/greedy
            5s   evict   c/greedy for a/web
            5s   hold    a/web: 1 pods on their way out since 5s
        "#]],
    );
}

#[test]
fn a_circle_of_three_ends_each_decision_and_turns_again_after_a_second() {
    // j has the GPUs, p the processors, and q is of higher priority than j: each may take from the next.
    check_decisions(
        "
        root 6/3
        └─ a 0/3
        ",
        "
        0s job a/j 1 x 0/3, elastic 1..1
        1s pod root/p 3/1
        2s pod a/q 4/1 prio 1
        3s ended asked
        4s tick
        5s ended asked
        ",
        expect![[r#"
            0s   admit   a/j 1
            1s   hold    root/p: asks 1 gpu, 0 gpu available, short at root
            2s   shrink  a/j 1 -> 0 for its own q
            2s   hold    root/p: 1 pods on their way out since 2s
            2s   hold    a/q: asks 4, 6 available, short at root
            3s   admit   root/p
            3s   hold    a/q: asks 4, 3 available, short at root
            4s   evict   root/p for a/j
            5s   admit   a/q
        "#]],
    );
}
