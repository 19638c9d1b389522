//! Which victim is next: the highest level at which the request is covered, then downwards to the account most
//! over its fair share, then the unit (rules 1 to 4 and 10).

use super::{Attempt, Phase, Victim};
use crate::ids::{AccountId, NodeIx, PodIx, RequestIx, WorkloadIx};
use crate::place::{may_take, protected_until};
use crate::pool::Pool;
use crate::pool::records::{Pods, Unit, UnitKey};
use crate::ratio::Ratio;
use crate::spec::{Name, Removal};
use crate::time::Time;
use crate::tree::{Mask, Place, View};
use std::cmp::Reverse;
use std::ops::Bound;

/// A workload with surplus as its account ranks it: priority, the most fulfilled, the shortest run, the name;
/// and how many replicas its next step gives.
type Surplus<'a> = (
    i32,
    Reverse<Ratio>,
    Reverse<Time>,
    &'a Name,
    WorkloadIx,
    u32,
);

impl Pool {
    /// The next victim: of all, or of those that give something on one node.
    pub(super) fn next_victim(
        &self,
        attempt: &mut Attempt,
        node: Option<NodeIx>,
    ) -> Option<(Victim, Phase)> {
        if !attempt.own_only
            && let Some(earmark) = self.borrowed_earmark(attempt, node)
        {
            return Some((
                Victim::Earmark(earmark),
                Phase {
                    own: false,
                    straddling: false,
                    whole: false,
                },
            ));
        }
        let own_only = attempt.own_only;
        // Without elastic workloads there is no surplus to look for.
        let whole_only = self.workloads.len() == 0;
        Phase::all()
            .filter(|phase| (phase.own || !own_only) && (phase.whole || !whole_only))
            .find_map(|phase| {
                let victim = if phase.own {
                    self.unit_in(attempt, attempt.account, attempt.lacking, phase, node)
                } else {
                    self.victim_elsewhere(attempt, phase, node)
                };
                victim.map(|victim| (victim, phase))
            })
    }

    /// An earmark beyond its account's own guarantee is the first thing that an entitled other takes (rule 9).
    fn borrowed_earmark(&self, attempt: &Attempt, node: Option<NodeIx>) -> Option<RequestIx> {
        self.earmarked.iter().copied().find(|&index| {
            !attempt
                .victims
                .iter()
                .any(|(victim, _)| *victim == Victim::Earmark(index))
                && self.requests.get(index.0).is_some_and(|request| {
                    let kept = request
                        .earmark
                        .as_ref()
                        .map_or(&[][..], |earmark| &earmark.nodes);
                    let there = node.is_none_or(|node| kept.iter().any(|&(at, _)| at == node));
                    there
                        && request.account != attempt.account
                        && self.may_reclaim_from(attempt, request.account)
                            & self.asked(&request.total)
                            != 0
                })
        })
    }

    /// The resources in which the request may reclaim from pods of an account: it is covered at the child of
    /// their lowest common ancestor towards it, and every account from there down to the victim's own part
    /// borrows.
    pub(super) fn may_reclaim_from(&self, attempt: &Attempt, account: AccountId) -> Mask {
        let level = self.tree.common(attempt.account, account);
        let place = self.tree.towards(level, attempt.account);
        let covered = attempt.lacking
            & self
                .tree
                .covered(View::Soon, place, attempt.account, &attempt.total);
        let path = self.tree.path(account).iter().copied();
        let wholes = path.take_while(|&id| id != level).map(Place::Whole);
        let borrowing = std::iter::once(Place::Own(account)).chain(wholes);
        may_take(covered, borrowing.map(|place| self.borrows(place, covered)))
    }

    fn borrows(&self, place: Place, mask: Mask) -> Mask {
        self.tree
            .in_mask(mask)
            .filter(|&resource| self.tree.borrowed_at(View::Soon, place, resource) > 0)
            .fold(0, |mask, resource| mask | (1 << resource))
    }

    fn victim_elsewhere(
        &self,
        attempt: &mut Attempt,
        phase: Phase,
        node: Option<NodeIx>,
    ) -> Option<Victim> {
        let path = self.tree.path(attempt.account);
        path.iter().rev().find_map(|&level| {
            let towards = self.tree.towards(level, attempt.account);
            let covered = self
                .tree
                .covered(View::Soon, towards, attempt.account, &attempt.total);
            self.victim_below(
                attempt,
                level,
                Some(towards),
                attempt.lacking & covered,
                phase,
                node,
            )
        })
    }

