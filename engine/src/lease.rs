//! Leases and their terms: who holds what, now and at every instant of the future.
