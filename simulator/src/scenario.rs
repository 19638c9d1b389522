//! Reads a scenario: a file or a built-in, into [`model::Scenario`](crate::model::Scenario).
//!
//! The file becomes a tree that knows its lines (`yaml`), the tree is walked into the model (`walk` and a file
//! for each part), and the engine is asked whether the leases fit (`check`). Nothing stops at the first mistake.

mod assemble;
mod check;
mod cluster;
pub mod duration;
mod events;
pub mod fields;
mod manifest;
mod source;
#[cfg(test)]
mod tests;
mod walk;
mod workload;
pub mod yaml;

use crate::model::Scenario;
use crate::problem::{Failure, Level, Problem};
use std::path::Path;
use walk::Reading;

/// Reads a scenario and finds all that is wrong with it. With an error there is no scenario; warnings (a
/// change that the model will refuse) leave it usable.
///
/// `source` is the path of a file or the name of a built-in; a name that is both is the built-in's.
pub fn read(source: &str) -> (Option<Scenario>, Vec<Problem>) {
    if crate::builtin::is_known(source) {
        return match crate::builtin::text(source) {
            Ok(text) => read_text(&text, source),
            Err(failure) => (None, failure.problems),
        };
    }
    match std::fs::read(source) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => read_text(&text, source),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let what = format!("is not UTF-8 text at byte {at}");
                (None, vec![Problem::error(what).in_file(source)])
            }
        },
        Err(error) => {
            let problem = Problem::error(format!("cannot be read: {error}")).in_file(source);
            let hint = crate::builtin::hint(source);
            (None, vec![problem.hint(hint)])
        }
    }
}

/// Reads a scenario's text; `file` is its name in messages, and relative paths are relative to its folder.
pub fn read_text(text: &str, file: &str) -> (Option<Scenario>, Vec<Problem>) {
    let reading = Reading::default();
    let (documents, wrong) = yaml::parse(text);
    report_yaml(&reading, file, wrong);
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let scenario = match documents.as_slice() {
        // What is not YAML to its end is not read in halves.
        _ if reading.failed() && documents.is_empty() => None,
        [document] => assemble::scenario(&reading, file, folder, document),
        [] => {
            let problem = Problem::error("holds no scenario").in_file(file);
            reading
                .report(problem.hint(
                    "begin with `kind: Scenario`; `simulator generate edl-case2` prints one",
                ));
            None
        }
        [_, second, ..] => {
            let what = "a scenario's file holds one document";
            let problem = Problem::error(what).in_file(file);
            reading.report(
                problem
                    .at(second.line, second.column)
                    .hint("write pools and leases under `spec.objects`, or name their files under `spec.manifests`"),
            );
            None
        }
    };
    let failed = reading.failed();
    let mut problems = reading.take();
    problems.sort_by_key(|problem| {
        let elsewhere = problem.file.as_deref() != Some(file);
        (elsewhere, problem.file.clone(), problem.position)
    });
    (scenario.filter(|_| !failed), problems)
}

/// Reports what is wrong with a text before anything is made of it.
fn report_yaml(reading: &Reading, file: &str, wrong: Vec<yaml::Wrong>) {
    for wrong in wrong {
        reading.report(
            Problem::error(wrong.what)
                .in_file(file)
                .at(wrong.line, wrong.column),
        );
    }
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