    /// The next victim among what a draining account uses beyond its guarantee (rules 2 to 4 in its subtree).
    pub(crate) fn drain_victim(
        &self,
        attempt: &mut Attempt,
        account: AccountId,
        phase: Phase,
    ) -> Option<Victim> {
        self.victim_below(attempt, account, None, attempt.lacking, phase, None)
    }

    /// Goes down through borrowing children, most over its fair share first.
    fn victim_below(
        &self,
        attempt: &mut Attempt,
        level: AccountId,
        except: Option<Place>,
        mask: Mask,
        phase: Phase,
        node: Option<NodeIx>,
    ) -> Option<Victim> {
        if mask == 0 {
            return None;
        }
        let mut ranked = self.over_share(level, except, mask);
        ranked.sort();
        ranked
            .into_iter()
            .find_map(|(_, _, place, mask)| match place {
                Place::Own(account) => self.unit_in(attempt, account, mask, phase, node),
                Place::Whole(account) => {
                    self.victim_below(attempt, account, None, mask, phase, node)
                }
            })
    }

    /// The places of a level that borrow in something of `mask`, with how much over their fair share they are.
    pub(super) fn over_share(
        &self,
        level: AccountId,
        except: Option<Place>,
        mask: Mask,
    ) -> Vec<(Reverse<Ratio>, &Name, Place, Mask)> {
        let account = self.tree.account(level);
        let own = std::iter::once(Place::Own(level));
        own.chain(account.children.iter().map(|&child| Place::Whole(child)))
            .filter(|&place| Some(place) != except)
            .filter_map(|place| {
                let borrows = self.borrows(place, mask);
                let name = match place {
                    Place::Own(id) | Place::Whole(id) => &self.tree.account(id).name,
                };
                (borrows != 0).then(|| {
                    (
                        Reverse(self.tree.share(View::Soon, level, place, borrows)),
                        name,
                        place,
                        borrows,
                    )
                })
            })
            .collect()
    }

    /// The unit of an account that goes first.
    fn unit_in(
        &self,
        attempt: &mut Attempt,
        account: AccountId,
        mask: Mask,
        phase: Phase,
        node: Option<NodeIx>,
    ) -> Option<Victim> {
        if !phase.own && account == attempt.account {
            return None;
        }
        if phase.whole {
            self.whole_unit(attempt, account, mask, phase, node)
        } else {
            self.surplus_step(attempt, account, mask, phase, node)
        }
    }

    /// Rule 3: the surplus of the lowest priority, then of the most fulfilled workload, the shortest run, name.
    fn surplus_step(
        &self,
        attempt: &Attempt,
        account: AccountId,
        mask: Mask,
        phase: Phase,
        node: Option<NodeIx>,
    ) -> Option<Victim> {
        let queue = self.queue_of(account)?;
        let mut candidates: Vec<Surplus> = queue
            .elastic
            .iter()
            .filter_map(|&index| {
                let workload = self.workloads.get(index.0)?;
                let taken = workload.slots.values().filter(|pod| attempt.taken.contains(pod)).count();
                let left = workload.target().saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
                let surplus = workload.surplus(left);
                let gives = mask & self.asked(self.charge_of(workload.shape));
                let ranks = !phase.own || self.outranks(attempt, workload.spec.priority, true);
                let itself = matches!(attempt.kind, super::Kind::Minimum(own) | super::Kind::Step(own) if own == index);
                let follows = workload.retry.is_none_or(|retry| retry <= self.decision.now);
                (surplus > 0 && gives != 0 && ranks && !itself && follows).then(|| {
                    let started = Reverse(workload.earliest().unwrap_or(Time::MAX));
                    let fulfilment = Reverse(workload.fulfilment(left));
                    let step = surplus.min(workload.spec.step);
                    (workload.spec.priority, fulfilment, started, &workload.spec.key.name, index, step)
                })
            })
            .collect();
        candidates.sort();
        candidates
            .into_iter()
            .find_map(|(_, _, _, _, index, step)| {
                let pods = self.next_replicas(attempt, index, step, node)?;
                let victim = Victim::Surplus(index, pods.into());
                (self.straddles(attempt, &victim) == phase.straddling).then_some(victim)
            })
    }

