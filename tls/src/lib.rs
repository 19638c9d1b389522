//! Certificates of a server from files, read again when the files change.
//!
//! Files are compared by what is in them, not by their times: a mounted Secret changes by swapping a symbolic link.

mod files;
mod watch;

pub use files::{Loaded, ServerFiles, TlsError};
pub use watch::keep_up;
