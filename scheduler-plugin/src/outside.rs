//! What a pod outside all leases asks for. It is read when the pod comes upon a node on which room is kept, and no sooner:
//! mostly there is none.

use crate::book::{Book, PoolNumber};
use api::extender::WholePod;
use api::pod_request::{BaseUnits, of_pod};
use std::cell::{OnceCell, RefCell};

/// The request of one pod, in the order of each pool's resources.
pub struct OutsideRequest<'a> {
    /// The arguments of the call, as they came.
    body: &'a [u8],
    /// Nothing if it cannot be read.
    amounts: OnceCell<Option<BaseUnits>>,
    /// For the pool that was asked about last: mostly all nodes are of one.
    last: RefCell<Option<(PoolNumber, Vec<i64>)>>,
}

impl<'a> OutsideRequest<'a> {
    /// Of the pod in the arguments of a call.
    pub fn of(body: &'a [u8]) -> OutsideRequest<'a> {
        OutsideRequest {
            body,
            amounts: OnceCell::new(),
            last: RefCell::new(None),
        }
    }

    /// Asks `holds` about the amounts, in the order of this pool's resources. Nothing if they are not known.
    pub fn ask<T>(
        &self,
        book: &Book,
        pool: PoolNumber,
        holds: impl FnOnce(&[i64]) -> T,
    ) -> Option<T> {
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|&(of, _)| of != pool) {
            let amounts = self.amounts.get_or_init(|| read(self.body)).as_ref()?;
            let names = book.resources(pool)?;
            let in_order = names
                .iter()
                .map(|name| amounts.get(name).copied().unwrap_or(0));
            *last = Some((pool, in_order.collect()));
        }
        last.as_ref().map(|(_, amounts)| holds(amounts))
    }
}

fn read(body: &[u8]) -> Option<BaseUnits> {
    let whole: WholePod = serde_json::from_slice(body).ok()?;
    let pod = serde_json::from_str(whole.pod.get()).ok()?;
    of_pod(&pod).ok()
}
