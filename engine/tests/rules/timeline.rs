//! Nothing is leased twice at any future instant: the engine's timeline against a search over all leases.

use crate::support::drawing::{bare_lease, quantities};
use crate::support::judge::check_figures;
use crate::support::model::timeline::{end_lapsed, forbids, is_sound, renew};
use crate::support::random::tries;
use crate::support::world::World;
use engine::spec::{LeaseKind, LeaseSpec};
use engine::{Event, Span, Time};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The lessor of each of five accounts; the tree is fixed, so that only the timeline decides.
const LESSORS: [(&str, &str); 5] = [
    ("a", "root"),
    ("b", "root"),
    ("c", "a"),
    ("d", "a"),
    ("e", "c"),
];

#[derive(Clone, Debug)]
enum Change {
    Sublease {
        lessee: usize,
        name: usize,
        guarantee: i64,
        term: Term,
    },
    Transfer {
        giver: usize,
        taker: usize,
        amount: i64,
        term: Term,
    },
    Remove {
        which: usize,
    },
    Pass {
        seconds: i64,
    },
}

#[derive(Clone, Debug)]
struct Term {
    from: Option<i64>,
    seconds: Option<i64>,
    renew: bool,
}

fn term() -> impl Strategy<Value = Term> {
    let parts = (
        option::weighted(0.6, 0..8i64),
        option::weighted(0.6, 1..9i64),
        any::<bool>(),
    );
    parts.prop_map(|(from, seconds, renew)| Term {
        from,
        seconds,
        renew,
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..5usize, 0..2usize, 1..8i64, term())
            .prop_map(|(lessee, name, guarantee, term)| Change::Sublease { lessee, name, guarantee, term }),
        2 => (0..5usize, 0..5usize, 1..4i64, term())
            .prop_map(|(giver, taker, amount, term)| Change::Transfer { giver, taker, amount, term }),
        1 => (0..8usize).prop_map(|which| Change::Remove { which }),
        2 => (1..6i64).prop_map(|seconds| Change::Pass { seconds }),
    ]
}

fn set_term(lease: &mut LeaseSpec, term: &Term, now: Time) {
    lease.start = term.from.map(|from| now + Span::seconds(from));
    let begins = lease.start.unwrap_or(now);
    lease.end = term.seconds.map(|seconds| begins + Span::seconds(seconds));
    lease.renew = term.renew && lease.start.is_some() && lease.end.is_some();
}

/// Time passes second by second, so that every start, end and renewal has its own instant.
fn pass(world: &mut World, seconds: i64) {
    for _ in 0..seconds {
        world.now = world.now + Span::seconds(1);
        let mut expected = world.books();
        renew(&mut expected);
        world.feed(Event::TimePassed);
        world.decide();
        assert_eq!(world.leases, expected.leases, "renewals at {:?}", world.now);
        end_lapsed(world);
        check_figures(world);
    }
}

fn apply(world: &mut World, change: &Change) {
    let mut after = world.books();
    let lease = match change {
        Change::Pass { seconds } => return pass(world, *seconds),
        Change::Remove { which } => {
            let Some(key) = world.leases.keys().nth(*which).cloned() else {
                return;
            };
            let lessee = after.leases.remove(&key).map(|lease| lease.lessee);
            let of_it = |lease: &&LeaseSpec| Some(&lease.lessee) == lessee.as_ref();
            let leases = after.leases.values();
            let its_own = leases
                .clone()
                .filter(of_it)
                .any(|l| l.kind == LeaseKind::Sublease);
            let names = leases.flat_map(|lease| [&lease.lessee, &lease.key.namespace]);
            let named = names.into_iter().any(|name| Some(name) == lessee.as_ref());
            let refused = forbids(world, &after);
            if !its_own && named && !refused {
                // Only what has expired still names it: whether that is an account is a matter of taste.
                return;
            }
            let accepted = world.remove_lease(&key.namespace, &key.name);
            assert_eq!(
                accepted, !refused,
                "removing {key:?} of {:#?}",
                world.leases
            );
            world.decide();
            return check_figures(world);
        }
        Change::Sublease {
            lessee,
            name,
            guarantee,
            term,
        } => {
            let (lessee, lessor) = LESSORS[*lessee];
            let mut lease = bare_lease(lessor, &format!("{lessee}-{name}"), lessee, world.now);
            lease.guaranteed = quantities(&[Some(guarantee * 1000)]);
            set_term(&mut lease, term, world.now);
            lease
        }
        Change::Transfer {
            giver,
            taker,
            amount,
            term,
        } => {
            let (giver, taker) = (LESSORS[*giver].0, LESSORS[*taker].0);
            let branches = [("c", "a"), ("d", "a"), ("e", "a"), ("e", "c")];
            let one_branch =
                branches.contains(&(giver, taker)) || branches.contains(&(taker, giver));
            let tree = world.tree();
            let known = tree
                .accounts
                .iter()
                .filter(|a| a.name == giver || a.name == taker);
            if giver == taker || one_branch || known.count() < 2 {
                return;
            }
            let mut lease = bare_lease(giver, &format!("to-{taker}"), taker, world.now);
            lease.kind = LeaseKind::Transfer;
            lease.guaranteed = quantities(&[Some(amount * 1000)]);
            set_term(&mut lease, term, world.now);
            lease.renew = false;
            lease
        }
    };
    after.leases.insert(lease.key.clone(), lease.clone());
    let refused = forbids(world, &after);
    let before = world.leases.clone();
    let accepted = world.set_lease(lease.clone());
    assert_eq!(
        accepted, !refused,
        "at {:?} {lease:#?} beside {before:#?}",
        world.now
    );
    world.decide();
    assert!(is_sound(world), "leased twice: {:#?}", world.leases);
    check_figures(world);
}

proptest! {
    #![proptest_config(tries(1024))]

    #[test]
    fn nothing_is_leased_twice_and_nothing_else_is_refused(changes in vec(change(), 1..14)) {
        let mut world = World::of("root 12");
        for change in &changes {
            apply(&mut world, change);
        }
        pass(&mut world, 12);
    }
}
