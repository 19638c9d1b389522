//! A second set of books: what is charged to whom, kept from actions alone.
//!
//! It knows guarantees and limits from the engine's figures, after each change of leases or nodes, and sums
//! everything else for itself. An action costs the path of its account.

use super::pods::{NONE, index};
use engine::snapshot::PoolFigures;
use engine::spec::{Name, PoolSpec, Template};
use engine::{Cause, Event};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::sync::Arc;

#[derive(Debug)]
struct Account {
    name: Name,
    parent: u32,
    own: Vec<i64>,
    subtree: Vec<i64>,
    /// Of its own: asked to end as victims.
    leaving: Vec<i64>,
    /// O(n).
    own_part: Vec<i64>,
    limit: Vec<Option<i64>>,
}

#[derive(Debug)]
struct Book {
    pool: Name,
    resources: Vec<Name>,
    capacity: Vec<i64>,
    selector: Vec<(Name, Name)>,
    accounts: Vec<Account>,
    by_name: FxHashMap<Name, u32>,
}

#[derive(Clone, Debug)]
struct Charge {
    book: u32,
    account: u32,
    amounts: SmallVec<[i64; 4]>,
    leaving: bool,
}

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    stale: bool,
    timed: bool,
    books: Vec<Book>,
    charges: FxHashMap<u64, Charge>,
    /// Workloads that were judged in the present decision: a whole unit may straddle.
    judged: FxHashSet<u32>,
}

