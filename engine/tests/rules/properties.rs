//! What the rules promise, searched for on random trees and histories.

use crate::support::judge::{Judge, judge_rest};
use crate::support::random::{Case, Op, cases, tries};
use crate::support::world::{Entry, State, World};
use engine::{Engine, Event, Span};
use proptest::prelude::*;

/// Plays a history, judging every decision; then nothing more happens from outside until nothing moves.
#[expect(clippy::panic, reason = "a failing property")]
pub fn play(case: &Case) -> World {
    let mut world = case.world();
    let mut judge = Judge::default();
    for (number, op) in case.ops.iter().enumerate() {
        if let Op::Pass { seconds } = op {
            let then = world.now + Span::seconds(*seconds);
            judge.pass(&mut world, then);
        } else {
            // Each event has an instant of its own: victims end between them, or not.
            world.now = world.now + Span(1);
        }
        op.feed(case, &mut world, number);
        judge.settle(&mut world);
    }
    let mut states: Vec<Vec<String>> = Vec::new();
    for _ in 0..300 {
        states.push(standing(&world));
        let leaving = world.in_state(State::Leaving);
        if !leaving.is_empty() {
            world.now = world.now + Span(1);
            case.end_victims(&mut world, &leaving);
        } else if let Some(at) = world.wake.take() {
            world.now = world.now.max(at);
            world.feed(Event::TimePassed);
        } else {
            judge_rest(&world);
            return world;
        }
        judge.settle(&mut world);
    }
    if case.resources > 1 && is_circle(&states) {
        return world;
    }
    panic!("it goes on for ever");
}

/// Who runs, waits and leaves, under the names that those who come again have again.
fn standing(world: &World) -> Vec<String> {
    let pods = world.pods.values().filter(|pod| pod.state != State::Ended);
    let mut standing: Vec<String> = pods
        .map(|pod| format!("{} {} {:?}", pod.spec.namespace, pod.set, pod.state))
        .collect();
    standing.sort();
    standing
}

/// With several resources three may each be entitled to take from the next: one in its processors, one in its
/// GPUs, one by its priority. If victims come again for ever, so does the circle; every step of it was judged.
fn is_circle(states: &[Vec<String>]) -> bool {
    let silence = &states[states.len() / 2..];
    let seen = |state| silence.iter().filter(|other| *other == state).count();
    silence.iter().all(|state| seen(state) > 2)
}

/// The same events give the same actions.
fn replay(history: &[Entry]) {
    let mut engine = Engine::new();
    for entry in history {
        match entry {
            Entry::Fed(now, event) => engine.feed(*now, event),
            Entry::Decided(now, actions) => assert_eq!(&engine.decide(*now), actions, "at {now:?}"),
        }
    }
}

proptest! {
    #![proptest_config(tries(1000))]

    #[test]
    fn the_promises_hold_for_whole_units(case in cases().prop_map(|case| case.of_one_resource().of_whole_units())) {
        replay(&play(&case).history);
    }

    #[test]
    fn the_promises_hold_for_elastic_workloads(case in cases().prop_map(Case::of_one_resource)) {
        replay(&play(&case).history);
    }

    #[test]
    fn the_promises_hold_for_several_resources(case in cases().prop_map(|case| Case { resources: 2, ..case })) {
        replay(&play(&case).history);
    }
}
