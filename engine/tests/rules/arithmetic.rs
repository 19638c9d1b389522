//! The worked numbers of the arithmetic: by the engine, and by the second model.

use crate::support::judge::check_figures;
use crate::support::world::PodOptions;
use crate::support::{World, check_available, inline, print};
use expect_test::expect;

/// The document for users: its worked numbers must be true.
const DOCUMENT: &str = include_str!("../../../docs/lease-model.md");

const HEAD: &str = "| tree | use | available | potential |";

fn worked_numbers() -> Vec<Vec<&'static str>> {
    let rows: Vec<_> = inline::rows(DOCUMENT, HEAD).collect();
    assert!(rows.len() >= 5, "the document has lost its table");
    rows
}

/// A world of a row's tree in which a row's use is charged.
fn world_of(row: &[&str]) -> World {
    let mut drawing = inline::tree(row[0]);
    drawing.uses = inline::amounts(row[1]);
    World::from_drawing(&drawing)
}

#[test]
fn the_engine_gives_the_worked_numbers() {
    for row in worked_numbers() {
        let world = world_of(&row);
        for (name, amount) in inline::amounts(row[2]) {
            let told = print::figures_of(&world, &name)[0].available;
            assert_eq!(told, amount[0], "available({name}) in {}", row[0]);
        }
        for (name, amount) in inline::amounts(row[3]) {
            let told = print::figures_of(&world, &name)[0].potential;
            assert_eq!(told, amount[0], "potential({name}) in {}", row[0]);
        }
        check_figures(&world);
    }
}

#[test]
fn the_second_model_gives_the_worked_numbers() {
    for row in worked_numbers() {
        let world = world_of(&row);
        let tree = world.tree();
        for (used, column) in [(tree.charged(&world), 2), (tree.no_use(), 3)] {
            for (name, amount) in inline::amounts(row[column]) {
                let available = tree.available(&used, tree.find(&name));
                assert_eq!(available, amount, "{name} in {}", row[0]);
            }
        }
    }
}

#[test]
fn lend_limit_keeps_the_rest_at_home() {
    check_available(
        "
        root 30
        ├─ a 10         use 1
        └─ b 10  lend 9 use 500m
        ",
        expect![[r"
            a  available 28      potential 29
            b  available 28500m  potential 30
        "]],
    );
}

#[test]
fn what_a_sister_keeps_back_counts_against_the_limit_above() {
    check_available(
        "
        root 40
        └─ n 10  limit 15
           ├─ c1 10 lend 0
           └─ c2 0
        ",
        expect![[r#"
            n   available 5       potential 5
            c1  available 15      potential 15
            c2  available 5       potential 5
        "#]],
    );
}

#[test]
fn over_use_anywhere_lowers_what_relatives_can_start() {
    // L uses 25 of its 20: what is idle at R is 15, not 20.
    check_available(
        "
        root 40
        ├─ L 20
        │  ├─ l1 10 use 25
        │  └─ l2 10
        └─ R 20
        ",
        expect![[r#"
            L   available 15      potential 40
            l1  available 15      potential 40
            l2  available 15      potential 40
            R   available 15      potential 40
        "#]],
    );
}

#[test]
fn depth_is_not_limited_by_design() {
    let chain: String = (1..=64)
        .map(|depth| format!("\n{}n{depth} 10", "   ".repeat(depth)))
        .collect();
    let mut world = World::of(&format!("root 12{chain}"));
    world.found("n64", "w", vec![3000], PodOptions::default());
    world.decide();
    check_figures(&world);
    assert_eq!(print::figures_of(&world, "n64")[0].available, 9000);
}

#[test]
fn several_resources_are_counted_each_for_itself() {
    check_available(
        "
        root 30/8
        ├─ a 10/4  use 1/4
        └─ b 10/2  lend 9/- limit -/3
        ",
        expect![[r#"
            a  available 28/4    potential 29/8
            b  available 29/3    potential 30/3
        "#]],
    );
}

const LENDING: &[print::Column] = &[
    ("borrowed", |f| f.borrowed),
    ("lent", |f| f.lent),
    ("own", |f| f.own_lent),
];

#[test]
fn what_is_lent_is_split_over_the_idle_and_passed_down() {
    // x borrows 6: idle are 6 of L (l1 4, l2 0, its own part 2), 3 of r and 9 of the root's own part.
    let world = World::of(
        "
        root 30
        ├─ L 10
        │  ├─ l1 4
        │  └─ l2 4 use 4
        ├─ r 5 use 2
        └─ x 6 use 12
        ",
    );
    check_figures(&world);
    expect![[r#"
        L   borrowed 0       lent 2       own 667m
        l1  borrowed 0       lent 1333m   own 1333m
        l2  borrowed 0       lent 0       own 0
        r   borrowed 0       lent 1       own 1
        x   borrowed 6       lent 0       own 0
    "#]]
    .assert_eq(&print::table(&world, LENDING));
}

#[test]
fn a_level_that_borrows_lends_all_its_idle_inside() {
    // L borrows 3 from above, l1 borrows 8: l2's idle 5 goes to l1 first.
    let world = World::of(
        "
        root 20
        ├─ L 10
        │  ├─ l1 5 use 13
        │  └─ l2 5
        └─ R 10
        ",
    );
    check_figures(&world);
    expect![[r#"
        L   borrowed 3       lent 0       own 0
        l1  borrowed 8       lent 0       own 0
        l2  borrowed 0       lent 5       own 5
        R   borrowed 0       lent 3       own 3
    "#]]
    .assert_eq(&print::table(&world, LENDING));
}

#[test]
fn what_is_left_over_goes_to_the_largest_remainders_then_by_name() {
    // 100m over three equal idle parts: 33m each, and one more for the first name.
    let world = World::of(
        "
        root 3
        ├─ a 1
        ├─ b 1
        ├─ c 1
        └─ x 0 use 100m
        ",
    );
    check_figures(&world);
    expect![[r#"
        a  borrowed 0       lent 34m     own 34m
        b  borrowed 0       lent 33m     own 33m
        c  borrowed 0       lent 33m     own 33m
        x  borrowed 100m    lent 0       own 0
    "#]]
    .assert_eq(&print::table(&world, LENDING));
}
