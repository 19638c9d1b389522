//! Indices into the engine's tables. Each its own type, so that none can be taken for another.

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub u32);
    };
    ($(#[$doc:meta])* $name:ident dense) => {
        index!($(#[$doc])* $name);

        impl $name {
            /// The index of the next entry of a table with `len` entries.
            pub(crate) fn next(len: usize) -> $name {
                // Tables of the engine hold far fewer than 2^32 entries: memory ends first.
                $name(u32::try_from(len).unwrap_or(u32::MAX))
            }

            /// As a position.
            pub(crate) fn at(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// An account of a pool.
    AccountId dense
);
index!(
    /// A pod, or a replica that was granted and has no pod yet.
    PodIx
);
index!(
    /// A waiting request.
    RequestIx
);
index!(
    /// An elastic workload.
    WorkloadIx
);
index!(
    /// A group of pods.
    GroupIx
);
index!(
    /// A node.
    NodeIx dense
);
index!(
    /// A form of pod: its request and the nodes it may use.
    ShapeIx dense
);
index!(
    /// A set of nodes that some shapes may use.
    NodeSetIx dense
);
