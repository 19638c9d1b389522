//! Every refusal names the account, the place at which it fails and the numbers.

use crate::support::World;
use expect_test::{Expect, expect};

/// What the engine says about waiting pods and refused changes, in its own words.
fn check_words(tree: &str, events: &str, expected: Expect) {
    let mut world = World::of(tree);
    world.in_words = true;
    world.play(events);
    expected.assert_eq(&world.transcript());
}

#[test]
fn a_limit_is_told_with_what_is_guaranteed_and_borrowed() {
    check_words(
        "
        root 1000
        └─ web 400 limit 600
        ",
        "
        0s found web/w 598
        1s pod web/shop 8
        ",
        expect![[r#"
            1s   hold    web/shop: cpu: web asks 8, web has 2 left of limit 600 (400 guaranteed, 198 borrowed)
        "#]],
    );
}

#[test]
fn the_ancestor_at_which_it_fails_is_named() {
    check_words(
        "
        root 50
        └─ retail 20 limit 30
           └─ web 10
        ",
        "
        0s found web/w 28
        1s pod web/shop 8
        ",
        expect![[r#"
            1s   hold    web/shop: cpu: web asks 8, retail has 2 left of limit 30 (20 guaranteed, 8 borrowed)
        "#]],
    );
}

#[test]
fn what_is_on_its_way_is_told() {
    check_words(
        "
        root 10
        ├─ a 4
        └─ b 6
        ",
        "
        0s found a/w 2 x 4
        1s pod b/web 6
        ",
        expect![[r#"
            1s   evict   a/w-0 for b/web
            1s   evict   a/w-1 for b/web
            1s   hold    b/web: b: 2 pods asked to end since 1970-01-01T00:00:01Z; it is admitted when they have
        "#]],
    );
}
