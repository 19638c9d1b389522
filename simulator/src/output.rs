//! What a run leaves behind: the results folder, its tables, the summary, the report, the console's summary.
//!
//! **Invariant:** the same rows give the same bytes. No wall time, no date and no machine's name is written,
//! and whatever is iterated has an order of its own.
//!
//! **Invariant:** a results folder is whole. It is written aside and takes its name at the end ([`folder`]).

pub mod accounts;
pub mod beside;
pub mod comparison;
pub mod console;
pub mod decisions;
pub mod distribution;
pub mod folder;
pub mod numbers;
pub mod reclaims;
pub mod report;
pub mod results;
pub mod series;
pub mod services;
pub mod summary;
pub mod table;
pub mod tables;
pub mod utilization;

pub use beside::Beside;
pub use results::{About, Finished, Options, Results};
pub use summary::Summary;
