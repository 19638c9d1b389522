//! Capacity that comes and goes.

use super::kit::{Build, at, book, cores_of, drawn, lease, said};
use crate::lease::scale::divide;
use expect_test::expect;

#[test]
fn only_a_level_that_is_short_is_scaled() {
    let mut book = book(40, [lease("root/L", "L", 40), lease("L/l", "l", 10)]);
    book.set_capacity(cores_of(20));
    expect![[r#"
        L 20 of 40
          l 10
    "#]]
    .assert_eq(&drawn(&book));
    book.set_capacity(cores_of(8));
    expect![[r#"
        L 8 of 40
          l 8 of 10
    "#]]
    .assert_eq(&drawn(&book));
    book.set_capacity(cores_of(40));
    expect![[r#"
        L 40
          l 10
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn the_rest_goes_to_the_largest_remainders_then_by_name() {
    assert_eq!(divide(10, &[10, 10, 10]), [4, 3, 3]);
    assert_eq!(divide(7, &[1, 5, 5]), [1, 3, 3]);
    assert_eq!(divide(0, &[1, 5, 5]), [0, 0, 0]);
    assert_eq!(divide(1 << 60, &[1 << 61, 1 << 61]), [1 << 59, 1 << 59]);
}

#[test]
fn a_lease_is_checked_against_what_was_granted_not_against_what_is_left() {
    let mut book = book(40, [lease("root/L", "L", 40)]);
    book.set_capacity(cores_of(20));
    assert_eq!(book.set(at(0), lease("L/l", "l", 30)), Ok(()));
    expect![[r#"
        L 20 of 40
          l 20 of 30
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn shrinking_is_possible_while_capacity_is_short_and_growing_is_not() {
    let mut book = book(40, [lease("root/L", "L", 40)]);
    book.set_capacity(cores_of(20));
    assert_eq!(book.set(at(0), lease("root/L", "L", 30)), Ok(()));
    let problems = book.set(at(0), lease("root/L", "L", 31)).unwrap_err();
    expect![[r#"
        Overcommitted: lease root/L overcommits root in pool general from 1970-01-01T00:00:00Z: cpu: 31 leased out, 20 held, 11 missing; ask for 11 less, or end leases of root before that instant
    "#]].assert_eq(&said(problems));
}

#[test]
fn a_renewal_counts_as_granted_while_capacity_is_short() {
    let short = lease("root/L", "L", 40).term(0, 100).renew();
    let mut book = book(40, [short]);
    book.set_capacity(cores_of(20));
    assert_eq!(book.advance(at(100)).len(), 1);
    expect![[r#"
        L 20 of 40
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn a_deliberate_change_of_capacity_may_not_add_overcommitment_at_any_instant() {
    let boost = lease("root/boost", "L", 10).term(100, 200);
    let mut book = book(40, [lease("root/L", "L", 30), boost]);
    assert!(book.check_capacity(at(0), &cores_of(40)).is_empty());
    expect![[r#"
        Overcommitted: the change overcommits root in pool general from 1970-01-01T00:01:40Z: cpu: 40 leased out, 35 held, 5 missing; leave root 5 more, or end leases of root before that instant
    "#]].assert_eq(&said(book.check_capacity(at(0), &cores_of(35))));
    book.advance(at(200));
    assert!(book.check_capacity(at(200), &cores_of(35)).is_empty());
}
