//! Would a change be refused? What a validating webhook asks before an object is stored.

use super::{Engine, lease_object};
use crate::amounts::AMOUNT_MAX;
use crate::spec::{Name, PoolSpec, Reserve};
use crate::{Event, Refusal, Time};
use std::collections::BTreeSet;

/// Sets of resources are bit masks.
const RESOURCES_MAX: usize = 16;

/// Millionths in a whole.
const WHOLE: i64 = 1_000_000;

impl Engine {
    /// Whether a change of a pool or a lease would be refused now, and all reasons why; changes nothing. Leases
    /// found since the last other event are not counted yet.
    pub fn check(&self, now: Time, event: &Event) -> Vec<Refusal> {
        match event {
            Event::PoolSet(spec) => match self.pool_named(&spec.name) {
                Some((_, pool)) => {
                    let mut refused = check_pool(spec);
                    if refused.is_empty() {
                        refused = pool.check_spec(now, spec, self.nodes_of(spec));
                    }
                    refused
                }
                None => check_pool(spec),
            },
            Event::PoolRemoved { pool } => self.check_pool_removal(pool),
            Event::LeaseSet(lease) => match self.pool_for(lease) {
                Ok(at) => self.pools[at]
                    .as_ref()
                    .map_or_else(Vec::new, |pool| pool.check_lease(now, lease)),
                Err(refused) => vec![refused],
            },
            Event::LeaseRemoved { key } => match self.pool_of_lease(key) {
                Some(at) => self.pools[at]
                    .as_ref()
                    .map_or_else(Vec::new, |pool| pool.check_removal(now, key)),
                None => vec![Refusal::NotFound {
                    object: lease_object(key),
                }],
            },
            _ => Vec::new(),
        }
    }

    pub(super) fn check_pool_removal(&self, name: &str) -> Vec<Refusal> {
        let object = format!("CapacityPool {name}");
        let Some((_, pool)) = self.pool_named(name) else {
            return vec![Refusal::NotFound { object }];
        };
        match pool.accounts().count() - 1 {
            0 => Vec::new(),
            accounts => vec![Refusal::Invalid {
                object,
                field: "metadata".to_owned(),
                problem: format!("accounts that lease from it: {accounts}; end its leases first"),
            }],
        }
    }
}

/// What a pool may not be by itself.
fn check_pool(spec: &PoolSpec) -> Vec<Refusal> {
    let mut refused = Vec::new();
    let mut refuse = |field: String, problem: String| {
        refused.push(Refusal::Invalid {
            object: format!("CapacityPool {}", spec.name),
            field,
            problem,
        });
    };
    let count = spec.resources.len();
    if !(1..=RESOURCES_MAX).contains(&count) {
        refuse(
            "spec.resources".to_owned(),
            format!("{count} resources, 1 to {RESOURCES_MAX} can be leased"),
        );
    }
    let mut distinct: BTreeSet<&Name> = BTreeSet::new();
    for name in &spec.resources {
        if !distinct.insert(name) {
            let problem = format!("{name} is named twice; once is enough");
            refuse("spec.resources".to_owned(), problem);
        }
    }
    let amounts = spec
        .capacity
        .iter()
        .map(|(name, &amount)| ("capacity", name, amount));
    let reserved = spec.reserve.iter().map(|(name, reserve)| match reserve {
        Reserve::Amount(amount) => ("reserve", name, *amount),
        // Percentages have bounds of their own.
        Reserve::Millionths(_) => ("reserve", name, 0),
    });
    for (field, name, amount) in amounts.chain(reserved) {
        let field = format!("spec.{field}.{name}");
        let said = Refusal::amount(name, amount);
        if !distinct.contains(name) {
            refuse(
                field,
                format!("{name} is not among spec.resources; add it there, or leave it out"),
            );
        } else if amount < 0 {
            refuse(field, format!("{said} is negative; at least 0 is needed"));
        } else if amount > AMOUNT_MAX {
            let most = Refusal::amount(name, AMOUNT_MAX);
            refuse(field, format!("{said} is too much; at most {most}"));
        }
    }
    for (name, reserve) in &spec.reserve {
        if let Reserve::Millionths(share) = reserve
            && !(0..=WHOLE).contains(share)
        {
            let problem = format!("{share} millionths is not within 0 to {WHOLE} (100%)");
            refuse(format!("spec.reserve.{name}"), problem);
        }
    }
    refused
}
