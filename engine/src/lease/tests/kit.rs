//! Short ways to write down leases. One resource, `cpu`, in millicores, unless a test says otherwise; time in
//! seconds.

use crate::amounts::{Amounts, UNLIMITED};
use crate::lease::{AccountTerms, LeaseBook};
use crate::refusal::Refusal;
use crate::spec::{LeaseKey, LeaseKind, LeaseSpec, Name, OnExpiry, Quantities, Queueing};
use crate::time::{Span, Time};
use std::fmt::Write;

pub fn at(seconds: i64) -> Time {
    Time(seconds * 1000)
}

pub fn key(path: &str) -> LeaseKey {
    let (namespace, name) = path.split_once('/').expect("namespace/name");
    LeaseKey {
        namespace: namespace.into(),
        name: name.into(),
    }
}

pub fn cpu(cores: i64) -> Quantities {
    Quantities::from([("cpu".into(), cores * 1000)])
}

/// A sublease `lessor/name` for ever.
pub fn lease(path: &str, lessee: &str, cores: i64) -> LeaseSpec {
    LeaseSpec {
        key: key(path),
        created: Time(0),
        pool: "general".into(),
        lessee: lessee.into(),
        kind: LeaseKind::Sublease,
        guaranteed: cpu(cores),
        limit: Quantities::new(),
        lend_limit: Quantities::new(),
        weight: 1,
        max_priority: None,
        queueing: Queueing::BestEffort,
        start: None,
        end: None,
        renew: false,
        on_expiry: OnExpiry::Borrow,
        grace_period: Span::seconds(30),
        min_runtime: Span(0),
    }
}

pub trait Build: Sized {
    fn with(self, change: impl FnOnce(&mut LeaseSpec)) -> LeaseSpec;
    fn limit(self, cores: i64) -> LeaseSpec {
        self.with(|lease| lease.limit = cpu(cores))
    }
    fn lend(self, cores: i64) -> LeaseSpec {
        self.with(|lease| lease.lend_limit = cpu(cores))
    }
    fn term(self, start: i64, end: i64) -> LeaseSpec {
        self.with(|lease| (lease.start, lease.end) = (Some(at(start)), Some(at(end))))
    }
    fn renew(self) -> LeaseSpec {
        self.with(|lease| lease.renew = true)
    }
    fn drain(self) -> LeaseSpec {
        self.with(|lease| lease.on_expiry = OnExpiry::Drain)
    }
    fn created(self, seconds: i64) -> LeaseSpec {
        self.with(|lease| lease.created = at(seconds))
    }
    fn transfer(self) -> LeaseSpec {
        self.with(|lease| lease.kind = LeaseKind::Transfer)
    }
}

impl Build for LeaseSpec {
    fn with(mut self, change: impl FnOnce(&mut LeaseSpec)) -> LeaseSpec {
        change(&mut self);
        self
    }
}

/// An empty book whose root holds this many cores.
pub fn empty(cores: i64) -> LeaseBook {
    let mut book = LeaseBook::new("general".into(), vec!["cpu".into()], "root".into());
    book.set_capacity(cores_of(cores));
    book
}

pub fn cores_of(cores: i64) -> Amounts {
    Amounts::filled(1, cores * 1000)
}

/// A book at time 0 with these leases, each of which must be taken.
pub fn book(cores: i64, leases: impl IntoIterator<Item = LeaseSpec>) -> LeaseBook {
    let mut book = empty(cores);
    book.advance(at(0));
    for lease in leases {
        let name = lease.key.clone();
        if let Err(problems) = book.set(at(0), lease) {
            panic!("{name:?}: {}", said(problems));
        }
    }
    book
}

/// Refusals as their texts, a line each.
pub fn said(problems: Vec<Refusal>) -> String {
    problems
        .iter()
        .map(|problem| format!("{}: {problem}\n", problem.reason()))
        .collect()
}

fn cores(amount: i64) -> String {
    match amount {
        UNLIMITED => "none".to_owned(),
        amount => Refusal::amount("cpu", amount).to_string(),
    }
}

fn line(terms: &AccountTerms) -> String {
    let mut line = format!("{} {}", terms.name, cores(terms.guaranteed[0]));
    let mut add = |text: String| write!(line, " {text}").expect("strings can be written");
    if terms.granted != terms.guaranteed {
        add(format!("of {}", cores(terms.granted[0])));
    }
    if terms.limit[0] != UNLIMITED {
        add(format!("limit {}", cores(terms.limit[0])));
    }
    if terms.lend_limit[0] != UNLIMITED {
        add(format!("lend {}", cores(terms.lend_limit[0])));
    }
    if terms.state.as_str() != "Active" {
        add(terms.state.as_str().to_owned());
    }
    if let Some(since) = terms.drain_since {
        add(format!("since {}", since.0 / 1000));
    }
    if let Some(starts) = terms.starts {
        add(format!("starts {}", starts.0 / 1000));
    }
    if !terms.has_lease {
        add("no lease".to_owned());
    }
    line
}

/// All accounts but the root, depth first by name, indented by their depth.
pub fn drawn(book: &LeaseBook) -> String {
    fn below(book: &LeaseBook, lessor: &Name, depth: usize, text: &mut String) {
        for name in book.accounts() {
            let terms = book.terms(name).expect("accounts have terms");
            if terms.parent.as_ref() == Some(lessor) {
                let indent = "  ".repeat(depth);
                writeln!(text, "{indent}{}", line(&terms)).expect("strings can be written");
                below(book, name, depth + 1, text);
            }
        }
    }
    let mut text = String::new();
    below(book, &"root".into(), 0, &mut text);
    text
}
