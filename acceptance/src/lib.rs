//! The whole of Leasehold on a real control plane: `quota-controller` with its policies and webhooks, under its own service
//! account and with the rights of `deploy/`; `scheduler-plugin` with the certificates that the controller makes; a stock
//! kube-scheduler configured by the file of `deploy/scheduler/`. Acceptance tests, experiments and people who want to try
//! it out all start the same [`Installation`].
//!
//! ```no_run
//! # async fn example() -> acceptance::Result<()> {
//! use acceptance::{Installation, Setup};
//! use serde_json::json;
//! use testbed::NodeGroup;
//! let setup = Setup::new("target/debug/acceptance").nodes([NodeGroup::new("node", 3)]);
//! let installation = Installation::start(setup).await?;
//! installation.pool("general", "enterprise", json!({})).await?;
//! installation.lease("enterprise", "shop", json!({"pool": "general", "guaranteed": {"cpu": "8"}})).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **Architecture invariant:** nothing here reads the controller's mind. What happens is seen through the API server's
//! watches; the decision log is only replayed.

pub mod experiment;
mod files;
mod installation;
pub mod load;
mod objects;
mod pods;
mod program;
mod proof;
mod scheduler;
mod setup;
mod waiting;

pub use files::root;
pub use installation::{FIRST, Installation, SYSTEM};
pub use objects::pod;
pub use pods::{Pods, has_ended, is_gated, is_leaving, node, phase};
pub use program::{Program, run_as};
pub use proof::replay;
pub use setup::{Mode, Setup};

/// What goes wrong, told to a person.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The result of whatever can go wrong here.
pub type Result<T> = std::result::Result<T, Failure>;
