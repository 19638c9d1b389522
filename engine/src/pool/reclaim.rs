//! Reclaim: whom a request takes capacity from (rules 1 to 11 of the lease model).
//!
//! [`plan`](Pool::plan) tries victims on the books themselves, in the view of what will be soon, and takes
//! everything back before it returns: a plan is data, [`carry_out`](Pool::carry_out) does it.

mod choose;
mod model;
mod nodes;

use super::Pool;
use super::records::{Earmark, Kind, Unit};
use crate::action::Cause;
use crate::ids::{NodeIx, PodIx, RequestIx, ShapeIx};
use crate::time::Time;
use crate::tree::{Mask, Place, View};
pub(super) use model::{Attempt, Phase, Plan, Victim};

impl Pool {
    /// Plans how a request gets all it needs, or finds that it cannot (rule 6).
    pub(super) fn plan(&mut self, index: RequestIx) -> Option<Plan> {
        let (plan, protected) = self.attempt(index, false);
        let (plan, protected) = match plan {
            Some(plan) => (Some(plan), protected),
            // Not entitled, or others cannot give enough: its own account may (rule 10).
            None => {
                let (own, also) = self.attempt(index, true);
                (own, [protected, also].into_iter().flatten().min())
            }
        };
        if plan.is_none()
            && let Some(until) = protected
        {
            self.wakes.insert(until);
            self.stuck.insert(index);
        }
        plan
    }

    fn attempt(&mut self, index: RequestIx, own_only: bool) -> (Option<Plan>, Option<Time>) {
        let Some(request) = self.requests.get(index.0) else {
            return (None, None);
        };
        let mut attempt = Attempt {
            account: request.account,
            kind: request.kind,
            priority: request.priority,
            total: request.total.clone(),
            lacking: self
                .tree
                .lacking(View::Soon, request.account, &request.total),
            own_only,
            victims: Vec::new(),
            taken: Default::default(),
            taken_up_to: Default::default(),
            room: Vec::new(),
            protected: None,
        };
        let parts = request.parts.clone();
        let found = self.make_room(&mut attempt, &parts)
            && self.make_quota(&mut attempt)
            && self.may_have(&attempt, false);
        if found {
            self.put_back_unneeded(&mut attempt);
        }
        let by_priority = attempt
            .victims
            .iter()
            .any(|(victim, _)| victim.account(self) == Some(attempt.account));
        self.undo(&mut attempt);
        let plan = found.then(|| Plan {
            victims: std::mem::take(&mut attempt.victims)
                .into_iter()
                .map(|(victim, _)| victim)
                .collect(),
            nodes: std::mem::take(&mut attempt.room),
            // What it was judged by. What is on its way already it lacks only now.
            lacked: match attempt.lacking {
                0 => self
                    .tree
                    .lacking(View::Now, attempt.account, &attempt.total),
                lacking => lacking,
            },
            by_priority,
        });
        (plan, attempt.protected)
    }

    /// Finds a place for each pod, with victims where there is none.
    fn make_room(&mut self, attempt: &mut Attempt, parts: &super::Parts) -> bool {
        if !self.spec.checks_room {
            return true;
        }
        let shapes: Vec<ShapeIx> = parts
            .iter()
            .flat_map(|&(shape, count)| std::iter::repeat_n(shape, count as usize))
            .collect();
        let mut homeless: Vec<ShapeIx> = Vec::new();
        for shape in shapes {
            if self.rooms.shape_of(shape).template.unchecked {
                continue;
            }
            match self.rooms.find_soon(shape) {
                Some(node) => self.keep_room(attempt, node, shape),
                None => homeless.push(shape),
            }
        }
        for &shape in &homeless {
            attempt.lacking |= self.room_lacks(shape);
        }
        for shape in homeless {
            // Victims for an earlier pod may have made room for this one too.
            let node = self
                .rooms
                .find_soon(shape)
                .or_else(|| self.free_a_node(attempt, shape));
            let Some(node) = node else { return false };
            self.keep_room(attempt, node, shape);
        }
        true
    }

    fn keep_room(&mut self, attempt: &mut Attempt, node: NodeIx, shape: ShapeIx) {
        self.rooms.earmark(node, shape, 1);
        attempt.room.push((node, shape));
    }

