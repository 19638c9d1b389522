//! Random trees and random histories on them.
//!
//! Amounts are small whole numbers, so that ties, exact fits and pods that straddle a guarantee are common.
//! Everything is chosen by numbers that are taken modulo what there is, so that a failing case shrinks well.

use super::drawing::{Drawing, bare_lease, quantities};
use super::world::{PodOptions, State, World};
use engine::spec::{ElasticSpec, NodeSpec, PodId, Removal, Template, WorkloadKey};
use engine::spec::{OnExpiry, Queueing};
use engine::{Event, Span, Time};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many cases a property tries: `PROPTEST_CASES` may ask for more than the few that every run can afford.
pub fn tries(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    // 256 is what proptest tries when nobody asks for anything.
    let asked = default.cases != 256;
    ProptestConfig {
        cases: if asked { default.cases } else { cases },
        // The same cases in every run; `PROPTEST_RNG_SEED` asks for others.
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            asked => asked,
        },
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..default
    }
}

/// An account to be.
#[derive(Clone, Debug)]
pub struct AccountSeed {
    parent: usize,
    guarantee: [i64; 2],
    lend: Option<i64>,
    limit: Option<i64>,
    weight: i64,
    strict: bool,
    min_runtime: i64,
    ceiling: Option<i32>,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Op {
    /// A pod arrives.
    Pod {
        account: usize,
        asks: [i64; 2],
        priority: i32,
    },
    /// A gang arrives.
    Gang {
        account: usize,
        count: u32,
        asks: [i64; 2],
        priority: i32,
    },
    /// An elastic workload is declared.
    Elastic {
        account: usize,
        min: u32,
        more: u32,
        step: u32,
        asks: [i64; 2],
        cooldown: i64,
        priority: i32,
    },
    /// A pod is found running.
    Found { account: usize, asks: [i64; 2] },
    /// Something that runs or waits ends by itself: a pod, a gang, or a whole workload.
    Finish { which: usize },
    /// Victims end.
    EndAsked { count: usize },
    /// An eviction is refused.
    Refuse { which: usize },
    /// Time passes.
    Pass { seconds: i64 },
    /// A lease gets other amounts.
    Resize {
        account: usize,
        guarantee: i64,
        lend: Option<i64>,
        limit: Option<i64>,
    },
    /// A further lease with a term.
    Boost {
        account: usize,
        guarantee: i64,
        from: i64,
        seconds: i64,
        drain: bool,
    },
    /// A node goes, or comes back.
    Node { which: usize, lost: bool },
}

/// A tree and a history.
#[derive(Clone, Debug)]
pub struct Case {
    /// Units of capacity.
    pub capacity: i64,
    /// Accounts below the root.
    pub accounts: Vec<AccountSeed>,
    /// Resources in use, 1 or 2.
    pub resources: usize,
    /// Whether capacity follows nodes.
    pub nodes: bool,
    /// Whether what was evicted arrives again.
    pub comes_again: bool,
    /// What happens.
    pub ops: Vec<Op>,
}

fn asks() -> impl Strategy<Value = [i64; 2]> {
    prop_oneof![
        4 => (1..5i64, 0..3i64).prop_map(|(a, b)| [a, b]),
        1 => (0..1i64, 1..4i64).prop_map(|(a, b)| [a, b]),
    ]
}

fn account() -> impl Strategy<Value = AccountSeed> {
    (
        any::<prop::sample::Index>(),
        [0..8i64, 0..5i64],
        option::weighted(0.3, 0..5i64),
        option::weighted(0.3, 0..6i64),
        1..4i64,
        prop::bool::weighted(0.1),
        prop_oneof![4 => Just(0i64), 1 => Just(4)],
        option::weighted(0.08, 0..3i32),
    )
        .prop_map(
            |(parent, guarantee, lend, limit, weight, strict, min_runtime, ceiling)| AccountSeed {
                parent: parent.index(64),
                guarantee,
                lend,
                limit,
                weight,
                strict,
                min_runtime,
                ceiling,
            },
        )
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0..8usize;
    let priority = || prop_oneof![3 => Just(0), 1 => 0..3i32];
    prop_oneof![
        8 => (at.clone(), asks(), priority())
            .prop_map(|(account, asks, priority)| Op::Pod { account, asks, priority }),
        2 => (at.clone(), 2..4u32, asks(), priority())
            .prop_map(|(account, count, asks, priority)| Op::Gang { account, count, asks, priority }),
        5 => (at.clone(), 1..4u32, 0..7u32, 1..3u32, asks(), prop_oneof![2 => Just(0i64), 1 => Just(5)], priority())
            .prop_map(|(account, min, more, step, asks, cooldown, priority)| {
                Op::Elastic { account, min, more, step, asks, cooldown, priority }
            }),
        1 => (at.clone(), asks()).prop_map(|(account, asks)| Op::Found { account, asks }),
        4 => (0..16usize).prop_map(|which| Op::Finish { which }),
        4 => (1..5usize).prop_map(|count| Op::EndAsked { count }),
        1 => (0..4usize).prop_map(|which| Op::Refuse { which }),
        2 => (1..8i64).prop_map(|seconds| Op::Pass { seconds }),
        2 => (at.clone(), 0..8i64, option::weighted(0.3, 0..5i64), option::weighted(0.3, 0..6i64))
            .prop_map(|(account, guarantee, lend, limit)| Op::Resize { account, guarantee, lend, limit }),
        2 => (at, 1..5i64, 0..5i64, 1..9i64, any::<bool>())
            .prop_map(|(account, guarantee, from, seconds, drain)| {
                Op::Boost { account, guarantee, from, seconds, drain }
            }),
        2 => (0..6usize, any::<bool>()).prop_map(|(which, lost)| Op::Node { which, lost }),
    ]
}

/// Random cases.
pub fn cases() -> impl Strategy<Value = Case> {
    (
        4..16i64,
        vec(account(), 1..7),
        prop_oneof![3 => Just(1usize), 1 => Just(2)],
        prop::bool::weighted(0.3),
        any::<bool>(),
        vec(op(), 1..24),
    )
        .prop_map(
            |(capacity, accounts, resources, nodes, comes_again, ops)| Case {
                capacity,
                accounts,
                resources,
                nodes,
                comes_again,
                ops,
            },
        )
}

/// Units of each resource in base units.
pub fn base(units: &[i64], resources: usize) -> Vec<i64> {
    let scaled = [units[0] * 1000, units.get(1).copied().unwrap_or(0)];
    scaled[..resources].to_vec()
}

/// The number of units that one node has.
const NODE: i64 = 2;

impl Case {
    /// The same with one resource only.
    pub fn of_one_resource(self) -> Case {
        Case {
            resources: 1,
            ..self
        }
    }

