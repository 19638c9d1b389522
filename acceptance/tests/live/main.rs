//! What Leasehold promises, shown on a real control plane: the whole of it installed as an administrator would, judged from
//! the API server's own words and by replaying the decision logs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod around;
mod budgets;
mod endings;
mod kinds;
mod modes;
mod placing;
mod preemption;
mod queues;
mod room;
mod stage;
mod tenants;
