//! What the controller installs in the API server and puts back when somebody removes or changes it: the
//! policies, the webhooks with the authority's certificate in them, and the label of leased namespaces.
//!
//! Only the leader does, so that two versions of the program do not undo each other's work in an upgrade.

mod hooks;
mod keep;
mod label;
#[cfg(test)]
mod tests;
mod wanted;

pub use hooks::{Endpoint, render, resize_and_validate, without_policies};
pub use keep::{Keeper, Metrics};
pub use label::label_namespaces;
pub use wanted::{Change, put_back};
