//! The rules of the lease model, told by tests: trees drawn as text, tables of events, the actions that
//! follow; and the engine against a slow second model on random histories.

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod arithmetic;
mod corners;
mod drawings;
mod grants;
mod growth;
mod monotone;
mod properties;
mod reclaim;
mod refusals;
mod restart;
mod rooms;
mod second_model;
mod several;
mod terms;
mod timeline;
