//! What was granted is granted: a book that starts again learns it, whatever capacity is left.

use super::kit::{Build, at, book, cores_of, drawn, empty, key, lease, said};
use crate::lease::{FoundLease, LeaseBook};
use crate::spec::LeaseSpec;
use expect_test::expect;

fn found(lease: LeaseSpec) -> FoundLease {
    FoundLease {
        lease,
        until: None,
        has_lapsed: false,
    }
}

/// A book that starts at `now` with that much capacity and finds these leases.
fn started(now: i64, cores: i64, leases: impl IntoIterator<Item = FoundLease>) -> LeaseBook {
    let mut book = empty(cores);
    let refused = book.adopt(at(now), leases.into_iter().collect());
    assert_eq!(said(refused), "");
    book
}

#[test]
fn leases_are_found_though_capacity_has_been_lost_since() {
    let leases = || {
        [
            lease("root/L", "L", 40),
            lease("L/l", "l", 10),
            lease("root/R", "R", 10),
        ]
    };
    let mut lost = book(50, leases());
    lost.set_capacity(cores_of(20));
    let book = started(0, 20, leases().map(found));
    expect![[r#"
        L 16 of 40
          l 10
        R 4 of 10
    "#]]
    .assert_eq(&drawn(&book));
    assert_eq!(drawn(&book), drawn(&lost));
}

#[test]
fn a_new_lease_is_checked_against_what_was_found() {
    let book = started(0, 20, [found(lease("root/L", "L", 40))]);
    expect![[r#"
        Overcommitted: lease root/R overcommits root in pool general from 1970-01-01T00:00:00Z: cpu: 41 leased out, 20 held, 21 missing; ask for 21 less, or end leases of root before that instant
    "#]]
    .assert_eq(&said(book.check_set(at(0), &lease("root/R", "R", 1))));
}

#[test]
fn children_may_be_found_before_their_parents() {
    let across = lease("l/across", "R", 5).transfer().created(-1);
    let leases = [
        across,
        lease("L/l", "l", 10),
        lease("root/R", "R", 10),
        lease("root/L", "L", 40),
    ];
    let book = started(0, 50, leases.map(found));
    expect![[r#"
        L 35
          l 5
        R 15
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn what_no_tree_can_hold_is_refused() {
    let mut book = empty(50);
    let leases = [
        lease("root/a", "a", 10).created(1),
        lease("a/b", "b", 10).created(2),
        lease("root/b", "b", 10).created(3),
        lease("b/a", "a", 5).created(4),
        lease("x/y", "y", 5).created(5),
        lease("y/x", "x", 5).created(6),
        lease("root/c", "c", 5).with(|lease| lease.pool = "other".into()),
    ];
    let refused = book.adopt(at(0), leases.map(found).into());
    expect![[r#"
        Invalid: CapacityLease root/c: spec.pool: names pool other, this is pool general
        LesseeHasLessor: lease root/b: b already leases from a in this pool; lease to it from a, or delete its leases there first
        Cycle: lease b/a closes a cycle: a -> b -> a; lease to a namespace that is not above b
        NoAccount: lease x/y: x has no lease in this pool at 1970-01-01T00:00:00Z; grant it one for the whole term, or end lease x/y before that instant
        NoAccount: lease y/x: y has no lease in this pool at 1970-01-01T00:00:00Z; grant it one for the whole term, or end lease y/x before that instant
    "#]]
    .assert_eq(&said(refused));
    assert!(book.lease(&key("a/b")).is_some());
}

#[test]
fn a_renewal_that_was_told_goes_on_from_there() {
    let renewing = lease("root/L", "L", 10).term(0, 100).renew();
    let mut book = started(
        150,
        20,
        [FoundLease {
            lease: renewing,
            until: Some(at(200)),
            has_lapsed: false,
        }],
    );
    assert_eq!(
        book.lease(&key("root/L")).and_then(|lease| lease.end),
        Some(at(200))
    );
    assert_eq!(book.advance(at(200)), [(key("root/L"), at(300))]);
}

#[test]
fn renewals_that_fell_due_unseen_are_made_up_for() {
    let renewing = lease("root/L", "L", 10).term(0, 100).renew();
    let granted = lease("root/R", "R", 15).term(300, 400);
    let mut book = started(250, 20, [renewing, granted].map(found));
    assert_eq!(
        book.advance(at(250)),
        [(key("root/L"), at(200)), (key("root/L"), at(300))]
    );
    // At 300 the later grant wins, as it would have in a book that never stopped.
    assert_eq!(book.advance(at(300)), []);
    expect![[r#"
        L 0 Expired
        R 15
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn a_lease_that_was_seen_to_end_is_not_renewed() {
    let lapsed = FoundLease {
        has_lapsed: true,
        ..found(lease("root/L", "L", 10).term(0, 100).renew())
    };
    let book = started(250, 20, [lapsed]);
    expect![[r#"
        L 0 Expired
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn a_short_term_that_ended_very_often_is_not_looked_at_each_time() {
    let lease = lease("root/L", "L", 10).term(0, 1).renew();
    let mut book = started(1_000_000_000, 20, [found(lease)]);
    let renewed = book.advance(at(1_000_000_000));
    assert_eq!(renewed.last(), Some(&(key("root/L"), at(1_000_000_001))));
    assert_eq!(renewed.len(), 1001);
}

#[test]
fn a_lease_that_expired_unseen_drains_from_its_end_on() {
    let ended = lease("root/a", "a", 10).term(0, 100).drain();
    let boost = lease("root/b", "b", 10).term(0, 100).drain();
    let newer = lease("root/newer", "b", 5).created(150);
    let book = started(250, 20, [ended, boost, newer].map(found));
    expect![[r#"
        a 0 limit 0 Draining since 100
        b 5
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn a_transfer_whose_lessee_lost_its_account_has_ended() {
    let leases = [
        lease("root/a", "a", 10),
        lease("root/b", "b", 5).term(0, 100),
        lease("a/move", "b", 4).transfer().term(0, 500),
    ];
    let book = started(200, 20, leases.map(found));
    expect![[r#"
        a 10
        b 0 Expired
    "#]]
    .assert_eq(&drawn(&book));
}
