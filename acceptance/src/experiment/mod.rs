//! Scenarios of the simulator, played in real time on a whole installation and looked at from outside.
//!
//! A scenario becomes a [`plan`] (objects, and when they come and change), [`play`] carries it out by the clock,
//! [`scene`] is what somebody sees who only watches pods, nodes and owners, [`watch`] brings it to him,
//! [`live`] joins them to one run, [`results`] writes the simulator's own tables and report from it, [`audit`] counts what the controller wrote
//! by the API server's own log, and [`figures`] are what is printed at the end.
//!
//! **Architecture invariant:** nothing here asks the controller how it does. Its decision log is put beside the
//! results so that it can be compared with the simulator's, and is not read for them.

pub mod audit;
pub mod command;
pub mod figures;
pub mod live;
pub mod manifests;
pub mod plan;
pub mod play;
pub mod results;
pub mod scene;
pub mod watch;
