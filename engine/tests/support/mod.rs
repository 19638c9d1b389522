//! Lease trees drawn as text, events listed as text, actions printed as text.
//!
//! A drawing is the fixture and the documentation at once:
//! ```text
//! root 30                          name, guarantee (cpu; `10/4` is 10 cpu and 4 gpu)
//! ├─ a 10 use 1 limit 12           limit, lend, weight, ceiling, fifo, grace 5s, minrun 10s,
//! └─ b 10 lend 9                   from 5s, until 20s, drain, renew; `use` charges a pod as found
//! ```
//! [`World`] is the only place that knows the engine's API; the properties drive it too.

#![allow(
    dead_code,
    clippy::panic,
    clippy::expect_used,
    reason = "each test target uses the part of the support that it needs, and a bad drawing must stop it"
)]

pub mod amount;
pub mod drawing;
pub mod inline;
pub mod judge;
pub mod listing;
pub mod model;
pub mod print;
pub mod random;
pub mod words;
pub mod world;

use expect_test::Expect;
pub use world::World;

/// Draws the tree, charges what it uses, and compares `available` and `potential` of every account in the
/// drawing's order, the root left out.
pub fn check_available(tree: &str, expected: Expect) {
    let world = World::of(tree);
    expected.assert_eq(&print::availability(&world));
}

/// Draws the tree, feeds the events, and compares all that the engine asked for.
pub fn check_decisions(tree: &str, events: &str, expected: Expect) {
    let mut world = World::of(tree);
    world.play(events);
    expected.assert_eq(&world.transcript());
}
