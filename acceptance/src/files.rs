//! The checkout's files, and those that programs are given.

use crate::Result;
use std::path::Path;

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The text of one of the checkout's files.
pub(crate) fn read(path: &str) -> Result<String> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes bytes into a new folder's file that only we can read.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::File::options();
    let options = options.create(true).truncate(true).write(true).mode(0o600);
    options.open(path)?.write_all(bytes)?;
    Ok(())
}
