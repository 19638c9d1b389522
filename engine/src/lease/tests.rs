//! The lease book against the words of the lease model.

mod capacity;
mod kit;
mod model;
mod refusals;
mod terms;
