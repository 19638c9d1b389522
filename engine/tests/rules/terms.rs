//! Leases in time: start, expiry, drain, renewal, transfers; capacity that comes and goes; refusals.

use crate::support::judge::check_figures;
use crate::support::{World, check_decisions, print};
use engine::{Engine, Event};
use expect_test::expect;

const HOLDING: &[print::Column] = &[
    ("guaranteed", |f| f.guaranteed),
    ("available", |f| f.available),
];

#[test]
fn pods_wait_for_the_lease_to_start() {
    check_decisions(
        "
        root 10
        └─ a 4 from 5s
        ",
        "
        0s pod a/web 2
        6s tick
        ",
        expect![[r#"
            0s   hold    a/web: starts at 5s
            5s   admit   a/web
        "#]],
    );
}

#[test]
fn after_expiry_with_borrow_work_goes_on_until_somebody_needs_it() {
    check_decisions(
        "
        root 10
        ├─ a 6 until 5s
        └─ b 4
        ",
        "
        0s found a/w 2 x 3
        6s pod b/web 4
        7s lease root/more b 4
        8s pod b/more 4
        ",
        expect![[r#"
            6s   admit   b/web
            8s   evict   a/w-0 for b/more
            8s   evict   a/w-1 for b/more
            8s   hold    b/more: 2 pods on their way out since 8s
        "#]],
    );
}

#[test]
fn after_expiry_with_drain_work_goes_though_nobody_waits() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 4
        ",
        "
        0s lease root/boost a 2 until 5s drain grace 3s
        1s job a/train 1 x 1, elastic 2..9
        9s tick
        10s ended asked
        11s pod a/web 1
        20s lease root/again a 2
        ",
        expect![[r#"
            1s   admit   a/train 9
            5s   shrink  a/train 9 -> 4 to drain
            11s  shrink  a/train 4 -> 3 for its own web
            11s  hold    a/web: 1 pods on their way out since 11s
            20s  admit   a/web
            20s  grow    a/train 3 -> 8
        "#]],
    );
}

#[test]
fn a_drain_evicts_after_the_grace_period() {
    // The oldest active lease decides the grace: that of `a`, 10 s. What fits the 4 that are left stays.
    check_decisions(
        "
        root 10
        ├─ a 4 grace 10s
        └─ b 4
        ",
        "
        0s lease root/boost a 2 until 5s drain
        1s found a/w 1 x 6
        6s pod a/more 1
        14s tick
        16s ended asked
        ",
        expect![[r#"
            6s   hold    a/more: asks 1, 0 available, short at a
            15s  evict   a/w-0 to drain within 10s
            15s  evict   a/w-1 to drain within 10s
        "#]],
    );
}

#[test]
fn a_drain_goes_on_when_another_lease_is_changed_and_ends_when_its_own_is_prolonged() {
    check_decisions(
        "
        root 10
        ├─ a 4
        └─ b 4
        ",
        "
        0s lease root/boost a 2 until 5s drain
        1s found a/w 1 x 4
        6s pod a/more 1
        7s lease root/a a 3
        8s lease root/a a 4
        9s lease root/boost a 2 until 60s drain
        ",
        expect![[r#"
            6s   hold    a/more: asks 1, 0 available, short at a
            9s   admit   a/more
        "#]],
    );
}

#[test]
fn a_boost_adds_its_guarantee_to_a_limit_it_does_not_set() {
    let mut world = World::of(
        "
        root 1000
        └─ a 400 limit 600
        ",
    );
    world.play("0s lease root/boost a 100 from 5s until 9s");
    let limit = |world: &World| print::figures_of(world, "a")[0].limit;
    assert_eq!(limit(&world), Some(600_000));
    world.play("6s tick");
    assert_eq!(limit(&world), Some(700_000));
    check_figures(&world);
    world.play("9s tick");
    assert_eq!(limit(&world), Some(600_000));
    check_figures(&world);
}

#[test]
fn no_limit_vanishes_with_the_lease_that_set_it() {
    // The lease that sets a limit has not started, and the other adds its own guarantee: 4.
    let mut world = World::of(
        "
        root 20
        └─ a 4
        ",
    );
    world.play("0s lease root/later a 2 from 9s limit 3");
    assert_eq!(print::figures_of(&world, "a")[0].limit, Some(4000));
    check_figures(&world);
}

#[test]
fn after_the_last_lease_its_last_limit_stays() {
    let mut world = World::of(
        "
        root 20
        └─ a 4 limit 6 until 5s
        ",
    );
    world.play("5s tick");
    let figures = &print::figures_of(&world, "a")[0];
    assert_eq!((figures.guaranteed, figures.limit), (0, Some(6000)));
    check_figures(&world);
}

#[test]
fn a_lease_renews_by_whole_terms() {
    check_decisions(
        "
        root 10
        └─ a 4 from 0s until 5s renew
        ",
        "
        0s found a/w 3
        12s pod a/web 1
        ",
        expect![[r#"
            5s   renew   root/a until 10s
            10s  renew   root/a until 15s
            12s  admit   a/web
        "#]],
    );
}

#[test]
fn a_later_grant_to_somebody_else_wins_over_a_renewal() {
    check_decisions(
        "
        root 10
        └─ a 8 from 0s until 5s renew
        ",
        "
        1s lease root/b b 6 from 5s
        7s pod b/web 6
        ",
        expect![[r#"
            7s   admit   b/web
        "#]],
    );
}

#[test]
fn a_transfer_moves_guarantees_and_limits_below_the_common_ancestor() {
    let mut world = World::of(
        "
        root 100
        ├─ L 40 limit 50
        │  ├─ l1 20
        │  └─ l2 20
        └─ R 30 limit 35
           └─ r 30 limit 33
        ",
    );
    world.play("0s transfer l1/lend r 5 until 9s");
    check_figures(&world);
    expect![[r#"
        L   guaranteed 35      available 45
        l1  guaranteed 15      available 45
        l2  guaranteed 20      available 45
        R   guaranteed 35      available 40
        r   guaranteed 35      available 38
    "#]]
    .assert_eq(&print::table(&world, HOLDING));
    let limits = ["L", "R", "r"].map(|name| print::figures_of(&world, name)[0].limit);
    assert_eq!(limits, [Some(45_000), Some(40_000), Some(38_000)]);
    world.play("9s tick");
    check_figures(&world);
    expect![[r#"
        L   guaranteed 40      available 50
        l1  guaranteed 20      available 50
        l2  guaranteed 20      available 50
        R   guaranteed 30      available 35
        r   guaranteed 30      available 33
    "#]]
    .assert_eq(&print::table(&world, HOLDING));
}

#[test]
fn guarantees_scale_with_lost_capacity_only_where_a_level_is_short() {
    let mut world = World::of(
        "
        root 40 sums
        └─ L 40
           └─ l 10
        ",
    );
    world.play(
        "
        0s node n1 20
        0s node n2 20
        ",
    );
    world.play("1s node n2 gone");
    check_figures(&world);
    expect![[r#"
        L  guaranteed 20      available 20
        l  guaranteed 10      available 20
    "#]]
    .assert_eq(&print::table(&world, HOLDING));
    world.play("2s node n2 20");
    check_figures(&world);
    expect![[r#"
        L  guaranteed 40      available 40
        l  guaranteed 10      available 40
    "#]]
    .assert_eq(&print::table(&world, HOLDING));
}

#[test]
fn a_controller_that_starts_after_a_loss_finds_what_was_granted() {
    let mut world = World::of(
        "
        root 40 sums
        ├─ L 30
        │  └─ l 10
        └─ R 10
        ",
    );
    world.play(
        "
        0s node n1 20
        0s node n2 20
        1s node n2 gone
        ",
    );
    let mut started = Engine::new();
    started.feed(world.now, &Event::PoolSet(world.pool.clone()));
    for node in world.nodes.values() {
        started.feed(world.now, &Event::NodeSet(node.clone()));
    }
    for lease in world.leases.values() {
        let found = Event::LeaseFound {
            lease: Box::new(lease.clone()),
            until: lease.end,
            has_lapsed: false,
        };
        started.feed(world.now, &found);
    }
    assert_eq!(started.decide(world.now), []);
    assert_eq!(started.figures(), world.engine.figures());
    expect![[r#"
        L  guaranteed 15      available 20
        l  guaranteed 10      available 20
        R  guaranteed 5       available 20
    "#]]
    .assert_eq(&print::table(&world, HOLDING));
}

#[test]
fn scaling_gives_the_rest_to_the_largest_remainders_then_by_name() {
    // 10 of 14 granted: 5·10/14 = 3.571…, 4·10/14 = 2.857…
    let mut world = World::of(
        "
        root 14 sums
        ├─ a 5
        ├─ b 5
        └─ c 4
        ",
    );
    world.play(
        "
        0s node n1 10
        0s node n2 4
        ",
    );
    world.play("1s node n2 4 cordoned");
    check_figures(&world);
    expect![[r#"
        a  guaranteed 3572m   available 10
        b  guaranteed 3571m   available 10
        c  guaranteed 2857m   available 10
    "#]]
    .assert_eq(&print::table(&world, HOLDING));
}

#[test]
fn a_lost_node_takes_from_borrowers_first() {
    check_decisions(
        "
        root 12 sums
        ├─ a 4
        └─ b 4
        ",
        "
        0s node n1 8
        0s node n2 4
        0s found a/w 1 x 8
        1s node n2 gone
        2s pod b/web 4
        3s ended asked
        ",
        expect![[r#"
            2s   evict   a/w-0 for b/web
            2s   evict   a/w-1 for b/web
            2s   evict   a/w-2 for b/web
            2s   evict   a/w-3 for b/web
            2s   hold    b/web: 4 pods on their way out since 2s
            3s   admit   b/web
        "#]],
    );
}

// Nothing is leased twice.

#[test]
fn a_lease_that_does_not_fit_at_some_instant_is_refused() {
    check_decisions(
        "
        root 10
        ├─ a 6
        └─ b 2
        ",
        "
        0s lease root/soon b 2 from 100s
        1s lease root/late b 1 from 50s
        2s lease root/short b 1 until 100s
        3s lease root/too b 2 until 50s
        ",
        expect![[r#"
            1s   refuse  root/late: Overcommitted root at 100s: 11 leased, 10 held
            3s   refuse  root/too: Overcommitted root at 3s: 11 leased, 10 held
        "#]],
    );
}

#[test]
fn a_lessor_leases_out_what_it_holds_and_no_more() {
    check_decisions(
        "
        root 10
        └─ n 6
        ",
        "
        0s lease n/a a 6
        1s lease n/b b 1
        2s lease n/a a 7
        3s lease n/a a 5
        4s lease n/b b 1
        ",
        expect![[r#"
            1s   refuse  n/b: Overcommitted n at 1s: 7 leased, 6 held
            2s   refuse  n/a: Overcommitted n at 2s: 7 leased, 6 held
        "#]],
    );
}

#[test]
fn what_a_lessee_has_leased_on_cannot_be_taken_away() {
    check_decisions(
        "
        root 10
        └─ n 6
           └─ a 5
        ",
        "
        0s lease root/n n 4
        1s lease root/n n 6 until 50s
        2s unlease root/n
        3s lease root/n n 5
        4s unlease n/a
        5s unlease root/n
        ",
        expect![[r#"
            0s   refuse  root/n: Overcommitted n at 0s: 5 leased, 4 held
            1s   refuse  root/n: Overcommitted n at 50s: 5 leased, 0 held
            2s   refuse  root/n: Overcommitted n at 2s: 5 leased, 0 held
        "#]],
    );
}

#[test]
fn a_lessee_has_one_lessor_and_no_cycle() {
    check_decisions(
        "
        root 10
        ├─ a 6
        │  └─ x 2
        └─ b 4
        ",
        "
        0s lease b/x x 1
        1s lease x/a a 1
        2s lease a/self a 1
        ",
        expect![[r#"
            0s   refuse  b/x: LesseeHasLessor, x has a
            1s   refuse  x/a: Cycle a x
            2s   refuse  CapacityLease a/self: Invalid spec.lessee
        "#]],
    );
}

#[test]
fn a_transfer_needs_an_account_outside_its_own_branch() {
    check_decisions(
        "
        root 20
        ├─ a 10
        │  └─ x 5
        └─ b 5 until 50s
        ",
        "
        0s transfer a/down x 1 until 9s
        1s transfer x/up a 1 until 9s
        2s transfer a/side b 1 until 60s
        3s transfer a/who nobody 1 until 9s
        4s transfer a/good b 1 until 50s
        5s unlease root/b
        6s lease root/b b 5 until 40s
        ",
        expect![[r#"
            0s   refuse  a/down: InOwnSubtree
            1s   refuse  x/up: Ancestor
            2s   refuse  a/side: NoAccount of b at 50s
            3s   refuse  a/who: NoAccount of nobody at 3s
            5s   refuse  a/good: NoAccount of b at 5s
            6s   refuse  a/good: NoAccount of b at 40s
        "#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    check_decisions(
        "
        root 10
        └─ a 4
        ",
        "
        0s lease root/b b 4 limit 3
        1s lease root/c c 1 weight 0
        2s lease root/d d 1 from 9s until 9s
        3s lease root/e e -1
        4s lease root/f f 1/1
        ",
        expect![[r#"
            0s   refuse  CapacityLease root/b: Invalid spec.limit.cpu
            1s   refuse  CapacityLease root/c: Invalid spec.weight
            2s   refuse  CapacityLease root/d: Invalid spec.term
            3s   refuse  CapacityLease root/e: Invalid spec.guaranteed.cpu
            4s   refuse  CapacityLease root/f: Invalid spec.guaranteed.gpu
        "#]],
    );
}

#[test]
fn capacity_that_is_leased_cannot_be_given_up() {
    check_decisions(
        "
        root 10
        └─ a 6
        ",
        "
        0s capacity 5
        1s capacity 6
        2s lease root/b b 1
        ",
        expect![[r#"
            0s   refuse  pool: Overcommitted root at 0s: 6 leased, 5 held
            2s   refuse  root/b: Overcommitted root at 2s: 7 leased, 6 held
        "#]],
    );
}

#[test]
fn shrinking_is_possible_while_capacity_is_short() {
    check_decisions(
        "
        root 12 sums
        ├─ a 6
        └─ b 6
        ",
        "
        0s node n1 8
        0s node n2 4
        1s node n2 gone
        2s lease root/a a 5
        3s lease root/a a 6
        4s lease root/c c 1
        ",
        expect![[r#"
            3s   refuse  root/a: Overcommitted root at 3s: 12 leased, 8 held
            4s   refuse  root/c: Overcommitted root at 4s: 12 leased, 8 held
        "#]],
    );
}
