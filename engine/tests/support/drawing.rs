//! The parser of drawn lease trees.

use super::amount::{RESOURCES, parse, parse_sparse, parse_time};
use super::words::Words;
use engine::spec::{LeaseKey, LeaseKind, LeaseSpec, OnExpiry, Quantities, Queueing};
use engine::{Span, Time};

/// A drawn tree.
pub struct Drawing {
    /// The root's name.
    pub root: String,
    /// Its capacity, an amount for each resource that the drawing uses.
    pub capacity: Vec<i64>,
    /// Never leased.
    pub reserve: Vec<i64>,
    /// Whether nodes, where there are any, count in sum only.
    pub sums_only: bool,
    /// The leases, in the order drawn.
    pub leases: Vec<LeaseSpec>,
    /// What accounts use as found.
    pub uses: Vec<(String, Vec<i64>)>,
}

/// Amounts by resource name; absent ones are left out.
pub fn quantities(amounts: &[Option<i64>]) -> Quantities {
    let named = RESOURCES.iter().zip(amounts);
    named
        .filter_map(|(&name, amount)| amount.map(|amount| (name.into(), amount)))
        .collect()
}

/// A lease without any terms.
pub fn bare_lease(lessor: &str, name: &str, lessee: &str, created: Time) -> LeaseSpec {
    LeaseSpec {
        key: LeaseKey {
            namespace: lessor.into(),
            name: name.into(),
        },
        created,
        pool: "general".into(),
        lessee: lessee.into(),
        kind: LeaseKind::Sublease,
        guaranteed: Quantities::new(),
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

/// Reads one term of a lease; false if the word names none.
pub fn lease_term(lease: &mut LeaseSpec, word: &str, words: &mut Words) -> bool {
    let seconds = |words: &mut Words| parse_time(words.word("a time"));
    match word {
        "limit" => lease.limit = quantities(&parse_sparse(words.word("the limit"))),
        "lend" => lease.lend_limit = quantities(&parse_sparse(words.word("the lend limit"))),
        "weight" => lease.weight = words.number("the weight"),
        "ceiling" => lease.max_priority = Some(words.number("the ceiling")),
        "fifo" => lease.queueing = Queueing::StrictFifo,
        "grace" => lease.grace_period = Span(seconds(words)),
        "minrun" => lease.min_runtime = Span(seconds(words)),
        "from" => lease.start = Some(Time(seconds(words))),
        "until" => lease.end = Some(Time(seconds(words))),
        "drain" => lease.on_expiry = OnExpiry::Drain,
        "renew" => lease.renew = true,
        _ => return false,
    }
    true
}

impl Drawing {
    /// Reads a drawing: the root in the first line, each further level indented by three columns.
    pub fn parse(text: &str) -> Drawing {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().expect("a drawing begins with the root");
        let margin = column_of_name(first);
        let mut drawing = Drawing::of_root(first);
        let mut path = vec![drawing.root.clone()];
        for line in lines {
            let depth = (column_of_name(line) - margin) / 3;
            assert!(
                (1..=path.len()).contains(&depth),
                "`{line}` hangs in the air"
            );
            path.truncate(depth);
            let name = drawing.read_account(line, &path[depth - 1]);
            path.push(name);
        }
        drawing
    }

    fn of_root(line: &str) -> Drawing {
        let mut words = Words::of(line);
        let root = words.word("the root's name").to_string();
        let capacity = parse(words.word("the root's capacity"));
        let mut drawing = Drawing {
            reserve: vec![0; capacity.len()],
            root,
            capacity,
            sums_only: false,
            leases: Vec::new(),
            uses: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word {
                "use" => {
                    let used = parse(words.word("the use"));
                    drawing.uses.push((drawing.root.clone(), used));
                }
                "reserve" => drawing.reserve = parse(words.word("the reserve")),
                "sums" => drawing.sums_only = true,
                _ => words.unknown(word),
            }
        }
        drawing
    }

    fn read_account(&mut self, line: &str, lessor: &str) -> String {
        let mut words = Words::of(line.trim_start_matches(is_frame));
        let name = words.word("an account's name").to_string();
        let created = Time(i64::try_from(self.leases.len()).expect("few leases"));
        let mut lease = bare_lease(lessor, &name, &name, created);
        let guaranteed = parse_sparse(words.word("the guarantee"));
        lease.guaranteed = quantities(&guaranteed);
        while let Some(word) = words.next() {
            if word == "use" {
                self.uses.push((name.clone(), parse(words.word("the use"))));
            } else if !lease_term(&mut lease, word, &mut words) {
                words.unknown(word);
            }
        }
        self.leases.push(lease);
        name
    }
}

fn is_frame(c: char) -> bool {
    matches!(c, ' ' | '├' | '└' | '│' | '─')
}

fn column_of_name(line: &str) -> usize {
    line.chars().take_while(|&c| is_frame(c)).count()
}
