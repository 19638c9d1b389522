//! Starts, ends, renewals, transfers.

use super::kit::{Build, at, book, cpu, drawn, key, lease, said};
use crate::lease::{LeaseBook, LeaseState};
use expect_test::expect;

fn drawn_at(book: &mut LeaseBook, seconds: i64) -> String {
    book.advance(at(seconds));
    drawn(book)
}

#[test]
fn a_seasonal_boost_adds_to_guarantee_and_limit() {
    let mut book = book(
        700,
        [
            lease("root/base", "retail", 400).limit(600).lend(200),
            lease("root/boost", "retail", 100).term(100, 200),
        ],
    );
    expect![[r#"
        retail 400 limit 600 lend 200
    "#]]
    .assert_eq(&drawn(&book));
    assert_eq!(book.next_change(), Some(at(100)));
    expect![[r#"
        retail 500 limit 700 lend 300
    "#]]
    .assert_eq(&drawn_at(&mut book, 100));
    expect![[r#"
        retail 400 limit 600 lend 200
    "#]]
    .assert_eq(&drawn_at(&mut book, 200));
    assert_eq!(book.next_change(), None);
}

#[test]
fn a_limit_does_not_vanish_with_the_lease_that_set_it() {
    let base = lease("root/base", "a", 10).limit(15).term(0, 100);
    let mut book = book(100, [base, lease("root/other", "a", 5)]);
    expect![[r#"
        a 15 limit 20
    "#]]
    .assert_eq(&drawn(&book));
    expect![[r#"
        a 5 limit 5
    "#]]
    .assert_eq(&drawn_at(&mut book, 100));
    book.remove(at(100), &key("root/base")).unwrap();
    expect![[r#"
        a 5 limit 5
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn after_the_last_expiry_a_borrower_stays_under_its_last_limit() {
    let mut book = book(100, [lease("root/a", "a", 10).limit(15).term(50, 100)]);
    expect![[r#"
        a 0 limit 0 Scheduled starts 50
    "#]]
    .assert_eq(&drawn(&book));
    assert_eq!(
        book.lease_state(&key("root/a")),
        Some(LeaseState::Scheduled)
    );
    book.advance(at(50));
    expect![[r#"
        a 0 limit 15 Expired
    "#]]
    .assert_eq(&drawn_at(&mut book, 100));
    book.remove(at(100), &key("root/a")).unwrap();
    expect![[r#"
        a 0 limit 15 Expired no lease
    "#]]
    .assert_eq(&drawn(&book));
    book.take_touched();
    book.forget("a");
    assert_eq!(book.take_touched(), ["a".into()]);
    assert_eq!(drawn(&book), "");
}

#[test]
fn a_drained_account_borrows_nothing_until_it_has_a_new_lease() {
    let mut book = book(
        100,
        [
            lease("root/base", "a", 10).limit(15),
            lease("root/boost", "a", 5).term(0, 100).drain(),
        ],
    );
    expect![[r#"
        a 10 limit 10 Draining since 100
    "#]]
    .assert_eq(&drawn_at(&mut book, 100));
    assert_eq!(
        book.lease_state(&key("root/boost")),
        Some(LeaseState::Draining)
    );
    let next = lease("root/next", "a", 1).created(120);
    book.set(at(120), next).unwrap();
    expect![[r#"
        a 11 limit 16
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn deleting_a_lease_acts_like_its_expiry() {
    let mut book = book(100, [lease("root/a", "a", 10).limit(15).drain()]);
    book.remove(at(7), &key("root/a")).unwrap();
    expect![[r#"
        a 0 limit 0 Draining since 7 no lease
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn a_sublease_renews_after_its_parent_at_the_same_instant() {
    let mut book = book(
        40,
        [
            lease("P/c", "c", 10).term(0, 100).renew().created(1),
            lease("root/P", "P", 20).term(0, 100).renew().created(2),
        ]
        .into_iter()
        .rev(),
    );
    let renewed = book.advance(at(250));
    let expected = ["root/P", "P/c", "root/P", "P/c"]
        .into_iter()
        .zip([200, 200, 300, 300])
        .map(|(lease, end)| (key(lease), at(end)));
    assert_eq!(renewed, expected.collect::<Vec<_>>());
}

#[test]
fn a_later_grant_wins_over_a_renewal_and_renewals_win_at_their_instant() {
    let mut book = book(20, [lease("root/a", "a", 15).term(0, 100).renew()]);
    book.set(at(10), lease("root/b", "b", 10).term(150, 160))
        .unwrap();
    assert!(book.advance(at(100)).is_empty());
    expect![[r#"
        a 0 Expired
        b 0 Scheduled starts 150
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn a_grant_at_the_very_instant_of_a_renewal_comes_too_late() {
    let mut book = book(20, [lease("root/a", "a", 15).term(0, 100).renew()]);
    let problems = book.set(at(100), lease("root/b", "b", 10)).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(book.advance(at(100)), [(key("root/a"), at(200))]);
}

#[test]
fn a_transfer_moves_guarantees_and_limits_along_both_paths() {
    let mut book = book(
        100,
        [
            lease("root/L", "L", 40).limit(50),
            lease("L/l", "l", 20).limit(25),
            lease("root/R", "R", 30),
            lease("R/r", "r", 10).limit(10),
            lease("l/move", "r", 5).term(100, 200).transfer(),
        ],
    );
    let before = drawn(&book);
    expect![[r#"
        L 35 limit 45
          l 15 limit 20
        R 35
          r 15 limit 15
    "#]]
    .assert_eq(&drawn_at(&mut book, 100));
    assert_eq!(drawn_at(&mut book, 200), before);
}

#[test]
fn a_transfer_ends_when_its_lessees_renewal_lapses() {
    let mut book = book(
        100,
        [
            lease("root/a", "a", 20),
            lease("root/b", "b", 10).term(0, 100).renew(),
            lease("a/move", "b", 5).transfer(),
        ],
    );
    // The capacity beyond b's present end goes to somebody else.
    book.set(at(1), lease("root/c", "c", 75).term(100, 300))
        .unwrap();
    expect![[r#"
        a 15
        b 15
        c 0 Scheduled starts 100
    "#]]
    .assert_eq(&drawn(&book));
    expect![[r#"
        a 20
        b 0 Expired
        c 75
    "#]]
    .assert_eq(&drawn_at(&mut book, 100));
    assert_eq!(book.lease_state(&key("a/move")), Some(LeaseState::Expired));
}

#[test]
fn sixty_four_levels_work() {
    let name = |level: usize| match level {
        0 => "root".to_owned(),
        level => format!("n{level:03}"),
    };
    let chain = (0..200).map(|level| {
        let path = format!("{}/down", name(level));
        lease(&path, &name(level + 1), 100).term(0, 100).renew()
    });
    let mut book = book(200, chain.chain([lease("root/z", "z", 100)]));
    book.set(at(0), lease("n200/move", "z", 40).transfer().term(0, 100))
        .unwrap();
    assert_eq!(book.terms("n001").unwrap().granted[0], 60_000);
    book.set_capacity(super::kit::cores_of(20));
    assert_eq!(book.terms("n200").unwrap().guaranteed[0], 6_000);
    assert_eq!(book.advance(at(100)).len(), 200);
    let problems = book.set(at(100), lease("n200/up", "n001", 1)).unwrap_err();
    assert_eq!(problems[0].reason(), "Cycle");
}

#[test]
fn the_oldest_active_lease_decides_weight_and_the_like() {
    let mut book = book(
        100,
        [
            lease("root/new", "a", 1)
                .created(2)
                .with(|it| it.weight = 2),
            lease("root/old", "a", 1)
                .created(1)
                .term(0, 100)
                .with(|it| it.weight = 7),
        ],
    );
    assert_eq!(book.terms("a").unwrap().weight, 7);
    book.advance(at(100));
    assert_eq!(book.terms("a").unwrap().weight, 2);
    book.remove(at(100), &key("root/new")).unwrap();
    assert_eq!(book.terms("a").unwrap().weight, 2);
}

#[test]
fn a_term_that_passed_unseen_is_renewed_when_the_lease_is_set() {
    let mut book = book(40, []);
    let renewing = lease("root/a", "a", 10).term(0, 100).renew();
    book.set(at(350), renewing).unwrap();
    assert_eq!(book.advance(at(350)), [(key("root/a"), at(400))]);
    assert_eq!(book.next_change(), Some(at(400)));
}

#[test]
fn an_empty_guarantee_is_a_borrower() {
    let borrower = lease("root/a", "a", 0).with(|it| it.limit = cpu(5));
    let book = book(40, [borrower]);
    expect![[r#"
        a 0 limit 5
    "#]]
    .assert_eq(&drawn(&book));
}

#[test]
fn what_a_transfer_brings_is_leased_on_only_as_long_as_the_lessees_own_lease_lasts() {
    let mut book = book(
        100,
        [
            lease("root/a", "a", 20),
            lease("root/b", "b", 10).term(0, 100).renew(),
            lease("a/move", "b", 5).transfer(),
        ],
    );
    let problems = book.check_set(at(0), &lease("b/c", "c", 5));
    expect![[r#"
        Overcommitted: lease b/c overcommits b in pool general from 1970-01-01T00:01:40Z: cpu: 5 leased out, 0 held, 5 missing; ask for 5 less, or end leases of b before that instant
    "#]]
    .assert_eq(&said(problems));
    let within = lease("b/c", "c", 15).term(0, 100).renew();
    book.set(at(0), within).unwrap();
    assert_eq!(book.advance(at(100)).len(), 2);
}

#[test]
fn a_lease_out_of_a_transfer_renews_even_where_the_transfer_comes_from_deeper_down() {
    let renewing =
        |path: &str, lessee: &str, cores: i64| lease(path, lessee, cores).term(0, 100).renew();
    let mut book = book(
        100,
        [
            lease("root/a", "a", 20),
            lease("a/b", "b", 20),
            lease("b/c", "c", 20),
            lease("root/d", "d", 0),
            renewing("c/move", "d", 5).transfer(),
            renewing("d/e", "e", 5),
        ],
    );
    let renewed = book.advance(at(100));
    let expected = ["c/move", "d/e"].map(|lease| (key(lease), at(200)));
    assert_eq!(renewed, expected);
}

#[test]
fn a_renewed_end_that_is_written_back_does_not_make_the_term_longer() {
    let renewing = lease("root/a", "a", 10).term(0, 100).renew();
    let mut book = book(40, [renewing.clone()]);
    book.advance(at(100));
    book.set(at(150), renewing.term(0, 200).limit(30)).unwrap();
    assert_eq!(book.advance(at(200)), [(key("root/a"), at(300))]);
}

#[test]
fn an_account_without_a_lease_may_be_adopted_unless_it_has_children() {
    let mut book = book(
        40,
        [
            lease("root/a", "a", 10),
            lease("root/b", "b", 10),
            lease("a/c", "c", 5),
            lease("c/d", "d", 0),
        ],
    );
    book.remove(at(0), &key("a/c")).unwrap();
    let adopt = lease("b/c", "c", 5);
    let problems = book.set(at(0), adopt.clone()).unwrap_err();
    assert_eq!(problems[0].reason(), "LesseeHasLessor");
    book.remove(at(0), &key("c/d")).unwrap();
    book.forget("d");
    book.set(at(0), adopt).unwrap();
    expect![[r#"
        a 10
        b 10
          c 5
    "#]]
    .assert_eq(&drawn(&book));
}
