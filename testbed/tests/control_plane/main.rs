//! What the testbed itself promises, tried on real control planes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows tests only by their attribute, not what they call"
)]

mod ending;
mod program;
mod schedulers;
mod support;
mod work;
