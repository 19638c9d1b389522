//! The rules of the lease model, told by tests: trees drawn as text, tables of events, the actions that
//! follow; and the engine against a slow second model on random histories.

#[path = "../support/mod.rs"]
mod support;

mod drawings;
