//! Why a pod may not go to a node: texts that never change, because the scheduler wakes a pod at each change of its
//! condition. The numbers are in the pod's events.

/// Why a pod may not go to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Its lease does not let it run now.
    NotAdmitted,
    /// Nobody has admitted it, and the controller cannot be asked.
    Unanswered,
    /// The node is not one of its pool.
    OtherPool,
    /// Room on the node is kept for another request.
    Earmarked,
}

impl Denial {
    /// All of them.
    pub const ALL: [Denial; 4] = [
        Denial::NotAdmitted,
        Denial::Unanswered,
        Denial::OtherPool,
        Denial::Earmarked,
    ];

    /// As the scheduler puts it into the pod's condition.
    pub fn text(self) -> &'static str {
        match self {
            Denial::NotAdmitted => "leasehold: not admitted by its lease, see the pod's events",
            Denial::Unanswered => "leasehold: not admitted yet, and the controller does not answer",
            Denial::OtherPool => "leasehold: not a node of the pool that the pod is charged in",
            Denial::Earmarked => "leasehold: room on the node is kept for another request",
        }
    }

    /// As it is counted.
    pub fn reason(self) -> &'static str {
        match self {
            Denial::NotAdmitted => "NotAdmitted",
            Denial::Unanswered => "Unanswered",
            Denial::OtherPool => "OtherPool",
            Denial::Earmarked => "Earmarked",
        }
    }
}

/// Answered to everything until a controller was heard for the first time: only then it is known which namespaces are
/// leased.
pub const NOT_READY: &str = "leasehold: the scheduler plugin has not heard from a controller yet";
