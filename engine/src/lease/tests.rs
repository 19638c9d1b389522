//! The lease book against the words of the lease model.

mod capacity;
mod found;
mod kit;
mod model;
mod refusals;
mod terms;
