//! A program that starts learns all from objects, and goes on as the one before it would have.

use crate::support::judge::Judge;
use crate::support::random::{Case, Op, cases, tries};
use crate::support::world::{State, World};
use engine::{Action, Event, Span};
use proptest::prelude::*;

const NONE: [String; 0] = [];

/// Plays one thing that happens.
fn play(case: &Case, world: &mut World, number: usize, op: &Op) -> Vec<Action> {
    if let Op::Pass { seconds } = op {
        let then = world.now + Span::seconds(*seconds);
        Judge::default().pass(world, then);
    } else {
        world.now = world.now + Span(1);
    }
    op.feed(case, world, number);
    world.settle().concat()
}

/// Accounts of which the two engines tell different figures.
fn differences(one: &World, two: &World) -> Vec<String> {
    let mut texts = Vec::new();
    for (one, two) in one.engine.figures().iter().zip(two.engine.figures()) {
        assert_eq!(one.accounts.len(), two.accounts.len(), "accounts");
        for (before, after) in one.accounts.iter().zip(two.accounts) {
            if *before != after {
                texts.push(format!("{before:?}\nis {after:?}"));
            }
        }
    }
    texts
}

/// What is done, without what is only told. The members of a group have no order.
fn done(actions: &[Action]) -> Vec<String> {
    let is_done = |action: &&Action| !matches!(action, Action::WakeAt { .. } | Action::Hold { .. });
    let mut texts: Vec<_> = actions
        .iter()
        .filter(is_done)
        .map(|action| format!("{action:?}"))
        .collect();
    texts.sort();
    texts
}

/// That an eviction was refused, and until when, is nowhere written down.
fn without_refusals(mut case: Case) -> Case {
    case.ops.retain(|op| !matches!(op, Op::Refuse { .. }));
    case
}

/// Plays a history, starts again after `at` of its events, and compares what follows.
fn restart(case: &Case, at: usize) {
    let mut world = case.world();
    let at = at % (case.ops.len() + 1);
    for (number, op) in case.ops.iter().enumerate().take(at) {
        play(case, &mut world, number, op);
    }
    let mut again = world.restarted();
    again.feed(Event::TimePassed);
    let leaves = !world.in_state(State::Leaving).is_empty();
    if leaves && world.workloads.is_empty() {
        assert_eq!(
            differences(&world, &again),
            NONE,
            "before the first decision"
        );
    }
    let first = again.settle().concat();
    again.engine.verify().expect("the sums hold");
    if leaves {
        // For whom victims were asked to end is nowhere written down.
        return;
    }
    assert_eq!(done(&first), NONE, "the first decision after the start");
    assert_eq!(differences(&world, &again), NONE, "at the start");
    for (number, op) in case.ops.iter().enumerate().skip(at) {
        let (one, two) = (
            play(case, &mut world, number, op),
            play(case, &mut again, number, op),
        );
        assert_eq!(done(&two), done(&one), "event {number}");
        assert_eq!(
            differences(&world, &again),
            Vec::<String>::new(),
            "event {number}"
        );
    }
}

proptest! {
    #![proptest_config(tries(500))]

    #[test]
    fn a_new_engine_goes_on_where_the_old_one_was(
        case in cases().prop_map(|case| without_refusals(case.of_one_resource().of_whole_units())),
        at in any::<usize>(),
    ) {
        restart(&case, at);
    }

    #[test]
    fn a_new_engine_goes_on_where_the_old_one_was_with_elastic_workloads(
        case in cases().prop_map(|case| without_refusals(case.of_one_resource())),
        at in any::<usize>(),
    ) {
        restart(&case, at);
    }
}
