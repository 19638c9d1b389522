//! `simulator list`: the built-in scenarios.

use crate::builtin;
use crate::problem::Failure;

/// Nothing to say.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Prints a line for each built-in scenario.
///
/// # Errors
/// Stdout cannot be written to.
pub fn run(_: Args) -> Result<(), Failure> {
    let mut text = String::new();
    for (name, about) in builtin::NAMES {
        text.push_str(&format!("{name:16} {about}\n"));
    }
    super::print(&text)
}
