//! The accounts of one pool: who is whose lessor, what each holds, and what is in use.
//!
//! Two views of use stand side by side. *Now* is what is charged: terminating pods still hold their nodes.
//! *Soon* is what will be charged once all that was asked to end has ended and every earmark has become use.
//! A request must fit into both; plans are made on the second.

use crate::amounts::{Amounts, UNLIMITED};
use crate::ids::AccountId;
use crate::lease::AccountTerms;
use crate::ratio::Ratio;
use crate::spec::Name;
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};
use std::collections::BTreeSet;

/// Which view of use is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// What is charged.
    Now = 0,
    /// What will be: without what is on its way out, with what is earmarked.
    Soon = 1,
}

/// A set of a pool's resources, a bit each.
pub(crate) type Mask = u32;

/// One account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: Name,
    pub(crate) parent: Option<AccountId>,
    pub(crate) depth: u32,
    /// Invariant: sorted by name.
    pub(crate) children: Vec<AccountId>,
    /// Itself, its lessor, and so on up to the root.
    path: SmallVec<[AccountId; 6]>,
    pub(crate) terms: AccountTerms,
    pub(crate) live: bool,
}

/// What an account holds of one resource.
#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    /// G(n).
    guarantee: i64,
    /// O(n) = G(n) − Σ G(c).
    own: i64,
    /// Q(n).
    shared: i64,
    /// K(n).
    kept: i64,
    /// B(n), [`UNLIMITED`] where no limit is set.
    beyond: i64,
}

/// What is used of one resource, in one view.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// By the account's own pods.
    own: i64,
    /// V(n).
    visible: i64,
}

/// A place at which a request may be covered, or which may borrow: an account, or its own part n°.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// n°: what the account holds for its own pods.
    Own(AccountId),
    /// The account with all below it.
    Whole(AccountId),
}

/// The tree with its figures.
#[derive(Debug)]
pub(crate) struct Tree {
    resources: usize,
    accounts: Vec<Account>,
    by_name: FxHashMap<Name, AccountId>,
    holdings: Vec<Holding>,
    uses: [Vec<Use>; 2],
    /// Accounts of which use or holding has changed since this was last taken, if anybody takes it.
    pub(crate) marked: Option<BTreeSet<AccountId>>,
    moves: u64,
}

pub(crate) const ROOT: AccountId = AccountId(0);

impl Tree {
    /// A tree of nothing but its root.
    pub(crate) fn new(root: AccountTerms) -> Tree {
        let resources = root.guaranteed.len();
        let mut tree = Tree {
            resources,
            accounts: Vec::new(),
            by_name: FxHashMap::default(),
            holdings: Vec::new(),
            uses: [Vec::new(), Vec::new()],
            marked: None,
            moves: 0,
        };
        tree.push(root, None);
        tree.recompute(ROOT);
        tree
    }

    fn push(&mut self, terms: AccountTerms, parent: Option<AccountId>) -> AccountId {
        let id = AccountId::next(self.accounts.len());
        let depth = parent.map_or(0, |parent| self.accounts[parent.at()].depth + 1);
        self.by_name.insert(terms.name.clone(), id);
        self.accounts.push(Account {
            name: terms.name.clone(),
            parent,
            depth,
            children: Vec::new(),
            path: smallvec![id],
            terms,
            live: true,
        });
        self.holdings
            .resize(self.accounts.len() * self.resources, Holding::default());
        for view in &mut self.uses {
            view.resize(self.accounts.len() * self.resources, Use::default());
        }
        id
    }

    /// How often an account was put below another, or away from it.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// Number of leased resources.
    pub(crate) fn resources(&self) -> usize {
        self.resources
    }

    /// The account of that name, if it lives.
    pub(crate) fn find(&self, name: &str) -> Option<AccountId> {
        self.by_name
            .get(name)
            .copied()
            .filter(|&id| self.accounts[id.at()].live)
    }

    /// One account.
    pub(crate) fn account(&self, id: AccountId) -> &Account {
        &self.accounts[id.at()]
    }

    /// Number of accounts that ever were: ids are below it.
    pub(crate) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// The account and its ancestors, itself first.
    pub(crate) fn path(&self, id: AccountId) -> &[AccountId] {
        &self.accounts[id.at()].path
    }

    /// Takes over an account's terms; adds it if it is new. Costs its path. Its parent must be there.
    pub(crate) fn set_terms(&mut self, terms: AccountTerms) -> AccountId {
        let parent = terms
            .parent
            .as_ref()
            .and_then(|name| self.by_name.get(name).copied());
        let id = match self.by_name.get(&terms.name) {
            Some(&id) => id,
            None => self.push(terms.clone(), None),
        };
        self.move_below(id, parent);
        let account = &mut self.accounts[id.at()];
        account.terms = terms;
        account.live = true;
        self.recompute(id);
        id
    }

