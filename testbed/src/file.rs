//! Folders and files of a cluster.

use crate::error::Error;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes a folder and those above it.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(Error::doing(format!("make {}", folder.display())))
}

/// Removes a folder with all in it, if it is there.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::Io {
            doing: format!("remove {}", folder.display()),
            source: error,
        }),
        _ => Ok(()),
    }
}

/// Makes a folder that only its owner may look into.
pub(crate) fn make_private_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
        .create(folder)
        .map_err(Error::doing(format!("make {}", folder.display())))
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(Error::doing(format!("write {}", path.display())))
}

/// Thirty-two hexadecimal digits that nobody can guess.
pub(crate) fn random_token() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    let source = "/dev/urandom";
    let read = std::fs::File::open(source).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(Error::doing(format!("read {source}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
