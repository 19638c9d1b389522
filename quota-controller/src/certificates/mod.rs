//! Certificates that the program makes for itself, keeps in Secrets, and renews before they end.
//!
//! An authority of our own signs one certificate for each program. It serves nobody but Leasehold: the API server's
//! calls of the webhooks, the scheduler's calls of the extender, and the controller's replicas and plugins among
//! themselves. All of it lies in Secrets of the installation's namespace and is written by compare-and-swap, so
//! that replicas that start together agree: who comes second reads what the first wrote.
//!
//! **A renewed authority is trusted before it signs.** It is spread in every `ca.crt` for [`Lifetimes::spread_s`]
//! first; the old one stays trusted until it ends, which is later than everything it signed.
//!
//! A Secret that somebody else made (it lacks our annotation) is used as it is, and its renewal is theirs.

mod authority;
mod file;
mod rotation;
mod store;
#[cfg(test)]
mod tests;
mod tls;

pub use authority::{Authority, Issued, Profile, SignError};
pub use file::{AUTHORITY_SECRET, CLIENT_SECRET, CONTROLLER_SECRET, PLUGIN_SECRET};
pub use rotation::{Authorities, Lifetimes};
pub use store::{CertificateError, Material, Store};
pub use tls::{Clients, TlsError, client_config, server_config};
