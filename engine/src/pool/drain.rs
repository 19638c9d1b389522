//! Leases that expired with `onExpiry: Drain`: what exceeds the guarantee that is left goes, even if nobody
//! waits.

use super::Pool;
use super::reclaim::{Attempt, Phase};
use super::records::Kind;
use crate::action::Cause;
use crate::amounts::Amounts;
use crate::ids::{AccountId, PodIx};
use crate::tree::{Mask, Place, ROOT, View};

impl Pool {
    /// Shrinks, and after the grace period evicts, what draining accounts use beyond their guarantee.
    pub(super) fn drain(&mut self) {
        for account in self.draining.clone() {
            self.drain_account(account);
        }
    }

    fn drain_account(&mut self, account: AccountId) {
        let terms = &self.tree.account(account).terms;
        let evicts_from = terms.drain_since.unwrap_or(self.decision.now) + terms.grace_period;
        let evicts = evicts_from <= self.decision.now;
        if !evicts {
            self.wakes.insert(evicts_from);
        }
        let mut attempt = Attempt {
            account: ROOT,
            // Nobody asks: the kind only says which workload may not be its own victim.
            kind: Kind::Pod(PodIx(u32::MAX)),
            priority: i32::MAX,
            total: Amounts::zero(self.tree.resources()),
            lacking: 0,
            own_only: false,
            victims: Vec::new(),
            taken: Default::default(),
            taken_up_to: Default::default(),
            room: Vec::new(),
            protected: None,
        };
        let phases: Vec<Phase> = Phase::all()
            .filter(|phase| !phase.own && (evicts || !phase.whole))
            .collect();
        loop {
            attempt.lacking = self.exceeds(account);
            if attempt.lacking == 0 {
                break;
            }
            let victim = phases
                .iter()
                .find_map(|&phase| self.drain_victim(&mut attempt, account, phase));
            let Some(victim) = victim else { break };
            self.dispatch(victim, &Cause::Drain);
        }
        self.wakes.extend(attempt.protected);
    }

    /// The resources in which the account, as a level, uses more than it holds.
    fn exceeds(&self, account: AccountId) -> Mask {
        self.tree
            .in_mask(self.tree.all())
            .filter(|&resource| {
                self.tree
                    .borrowed_at(View::Soon, Place::Whole(account), resource)
                    > 0
            })
            .fold(0, |mask, resource| mask | (1 << resource))
    }
}
