//! The commands of the program, a file each.
//!
//! A command is a module with `pub struct Args` (its part of the command line) and
//! `pub fn run(args: Args) -> Result<(), Failure>`; `cli` names it.

pub mod generate;
pub mod list;
pub mod validate;

use crate::problem::{Failure, Problem};
use std::io::Write;

/// Writes text to stdout. A reader that has gone away (`| head`) is no mistake.
///
/// # Errors
/// Stdout cannot be written to.
pub fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Problem::error(format!("stdout cannot be written to: {error}")).into())
        }
        _ => Ok(()),
    }
}

/// Writes a file as a whole or not at all: aside first, then renamed.
///
/// # Errors
/// The file cannot be written.
pub fn write_whole(path: &std::path::Path, text: &[u8]) -> Result<(), Failure> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".part");
    let aside = std::path::PathBuf::from(aside);
    let written = std::fs::write(&aside, text).and_then(|()| std::fs::rename(&aside, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&aside);
        Problem::error(format!("cannot be written: {error}"))
            .in_file(path.display().to_string())
            .into()
    })
}