    /// The same without elastic workloads.
    pub fn of_whole_units(mut self) -> Case {
        self.ops.retain(|op| !matches!(op, Op::Elastic { .. }));
        self
    }

    /// The name of an account, the root's among them.
    pub fn name(&self, index: usize) -> String {
        match index % (self.accounts.len() + 1) {
            0 => "root".to_string(),
            n => char::from(b'a' + u8::try_from(n - 1).expect("few accounts")).to_string(),
        }
    }

    /// The tree: each guarantee as large as its seed says and its lessor still has.
    pub fn drawing(&self) -> Drawing {
        let capacity = base(&[self.capacity, self.capacity / 2], self.resources);
        let mut left = vec![capacity.clone()];
        let mut drawing = Drawing {
            root: "root".to_string(),
            reserve: vec![0; self.resources],
            capacity,
            sums_only: true,
            leases: Vec::new(),
            uses: Vec::new(),
        };
        for (index, seed) in self.accounts.iter().enumerate() {
            let parent = seed.parent % (index + 1);
            let wanted = base(&seed.guarantee, self.resources);
            let granted: Vec<_> = wanted
                .iter()
                .zip(&left[parent])
                .map(|(a, b)| *a.min(b))
                .collect();
            left[parent] = super::model::minus(&left[parent], &granted);
            let created = Time(i64::try_from(index).expect("few accounts"));
            let name = self.name(index + 1);
            let mut lease = bare_lease(&self.name(parent), &name, &name, created);
            lease.guaranteed = quantities(&some(&granted));
            if let Some(lend) = seed.lend {
                lease.lend_limit = quantities(&some(&base(&[lend, lend], self.resources)));
            }
            if let Some(more) = seed.limit {
                let more = base(&[more, more], self.resources);
                lease.limit = quantities(&some(&super::model::plus(&granted, &more)));
            }
            lease.weight = seed.weight;
            lease.max_priority = seed.ceiling;
            lease.min_runtime = Span::seconds(seed.min_runtime);
            if seed.strict {
                lease.queueing = Queueing::StrictFifo;
            }
            drawing.leases.push(lease);
            left.push(granted);
        }
        drawing
    }

