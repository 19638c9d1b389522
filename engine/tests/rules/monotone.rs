//! `available` never rises with another's use, and never falls when somebody gives something back.

use crate::support::judge::check_figures;
use crate::support::model::{Amount, Tree};
use crate::support::random::{Case, base, cases, tries};
use crate::support::world::{PodOptions, World};
use proptest::prelude::*;

fn available(world: &World, tree: &Tree) -> Vec<Amount> {
    let pools = world.engine.figures();
    let accounts = &pools.first().expect("a pool").accounts;
    assert_eq!(accounts.len(), tree.accounts.len());
    let of_account = |account: &engine::snapshot::AccountFigures| {
        account
            .resources
            .iter()
            .map(|(_, figures)| figures.available)
            .collect()
    };
    accounts.iter().map(of_account).collect()
}

fn never_rises(case: &Case, uses: &[(usize, i64)]) {
    let mut world = case.world();
    let tree = world.tree();
    let mut before = available(&world, &tree);
    for (number, (account, units)) in uses.iter().enumerate() {
        let amount = base(&[*units, *units], case.resources);
        world.found(
            &case.name(*account),
            &format!("f{number}"),
            amount,
            PodOptions::default(),
        );
        world.decide();
        check_figures(&world);
        let after = available(&world, &tree);
        for (n, (before, after)) in before.iter().zip(&after).enumerate() {
            let risen = before
                .iter()
                .zip(after)
                .any(|(before, after)| after > before);
            let name = &tree.accounts[n].name;
            assert!(!risen, "{name} has {after:?}, had {before:?}");
        }
        before = after;
    }
}

proptest! {
    #![proptest_config(tries(256))]

    #[test]
    fn available_never_rises_with_use(case in cases(), uses in prop::collection::vec((0..8usize, 1..7i64), 1..8)) {
        never_rises(&case, &uses);
    }
}
