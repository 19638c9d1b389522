//! Requests that are covered in a part of what they ask for: with several resources, who is entitled changes with
//! what is lacking, so it may change though nothing was given back.

use super::Pool;
use super::earmark::WOKEN_MAX;
use super::records::Kind;
use super::search::Source;
use crate::ids::{AccountId, RequestIx};
use crate::tree::View;
use std::collections::BTreeSet;

/// How many are watched while borrowers are admitted.
const WATCHED_MAX: usize = 64;

impl Pool {
    /// Remembers a waiting request that is covered in something it asks for, but lacks something else.
    pub(super) fn note_partly_covered(&mut self, index: RequestIx) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        if request.partly_covered.is_some()
            || request.earmark.is_some()
            || self.stuck.contains(&index)
        {
            return;
        }
        let (account, total) = (request.account, request.total.clone());
        let lacking = self.tree.lacking(View::Soon, account, &total);
        let covered = self.places(account).fold(0, |covered, place| {
            covered | self.tree.covered(View::Soon, place, account, &total)
        });
        if self.asked(&total) & covered == 0 || matches!(request.kind, Kind::Step(_)) {
            return;
        }
        let Some(resource) = self.tree.in_mask(lacking & !covered).next() else {
            // What it waits for is on its way; when others take that, it may lack just what is covered.
            if self.tree.lacking(View::Now, account, &total) != 0 {
                self.stuck.insert(index);
            }
            return;
        };
        self.sequence += 1;
        let place = (resource, total[resource], self.sequence);
        self.partly_covered
            .insert((place.0, place.1, place.2, index));
        if let Some(request) = self.requests.get_mut(index.0) {
            request.partly_covered = Some(place);
        }
    }

    /// Partly covered requests of whose uncovered resource there may be enough now, and which are covered in
    /// all that they lack by now. A few of each resource; they go to the end of the line.
    pub(super) fn wake_partly_covered(&mut self) -> Vec<RequestIx> {
        let mut woken = Vec::new();
        for resource in 0..self.tree.resources() {
            let available = self.tree.available_at_root(View::Soon, resource);
            let line = self
                .partly_covered
                .range((resource, i64::MIN, 0, RequestIx(0))..);
            let there = line.take_while(|entry| entry.0 == resource && entry.1 <= available);
            woken.extend(there.take(WOKEN_MAX).copied());
        }
        for entry in &woken {
            self.partly_covered.remove(entry);
            if let Some(request) = self.requests.get_mut(entry.3.0) {
                request.partly_covered = None;
            }
            self.decision.news.insert(entry.3);
        }
        let requests = woken.into_iter().map(|entry| entry.3);
        requests
            .filter(|index| {
                let request = self.requests.get(index.0);
                request
                    .is_some_and(|request| self.covering(request.account, &request.total).is_some())
            })
            .collect()
    }

    /// Watches the account's requests that lack nothing and are covered in a part of what they ask for: should a
    /// borrower take just that part, they are entitled to it.
    pub(super) fn watch_partly_covered(&mut self, account: AccountId) {
        if self.tree.resources() == 1 || self.decision.watched.len() >= WATCHED_MAX {
            return;
        }
        for request in self.offers(account) {
            if self.is_partly_covered(request) {
                self.decision.watched.insert(request);
            }
        }
    }

    /// Whether a request of those looked at before is entitled, or may become so. One that lacks nothing and is
    /// covered in a part of what it asks for is a borrower, and watched.
    pub(super) fn is_no_borrower(&mut self, source: Source) -> bool {
        match source {
            Source::Request(request) if self.is_partly_covered(request) => {
                self.decision.watched.insert(request);
                false
            }
            _ => true,
        }
    }

    fn is_partly_covered(&self, index: RequestIx) -> bool {
        self.requests.get(index.0).is_some_and(|request| {
            let (account, total) = (request.account, &request.total);
            let lacks = self.tree.lacking(View::Soon, account, total);
            lacks == 0
                && request.earmark.is_none()
                && !matches!(request.kind, Kind::Step(_))
                && !self.is_covered(account, total)
                && self.places(account).any(|place| {
                    self.asked(total) & self.tree.covered(View::Soon, place, account, total) != 0
                })
        })
    }

    /// Those watched that lack what they are covered in, now that a borrower was admitted.
    pub(super) fn entitled_by_now(&mut self) -> BTreeSet<Source> {
        let watched = std::mem::take(&mut self.decision.watched);
        let (entitled, others): (BTreeSet<_>, BTreeSet<_>) =
            watched.into_iter().partition(|index| {
                self.requests
                    .get(index.0)
                    .is_some_and(|request| self.covering(request.account, &request.total).is_some())
            });
        self.decision.watched = others;
        entitled.into_iter().map(Source::Request).collect()
    }
}
