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
    for (name, about, parameters) in builtin::all() {
        text.push_str(&format!("{name:16} {about}\n"));
        if !parameters.is_empty() {
            let defaults: Vec<String> = parameters
                .iter()
                .map(|(key, default)| format!("{key}={default}"))
                .collect();
            text.push_str(&format!(
                "{:16} also as {name}:{}\n",
                "",
                defaults.join(",")
            ));
        }
    }
    super::print(&text)
}