    /// The leased resources in which no node has room for the shape; all it asks for if each is to be had
    /// somewhere, but not together.
    fn room_lacks(&self, shape: ShapeIx) -> Mask {
        let asked = self.asked(self.charge_of(shape));
        let lacks = self.tree.in_mask(asked).fold(0, |mask, resource| {
            let has_piece = self
                .rooms
                .has_piece_soon(shape, &self.spec.resources[resource]);
            if has_piece {
                mask
            } else {
                mask | (1 << resource)
            }
        });
        if lacks == 0 { asked } else { lacks }
    }

    /// Takes victims until the quota suffices.
    fn make_quota(&mut self, attempt: &mut Attempt) -> bool {
        while self
            .tree
            .lacking(View::Soon, attempt.account, &attempt.total)
            != 0
        {
            let Some((victim, phase)) = self.next_victim(attempt, None) else {
                return false;
            };
            self.take(attempt, victim, phase);
        }
        true
    }

    /// Whether the request is entitled with its victims gone, or takes from its own account alone.
    fn may_have(&self, attempt: &Attempt, takes_more: bool) -> bool {
        let own = attempt.own_only && (takes_more || !attempt.victims.is_empty());
        own || self.places(attempt.account).any(|place| {
            let covered = self
                .tree
                .covered(View::Soon, place, attempt.account, &attempt.total);
            let judged = if attempt.lacking == 0 {
                self.asked(&attempt.total)
            } else {
                attempt.lacking
            };
            judged & !covered == 0
        })
    }

    /// Books a victim as gone.
    fn take(&mut self, attempt: &mut Attempt, victim: Victim, phase: Phase) {
        self.book_victim(&victim, 1);
        attempt.taken.extend(victim.pods(self));
        attempt.victims.push((victim, phase));
    }

    fn book_victim(&mut self, victim: &Victim, sign: i64) {
        if let Victim::Earmark(request) = victim {
            self.book_earmark(*request, -sign);
            return;
        }
        for pod in victim.pods(self) {
            let Some(entry) = self.pods.get(pod.0) else {
                continue;
            };
            let (account, shape, node) = (entry.account, entry.shape, entry.node);
            let amounts = self.charges[shape.at()].clone();
            self.tree.charge(View::Soon, account, &amounts, -sign);
            if let Some(node) = node {
                self.rooms.leave(node, shape, sign);
            }
        }
    }

    /// Rule 5: each victim is put back, last chosen first, if the rest still suffice and may still be taken.
    fn put_back_unneeded(&mut self, attempt: &mut Attempt) {
        let mut needed: Vec<(Victim, Phase)> = Vec::new();
        while let Some((victim, phase)) = attempt.victims.pop() {
            self.book_victim(&victim, -1);
            let goes_with_its_minimum = goes_with_its_minimum(&victim, &needed);
            let suffices = !goes_with_its_minimum
                && self
                    .tree
                    .lacking(View::Soon, attempt.account, &attempt.total)
                    == 0
                && attempt
                    .room
                    .iter()
                    .all(|&(node, _)| self.rooms.is_sound_soon(node))
                && self.may_have(attempt, !needed.is_empty())
                && self.may_still_take(attempt, &needed);
            if !suffices {
                self.book_victim(&victim, 1);
                needed.push((victim, phase));
            }
        }
        needed.reverse();
        attempt.victims = needed;
    }

    /// Whether the request is still covered where each victim is taken from.
    fn may_still_take(&self, attempt: &Attempt, needed: &[(Victim, Phase)]) -> bool {
        attempt.victims.iter().chain(needed).all(|(victim, _)| {
            let Some(account) = victim.account(self) else {
                return false;
            };
            account == attempt.account || {
                let level = self.tree.common(attempt.account, account);
                let place = self.tree.towards(level, attempt.account);
                self.tree
                    .covered(View::Soon, place, attempt.account, &attempt.total)
                    & attempt.lacking
                    != 0
            }
        })
    }

    fn undo(&mut self, attempt: &mut Attempt) {
        for (node, shape) in &attempt.room {
            self.rooms.earmark(*node, *shape, -1);
        }
        for at in (0..attempt.victims.len()).rev() {
            let victim = attempt.victims[at].0.clone();
            self.book_victim(&victim, -1);
        }
    }

