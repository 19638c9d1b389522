//! Reads a scenario: a file or a built-in, into [`model::Scenario`](crate::model::Scenario).

use crate::model::Scenario;
use crate::problem::{Failure, Level, Problem};

/// Reads a scenario and finds all that is wrong with it. With an error there is no scenario; warnings (a
/// change that the model will refuse) leave it usable.
///
/// `source` is the path of a file or the name of a built-in.
pub fn read(source: &str) -> (Option<Scenario>, Vec<Problem>) {
    match std::fs::read_to_string(source) {
        Ok(text) => read_text(&text, source),
        Err(error) => {
            let problem = Problem::error(format!("cannot be read: {error}")).in_file(source);
            (None, vec![problem])
        }
    }
}

/// Reads a scenario's text; `file` is its name in messages, and relative paths are relative to it.
pub fn read_text(text: &str, file: &str) -> (Option<Scenario>, Vec<Problem>) {
    let _ = text;
    (None, vec![Problem::error("no reader yet").in_file(file)])
}

/// Reads a scenario that is to be run: warnings are handed back, errors end the command.
///
/// # Errors
/// All that is wrong with it.
pub fn load(source: &str) -> Result<(Scenario, Vec<Problem>), Failure> {
    let (scenario, problems) = read(source);
    match scenario {
        Some(scenario) if problems.iter().all(|p| p.level == Level::Warning) => {
            Ok((scenario, problems))
        }
        _ => Err(Failure::bad_input(problems)),
    }
}
