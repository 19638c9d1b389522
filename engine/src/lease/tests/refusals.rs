//! What is refused, with its numbers.

use super::kit::{Build, at, book, drawn, key, lease, said};
use crate::lease::LeaseBook;
use crate::spec::LeaseSpec;
use expect_test::{Expect, expect};

#[track_caller]
fn check_refused(book: &mut LeaseBook, lease: LeaseSpec, expected: Expect) {
    let before = drawn(book);
    let problems = book.check_set(at(0), &lease);
    assert_eq!(book.set(at(0), lease), Err(problems.clone()));
    assert_eq!(drawn(book), before);
    expected.assert_eq(&said(problems));
}

#[test]
fn nothing_is_leased_twice_at_any_instant() {
    let mut book = book(
        40,
        [
            lease("root/a", "a", 20).term(0, 500),
            lease("a/b", "b", 15).term(0, 100),
        ],
    );
    check_refused(
        &mut book,
        lease("root/c", "c", 30).term(100, 200),
        expect![[r#"
            Overcommitted: lease root/c overcommits root in pool general from 1970-01-01T00:01:40Z: cpu: 50 leased out, 40 held, 10 missing; ask for 10 less, or end leases of root before that instant
        "#]],
    );
    check_refused(
        &mut book,
        lease("a/c", "c", 10).term(50, 600),
        expect![[r#"
            Overcommitted: lease a/c overcommits a in pool general from 1970-01-01T00:00:50Z: cpu: 25 leased out, 20 held, 5 missing; ask for 5 less, or end leases of a before that instant
        "#]],
    );
    let problems = book.check_remove(at(0), &key("root/a"));
    expect![[r#"
        Overcommitted: lease root/a overcommits a in pool general from 1970-01-01T00:00:00Z: cpu: 15 leased out, 0 held, 15 missing; leave a 15 more, or end leases of a before that instant
    "#]].assert_eq(&said(problems));
    assert!(book.check_remove(at(100), &key("root/a")).is_empty());
}

#[test]
fn the_tree_has_one_lessor_for_each_and_no_cycle() {
    let mut book = book(40, [lease("root/a", "a", 20), lease("a/b", "b", 10)]);
    check_refused(
        &mut book,
        lease("root/b", "b", 1),
        expect![[r#"
        LesseeHasLessor: lease root/b: b already leases from a in this pool; lease to it from a, or delete its leases there first
    "#]],
    );
    check_refused(
        &mut book,
        lease("b/a", "a", 1),
        expect![[r#"
        Cycle: lease b/a closes a cycle: a -> b -> a; lease to a namespace that is not above b
    "#]],
    );
    check_refused(
        &mut book,
        lease("b/top", "root", 1),
        expect![[r#"
        Cycle: lease b/top closes a cycle: root -> a -> b -> root; lease to a namespace that is not above b
    "#]],
    );
    check_refused(
        &mut book,
        lease("x/y", "y", 1),
        expect![[r#"
        NoAccount: lease x/y: x has no lease in this pool at 1970-01-01T00:00:00Z; grant it one for the whole term, or end lease x/y before that instant
    "#]],
    );
}

#[test]
fn a_transfer_goes_sideways_to_an_account_that_lasts() {
    let mut book = book(
        40,
        [
            lease("root/a", "a", 20),
            lease("a/b", "b", 10),
            lease("root/c", "c", 10).term(0, 100),
        ],
    );
    let transfer = |path: &str, lessee: &str| lease(path, lessee, 5).transfer();
    check_refused(
        &mut book,
        transfer("b/up", "a"),
        expect![[r#"
        Ancestor: transfer b/up: its lessee is above b in the tree; make the lease to b smaller instead
    "#]],
    );
    check_refused(
        &mut book,
        transfer("b/top", "root"),
        expect![[r#"
        Ancestor: transfer b/top: its lessee is above b in the tree; make the lease to b smaller instead
    "#]],
    );
    check_refused(
        &mut book,
        transfer("a/down", "b"),
        expect![[r#"
        InOwnSubtree: transfer a/down: its lessee is below a in the tree; use a Sublease there
    "#]],
    );
    check_refused(
        &mut book,
        transfer("a/x", "x"),
        expect![[r#"
        NoAccount: lease a/x: x has no lease in this pool at 1970-01-01T00:00:00Z; grant it one for the whole term, or end lease a/x before that instant
    "#]],
    );
    check_refused(
        &mut book,
        transfer("a/c", "c"),
        expect![[r#"
        NoAccount: lease a/c: c has no lease in this pool at 1970-01-01T00:01:40Z; grant it one for the whole term, or end lease a/c before that instant
    "#]],
    );
    book.set(at(0), transfer("a/c", "c").term(0, 100)).unwrap();
    let problems = book.check_remove(at(0), &key("root/c"));
    expect![[r#"
        NoAccount: lease a/c: c has no lease in this pool at 1970-01-01T00:00:00Z; grant it one for the whole term, or end lease a/c before that instant
    "#]].assert_eq(&said(problems));
    check_refused(
        &mut book,
        lease("root/c", "c", 10).term(0, 50),
        expect![[r#"
            NoAccount: lease a/c: c has no lease in this pool at 1970-01-01T00:00:50Z; grant it one for the whole term, or end lease a/c before that instant
        "#]],
    );
}

#[test]
fn senseless_leases_are_refused_with_all_that_is_wrong() {
    let mut book = book(40, []);
    let senseless = lease("root/a", "root", -1).limit(-2).term(5, 5).with(|it| {
        it.weight = 0;
        it.pool = "other".into();
        it.lend_limit.insert("disk".into(), 1);
        it.grace_period = crate::Span(-1);
    });
    check_refused(
        &mut book,
        senseless,
        expect![[r#"
        Invalid: CapacityLease root/a: spec.pool: names pool other, this is pool general
        Invalid: CapacityLease root/a: spec.lessee: root cannot lease to itself; name another
        Invalid: CapacityLease root/a: spec.guaranteed.cpu: -1 is negative; at least 0 is needed
        Invalid: CapacityLease root/a: spec.limit.cpu: -2 is negative; at least 0 is needed
        Invalid: CapacityLease root/a: spec.lendLimit.disk: pool general does not lease it; it leases cpu
        Invalid: CapacityLease root/a: spec.limit.cpu: limit -2 is below guaranteed -1; ask for at least -1
        Invalid: CapacityLease root/a: spec.term: ends at 1970-01-01T00:00:05Z, starts at 1970-01-01T00:00:05Z; the end must be later
        Invalid: CapacityLease root/a: spec.weight: 0 is not within 1 to 1000000
        Invalid: CapacityLease root/a: spec.reclaim.gracePeriodSeconds: is negative; at least 0 is needed
    "#]],
    );
    let overfull = lease("b/c", "c", 1).limit(3).lend(1).transfer().with(|it| {
        it.guaranteed.insert("cpu".into(), crate::AMOUNT_MAX + 1);
        it.renew = true;
        it.weight = 2;
        it.max_priority = Some(1);
        it.queueing = crate::spec::Queueing::StrictFifo;
        it.grace_period = crate::Span(1);
        it.min_runtime = crate::Span(1);
    });
    check_refused(
        &mut book,
        overfull,
        expect![[r#"
        Invalid: CapacityLease b/c: spec.guaranteed.cpu: 9007199254740993m is too much; at most 9007199254740992m
        Invalid: CapacityLease b/c: spec.limit.cpu: limit 3 is below guaranteed 9007199254740993m; ask for at least 9007199254740993m
        Invalid: CapacityLease b/c: spec.term.renew: moves the end on by whole terms, so it needs both start and end
        Invalid: CapacityLease b/c: spec.limit: may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out
        Invalid: CapacityLease b/c: spec.lendLimit: may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out
        Invalid: CapacityLease b/c: spec.weight: may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out
        Invalid: CapacityLease b/c: spec.maxPriority: may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out
        Invalid: CapacityLease b/c: spec.queueing: may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out
        Invalid: CapacityLease b/c: spec.reclaim.gracePeriodSeconds: may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out
        Invalid: CapacityLease b/c: spec.reclaim.minRuntimeSeconds: may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out
        NoAccount: lease b/c: b has no lease in this pool at 1970-01-01T00:00:00Z; grant it one for the whole term, or end lease b/c before that instant
    "#]],
    );
}
