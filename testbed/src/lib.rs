//! A real Kubernetes control plane on one machine: etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
//! and kwok, which plays as many nodes as you like. No container, no root, nothing installed; each [`Cluster`] has its own
//! ports and folder, and all of it ends with its owner, even if that is killed.
//!
//! ```no_run
//! # async fn example() -> Result<(), testbed::Error> {
//! use testbed::{Cluster, NodeGroup, Options};
//! let nodes = NodeGroup::new("gpu", 3).with("nvidia.com/gpu", "8");
//! let cluster = Cluster::start(Options::with_nodes([nodes])).await?;
//! let client: kube::Client = cluster.client();
//! # Ok(())
//! # }
//! ```
//!
//! **Architecture invariant:** this crate knows nothing of leases. It is what the programs are tried on, and
//! [`record`] judges them from the API server's own words.

mod access;
mod arguments;
mod certificate;
mod cluster;
mod error;
mod file;
mod go;
mod ground;
mod guard;
mod nodes;
mod options;
mod port;
mod process;
mod programs;
mod ready;
pub mod record;
mod scheduler;
pub mod stage;

pub use access::{Access, User, client_from};
pub use certificate::CertificateFiles;
pub use cluster::Cluster;
pub use error::Error;
pub use go::KUBERNETES_VERSION;
pub use options::{NodeGroup, Options};
pub use programs::{Programs, cache_folder, state_folder};
pub use scheduler::{Extender, ExtenderTls, ManagedResource, Scheduler};
