//! The discrete-event simulator: the real `engine` against a virtual cluster in virtual time.
//!

pub mod model;
pub mod record;
