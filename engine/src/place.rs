//! Which node a pod may go to, and whom it may push off one: the rules that the engine and the scheduler plugin share.
//!
//! **Architecture invariant:** these are functions of what they are given, so that the plugin, which sees a copy of the
//! engine's figures only, answers as the engine would.

use crate::grants::{AccountStanding, Grant};
use crate::time::{Span, Time};

/// A set of the resources that a pool leases, a bit each.
pub type Resources = u32;

/// Whether `free` has what `request` asks for, resource by resource.
pub fn holds(free: &[i64], request: &[i64]) -> bool {
    request.iter().enumerate().all(|(resource, &amount)| {
        amount <= 0 || free.get(resource).is_some_and(|&free| free >= amount)
    })
}

/// Whether a pod may go to a node beside the room that is earmarked there for others. What is expected there already
/// has its room. Whose request nobody knows stays away.
pub fn may_place(
    is_expected: bool,
    is_earmarked: bool,
    free_beside_earmarks: &[i64],
    request: Option<&[i64]>,
) -> bool {
    is_expected
        || !is_earmarked
        || request.is_some_and(|request| holds(free_beside_earmarks, request))
}

/// The resources in which a pod may be taken for another account's request: the request is `covered` at the child of
/// their lowest common ancestor towards it, and all of `borrowing`, the accounts from there down to the victim's own
/// part, borrow.
pub fn may_take(covered: Resources, borrowing: impl IntoIterator<Item = Resources>) -> Resources {
    borrowing.into_iter().fold(covered, |mask, of| mask & of)
}

/// Until when a whole unit is protected by its account's `minRuntimeSeconds` (rule 7); nothing if it is not, or not any
/// more.
pub fn protected_until(now: Time, unit_started: Option<Time>, min_runtime: Span) -> Option<Time> {
    unit_started
        .map(|started| started + min_runtime)
        .filter(|&until| until > now)
}

/// Why the lease rules protect a pod from being preempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// It runs within a guarantee that is not the preemptor's to take, or the preemptor borrows itself.
    Guaranteed,
    /// Its unit has not run for `minRuntimeSeconds`.
    MinRuntime,
}

/// Whether the lease rules protect a charged pod from one that is to take its place, and why. `preemptor` is nothing
/// for a pod outside all leases, which has no guarantee to call in: it may take what is borrowed. `is_surplus` says that
/// the victim's workload goes on without it.
pub fn protection<'a>(
    now: Time,
    preemptor: Option<&Grant>,
    victim: &Grant,
    is_surplus: bool,
    account: impl Fn(&str) -> Option<&'a AccountStanding>,
) -> Option<Protection> {
    let same = preemptor.is_some_and(|preemptor| preemptor.namespace == victim.namespace);
    if !same {
        let asked = preemptor.map_or(Resources::MAX, |preemptor| preemptor.holds);
        let between = relation(
            preemptor.map(|preemptor| &*preemptor.namespace),
            &victim.namespace,
            &account,
        );
        let taken = between.map_or(0, |(covered, borrowing)| may_take(covered, borrowing));
        if taken & asked & victim.holds == 0 {
            return Some(Protection::Guaranteed);
        }
    }
    let min_runtime = account(&victim.namespace).map_or(Span(0), |account| account.min_runtime);
    let runs = protected_until(now, victim.unit_started, min_runtime);
    runs.filter(|_| !is_surplus).map(|_| Protection::MinRuntime)
}

/// In what the preemptor is covered below the lowest common ancestor, and in what each account from there down to the
/// victim's own part borrows. Nothing if one of them has no account here.
fn relation<'a>(
    preemptor: Option<&str>,
    victim: &str,
    account: &impl Fn(&str) -> Option<&'a AccountStanding>,
) -> Option<(Resources, Vec<Resources>)> {
    let path = |from: &str| {
        let mut path = vec![account(from)?];
        while let Some(parent) = path.last().and_then(|last| last.parent.as_deref()) {
            path.push(account(parent)?);
        }
        Some(path)
    };
    let theirs = path(victim)?;
    let mine = match preemptor {
        Some(preemptor) => path(preemptor)?,
        None => Vec::new(),
    };
    // Both end at the root: what they share is counted from there.
    let shared = theirs
        .iter()
        .rev()
        .zip(mine.iter().rev())
        .take_while(|(theirs, mine)| theirs.namespace == mine.namespace)
        .count();
    let covered = match mine.len().checked_sub(shared) {
        _ if preemptor.is_none() => Resources::MAX,
        Some(0) | None => !mine.first()?.own_borrows,
        Some(below) => !mine.get(below - 1)?.whole_borrows,
    };
    // Nobody is above the root: it never borrows.
    let up_to = theirs.len() - shared.max(1);
    let wholes = theirs.iter().take(up_to);
    let own = theirs.first()?.own_borrows;
    let borrowing = std::iter::once(own).chain(wholes.map(|account| account.whole_borrows));
    Some((covered, borrowing.collect()))
}
