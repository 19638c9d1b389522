//! Labels, annotations and gates with a meaning for Leasehold.

/// On a pod: the pool it is charged in, for namespaces with accounts in several.
pub const LABEL_POOL: &str = "leasehold.dev/pool";

/// On a namespace: its pods are admitted by their leases.
pub const LABEL_LEASED: &str = "leasehold.dev/leased";

/// On a pod: the group with which it is admitted all or none.
pub const LABEL_GROUP: &str = "leasehold.dev/group";

/// On a pod: how many of its group must be there before any is admitted.
pub const ANNOTATION_GROUP_MIN: &str = "leasehold.dev/group-min";

/// The scheduling gate that holds a pod until it is admitted.
pub const GATE: &str = "leasehold.dev/admission";

/// On a pod: the epoch of the leader that removed its gate, written in the same patch. After a restart it tells a
/// pod that was admitted from one whose gate somebody else took away.
pub const ANNOTATION_EPOCH: &str = "leasehold.dev/epoch";

/// On a pod in mode `mark`: the extended resource that makes the scheduler ask the extender.
pub const RESOURCE_MARK: &str = "leasehold.dev/lease";

/// In mode `own-scheduler`: the taint, with effect `NoSchedule`, that keeps others off a pool's nodes.
pub const TAINT_POOL: &str = "leasehold.dev/pool";

/// In mode `own-scheduler`: the scheduler that serves the pool's nodes.
pub const OWN_SCHEDULER: &str = "leasehold-scheduler";

/// The namespace that Leasehold runs in, unless the installation says otherwise.
pub const SYSTEM_NAMESPACE: &str = "leasehold-system";

/// The controller: its Deployment, its Service, its service account.
pub const CONTROLLER: &str = "quota-controller";

/// The extender: its Deployment, its Service, its service account.
pub const PLUGIN: &str = "scheduler-plugin";

/// On all that belongs to an installation, with the value [`PART_OF`].
pub const LABEL_PART_OF: &str = "app.kubernetes.io/part-of";

/// The value of [`LABEL_PART_OF`].
pub const PART_OF: &str = "leasehold";
/// On the Lease by which controllers elect their leader: the URL at which the leader answers scheduler plugins.
pub const ANNOTATION_GRANTS_URL: &str = "leasehold.dev/grants-url";
