//! The parser of event listings: `1s pod shop/web 60 prio 5`, a line an event.
//!
//! ```text
//! pod NS/NAME AMOUNT [prio P] [x N] [on KEY=VALUE]   waits for admission; `x N` makes NAME-0 …
//! gang NS/NAME N x AMOUNT [min M] [prio P]           N pods admitted all or none
//! job NS/NAME N x AMOUNT, elastic MIN..MAX [step S] [cooldown 30s] [prio P] [newest|ordinal]
//! found NS/NAME AMOUNT                               runs already
//! ended NS/NAME [N]                                  pods of that name or set, victims first
//! observed NS/NAME N                                 its owner's count is another, by somebody else's hand
//! stuck NS/NAME until TIME                           its owner does not follow: what was asked to end stays
//! ended asked                                        all that was asked to end
//! lease LESSOR/NAME LESSEE AMOUNT [terms]            also `transfer`; `unlease LESSOR/NAME`
//! node NAME AMOUNT [cordoned] [KEY=VALUE] · node NAME gone · capacity AMOUNT · tick
//! ```

use super::amount::{parse, parse_sparse, parse_time};
use super::drawing::{bare_lease, lease_term, quantities};
use super::words::Words;
use super::world::{PodOptions, State, World};
use engine::spec::{ElasticSpec, LeaseKind, NodeSpec, PodId, Removal, Template, WorkloadKey};
use engine::{Event, Span, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Splits a line into its instant and the rest.
pub fn time_of(line: &str) -> (Time, &str) {
    let (time, rest) = line.split_once(' ').expect("a time and an event");
    (Time(parse_time(time)), rest)
}

/// Feeds what a line says.
pub fn feed_line(world: &mut World, line: &str) {
    let mut words = Words::of(line);
    match words.word("an event") {
        "pod" => pods(world, &mut words, false),
        "found" => pods(world, &mut words, true),
        "gang" => gang(world, &mut words),
        "job" => job(world, &mut words),
        "unjob" => {
            let (namespace, name) = slashed(&mut words);
            let key = WorkloadKey {
                namespace: namespace.into(),
                name: name.into(),
            };
            world.workloads.remove(&key);
            world.feed(Event::WorkloadRemoved { key });
        }
        "ended" => ended(world, &mut words),
        "lease" => lease(world, &mut words, LeaseKind::Sublease),
        "transfer" => lease(world, &mut words, LeaseKind::Transfer),
        "unlease" => {
            let (lessor, name) = slashed(&mut words);
            world.remove_lease(lessor, name);
        }
        "node" => node(world, &mut words),
        "capacity" => {
            let amounts = parse_sparse(words.word("the capacity"));
            world.pool.capacity = quantities(&amounts);
            world.feed(Event::PoolSet(world.pool.clone()));
        }
        "refused" => {
            let (namespace, name) = slashed(&mut words);
            let retry = Time(parse_time(words.word("when it may be tried again")));
            let pod = named(world, namespace, name)[0];
            world.feed(Event::EvictionRefused { pod, retry });
            world.pods.get_mut(&pod).expect("known").state = State::Running;
        }
        "observed" => {
            let (namespace, name) = slashed(&mut words);
            let replicas = words.number("the count");
            world.feed(Event::WorkloadObserved {
                key: key_of(namespace, name),
                replicas,
                last_shrink: None,
            });
        }
        "stuck" => {
            let (namespace, name) = slashed(&mut words);
            assert!(words.accept("until"), "until when");
            let retry = Time(parse_time(words.word("when it may be tried again")));
            let mut stay = named(world, namespace, name);
            stay.retain(|pod| world.pods[pod].state == State::Leaving);
            for pod in &stay {
                world.pods.get_mut(pod).expect("known").state = State::Running;
            }
            let key = key_of(namespace, name);
            world.feed(Event::ScaleRefused { key, stay, retry });
        }
        "tick" => world.feed(Event::TimePassed),
        word => words.unknown(word),
    }
}

fn key_of(namespace: &str, name: &str) -> WorkloadKey {
    WorkloadKey {
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn slashed<'a>(words: &mut Words<'a>) -> (&'a str, &'a str) {
    let word = words.word("a namespace and a name");
    word.split_once('/')
        .unwrap_or_else(|| panic!("`{word}` has no namespace"))
}

fn pods(world: &mut World, words: &mut Words, found: bool) {
    let (namespace, name) = slashed(words);
    let request = parse(words.word("the request"));
    let mut options = PodOptions::default();
    let mut count = None;
    while let Some(word) = words.next() {
        match word {
            "prio" => options.priority = words.number("the priority"),
            "x" => count = Some(words.number::<u32>("the count")),
            "on" => options.on = words.word("a label").split_once('=').map(owned),
            _ => words.unknown(word),
        }
    }
    let make = |world: &mut World, name: &str, options| {
        if found {
            world.found(namespace, name, request.clone(), options);
        } else {
            world.pod(namespace, name, request.clone(), options);
        }
    };
    match count {
        None => make(world, name, options),
        Some(count) => {
            for number in 0..count {
                let set = Some(name.to_string());
                let options = PodOptions {
                    set,
                    ..options.clone()
                };
                make(world, &format!("{name}-{number}"), options);
            }
        }
    }
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_string(), value.to_string())
}

fn gang(world: &mut World, words: &mut Words) {
    let (namespace, name) = slashed(words);
    let count: u32 = words.number("the number of pods");
    assert!(words.accept("x"), "a gang is N x AMOUNT");
    let request = parse(words.word("the request"));
    let mut options = PodOptions {
        gang: Some(count),
        set: Some(name.to_string()),
        ..PodOptions::default()
    };
    while let Some(word) = words.next() {
        match word {
            "prio" => options.priority = words.number("the priority"),
            "min" => options.gang = Some(words.number("the least number")),
            _ => words.unknown(word),
        }
    }
    for number in 0..count {
        let name = format!("{name}-{number}");
        world.pod(namespace, &name, request.clone(), options.clone());
    }
}

fn job(world: &mut World, words: &mut Words) {
    let (namespace, name) = slashed(words);
    let replicas: u32 = words.number("the number of replicas");
    assert!(words.accept("x"), "a job is N x AMOUNT");
    let request = parse(words.word("the request"));
    let mut spec = ElasticSpec {
        key: WorkloadKey {
            namespace: namespace.into(),
            name: name.into(),
        },
        created: world.now,
        priority: 0,
        template: Arc::new(Template::default()),
        pool: None,
        min: replicas,
        max: replicas,
        step: 1,
        cooldown: Span(0),
        removal: Removal::Chosen,
    };
    while let Some(word) = words.next() {
        match word {
            "elastic" => {
                let bounds = words.word("MIN..MAX");
                let (min, max) = bounds.split_once("..").expect("MIN..MAX");
                spec.min = min.parse().expect("the minimum");
                spec.max = max.parse().expect("the maximum");
            }
            "step" => spec.step = words.number("the step"),
            "cooldown" => spec.cooldown = Span(parse_time(words.word("the cool-down"))),
            "prio" => spec.priority = words.number("the priority"),
            "newest" => spec.removal = Removal::Newest,
            "ordinal" => spec.removal = Removal::HighestOrdinal,
            _ => words.unknown(word),
        }
    }
    if let Some(known) = world.workloads.get(&spec.key) {
        spec.created = known.spec.created;
    }
    world.set_workload(spec, request);
}

/// Pods of that name or set that have not ended: those on their way out first, then the youngest.
fn named(world: &World, namespace: &str, name: &str) -> Vec<PodId> {
    let mut these: Vec<_> = world
        .pods
        .iter()
        .filter(|(_, pod)| {
            pod.state != State::Ended
                && &*pod.spec.namespace == namespace
                && (pod.set == name || &*pod.spec.name == name)
        })
        .map(|(&id, pod)| (pod.state != State::Leaving, std::cmp::Reverse(id)))
        .collect();
    these.sort();
    these.into_iter().map(|(_, id)| id.0).collect()
}

fn ended(world: &mut World, words: &mut Words) {
    let these = if words.accept("asked") {
        world.in_state(State::Leaving)
    } else {
        let (namespace, name) = slashed(words);
        let mut these = named(world, namespace, name);
        if let Some(count) = words.next() {
            let count = count.parse().expect("a number of pods");
            assert!(count <= these.len(), "{namespace}/{name} has fewer pods");
            these.truncate(count);
        }
        these
    };
    assert!(!these.is_empty(), "nothing to end");
    for pod in these {
        world.end(pod);
    }
}

fn lease(world: &mut World, words: &mut Words, kind: LeaseKind) {
    let (lessor, name) = slashed(words);
    let lessee = words.word("the lessee");
    let mut lease = bare_lease(lessor, name, lessee, world.now);
    lease.kind = kind;
    lease.guaranteed = quantities(&parse_sparse(words.word("the guarantee")));
    while let Some(word) = words.next() {
        if !lease_term(&mut lease, word, words) {
            words.unknown(word);
        }
    }
    if let Some(known) = world.leases.get(&lease.key) {
        lease.created = known.created;
    }
    world.set_lease(lease);
}

fn node(world: &mut World, words: &mut Words) {
    let name = words.word("the node's name");
    let what = words.word("its capacity");
    if what == "gone" {
        world.remove_node(name);
        return;
    }
    let amounts: Vec<_> = parse_sparse(what);
    let mut allocatable = quantities(&amounts);
    allocatable.insert("pods".into(), 110);
    let mut node = NodeSpec {
        name: name.into(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        allocatable,
        schedulable: true,
    };
    while let Some(word) = words.next() {
        match (word, word.split_once('=')) {
            ("cordoned", _) => node.schedulable = false,
            (_, Some((key, value))) => {
                node.labels.insert(key.into(), value.into());
            }
            _ => words.unknown(word),
        }
    }
    world.set_node(node);
}
