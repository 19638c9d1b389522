//! The commands of the program, a file each.
//!
//! A command is a module with `pub struct Args` (its part of the command line) and
//! `pub fn run(args: Args) -> Result<(), Failure>`; `cli` names it.

pub mod compare;
pub mod compare_live;
pub mod generate;
pub mod import;
pub mod inspect;
pub mod list;
pub mod progress;
pub mod run;
pub mod validate;
pub mod verify;

use crate::problem::{Failure, Problem};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
pub fn write_whole(path: &Path, text: &[u8]) -> Result<(), Failure> {
    write_aside(path, |mut file| {
        file.write_all(text)
            .map_err(|error| cannot_be_written(path, &error))
    })
}

/// Has a file written aside, and renames it if that went well.
///
/// # Errors
/// What `write` says, or the file cannot be made or renamed.
pub fn write_aside(
    path: &Path,
    write: impl FnOnce(File) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    let wrong = |error: io::Error| cannot_be_written(path, &error);
    let written = File::create(&aside)
        .map_err(wrong)
        .and_then(write)
        .and_then(|()| std::fs::rename(&aside, path).map_err(wrong));
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&aside);
    })
}

/// A file that cannot be written.
pub fn cannot_be_written(path: &Path, error: &io::Error) -> Failure {
    Problem::error(format!("cannot be written: {error}"))
        .in_file(path.display().to_string())
        .into()
}
