//! The Kubernetes objects of Leasehold, exact quantities and pod request arithmetic.
