//! Writes the policies of the three modes and the webhooks to `deploy/policies/`, or into the folder that is named.

use quota_controller::installed;
use quota_controller::policies::{Installation, Mode, render};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/policies")),
        PathBuf::from,
    );
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: cannot write to {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for mode in Mode::ALL {
        let file = folder.join(format!("{}.yaml", mode.name()));
        std::fs::write(file, render(&Installation::standard(mode)))?;
    }
    let webhooks = installed::render(&Installation::standard(Mode::DefaultScheduler));
    std::fs::write(folder.join("webhooks.yaml"), webhooks)
}