impl Ledger {
    /// Takes note of an event that may change guarantees and limits.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::LeaseSet(lease) => {
                self.timed |= lease.start.is_some() || lease.end.is_some();
                self.stale = true;
            }
            Event::PoolSet(_)
            | Event::PoolRemoved { .. }
            | Event::LeaseRemoved { .. }
            | Event::NodeSet(_)
            | Event::NodeRemoved { .. } => self.stale = true,
            _ => self.stale |= self.timed,
        }
        self.judged.clear();
    }

    /// Whether guarantees and limits have to be read again.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Reads guarantees and limits; `capacity` tells a pool's capacity by resource.
    pub(crate) fn refresh(&mut self, figures: &[PoolFigures], pools: &[(&PoolSpec, Vec<i64>)]) {
        self.stale = false;
        for figures in figures {
            let Some((spec, capacity)) = pools.iter().find(|(spec, _)| spec.name == figures.pool)
            else {
                continue;
            };
            let book = match self.books.iter().position(|book| book.pool == figures.pool) {
                Some(book) => book,
                None => {
                    self.books.push(Book {
                        pool: figures.pool.clone(),
                        resources: spec.resources.clone(),
                        capacity: Vec::new(),
                        selector: Vec::new(),
                        accounts: Vec::new(),
                        by_name: FxHashMap::default(),
                    });
                    self.books.len() - 1
                }
            };
            self.books[book].refresh(figures, spec, capacity);
        }
    }

    fn home(&self, namespace: &Name, template: &Template) -> Option<(u32, u32)> {
        let homes: SmallVec<[(u32, u32); 2]> = self
            .books
            .iter()
            .enumerate()
            .filter_map(|(book, entry)| Some((index(book), *entry.by_name.get(namespace)?)))
            .collect();
        if homes.len() <= 1 {
            return homes.first().copied();
        }
        homes.into_iter().find(|&(book, _)| {
            let selector = &self.books[book as usize].selector;
            !selector.is_empty()
                && selector
                    .iter()
                    .all(|(key, value)| template.nodes.labels.get(key) == Some(value))
        })
    }

    /// A pod was admitted: neither its account, nor one above it, nor the pool may be beyond its bound now.
    pub(crate) fn charge(
        &mut self,
        pod: u64,
        namespace: &Name,
        template: &Arc<Template>,
    ) -> Result<(), String> {
        if self.charges.contains_key(&pod) {
            return Err(format!("pod {pod} of {namespace} is charged twice"));
        }
        let Some((book, account)) = self.home(namespace, template) else {
            if self
                .books
                .iter()
                .any(|book| book.by_name.contains_key(namespace))
            {
                return Ok(());
            }
            return Err(format!(
                "pod {pod} of {namespace} was admitted without an account"
            ));
        };
        let amounts = self.add(pod, book, account, template);
        self.books[book as usize].check_bounds(account, &amounts)
    }

    /// A pod was found running: charged, whatever the bounds.
    pub(crate) fn find(&mut self, pod: u64, namespace: &Name, template: &Arc<Template>) {
        if let Some((book, account)) = self.home(namespace, template) {
            self.add(pod, book, account, template);
        }
    }

    fn add(
        &mut self,
        pod: u64,
        book: u32,
        account: u32,
        template: &Template,
    ) -> SmallVec<[i64; 4]> {
        let entry = &mut self.books[book as usize];
        let amounts: SmallVec<[i64; 4]> = entry
            .resources
            .iter()
            .map(|name| template.request.get(name).copied().unwrap_or(0))
            .collect();
        entry.add(account, &amounts, 1);
        let charge = Charge {
            book,
            account,
            amounts: amounts.clone(),
            leaving: false,
        };
        self.charges.insert(pod, charge);
        amounts
    }

    /// A pod has ended.
    pub(crate) fn release(&mut self, pod: u64) {
        if let Some(charge) = self.charges.remove(&pod) {
            let book = &mut self.books[charge.book as usize];
            book.add(charge.account, &charge.amounts, -1);
            if charge.leaving {
                book.mark(charge.account, &charge.amounts, -1);
            }
        }
    }

    /// A pod was chosen as a victim: where that gives capacity back, its account must borrow.
    pub(crate) fn victim(&mut self, pod: u64, work: u32, cause: &Cause) -> Result<(), String> {
        let Some(charge) = self.charges.get_mut(&pod) else {
            return Ok(());
        };
        if charge.leaving {
            return Ok(());
        }
        charge.leaving = true;
        let charge = charge.clone();
        let fresh = self.judged.insert(work);
        let book = &mut self.books[charge.book as usize];
        let borrows = book.own_borrows(charge.account, &charge.amounts);
        book.mark(charge.account, &charge.amounts, 1);
        if fresh && !borrows && matches!(cause, Cause::Reclaim { .. }) {
            let account = &book.accounts[charge.account as usize];
            return Err(format!(
                "a victim was taken from {}, which is within its guarantee: uses {:?}, of which {:?} were on their way out, holds {:?}",
                account.name, account.own, account.leaving, account.own_part
            ));
        }
        Ok(())
    }

    /// Whether an account's own part has room for so many of a template.
    pub(crate) fn covers(&self, namespace: &Name, template: &Template, count: i64) -> bool {
        let Some((book, account)) = self.home(namespace, template) else {
            return false;
        };
        let book = &self.books[book as usize];
        let account = &book.accounts[account as usize];
        book.resources.iter().enumerate().all(|(k, name)| {
            let asked = template
                .request
                .get(name)
                .copied()
                .unwrap_or(0)
                .saturating_mul(count);
            asked == 0 || account.own[k] + asked <= account.own_part[k]
        })
    }

    /// Whether the engine's books say the same.
    pub(crate) fn compare(&self, figures: &[PoolFigures]) -> Result<(), String> {
        for pool in figures {
            let Some(book) = self.books.iter().find(|book| book.pool == pool.pool) else {
                continue;
            };
            for figures in &pool.accounts {
                let Some(&account) = book.by_name.get(&figures.namespace) else {
                    continue;
                };
                let account = &book.accounts[account as usize];
                for (k, (resource, theirs)) in figures.resources.iter().enumerate() {
                    if account.own[k] != theirs.used || account.subtree[k] != theirs.subtree_used {
                        return Err(format!(
                            "{} of {}: the engine counts {} used, {} with its subtree; its actions say {} and {}",
                            resource,
                            figures.namespace,
                            theirs.used,
                            theirs.subtree_used,
                            account.own[k],
                            account.subtree[k]
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Book {
    fn refresh(&mut self, figures: &PoolFigures, spec: &PoolSpec, capacity: &[i64]) {
        let r = self.resources.len();
        self.capacity = capacity.to_vec();
        let labels = spec.node_selector.labels.iter();
        self.selector = labels
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for account in &figures.accounts {
            if !self.by_name.contains_key(&account.namespace) {
                self.by_name
                    .insert(account.namespace.clone(), index(self.accounts.len()));
                self.accounts.push(Account {
                    name: account.namespace.clone(),
                    parent: NONE,
                    own: vec![0; r],
                    subtree: vec![0; r],
                    leaving: vec![0; r],
                    own_part: vec![0; r],
                    limit: vec![None; r],
                });
            }
        }
        for account in &mut self.accounts {
            account.parent = NONE;
            account.own_part = vec![0; r];
            account.limit = vec![None; r];
            account.subtree = account.own.clone();
        }
        for account in &figures.accounts {
            self.read(account);
        }
        for at in 0..self.accounts.len() {
            let own = self.accounts[at].own.clone();
            let mut above = self.accounts[at].parent;
            while above != NONE {
                let entry = &mut self.accounts[above as usize];
                for (sum, amount) in entry.subtree.iter_mut().zip(&own) {
                    *sum += amount;
                }
                above = entry.parent;
            }
        }
    }

    fn read(&mut self, figures: &engine::snapshot::AccountFigures) {
        let Some(&at) = self.by_name.get(&figures.namespace) else {
            return;
        };
        let parent = figures
            .parent
            .as_ref()
            .and_then(|name| self.by_name.get(name).copied());
        self.accounts[at as usize].parent = parent.unwrap_or(NONE);
        for (k, (_, figures)) in figures.resources.iter().enumerate() {
            self.accounts[at as usize].own_part[k] += figures.guaranteed;
            self.accounts[at as usize].limit[k] = figures.limit;
            if let Some(parent) = parent {
                self.accounts[parent as usize].own_part[k] -= figures.guaranteed;
            }
        }
    }

    fn add(&mut self, account: u32, amounts: &[i64], sign: i64) {
        for (k, amount) in amounts.iter().enumerate() {
            self.accounts[account as usize].own[k] += sign * amount;
        }
        let mut at = account;
        while at != NONE {
            let entry = &mut self.accounts[at as usize];
            for (sum, amount) in entry.subtree.iter_mut().zip(amounts) {
                *sum += sign * amount;
            }
            at = entry.parent;
        }
    }

    fn mark(&mut self, account: u32, amounts: &[i64], sign: i64) {
        for (leaving, amount) in self.accounts[account as usize]
            .leaving
            .iter_mut()
            .zip(amounts)
        {
            *leaving += sign * amount;
        }
    }

    fn own_borrows(&self, account: u32, amounts: &[i64]) -> bool {
        let entry = &self.accounts[account as usize];
        (0..amounts.len())
            .any(|k| amounts[k] > 0 && entry.own[k] - entry.leaving[k] > entry.own_part[k])
    }

    fn check_bounds(&self, account: u32, amounts: &[i64]) -> Result<(), String> {
        let mut at = account;
        while at != NONE {
            let entry = &self.accounts[at as usize];
            for k in (0..amounts.len()).filter(|&k| amounts[k] > 0) {
                let bound = match entry.parent {
                    NONE => Some(self.capacity[k]),
                    _ => entry.limit[k],
                };
                if let Some(bound) = bound.filter(|&bound| entry.subtree[k] > bound) {
                    return Err(format!(
                        "{} of {}: an admission of {} brings its use to {}, its bound is {}",
                        self.resources[k],
                        entry.name,
                        self.accounts[account as usize].name,
                        entry.subtree[k],
                        bound
                    ));
                }
            }
            at = entry.parent;
        }
        Ok(())
    }
}
