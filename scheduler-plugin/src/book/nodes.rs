//! The nodes of the pools, to be looked up by the thousand.

use super::PoolNumber;
use arc_swap::ArcSwap;
use engine::grants::NodeRoom;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nodes by name. Replaced as a whole when a node comes or goes; else its slots change.
pub type NodeIndex = FxHashMap<Box<str>, Arc<NodeSlot>>;

const EARMARKED: u64 = 1;

/// One node.
#[derive(Debug)]
pub struct NodeSlot {
    /// The pool, and in the lowest bit whether room is kept there: all that most questions need.
    place: AtomicU64,
    room: ArcSwap<NodeRoom>,
}

impl NodeSlot {
    pub(super) fn new(pool: PoolNumber, room: NodeRoom) -> NodeSlot {
        NodeSlot {
            place: AtomicU64::new(place(pool, &room)),
            room: ArcSwap::from_pointee(room),
        }
    }

    pub(super) fn set(&self, pool: PoolNumber, room: NodeRoom) {
        let place = place(pool, &room);
        self.room.store(Arc::new(room));
        self.place.store(place, Ordering::Release);
    }

    /// The pool that it belongs to.
    pub fn pool(&self) -> PoolNumber {
        let place = self.place.load(Ordering::Acquire);
        PoolNumber::try_from(place >> 1).unwrap_or(PoolNumber::MAX)
    }

    /// Whether room is kept there.
    pub fn is_earmarked(&self) -> bool {
        self.place.load(Ordering::Acquire) & EARMARKED != 0
    }

    /// What is known of it.
    pub fn room(&self) -> arc_swap::Guard<Arc<NodeRoom>> {
        self.room.load()
    }
}

fn place(pool: PoolNumber, room: &NodeRoom) -> u64 {
    u64::from(pool) << 1 | u64::from(room.is_earmarked)
}
