//! Amounts in base units.

use crate::Problem;
use crate::problem::Problems;
use api::{Quantity, QuantityText};
use engine::AMOUNT_MAX;
use engine::spec::Quantities;
use std::collections::BTreeMap;

/// One amount of `resource` in base units, rounded up, or what is wrong with its text.
pub fn amount(resource: &str, text: &str) -> Result<i64, String> {
    let quantity: Quantity = text.parse().map_err(|error| format!("{error}"))?;
    if quantity.is_negative() {
        return Err(format!("{text} is below zero; the least is 0"));
    }
    let amount = quantity.base_units(resource);
    amount
        .filter(|&amount| amount <= AMOUNT_MAX)
        .ok_or_else(|| {
            let most = Quantity::from_base_units(resource, AMOUNT_MAX);
            format!("{text} of {resource} is more than can be leased; the most is {most}")
        })
}

/// Amounts of several resources, such as a `request` or `allocatable`. `path` leads to the map.
pub fn amounts(
    path: &[&str],
    texts: &BTreeMap<String, QuantityText>,
) -> Result<Quantities, Vec<Problem>> {
    let mut problems = Problems::default();
    let amounts = read(&mut problems, path, texts);
    problems.finish(amounts)
}

pub(crate) fn read(
    problems: &mut Problems,
    path: &[&str],
    texts: &BTreeMap<String, QuantityText>,
) -> Quantities {
    let mut amounts = Quantities::new();
    for (resource, text) in texts {
        match amount(resource, &text.0) {
            Ok(amount) => {
                amounts.insert(resource.as_str().into(), amount);
            }
            Err(message) => problems.add(&[path, &[resource]].concat(), text, message),
        }
    }
    amounts
}
