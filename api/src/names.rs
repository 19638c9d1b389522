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
