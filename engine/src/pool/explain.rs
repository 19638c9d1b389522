//! Why a request waits, with the numbers.

use super::Pool;
use super::records::{Kind, PodState, Request};
use crate::action::Action;
use crate::ids::{AccountId, PodIx, RequestIx};
use crate::refusal::Refusal;
use crate::spec::Queueing;
use crate::tree::{Place, ROOT, View};

impl Pool {
    /// Tells a waiting request's pods why they wait, if that is news.
    pub(super) fn tell(&mut self, index: RequestIx, actions: &mut Vec<Action>) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        let pods: Vec<PodIx> = match request.kind {
            Kind::Pod(pod) => vec![pod],
            Kind::Group(group) => self
                .groups
                .get(group.0)
                .map_or_else(Vec::new, |group| group.waiting.iter().copied().collect()),
            Kind::Minimum(_) | Kind::Step(_) => return,
        };
        let told = request.told;
        let reason = self.reason_of(index, request);
        if told == Some(reason.reason()) {
            return;
        }
        actions.extend(pods.into_iter().filter_map(|pod| {
            Some(Action::Hold {
                pod: self.pod(pod)?.id?,
                reason: reason.clone(),
            })
        }));
        if let Some(request) = self.requests.get_mut(index.0) {
            request.told = Some(reason.reason());
        }
    }

    /// Tells a pod that waits outside a queue why. One that is queued or charged by now is told of otherwise.
    pub(super) fn tell_aside(&self, pod: PodIx, actions: &mut Vec<Action>) {
        let Some(entry) = self.pod(pod) else { return };
        if matches!(entry.state, PodState::Held | PodState::Beyond)
            && let (Some(id), Some(reason)) = (entry.id, self.explain(pod))
        {
            actions.push(Action::Hold { pod: id, reason });
        }
    }

    /// Why a pod waits; nothing if it does not.
    pub(crate) fn explain(&self, pod: PodIx) -> Option<Refusal> {
        let entry = self.pod(pod)?;
        match entry.state {
            PodState::Charged | PodState::Leaving => None,
            PodState::Waiting(index) => Some(self.reason_of(index, self.requests.get(index.0)?)),
            PodState::Beyond => {
                let workload = self.workloads.get(entry.workload?.0)?;
                Some(Refusal::AboveAdmitted {
                    workload: workload.spec.key.name.clone(),
                    admitted: workload.target(),
                })
            }
            PodState::Held => self
                .held_because(entry.account, entry.priority)
                .or_else(|| {
                    let group = self.groups.get(entry.group?.0)?;
                    let present = u32::try_from(group.waiting.len() + group.charged.len())
                        .unwrap_or(u32::MAX);
                    Some(Refusal::GroupIncomplete {
                        group: group.name.clone(),
                        present,
                        min: group.min,
                    })
                }),
        }
    }

    pub(super) fn reason_of(&self, index: RequestIx, request: &Request) -> Refusal {
        let account = self.tree.account(request.account);
        if let Some(earmark) = &request.earmark {
            let pods = u32::try_from(self.on_the_way(earmark)).unwrap_or(u32::MAX);
            return Refusal::OnTheWay {
                account: account.name.clone(),
                pods,
                since: earmark.since,
            };
        }
        if account.terms.queueing == Queueing::StrictFifo
            && let Some(head) = self.strict_head(request.account)
            && head != index
            && let Some(head) = self.requests.get(head.0)
        {
            return Refusal::Behind {
                account: account.name.clone(),
                head: head.name.clone(),
            };
        }
        let lacking = self
            .tree
            .lacking(View::Now, request.account, &request.total);
        let soon = self
            .tree
            .lacking(View::Soon, request.account, &request.total);
        let view = if lacking != 0 { View::Now } else { View::Soon };
        if let Some(resource) = self.tree.in_mask(lacking | soon).next() {
            return self.quota_reason(request, resource, view);
        }
        self.room_reason(request)
            .unwrap_or_else(|| self.quota_reason(request, 0, View::Now))
    }

    /// The request that stops all behind it in a strict queue.
    fn strict_head(&self, account: AccountId) -> Option<RequestIx> {
        let earmarked = self.earmarked.iter().copied().find(|&index| {
            self.requests
                .get(index.0)
                .is_some_and(|request| request.account == account)
        });
        earmarked.or_else(|| self.offers(account).first().copied())
    }

    fn quota_reason(&self, request: &Request, resource: usize, view: View) -> Refusal {
        let mut at = ROOT;
        let mut available = self.tree.available_at_root(view, resource);
        for &id in self.tree.path(request.account).iter().rev().skip(1) {
            let below = self.tree.available_below(view, id, resource, available);
            let unbound = self.tree.available_below(view, id, resource, i64::MAX / 4);
            if below < available || unbound == below {
                at = id;
            }
            available = below;
        }
        let binding = self.tree.account(at);
        let limit = binding.terms.limit[resource];
        Refusal::Quota {
            account: self.tree.account(request.account).name.clone(),
            at: binding.name.clone(),
            resource: self.spec.resources[resource].clone(),
            asks: request.total[resource],
            available: available.max(0),
            limit: (limit < crate::UNLIMITED && at != ROOT).then_some(limit),
            guaranteed: self.tree.guarantee(at, resource),
            borrowed: self.tree.borrowed_at(view, Place::Whole(at), resource),
        }
    }

    fn room_reason(&self, request: &Request) -> Option<Refusal> {
        if !self.spec.checks_room {
            return None;
        }
        let shape = request
            .parts
            .iter()
            .map(|part| part.0)
            .find(|&shape| self.rooms.find_now(shape).is_none());
        let shape = shape.or(request.parts.first().map(|part| part.0))?;
        let (resource, asks, largest, free) = self.rooms.largest_piece(shape)?;
        Some(Refusal::Room {
            account: self.tree.account(request.account).name.clone(),
            resource,
            asks,
            largest,
            free,
        })
    }
}
