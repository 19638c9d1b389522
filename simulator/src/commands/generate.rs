//! `simulator generate`: a built-in scenario as a file.

use crate::builtin;
use crate::problem::Failure;
use std::path::PathBuf;

/// What to write, and where.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The name of a built-in scenario, as `simulator list` prints it
    pub name: String,
    /// Write it into this file instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Writes a built-in scenario.
///
/// # Errors
/// There is none of that name, or the file cannot be written.
pub fn run(args: Args) -> Result<(), Failure> {
    let text = builtin::text(&args.name)?;
    match args.output {
        Some(path) => super::write_whole(&path, text.as_bytes()),
        None => super::print(&text),
    }
}
