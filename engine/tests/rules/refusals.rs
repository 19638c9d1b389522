//! Every refusal names the account, the place at which it fails and the numbers.

use crate::support::World;
use crate::support::amount::parse_sparse;
use crate::support::drawing::{bare_lease, quantities};
use engine::spec::Reserve;
use engine::{Event, Time};
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

/// All that a webhook would say about a change.
fn check_change(world: &World, event: &Event, expected: Expect) {
    let refused = world.engine.check(world.now, event);
    let lines = refused.iter().map(|it| format!("{}: {it}\n", it.reason()));
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn all_that_is_wrong_with_a_lease_is_told_at_once() {
    let world = World::of(
        "
        root 10
        └─ a 8
           └─ b 8
        ",
    );
    let mut lease = bare_lease("root", "more", "c", Time(0));
    lease.guaranteed = quantities(&parse_sparse("4"));
    lease.limit = quantities(&parse_sparse("3"));
    lease.weight = 0;
    check_change(
        &world,
        &Event::LeaseSet(lease),
        expect![[r#"
        Invalid: CapacityLease root/more: spec.limit.cpu: limit 3 is below guaranteed 4; ask for at least 4
        Invalid: CapacityLease root/more: spec.weight: 0 is not within 1 to 1000000
        Overcommitted: lease root/more overcommits root in pool general from 1970-01-01T00:00:00Z: cpu: 12 leased out, 10 held, 2 missing; ask for 2 less, or end leases of root before that instant
    "#]],
    );
    let key = bare_lease("root", "a", "a", Time(0)).key;
    check_change(
        &world,
        &Event::LeaseRemoved { key },
        expect![[r#"
        Overcommitted: lease root/a overcommits a in pool general from 1970-01-01T00:00:00Z: cpu: 8 leased out, 0 held, 8 missing; leave a 8 more, or end leases of a before that instant
    "#]],
    );
    let mut moved = bare_lease("root", "a", "a", Time(0));
    moved.pool = "other".into();
    check_change(
        &world,
        &Event::LeaseSet(moved),
        expect![[r#"
        NotFound: CapacityPool other is not there; check its namespace and name
    "#]],
    );
}

#[test]
fn all_that_is_wrong_with_a_pool_is_told_at_once() {
    let world = World::of(
        "
        root 10/4
        └─ a 8/4
        ",
    );
    let mut pool = world.pool.clone();
    pool.capacity = quantities(&parse_sparse("6/3"));
    check_change(
        &world,
        &Event::PoolSet(pool.clone()),
        expect![[r#"
        Overcommitted: the change overcommits root in pool general from 1970-01-01T00:00:00Z: cpu: 8 leased out, 6 held, 2 missing; leave root 2 more, or end leases of root before that instant
        Overcommitted: the change overcommits root in pool general from 1970-01-01T00:00:00Z: gpu: 4 leased out, 3 held, 1 missing; leave root 1 more, or end leases of root before that instant
    "#]],
    );
    pool.capacity.insert("cpu".into(), -1);
    pool.reserve.insert("memory".into(), Reserve::Amount(5));
    pool.reserve
        .insert("cpu".into(), Reserve::Millionths(1_000_001));
    check_change(
        &world,
        &Event::PoolSet(pool.clone()),
        expect![[r#"
        Invalid: CapacityPool general: spec.capacity.cpu: -1m is negative; at least 0 is needed
        Invalid: CapacityPool general: spec.reserve.memory: memory is not among spec.resources; add it there, or leave it out
        Invalid: CapacityPool general: spec.reserve.cpu: 1000001 millionths is not within 0 to 1000000 (100%)
    "#]],
    );
    pool.name = "new".into();
    pool.resources = vec!["cpu".into(), "cpu".into()];
    check_change(
        &world,
        &Event::PoolSet(pool),
        expect![[r#"
        Invalid: CapacityPool new: spec.resources: cpu is named twice; once is enough
        Invalid: CapacityPool new: spec.capacity.cpu: -1m is negative; at least 0 is needed
        Invalid: CapacityPool new: spec.capacity.gpu: gpu is not among spec.resources; add it there, or leave it out
        Invalid: CapacityPool new: spec.reserve.gpu: gpu is not among spec.resources; add it there, or leave it out
        Invalid: CapacityPool new: spec.reserve.memory: memory is not among spec.resources; add it there, or leave it out
        Invalid: CapacityPool new: spec.reserve.cpu: 1000001 millionths is not within 0 to 1000000 (100%)
    "#]],
    );
    let pool = world.pool.name.clone();
    check_change(
        &world,
        &Event::PoolRemoved { pool },
        expect![[r#"
        Invalid: CapacityPool general: metadata: accounts that lease from it: 1; end its leases first
    "#]],
    );
}
