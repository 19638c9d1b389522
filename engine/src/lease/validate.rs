//! What one lease can say about itself, without a look at the others.

use super::LeaseBook;
use super::account::{Lease, Shape};
use super::timeline::Term;
use crate::amounts::{AMOUNT_MAX, Amounts, UNLIMITED};
use crate::refusal::Refusal;
use crate::spec::{LeaseKey, LeaseKind, LeaseSpec, Name, Quantities};
use crate::time::{Span, Time};

/// The largest weight: products of it with two amounts stay within an `i128`.
pub const WEIGHT_MAX: i64 = 1_000_000;

/// Collects what is wrong with one object.
struct Problems<'a> {
    key: &'a LeaseKey,
    found: Vec<Refusal>,
}

impl Problems<'_> {
    fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.found.push(Refusal::Invalid {
            object: format!("CapacityLease {}/{}", self.key.namespace, self.key.name),
            field: field.into(),
            problem: problem.into(),
        });
    }
}

impl LeaseBook {
    /// All that makes no sense in a lease by itself.
    pub(super) fn find_senseless(&self, spec: &LeaseSpec) -> Vec<Refusal> {
        let mut problems = Problems {
            key: &spec.key,
            found: Vec::new(),
        };
        if spec.pool != self.pool {
            let problem = format!("names pool {}, this is pool {}", spec.pool, self.pool);
            problems.add("spec.pool", problem);
        }
        if spec.lessee == spec.key.namespace {
            let problem = format!("{} cannot lease to itself; name another", spec.lessee);
            problems.add("spec.lessee", problem);
        }
        let fields = [
            ("spec.guaranteed", &spec.guaranteed),
            ("spec.limit", &spec.limit),
            ("spec.lendLimit", &spec.lend_limit),
        ];
        for (field, amounts) in fields {
            self.check_amounts(&mut problems, field, amounts);
        }
        for (resource, limit) in &spec.limit {
            let guaranteed = spec.guaranteed.get(resource).copied().unwrap_or(0);
            if *limit < guaranteed {
                let [low, high] =
                    [*limit, guaranteed].map(|amount| Refusal::amount(resource, amount));
                problems.add(
                    format!("spec.limit.{resource}"),
                    format!("limit {low} is below guaranteed {high}; ask for at least {high}"),
                );
            }
        }
        check_term(&mut problems, spec);
        match spec.kind {
            LeaseKind::Sublease => check_shape(&mut problems, spec),
            LeaseKind::Transfer => check_transfer_fields(&mut problems, spec),
        }
        problems.found
    }

    fn check_amounts(&self, problems: &mut Problems<'_>, field: &str, amounts: &Quantities) {
        for (resource, amount) in amounts {
            let field = format!("{field}.{resource}");
            if !self.resources.contains(resource) {
                let leased: Vec<&str> = self.resources.iter().map(AsRef::as_ref).collect();
                let leased = leased.join(", ");
                let problem = format!("pool {} does not lease it; it leases {leased}", self.pool);
                problems.add(field, problem);
            } else if *amount < 0 {
                let amount = Refusal::amount(resource, *amount);
                problems.add(field, format!("{amount} is negative; at least 0 is needed"));
            } else if *amount > AMOUNT_MAX {
                let [amount, most] =
                    [*amount, AMOUNT_MAX].map(|amount| Refusal::amount(resource, amount));
                problems.add(field, format!("{amount} is too much; at most {most}"));
            }
        }
    }

    /// A lease as the book keeps it; its term is the one that is written down.
    pub(super) fn compile(&self, spec: &LeaseSpec) -> Lease {
        let start = spec.start.unwrap_or(Time::MIN);
        let end = spec.end.unwrap_or(Time::MAX);
        // Somebody who writes the renewed end back into the object does not make the term longer.
        let length = match self.leases.get(&spec.key) {
            Some(known) if (known.term.start, known.term.end) == (start, end) => known.length,
            _ => end - start,
        };
        Lease {
            spec: spec.clone(),
            term: Term { start, end },
            length,
            guaranteed: self.amounts(&spec.guaranteed, 0),
            limit: self.amounts(&spec.limit, UNLIMITED),
            lend_limit: self.amounts(&spec.lend_limit, UNLIMITED),
            has_lapsed: false,
            is_applied: false,
        }
    }

    fn amounts(&self, quantities: &Quantities, absent: i64) -> Amounts {
        let of = |resource: &Name| quantities.get(resource).copied().unwrap_or(absent);
        Amounts(self.resources.iter().map(of).collect())
    }
}

fn check_term(problems: &mut Problems<'_>, spec: &LeaseSpec) {
    if let (Some(start), Some(end)) = (spec.start, spec.end)
        && start >= end
    {
        let [start, end] = [start, end].map(Refusal::instant);
        problems.add(
            "spec.term",
            format!("ends at {end}, starts at {start}; the end must be later"),
        );
    }
    if spec.renew && (spec.start.is_none() || spec.end.is_none()) {
        problems.add(
            "spec.term.renew",
            "moves the end on by whole terms, so it needs both start and end",
        );
    }
}

fn check_shape(problems: &mut Problems<'_>, spec: &LeaseSpec) {
    if !(1..=WEIGHT_MAX).contains(&spec.weight) {
        problems.add(
            "spec.weight",
            format!("{} is not within 1 to {WEIGHT_MAX}", spec.weight),
        );
    }
    let spans = [
        ("spec.reclaim.gracePeriodSeconds", spec.grace_period),
        ("spec.reclaim.minRuntimeSeconds", spec.min_runtime),
    ];
    for (field, span) in spans {
        if span < Span(0) {
            problems.add(field, "is negative; at least 0 is needed");
        }
    }
}

fn check_transfer_fields(problems: &mut Problems<'_>, spec: &LeaseSpec) {
    let (set, unset) = (Shape::of(spec), Shape::default());
    let fields = [
        ("spec.limit", !spec.limit.is_empty()),
        ("spec.lendLimit", !spec.lend_limit.is_empty()),
        ("spec.weight", set.weight != unset.weight),
        ("spec.maxPriority", set.max_priority != unset.max_priority),
        ("spec.queueing", set.queueing != unset.queueing),
        (
            "spec.reclaim.gracePeriodSeconds",
            set.grace_period != unset.grace_period,
        ),
        (
            "spec.reclaim.minRuntimeSeconds",
            set.min_runtime != unset.min_runtime,
        ),
    ];
    for (field, is_set) in fields {
        if is_set {
            problems.add(
                field,
                "may not be set on a Transfer, only guaranteed, term and onExpiry; leave it out",
            );
        }
    }
}
