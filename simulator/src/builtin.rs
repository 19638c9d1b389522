//! The built-in scenarios: texts that are written by code, read like any other file.

use crate::problem::{Failure, Problem};

/// Name and one line about each.
pub const NAMES: &[(&str, &str)] = &[];

/// A built-in scenario as YAML.
///
/// # Errors
/// There is none of that name.
pub fn text(name: &str) -> Result<String, Failure> {
    let mut problem = Problem::error(format!("no built-in scenario is called {name:?}"));
    let near = NAMES
        .iter()
        .max_by_key(|(known, _)| nearness(known, name))
        .map(|(known, _)| known);
    if let Some(near) = near {
        problem = problem.hint(format!("did you mean {near:?}? `simulator list` names all"));
    }
    Err(problem.into())
}

fn nearness(known: &str, name: &str) -> usize {
    usize::MAX - strsim::damerau_levenshtein(known, name)
}
