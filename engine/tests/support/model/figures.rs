//! The arithmetic: each symbol of the lease model's table as one function, one resource at a time.

use super::{Amount, Tree, Use, divide};

/// Stands for "no limit": more than any sum in a test.
const UNLIMITED: i64 = i64::MAX / 4;

/// The figures of a tree under a use, in one resource.
#[derive(Clone, Copy)]
pub struct Figures<'a> {
    tree: &'a Tree,
    used: &'a Use,
    resource: usize,
}

impl Tree {
    /// The figures under a use, in one resource.
    pub fn figures<'a>(&'a self, used: &'a Use, resource: usize) -> Figures<'a> {
        Figures {
            tree: self,
            used,
            resource,
        }
    }

    /// available(n) in all resources, never below 0.
    pub fn available(&self, used: &Use, n: usize) -> Amount {
        (0..self.resources)
            .map(|resource| self.figures(used, resource).available(n).max(0))
            .collect()
    }
}

impl Figures<'_> {
    fn children(&self, n: usize) -> impl Iterator<Item = usize> {
        self.tree.accounts[n].children.iter().copied()
    }

    /// Use of n's own pods.
    pub fn own(&self, n: usize) -> i64 {
        self.used[n][self.resource]
    }

    /// G(n).
    pub fn guarantee(&self, n: usize) -> i64 {
        self.tree.accounts[n].guarantee[self.resource]
    }

    /// O(n): what n holds for its own pods.
    pub fn own_part(&self, n: usize) -> i64 {
        self.guarantee(n) - self.children(n).map(|c| self.guarantee(c)).sum::<i64>()
    }

    /// Q(n): what n's subtree shares.
    pub fn shared(&self, n: usize) -> i64 {
        let lendable = self.children(n).map(|c| self.shared(c) - self.kept(c));
        self.own_part(n) + lendable.sum::<i64>()
    }

    /// K(n): kept back, never lent outside n.
    pub fn kept(&self, n: usize) -> i64 {
        let lend_limit = self.tree.accounts[n].lend_limit[self.resource];
        lend_limit.map_or(0, |lend_limit| (self.shared(n) - lend_limit).max(0))
    }

    /// V(n): use, as n's level sees it.
    pub fn visible(&self, n: usize) -> i64 {
        let seen = self
            .children(n)
            .map(|c| (self.visible(c) - self.kept(c)).max(0));
        self.own(n) + seen.sum::<i64>()
    }

    /// B(n): borrowing limit.
    pub fn borrowing_limit(&self, n: usize) -> i64 {
        let limit = self.tree.accounts[n].limit[self.resource];
        limit.map_or(UNLIMITED, |limit| limit - self.guarantee(n))
    }

    /// How much more n can start now, below 0 where there is over-use.
    pub fn available(&self, n: usize) -> i64 {
        let Some(parent) = self.tree.accounts[n].parent else {
            return self.shared(n) - self.visible(n);
        };
        let (shared, kept, visible) = (self.shared(n), self.kept(n), self.visible(n));
        let within = shared - kept - (visible - kept).max(0) + self.borrowing_limit(n);
        (kept - visible).max(0) + self.available(parent).min(within)
    }

    /// borrowed(n).
    pub fn borrowed(&self, n: usize) -> i64 {
        (self.visible(n) - self.shared(n)).max(0)
    }

    /// What n° borrows.
    pub fn own_borrowed(&self, n: usize) -> i64 {
        (self.own(n) - self.own_part(n)).max(0)
    }

    /// What n could still lend of what it lends at all.
    fn idle(&self, n: usize) -> i64 {
        let kept = self.kept(n);
        (self.shared(n) - kept - (self.visible(n) - kept).max(0)).max(0)
    }

    /// lent and own_lent of every account.
    pub fn lent(&self) -> Vec<(i64, i64)> {
        let mut lent = vec![(0, 0); self.tree.accounts.len()];
        self.pass_down(0, &mut lent);
        lent
    }

    fn pass_down(&self, n: usize, lent: &mut Vec<(i64, i64)>) {
        let children: Vec<_> = self.children(n).collect();
        let borrowed: i64 = children.iter().map(|&c| self.borrowed(c)).sum();
        let inside = borrowed + self.own_borrowed(n) - self.borrowed(n);
        // The own part stands first: it is named like the account itself only if names tie at all.
        let mut idle = vec![(self.own_part(n) - self.own(n)).max(0)];
        idle.extend(children.iter().map(|&c| self.idle(c)));
        let total = (inside + lent[n].0).min(idle.iter().sum());
        let parts = divide(total, &idle);
        lent[n].1 = parts[0];
        for (&child, part) in children.iter().zip(&parts[1..]) {
            lent[child].0 = *part;
            self.pass_down(child, lent);
        }
    }
}
