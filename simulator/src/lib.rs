//! The discrete-event simulator: the real `engine` against a virtual cluster in virtual time.

pub mod builtin;
pub mod cli;
pub mod commands;
pub mod live;
pub mod model;
pub mod output;
pub mod problem;
pub mod record;
pub mod run;
pub mod scenario;
pub mod trace;
