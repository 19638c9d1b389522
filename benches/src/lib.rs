//! What the benchmarks run: engines of a given size, built from events as a driver would.

use engine::spec::{
    ElasticSpec, LeaseKey, LeaseKind, LeaseSpec, Name, NodeSelector, NodeSpec, OnExpiry, PodId,
    PodSpec, PoolSpec, Quantities, Queueing, Removal, Template, WorkloadKey,
};
use engine::{Action, Engine, Event, Span, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One core, in millicores.
pub const CORE: i64 = 1000;

/// A template that asks for some cores.
pub fn template(cores: i64) -> Arc<Template> {
    let request: Quantities = [(Name::from("cpu"), cores * CORE), (Name::from("pods"), 1)].into();
    Arc::new(Template {
        request,
        ..Template::default()
    })
}

/// A pool of so many cores; with 0 it follows its nodes, and room on them is checked.
pub fn pool(cores: i64) -> Event {
    let capacity = if cores > 0 {
        [(Name::from("cpu"), cores * CORE)].into()
    } else {
        Quantities::new()
    };
    Event::PoolSet(PoolSpec {
        name: "general".into(),
        created: Time(0),
        node_selector: NodeSelector::default(),
        resources: vec!["cpu".into()],
        capacity,
        reserve: BTreeMap::new(),
        root_namespace: "root".into(),
        checks_room: cores == 0,
    })
}

/// A lease of so many cores.
pub fn lease(lessor: &str, lessee: &str, cores: i64) -> Event {
    Event::LeaseSet(LeaseSpec {
        key: LeaseKey {
            namespace: lessor.into(),
            name: lessee.into(),
        },
        created: Time(0),
        pool: "general".into(),
        lessee: lessee.into(),
        kind: LeaseKind::Sublease,
        guaranteed: [(Name::from("cpu"), cores * CORE)].into(),
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
    })
}

/// A node of so many cores.
pub fn node(name: &str, cores: i64) -> Event {
    Event::NodeSet(NodeSpec {
        name: name.into(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        allocatable: [(Name::from("cpu"), cores * CORE), (Name::from("pods"), 110)].into(),
        schedulable: true,
    })
}

/// A pod that waits for admission.
pub fn pod(id: u64, namespace: &str, template: &Arc<Template>, priority: i32) -> Event {
    Event::PodArrived(pod_spec(id, namespace, template, priority))
}

/// A pod.
pub fn pod_spec(id: u64, namespace: &str, template: &Arc<Template>, priority: i32) -> PodSpec {
    PodSpec {
        id: PodId(id),
        namespace: namespace.into(),
        name: format!("p-{id}").into(),
        priority,
        created: Time(i64::try_from(id).unwrap_or(i64::MAX)),
        template: template.clone(),
        pool: None,
        group: None,
        ordinal: None,
        workload: None,
    }
}

/// An elastic workload.
pub fn elastic(namespace: &str, name: &str, template: &Arc<Template>, min: u32, max: u32) -> Event {
    Event::WorkloadSet(ElasticSpec {
        key: WorkloadKey {
            namespace: namespace.into(),
            name: name.into(),
        },
        created: Time(0),
        priority: 0,
        template: template.clone(),
        pool: None,
        min,
        max,
        step: 1,
        cooldown: Span(0),
        removal: Removal::Chosen,
    })
}

/// Feeds events at an instant and decides.
pub fn apply(engine: &mut Engine, now: Time, events: &[Event]) -> Vec<Action> {
    for event in events {
        engine.feed(now, event);
    }
    engine.decide(now)
}

/// The pods that actions admit.
pub fn admitted(actions: &[Action]) -> Vec<PodId> {
    let admitted = actions.iter().filter_map(|action| match action {
        Action::Admit { pod, .. } => Some(*pod),
        _ => None,
    });
    admitted.collect()
}

/// A tree whose leaves lie at depth 4, `widths` giving the children of each level, the leases adding up to the
/// capacity; the leaves' names.
pub fn deep_tree(engine: &mut Engine, widths: [usize; 4], cores_a_leaf: i64) -> Vec<String> {
    let leaves: i64 = widths
        .iter()
        .map(|&width| i64::try_from(width).unwrap_or(0))
        .product();
    engine.feed(Time(0), &pool(leaves * cores_a_leaf));
    let mut level = vec!["root".to_owned()];
    let mut below = leaves;
    for width in widths {
        below /= i64::try_from(width).unwrap_or(1);
        let mut next = Vec::new();
        for lessor in &level {
            for child in 0..width {
                let name = format!("{}-{child}", lessor.replace("root", "ns"));
                engine.feed(Time(0), &lease(lessor, &name, below * cores_a_leaf));
                next.push(name);
            }
        }
        level = next;
    }
    engine.decide(Time(0));
    level
}
