//! Replays cluster traces through the decision core.
fn main() {}
