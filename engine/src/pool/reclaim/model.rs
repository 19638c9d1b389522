//! Plans and victims: plain data.

use crate::amounts::Amounts;
use crate::ids::{AccountId, NodeIx, PodIx, RequestIx, ShapeIx, WorkloadIx};
use crate::pool::Pool;
use crate::pool::records::{Kind, Pods, Unit, UnitKey};
use crate::time::Time;
use crate::tree::Mask;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// Something that is asked to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    /// What is kept for a request beyond its account's guarantee: nothing runs there yet.
    Earmark(RequestIx),
    /// Replicas above an elastic workload's minimum.
    Surplus(WorkloadIx, Pods),
    /// A whole unit.
    Whole(Unit),
}

/// The order of rules 2, 3 and 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Phase {
    /// From the request's own account.
    pub(crate) own: bool,
    /// Takes something below its guarantee.
    pub(crate) straddling: bool,
    /// A whole unit.
    pub(crate) whole: bool,
}

impl Phase {
    /// All phases, in order.
    pub(crate) fn all() -> impl Iterator<Item = Phase> {
        let flags = [false, true];
        flags.into_iter().flat_map(move |own| {
            flags.into_iter().flat_map(move |straddling| {
                flags.map(|whole| Phase {
                    own,
                    straddling,
                    whole,
                })
            })
        })
    }
}

/// What a request will get, and from whom.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) victims: Vec<Victim>,
    pub(crate) nodes: Vec<(NodeIx, ShapeIx)>,
    pub(crate) lacked: Mask,
    pub(crate) by_priority: bool,
}

/// A plan in the making: what is booked so far.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) account: AccountId,
    pub(crate) kind: Kind,
    pub(crate) priority: i32,
    pub(crate) total: Amounts,
    /// The resources that are lacking, by quota or by room.
    pub(crate) lacking: Mask,
    /// Only the account's own units (rule 10).
    pub(crate) own_only: bool,
    pub(crate) victims: Vec<(Victim, Phase)>,
    pub(crate) taken: FxHashSet<PodIx>,
    /// The units of each account up to which all are taken: the next one is looked for behind them.
    pub(crate) taken_up_to: BTreeMap<AccountId, UnitKey>,
    pub(crate) room: Vec<(NodeIx, ShapeIx)>,
    /// When the first of the units that `minRuntimeSeconds` or a refused eviction protects may go.
    pub(crate) protected: Option<Time>,
}

impl Victim {
    /// The account it belongs to.
    pub(crate) fn account(&self, pool: &Pool) -> Option<AccountId> {
        match self {
            Victim::Earmark(request) => pool.requests.get(request.0).map(|request| request.account),
            Victim::Surplus(workload, _) | Victim::Whole(Unit::Minimum(workload)) => pool
                .workloads
                .get(workload.0)
                .map(|workload| workload.account),
            Victim::Whole(Unit::Group(group)) => {
                pool.groups.get(group.0).map(|group| group.account)
            }
            Victim::Whole(Unit::Pod(pod)) => pool.pod(*pod).map(|pod| pod.account),
        }
    }

    /// The pods that go.
    pub(crate) fn pods(&self, pool: &Pool) -> Pods {
        match self {
            Victim::Earmark(_) => Pods::new(),
            Victim::Surplus(_, pods) => pods.clone(),
            Victim::Whole(unit) => pool.pods_of(*unit),
        }
    }

    /// What it gives.
    pub(crate) fn amounts(&self, pool: &Pool) -> Amounts {
        if let Victim::Earmark(request) = self
            && let Some(request) = pool.requests.get(request.0)
        {
            return request.total.clone();
        }
        if let Victim::Whole(Unit::Pod(pod)) = self
            && let Some(pod) = pool.pod(*pod)
        {
            return pool.charge_of(pod.shape).clone();
        }
        let mut amounts = Amounts::zero(pool.tree.resources());
        for pod in self.pods(pool).into_iter().filter_map(|pod| pool.pod(pod)) {
            amounts += pool.charge_of(pod.shape);
        }
        amounts
    }
}
