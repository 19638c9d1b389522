//! What a pod's annotations ask of the virtual node that it runs on. Fractions such as `0.5` are fine.

/// How long it takes to start: `Pending` until then. At once if absent.
pub const START_SECONDS: &str = "testbed.leasehold.dev/start-seconds";

/// How long it runs. It runs until it is deleted if absent.
pub const RUN_SECONDS: &str = "testbed.leasehold.dev/run-seconds";

/// With what its containers end after that: `0`, the default, makes the pod `Succeeded`, anything else `Failed`.
pub const EXIT_CODE: &str = "testbed.leasehold.dev/exit-code";

/// How long it takes to be gone after it was deleted. At once if absent.
pub const TERMINATION_SECONDS: &str = "testbed.leasehold.dev/termination-seconds";
