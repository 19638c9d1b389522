//! Writes the custom resource definitions to `deploy/crds/`, or into the folder that is named.

use kube::ResourceExt;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/crds")),
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

fn write(folder: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for definition in api::crd::definitions() {
        let file = folder.join(format!("{}.yaml", definition.name_any()));
        std::fs::write(file, api::crd::definition_yaml(&definition))?;
    }
    Ok(())
}