    /// The replicas of a workload's next step, of which something must be on `node`. Where the owner's own order
    /// decides, all that go before the first one there go with it.
    fn next_replicas(
        &self,
        attempt: &Attempt,
        index: WorkloadIx,
        step: u32,
        node: Option<NodeIx>,
    ) -> Option<Vec<PodIx>> {
        let pods = self.removal(index, step, node, &attempt.taken);
        let is_there = |pod: &PodIx| self.pod(*pod).is_some_and(|pod| pod.node == node);
        if node.is_none() || pods.iter().any(is_there) {
            return Some(pods);
        }
        let workload = self.workloads.get(index.0)?;
        if workload.spec.removal == Removal::Chosen {
            return None;
        }
        let slots = workload.slots.values();
        let left = slots.filter(|pod| !attempt.taken.contains(pod)).count();
        let surplus = workload.surplus(u32::try_from(left).ok()?);
        let mut pods = self.removal(index, surplus, node, &attempt.taken);
        let first = pods.iter().position(is_there)?;
        let step = usize::try_from(step).ok()?.max(1);
        pods.truncate((first + 1).next_multiple_of(step));
        Some(pods)
    }

    /// The whole unit of lowest priority, then of shortest run, then by name. Within the account none goes
    /// before one of lower priority, straddling or not.
    fn whole_unit(
        &self,
        attempt: &mut Attempt,
        account: AccountId,
        mask: Mask,
        phase: Phase,
        node: Option<NodeIx>,
    ) -> Option<Victim> {
        let queue = self.queue_of(account)?;
        let mut lowest: Option<i32> = None;
        let mut all_taken = true;
        let behind = attempt
            .taken_up_to
            .get(&account)
            .map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        for key in queue.units.range((behind, Bound::Unbounded)) {
            if phase.own && !self.outranks(attempt, key.priority, false) {
                return None;
            }
            if lowest.is_some_and(|lowest| key.priority > lowest) {
                return None;
            }
            let pods = self.pods_of(key.unit);
            if pods.iter().all(|pod| attempt.taken.contains(pod)) {
                if all_taken {
                    attempt.taken_up_to.insert(account, key.clone());
                }
                continue;
            }
            all_taken = false;
            let victim = Victim::Whole(key.unit);
            if self.asked(&victim.amounts(self)) & mask == 0 || !self.is_on(&pods, node) {
                continue;
            }
            if let Some(until) = self.protected_until(account, key, &pods) {
                attempt.protected = Some(attempt.protected.map_or(until, |first| first.min(until)));
                continue;
            }
            let victim = self.rest_of(attempt, key.unit, pods);
            lowest = Some(key.priority);
            if let Some(victim) = victim
                && self.straddles(attempt, &victim) == phase.straddling
            {
                return Some(victim);
            }
        }
        None
    }

    /// A minimum takes its surplus with it; what of that was chosen already is not chosen twice.
    fn rest_of(&self, attempt: &Attempt, unit: Unit, pods: Pods) -> Option<Victim> {
        let Unit::Minimum(workload) = unit else {
            return Some(Victim::Whole(unit));
        };
        if matches!(attempt.kind, super::Kind::Minimum(own) | super::Kind::Step(own) if own == workload)
        {
            return None;
        }
        if !pods.iter().any(|pod| attempt.taken.contains(pod)) {
            return Some(Victim::Whole(unit));
        }
        let rest: Pods = pods
            .into_iter()
            .filter(|pod| !attempt.taken.contains(pod))
            .collect();
        (!rest.is_empty()).then_some(Victim::Surplus(workload, rest))
    }

    fn is_on(&self, pods: &[PodIx], node: Option<NodeIx>) -> bool {
        node.is_none()
            || pods
                .iter()
                .any(|&pod| self.pod(pod).is_some_and(|pod| pod.node == node))
    }

    /// Rule 7, and evictions that were refused: until when the unit is no victim.
    fn protected_until(&self, account: AccountId, key: &UnitKey, pods: &[PodIx]) -> Option<Time> {
        let now = self.decision.now;
        let min_runtime = self.tree.account(account).terms.min_runtime;
        let started = Some(key.started.0).filter(|&started| started != Time::MAX);
        let runs_until = protected_until(now, started, min_runtime);
        let retry = pods.iter().filter_map(|&pod| self.pod(pod)?.retry).max();
        [runs_until, retry]
            .into_iter()
            .flatten()
            .max()
            .filter(|&until| until > now)
    }
}