    /// The world before anything has happened.
    pub fn world(&self) -> World {
        let mut world = World::from_drawing(&self.drawing());
        if self.nodes {
            for number in 0..self.capacity / NODE {
                world.set_node(node(
                    usize::try_from(number).expect("few nodes"),
                    NODE,
                    self.resources,
                ));
            }
            if self.capacity % NODE > 0 {
                world.set_node(node(99, self.capacity % NODE, self.resources));
            }
            world.decide();
        }
        world
    }
}

fn some(amounts: &[i64]) -> Vec<Option<i64>> {
    amounts.iter().copied().map(Some).collect()
}

fn node(number: usize, units: i64, resources: usize) -> NodeSpec {
    let mut allocatable = quantities(&some(&base(&[units, units / 2], resources)));
    allocatable.insert("pods".into(), 110);
    NodeSpec {
        name: format!("n{number}").as_str().into(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        allocatable,
        schedulable: true,
    }
}

impl Op {
    /// Feeds what happens; the decision is the caller's.
    pub fn feed(&self, case: &Case, world: &mut World, number: usize) {
        let amount = |asks: &[i64; 2]| {
            let mut asks = base(asks, case.resources);
            if asks.iter().all(|&amount| amount == 0) {
                asks[0] = 1000;
            }
            asks
        };
        match self {
            Op::Pod {
                account,
                asks,
                priority,
            } => {
                let options = PodOptions {
                    priority: *priority,
                    ..PodOptions::default()
                };
                world.pod(
                    &case.name(*account),
                    &format!("p{number}"),
                    amount(asks),
                    options,
                );
            }
            Op::Gang {
                account,
                count,
                asks,
                priority,
            } => {
                for member in 0..*count {
                    let options = PodOptions {
                        priority: *priority,
                        gang: Some(*count),
                        set: Some(format!("g{number}")),
                        ..PodOptions::default()
                    };
                    let name = format!("g{number}-{member}");
                    world.pod(&case.name(*account), &name, amount(asks), options);
                }
            }
            Op::Elastic {
                account,
                min,
                more,
                step,
                asks,
                cooldown,
                priority,
            } => {
                let spec = ElasticSpec {
                    key: WorkloadKey {
                        namespace: case.name(*account).as_str().into(),
                        name: format!("j{number}").as_str().into(),
                    },
                    created: world.now,
                    priority: *priority,
                    template: Arc::new(Template::default()),
                    pool: None,
                    min: *min,
                    max: min + more,
                    step: *step,
                    cooldown: Span::seconds(*cooldown),
                    removal: [Removal::Chosen, Removal::Newest, Removal::HighestOrdinal]
                        [number % 3],
                };
                world.set_workload(spec, amount(asks));
            }
            Op::Found { account, asks } => {
                let options = PodOptions::default();
                world.found(
                    &case.name(*account),
                    &format!("f{number}"),
                    amount(asks),
                    options,
                );
            }
            Op::Finish { which } => finish(world, *which),
            Op::EndAsked { count } => {
                let leaving = world.in_state(State::Leaving);
                let these: Vec<_> = leaving.into_iter().take(*count).collect();
                case.end_victims(world, &these);
            }
            Op::Refuse { which } => {
                let mut leaving = world.in_state(State::Leaving);
                leaving.retain(|pod| world.pods[pod].spec.workload.is_none());
                if let Some(&pod) = leaving.get(*which) {
                    let retry = world.now + Span::seconds(3);
                    world.feed(Event::EvictionRefused { pod, retry });
                    world.pods.get_mut(&pod).expect("a known pod").state = State::Running;
                }
            }
            Op::Pass { .. } => world.feed(Event::TimePassed),
            Op::Resize {
                account,
                guarantee,
                lend,
                limit,
            } => {
                let name = case.name(*account);
                let Some(lease) = world
                    .leases
                    .values()
                    .find(|l| *l.lessee == *name && l.end.is_none())
                else {
                    return;
                };
                let mut lease = lease.clone();
                let amounts =
                    |units: i64| quantities(&some(&base(&[units, units / 2], case.resources)));
                lease.guaranteed = amounts(*guarantee);
                lease.lend_limit = lend.map(amounts).unwrap_or_default();
                lease.limit = limit
                    .map(|more| amounts(guarantee + more))
                    .unwrap_or_default();
                world.set_lease(lease);
            }
            Op::Boost {
                account,
                guarantee,
                from,
                seconds,
                drain,
            } => {
                let name = case.name(*account);
                let Some(base_lease) = world.leases.values().find(|l| *l.lessee == *name) else {
                    return;
                };
                let boost = format!("boost-{number}");
                let mut lease = bare_lease(&base_lease.key.namespace, &boost, &name, world.now);
                lease.guaranteed = quantities(&some(&base(&[*guarantee, 0], case.resources)));
                lease.start = Some(world.now + Span::seconds(*from));
                lease.end = Some(world.now + Span::seconds(from + seconds));
                lease.on_expiry = if *drain {
                    OnExpiry::Drain
                } else {
                    OnExpiry::Borrow
                };
                world.set_lease(lease);
            }
            Op::Node { which, lost } => {
                let number = *which;
                if !case.nodes || i64::try_from(number).expect("few nodes") >= case.capacity / NODE
                {
                    return;
                }
                if *lost {
                    world.remove_node(&format!("n{number}"));
                } else {
                    world.set_node(node(number, NODE, case.resources));
                }
            }
        }
    }
}

/// One thing that runs or waits ends by itself, as a whole.
fn finish(world: &mut World, which: usize) {
    let alive = |state| matches!(state, State::Waiting | State::Running);
    let pods: Vec<_> = world.pods.values().filter(|pod| alive(pod.state)).collect();
    let Some(pod) = pods.get(which % pods.len().max(1)) else {
        return;
    };
    let (namespace, set) = (pod.spec.namespace.clone(), pod.set.clone());
    if let Some(key) = world.workload_of(pod.spec.id) {
        world.workloads.remove(&key);
        world.feed(Event::WorkloadRemoved { key });
    }
    let same = |pod: &super::world::Pod| {
        pod.state != State::Ended && pod.spec.namespace == namespace && pod.set == set
    };
    let these = world.pods.iter().filter(|(_, pod)| same(pod));
    let these: Vec<_> = these.map(|(&id, _)| id).collect();
    for pod in these {
        world.end(pod);
    }
}

impl Case {
    /// Victims end; whoever made them makes them again, if the case says so.
    pub fn end_victims(&self, world: &mut World, these: &[PodId]) {
        for &id in these {
            world.end(id);
        }
        for id in these.iter().filter(|_| self.comes_again) {
            let pod = world.pods[id].clone();
            if pod.spec.workload.is_some() {
                continue;
            }
            let options = PodOptions {
                priority: pod.spec.priority,
                gang: pod.spec.group.as_ref().map(|group| group.min),
                set: Some(pod.set.clone()),
                ..PodOptions::default()
            };
            world.pod(
                &pod.spec.namespace,
                &pod.spec.name,
                pod.request.clone(),
                options,
            );
        }
    }
}