    /// Asks the victims to end and keeps what they leave for the request. `inherited` are victims of earmarks
    /// that it took over.
    pub(super) fn carry_out(&mut self, index: RequestIx, plan: Plan, inherited: Vec<(PodIx, u64)>) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        let (account, name) = (request.account, request.name.clone());
        let to = self.tree.account(account).name.clone();
        let mut victims = inherited;
        for victim in plan.victims {
            let cause = if victim.account(self) == Some(account) {
                Cause::Priority {
                    request: name.clone(),
                }
            } else {
                Cause::Reclaim {
                    to: to.clone(),
                    request: name.clone(),
                }
            };
            victims.extend(self.leavers(&victim));
            self.dispatch(victim, &cause);
        }
        let earmark = Earmark {
            since: self.decision.now,
            lacked: plan.lacked,
            by_priority: plan.by_priority,
            victims,
            nodes: plan.nodes,
        };
        self.make_earmark(index, earmark);
    }

    /// The pods that will be on their way out when a victim was asked to go, or are already when it is an
    /// earmark that is taken.
    fn leavers(&self, victim: &Victim) -> Vec<(PodIx, u64)> {
        if let Victim::Earmark(request) = victim {
            let earmark = self
                .requests
                .get(request.0)
                .and_then(|request| request.earmark.as_ref());
            return earmark.map_or_else(Vec::new, |earmark| earmark.victims.clone());
        }
        let pods = victim.pods(self).into_iter();
        pods.filter_map(|pod| Some((pod, self.pod(pod)?.sequence)))
            .collect()
    }

    /// Asks a victim to end. What this decision admitted is taken back instead.
    pub(super) fn dispatch(&mut self, victim: Victim, cause: &Cause) {
        match victim {
            Victim::Earmark(request) => {
                self.drop_earmark(request);
                self.requeue(request);
                self.note_taken_earmark(request);
            }
            Victim::Surplus(workload, pods) => self.shrink(workload, &pods, cause),
            Victim::Whole(unit) => {
                if self.take_back(unit) {
                    return;
                }
                let pods = self.pods_of(unit);
                match unit {
                    Unit::Minimum(workload) => self.shrink(workload, &pods, cause),
                    Unit::Pod(_) | Unit::Group(_) => {
                        for pod in pods {
                            self.leave_pod(pod);
                            self.decision.evicted.push((pod, cause.clone()));
                        }
                    }
                }
            }
        }
    }

    /// Whether the request may take elastic surplus, or whole units, of a unit in its own account (rule 10).
    fn outranks(&self, attempt: &Attempt, priority: i32, surplus: bool) -> bool {
        let waits_whole = !matches!(attempt.kind, Kind::Step(_));
        waits_whole && (attempt.priority > priority || (surplus && attempt.priority == priority))
    }

    /// Whether a victim would take the place of one of its ancestors below p, or its account's own part, below
    /// what it holds in something that is lacking (rule 2).
    fn straddles(&self, attempt: &Attempt, victim: &Victim) -> bool {
        let Some(account) = victim.account(self) else {
            return false;
        };
        let amounts = victim.amounts(self);
        let level = self.tree.common(attempt.account, account);
        let gone = amounts.times(-1);
        self.tree
            .in_mask(attempt.lacking)
            .filter(|&resource| amounts[resource] > 0)
            .any(|resource| {
                let below = |place| {
                    let seen = self
                        .tree
                        .seen(View::Soon, place, account, resource, gone[resource]);
                    self.tree.used_at(View::Soon, place, resource) + seen
                        < self.tree.held_at(place, resource)
                };
                below(Place::Own(account))
                    || self
                        .tree
                        .path(account)
                        .iter()
                        .take_while(|&&id| id != level)
                        .any(|&id| below(Place::Whole(id)))
            })
    }
}

/// Whether the victim is surplus of a workload whose minimum goes too: a minimum takes its surplus with it.
fn goes_with_its_minimum(victim: &Victim, others: &[(Victim, Phase)]) -> bool {
    let Victim::Surplus(workload, _) = victim else {
        return false;
    };
    others.iter().any(|(other, phase)| {
        phase.whole && matches!(other, Victim::Surplus(of, _) if of == workload)
    })
}