    /// The account is gone: nothing is charged to it and it holds nothing.
    pub(crate) fn remove(&mut self, id: AccountId) {
        self.mark(id);
        self.move_below(id, None);
        self.accounts[id.at()].live = false;
        for resource in 0..self.resources {
            self.holdings[id.at() * self.resources + resource] = Holding::default();
        }
    }

    fn move_below(&mut self, id: AccountId, parent: Option<AccountId>) {
        let old = self.accounts[id.at()].parent;
        if old == parent {
            return;
        }
        self.moves += 1;
        // Its use leaves the old path and joins the new one.
        if let Some(old) = old {
            self.lift(id, old, -1);
            self.accounts[old.at()]
                .children
                .retain(|&child| child != id);
            self.accounts[id.at()].parent = None;
            self.recompute(old);
        }
        if let Some(parent) = parent {
            let name = self.accounts[id.at()].name.clone();
            let at = self.accounts[parent.at()]
                .children
                .partition_point(|child| self.accounts[child.at()].name < name);
            self.accounts[parent.at()].children.insert(at, id);
            self.accounts[id.at()].parent = Some(parent);
            self.lift(id, parent, 1);
            self.recompute(parent);
        }
        self.set_paths(id);
    }

    fn set_paths(&mut self, id: AccountId) {
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            let above = self.accounts[id.at()]
                .parent
                .map(|parent| self.accounts[parent.at()].path.clone());
            self.accounts[id.at()].path = std::iter::once(id)
                .chain(above.into_iter().flatten())
                .collect();
            let parent = self.accounts[id.at()].parent;
            self.accounts[id.at()].depth =
                parent.map_or(0, |parent| self.accounts[parent.at()].depth + 1);
            todo.extend(self.accounts[id.at()].children.iter().copied());
        }
    }

    fn lift(&mut self, id: AccountId, parent: AccountId, sign: i64) {
        for resource in 0..self.resources {
            let kept = self.holding(id, resource).kept;
            for view in [View::Now, View::Soon] {
                let above = (self.used(view, id, resource).visible - kept).max(0);
                self.pass_up(view, parent, resource, above * sign);
            }
        }
    }

    fn holding(&self, id: AccountId, resource: usize) -> &Holding {
        &self.holdings[id.at() * self.resources + resource]
    }

    fn used(&self, view: View, id: AccountId, resource: usize) -> &Use {
        &self.uses[view as usize][id.at() * self.resources + resource]
    }

    /// Computes O, Q, K and B of an account anew from its terms and its children, and of its ancestors as far
    /// as something changes.
    pub(crate) fn recompute(&mut self, id: AccountId) {
        self.mark(id);
        let mut at = Some(id);
        while let Some(id) = at {
            let mut changed = false;
            for resource in 0..self.resources {
                changed |= self.recompute_one(id, resource);
            }
            at = self.accounts[id.at()].parent.filter(|_| changed);
        }
    }

    fn recompute_one(&mut self, id: AccountId, resource: usize) -> bool {
        let account = &self.accounts[id.at()];
        let guarantee = account.terms.guaranteed[resource];
        let mut own = guarantee;
        let mut shared = 0;
        for &child in &account.children {
            let child = self.holding(child, resource);
            own -= child.guarantee;
            shared += child.shared - child.kept;
        }
        shared += own;
        let lend_limit = account.terms.lend_limit[resource];
        let kept = if lend_limit >= UNLIMITED || account.parent.is_none() {
            0
        } else {
            (shared - lend_limit).max(0)
        };
        let limit = account.terms.limit[resource];
        let beyond = if limit >= UNLIMITED || account.parent.is_none() {
            UNLIMITED
        } else {
            limit - guarantee
        };
        let position = id.at() * self.resources + resource;
        let old = self.holdings[position];
        let new = Holding {
            guarantee,
            own,
            shared,
            kept,
            beyond,
        };
        self.holdings[position] = new;
        if kept != old.kept
            && let Some(parent) = self.accounts[id.at()].parent
        {
            for view in [View::Now, View::Soon] {
                let visible = self.used(view, id, resource).visible;
                let change = (visible - kept).max(0) - (visible - old.kept).max(0);
                self.pass_up(view, parent, resource, change);
            }
        }
        (old.guarantee, old.shared, old.kept) != (new.guarantee, new.shared, new.kept)
    }

    fn pass_up(&mut self, view: View, from: AccountId, resource: usize, change: i64) {
        let mut change = change;
        let mut at = Some(from);
        while let Some(id) = at
            && change != 0
        {
            let kept = self.holding(id, resource).kept;
            let entry = &mut self.uses[view as usize][id.at() * self.resources + resource];
            let before = (entry.visible - kept).max(0);
            entry.visible += change;
            change = (entry.visible - kept).max(0) - before;
            at = self.accounts[id.at()].parent;
        }
    }

    fn mark(&mut self, id: AccountId) {
        if let Some(marked) = &mut self.marked {
            marked.insert(id);
        }
    }

    /// Charges `amounts` × `sign` to an account's own pods. Costs the path, and only as far as it is seen.
    pub(crate) fn charge(&mut self, view: View, id: AccountId, amounts: &Amounts, sign: i64) {
        self.mark(id);
        for (resource, amount) in amounts.iter().enumerate() {
            if amount != 0 {
                self.uses[view as usize][id.at() * self.resources + resource].own += amount * sign;
                self.pass_up(view, id, resource, amount * sign);
            }
        }
    }

    /// Use of the account's own pods.
    pub(crate) fn own_use(&self, view: View, id: AccountId, resource: usize) -> i64 {
        self.used(view, id, resource).own
    }

    /// Whether nothing at all is charged to the account's own pods.
    pub(crate) fn is_unused(&self, id: AccountId) -> bool {
        (0..self.resources).all(|resource| self.own_use(View::Now, id, resource) == 0)
    }

    /// G(n).
    pub(crate) fn guarantee(&self, id: AccountId, resource: usize) -> i64 {
        self.holding(id, resource).guarantee
    }

    /// K(n).
    pub(crate) fn kept(&self, id: AccountId, resource: usize) -> i64 {
        self.holding(id, resource).kept
    }

    /// Q(n).
    pub(crate) fn shared(&self, id: AccountId, resource: usize) -> i64 {
        self.holding(id, resource).shared
    }

    /// What a place holds: O(n) or Q(n).
    pub(crate) fn held_at(&self, place: Place, resource: usize) -> i64 {
        match place {
            Place::Own(id) => self.holding(id, resource).own,
            Place::Whole(id) => self.holding(id, resource).shared,
        }
    }

    /// What a place uses: own(n) or V(n).
    pub(crate) fn used_at(&self, view: View, place: Place, resource: usize) -> i64 {
        match place {
            Place::Own(id) => self.used(view, id, resource).own,
            Place::Whole(id) => self.used(view, id, resource).visible,
        }
    }

    /// How much a place borrows; above 0 it *borrows*.
    pub(crate) fn borrowed_at(&self, view: View, place: Place, resource: usize) -> i64 {
        (self.used_at(view, place, resource) - self.held_at(place, resource)).max(0)
    }

    /// What the place has left of what it holds; below 0 it borrows.
    pub(crate) fn slack_at(&self, view: View, place: Place, resource: usize) -> i64 {
        self.held_at(place, resource) - self.used_at(view, place, resource)
    }

    /// What `below` leaves to a child account when `above` is available to its parent.
    pub(crate) fn available_below(
        &self,
        view: View,
        id: AccountId,
        resource: usize,
        above: i64,
    ) -> i64 {
        let holding = self.holding(id, resource);
        let visible = self.used(view, id, resource).visible;
        let outside =
            holding.shared - holding.kept - (visible - holding.kept).max(0) + holding.beyond;
        (holding.kept - visible).max(0) + above.min(outside)
    }

    /// available(root), not cut off at 0.
    pub(crate) fn available_at_root(&self, view: View, resource: usize) -> i64 {
        self.slack_at(view, Place::Whole(ROOT), resource)
    }

    /// available(n), not cut off at 0.
    pub(crate) fn available(&self, view: View, id: AccountId, resource: usize) -> i64 {
        let mut available = self.available_at_root(view, resource);
        for &id in self.path(id).iter().rev().skip(1) {
            available = self.available_below(view, id, resource, available);
        }
        available
    }

    /// potential(n): available(n) with all use zero.
    pub(crate) fn potential(&self, id: AccountId, resource: usize) -> i64 {
        let path = self.path(id);
        let mut potential = self.holding(ROOT, resource).shared;
        for &id in path.iter().rev().skip(1) {
            let holding = self.holding(id, resource);
            potential =
                holding.kept.max(0) + potential.min(holding.shared - holding.kept + holding.beyond);
        }
        potential
    }

    /// The resources of which `amounts` asks for more than is available to the account.
    pub(crate) fn lacking(&self, view: View, id: AccountId, amounts: &Amounts) -> Mask {
        let mut lacking = 0;
        for (resource, amount) in amounts.iter().enumerate() {
            if amount > 0 && amount > self.available(view, id, resource) {
                lacking |= 1 << resource;
            }
        }
        lacking
    }

    /// The resources in which a request of account `id` is covered at a place on its path, `amounts` being
    /// charged to its own pods there.
    pub(crate) fn covered(
        &self,
        view: View,
        place: Place,
        id: AccountId,
        amounts: &Amounts,
    ) -> Mask {
        let mut covered = 0;
        for (resource, amount) in amounts.iter().enumerate() {
            let seen = self.seen(view, place, id, resource, amount);
            if amount == 0 || seen <= self.slack_at(view, place, resource) {
                covered |= 1 << resource;
            }
        }
        covered
    }

    /// How much the use of a place would change if `change` were charged to account `id` at or below it.
    pub(crate) fn seen(
        &self,
        view: View,
        place: Place,
        id: AccountId,
        resource: usize,
        change: i64,
    ) -> i64 {
        match place {
            Place::Own(_) => change,
            Place::Whole(at) => self.seen_at(view, id, at, resource, change),
        }
    }

    /// How much V(at) would rise if `amount` were charged to account `id` below it.
    fn seen_at(
        &self,
        view: View,
        id: AccountId,
        at: AccountId,
        resource: usize,
        amount: i64,
    ) -> i64 {
        let mut change = amount;
        let mut here = id;
        while here != at && change != 0 {
            let kept = self.holding(here, resource).kept;
            let visible = self.used(view, here, resource).visible;
            change = (visible + change - kept).max(0) - (visible - kept).max(0);
            match self.accounts[here.at()].parent {
                Some(parent) => here = parent,
                None => break,
            }
        }
        change
    }

    /// Borrowed use of a child of level `level`, in the resources of `mask`, as its largest fraction of what
    /// the level shares, divided by the child's weight (weighted dominant resource fairness, Ghodsi et al.
    /// 2011, applied to what is borrowed).
    pub(crate) fn share(&self, view: View, level: AccountId, child: Place, mask: Mask) -> Ratio {
        let weight = match child {
            Place::Own(_) => 1,
            Place::Whole(id) => self.accounts[id.at()].terms.weight.max(1),
        };
        let mut largest = Ratio::ZERO;
        for resource in 0..self.resources {
            if mask & (1 << resource) == 0 {
                continue;
            }
            let borrowed = self.borrowed_at(view, child, resource);
            if borrowed > 0 {
                let shared = u128::from(self.level_shares(level, resource).unsigned_abs());
                let ratio = Ratio::new(
                    u128::from(borrowed.unsigned_abs()),
                    shared * u128::from(weight.unsigned_abs()),
                );
                largest = largest.max(ratio);
            }
        }
        largest
    }

    /// Q of the level, or of the next level up that has some; 1 if none has.
    fn level_shares(&self, level: AccountId, resource: usize) -> i64 {
        let mut at = Some(level);
        while let Some(id) = at {
            let shared = self.holding(id, resource).shared;
            if shared > 0 {
                return shared;
            }
            at = self.accounts[id.at()].parent;
        }
        1
    }

    /// The child of `level` on the way to account `id`: its own part if they are the same.
    pub(crate) fn towards(&self, level: AccountId, id: AccountId) -> Place {
        let mut here = id;
        if here == level {
            return Place::Own(id);
        }
        while let Some(parent) = self.accounts[here.at()].parent {
            if parent == level {
                return Place::Whole(here);
            }
            here = parent;
        }
        Place::Whole(here)
    }

    /// The lowest account that is an ancestor-or-self of both.
    pub(crate) fn common(&self, a: AccountId, b: AccountId) -> AccountId {
        let (mut a, mut b) = (a, b);
        while a != b {
            let deeper = if self.accounts[a.at()].depth >= self.accounts[b.at()].depth {
                &mut a
            } else {
                &mut b
            };
            match self.accounts[deeper.at()].parent {
                Some(parent) => *deeper = parent,
                None => return ROOT,
            }
        }
        a
    }

    /// All live accounts, the root first, then depth first by name.
    pub(crate) fn in_order(&self) -> Vec<AccountId> {
        let mut order = Vec::new();
        let mut todo = vec![ROOT];
        while let Some(id) = todo.pop() {
            order.push(id);
            todo.extend(self.accounts[id.at()].children.iter().rev().copied());
        }
        order
    }

    /// The pool's resources that are set in a mask.
    pub(crate) fn in_mask(&self, mask: Mask) -> impl Iterator<Item = usize> + use<> {
        (0..self.resources).filter(move |resource| mask & (1 << resource) != 0)
    }

    /// All resources.
    pub(crate) fn all(&self) -> Mask {
        if self.resources >= 32 {
            Mask::MAX
        } else {
            (1 << self.resources) - 1
        }
    }
}
