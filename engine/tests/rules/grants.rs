//! What the scheduler plugin is told: a copy that answers as the engine would, and whom it lets be preempted.

use crate::properties::play;
use crate::support::random::{cases, tries};
use crate::support::world::Entry;
use engine::grants::{AccountStanding, Grant, GrantChanges, NodeRoom};
use engine::place::{Protection, may_place, protection};
use engine::spec::{
    ElasticSpec, LeaseKey, LeaseKind, LeaseSpec, NodeSelector, OnExpiry, PodSpec, PoolSpec,
    Queueing, Removal, Template, WorkloadKey,
};
use engine::spec::{Name, PodId};
use engine::{Action, Cause, Engine, Event, Span, Time};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What somebody knows who hears of nothing but changes.
#[derive(Debug, Default, PartialEq)]
struct Copy {
    grants: BTreeMap<PodId, Grant>,
    nodes: BTreeMap<Name, NodeRoom>,
    accounts: BTreeMap<Name, AccountStanding>,
}

impl Copy {
    fn apply(&mut self, changes: GrantChanges) {
        for id in changes.ended {
            self.grants.remove(&id);
        }
        for pool in changes.pools {
            for node in pool.removed_nodes {
                self.nodes.remove(&node);
            }
            for account in pool.removed_accounts {
                self.accounts.remove(&account);
            }
            let nodes = pool.nodes.into_iter();
            self.nodes
                .extend(nodes.map(|node| (node.node.clone(), node)));
            let accounts = pool.accounts.into_iter();
            self.accounts
                .extend(accounts.map(|account| (account.namespace.clone(), account)));
            self.grants.extend(pool.grants);
        }
    }
}

/// Compares at each decision what the copy says with what the engine says.
fn compare(history: &[Entry]) {
    let mut engine = Engine::new();
    engine.track_grants();
    let mut copy = Copy::default();
    for entry in history {
        match entry {
            Entry::Fed(now, event) => engine.feed(*now, event),
            Entry::Decided(now, _) => {
                engine.decide(*now);
                copy.apply(engine.take_grants());
                for (&id, grant) in &copy.grants {
                    for (name, room) in &copy.nodes {
                        let says = may_place(
                            grant.node.as_ref() == Some(name),
                            room.is_earmarked,
                            &room.free_beside_earmarks,
                            Some(&grant.request),
                        );
                        assert_eq!(says, engine.may_place(id, name), "{id:?} on {name}");
                    }
                }
                for pool in engine.figures() {
                    let told: Vec<&Name> = pool.accounts.iter().map(|it| &it.namespace).collect();
                    let known: Vec<&Name> = copy.accounts.keys().collect();
                    let mut told = told;
                    told.sort();
                    assert_eq!(told, known);
                    for account in &pool.accounts {
                        // Without earmarks and victims on their way, what is and what will be are the same.
                        let borrows = account.resources.iter().any(|(_, it)| it.borrowed > 0);
                        let quiet = copy.nodes.values().all(|node| !node.is_earmarked);
                        let standing = &copy.accounts[&account.namespace];
                        if borrows && quiet && !has_leaving(history) {
                            assert!(standing.whole_borrows != 0, "{standing:?}");
                        }
                    }
                }
            }
        }
    }
}

/// Whether anybody was ever asked to end.
fn has_leaving(history: &[Entry]) -> bool {
    history.iter().any(|entry| match entry {
        Entry::Fed(_, event) => matches!(event, engine::Event::PodLeaving { .. }),
        Entry::Decided(_, actions) => actions.iter().any(|action| {
            matches!(
                action,
                engine::Action::Evict { .. } | engine::Action::Scale { .. }
            )
        }),
    })
}

proptest! {
    #![proptest_config(tries(200))]

    #[test]
    fn a_copy_made_of_changes_answers_as_the_engine_does(case in cases()) {
        compare(&play(&case).history);
    }
}

fn account(namespace: &str, parent: Option<&str>, own: u32, whole: u32) -> AccountStanding {
    AccountStanding {
        namespace: namespace.into(),
        parent: parent.map(Into::into),
        own_borrows: own,
        whole_borrows: whole,
        min_runtime: Span(60_000),
    }
}

/// A pod that asks for the first resource.
fn pod(namespace: &str) -> Grant {
    Grant {
        namespace: namespace.into(),
        holds: 1,
        ..Grant::default()
    }
}

/// A root, two lines of business with two namespaces each: l1 borrows from its sister, r1 from all.
fn tree() -> BTreeMap<&'static str, AccountStanding> {
    let accounts = [
        ("root", account("root", None, 0, 0)),
        ("l", account("l", Some("root"), 0, 0)),
        ("l1", account("l1", Some("l"), 1, 1)),
        ("l2", account("l2", Some("l"), 0, 0)),
        ("r", account("r", Some("root"), 0, 1)),
        ("r1", account("r1", Some("r"), 1, 1)),
        ("r2", account("r2", Some("r"), 0, 0)),
    ];
    accounts.into()
}

fn judge(preemptor: Option<&str>, victim: &str) -> Option<Protection> {
    let tree = tree();
    let preemptor = preemptor.map(pod);
    protection(Time(0), preemptor.as_ref(), &pod(victim), false, |name| {
        tree.get(name)
    })
}

#[test]
fn a_guaranteed_pod_may_not_be_preempted_by_another_tenant() {
    assert_eq!(judge(Some("l2"), "r2"), Some(Protection::Guaranteed));
    assert_eq!(judge(None, "r2"), Some(Protection::Guaranteed));
}

#[test]
fn what_is_borrowed_may_be_taken_by_those_it_was_borrowed_from() {
    // From its sister, and from all.
    assert_eq!(judge(Some("l2"), "l1"), None);
    assert_eq!(judge(Some("l2"), "r1"), None);
    assert_eq!(judge(Some("r2"), "r1"), None);
    assert_eq!(judge(None, "r1"), None);
}

#[test]
fn what_a_sister_lent_is_no_business_of_outsiders() {
    // l as a whole is within its guarantee.
    assert_eq!(judge(Some("r2"), "l1"), Some(Protection::Guaranteed));
    assert_eq!(judge(None, "l1"), Some(Protection::Guaranteed));
}

#[test]
fn a_borrower_may_not_take_from_borrowers() {
    // r as a whole borrows: nothing of l is its own to ask back.
    assert_eq!(judge(Some("r1"), "l1"), Some(Protection::Guaranteed));
    // l as a whole borrows nothing, so whoever is in it may ask outsiders.
    assert_eq!(judge(Some("l1"), "r1"), None);
}

#[test]
fn a_lessors_own_pods_and_its_lessees_stand_beside_each_other() {
    assert_eq!(judge(Some("l"), "l1"), None);
    assert_eq!(judge(Some("l1"), "l"), Some(Protection::Guaranteed));
    assert_eq!(judge(Some("root"), "r1"), None);
}

#[test]
fn within_an_account_priority_decides_except_for_units_that_have_just_begun() {
    let tree = tree();
    let mut victim = pod("l1");
    let ask = |victim: &Grant, surplus| {
        protection(Time(70_000), Some(&pod("l1")), victim, surplus, |name| {
            tree.get(name)
        })
    };
    assert_eq!(ask(&victim, false), None);
    victim.unit_started = Some(Time(20_000));
    assert_eq!(ask(&victim, false), Some(Protection::MinRuntime));
    // The workload goes on without its surplus.
    assert_eq!(ask(&victim, true), None);
    victim.unit_started = Some(Time(10_000));
    assert_eq!(ask(&victim, false), None);
}

#[test]
fn only_resources_that_both_ask_for_count() {
    let mut tree = tree();
    tree.insert("r1", account("r1", Some("r"), 2, 3));
    let victim = pod("r1");
    let told = protection(Time(0), Some(&pod("l2")), &victim, false, |name| {
        tree.get(name)
    });
    // Its own pods borrow of the second resource only, and it has none of that.
    assert_eq!(told, Some(Protection::Guaranteed));
}

/// A pool of 10 `cpu` that all goes to `a`, where `a/train` of 1 to 3 replicas runs three.
fn train() -> Engine {
    let mut engine = Engine::new();
    let template = Arc::new(Template {
        request: [("cpu".into(), 1)].into(),
        ..Template::default()
    });
    let events = [
        Event::PoolSet(PoolSpec {
            name: "general".into(),
            created: Time(0),
            node_selector: NodeSelector::default(),
            resources: vec!["cpu".into()],
            capacity: [("cpu".into(), 10)].into(),
            reserve: BTreeMap::new(),
            root_namespace: "root".into(),
            checks_room: false,
        }),
        Event::LeaseSet(LeaseSpec {
            key: LeaseKey {
                namespace: "root".into(),
                name: "a".into(),
            },
            created: Time(0),
            pool: "general".into(),
            lessee: "a".into(),
            kind: LeaseKind::Sublease,
            guaranteed: [("cpu".into(), 3)].into(),
            limit: [("cpu".into(), 3)].into(),
            lend_limit: BTreeMap::new(),
            weight: 1,
            max_priority: None,
            queueing: Queueing::BestEffort,
            start: None,
            end: None,
            renew: false,
            on_expiry: OnExpiry::Borrow,
            grace_period: Span(0),
            min_runtime: Span(0),
        }),
        Event::WorkloadSet(ElasticSpec {
            key: WorkloadKey {
                namespace: "a".into(),
                name: "train".into(),
            },
            created: Time(0),
            priority: 0,
            template: template.clone(),
            pool: None,
            min: 1,
            max: 3,
            step: 1,
            cooldown: Span::seconds(60),
            removal: Removal::Chosen,
        }),
    ];
    for event in events {
        engine.feed(Time(1), &event);
    }
    engine.decide(Time(1));
    for number in 1..=3 {
        let pod = PodSpec {
            id: PodId(number),
            namespace: "a".into(),
            name: format!("train-{number}").into(),
            priority: 0,
            created: Time(2),
            template: template.clone(),
            pool: None,
            group: None,
            ordinal: None,
            workload: Some("train".into()),
        };
        engine.feed(Time(2), &Event::PodArrived(pod));
    }
    let admitted = engine.decide(Time(2));
    assert_eq!(admitted.len(), 3, "{admitted:?}");
    engine
}

#[test]
fn a_workload_that_loses_a_spare_replica_to_a_higher_priority_is_made_smaller() {
    let mut engine = train();
    let preempted = Event::PodPreempted {
        pod: PodId(2),
        request: "web".into(),
    };
    engine.feed(Time(3), &preempted);
    let scaled = engine.decide(Time(3));
    let expected = Action::Scale {
        workload: WorkloadKey {
            namespace: "a".into(),
            name: "train".into(),
        },
        from: 3,
        to: 2,
        remove: vec![PodId(2)],
        cause: Cause::Priority {
            request: "web".into(),
        },
    };
    assert!(scaled.contains(&expected), "{scaled:?}");
    engine.verify().unwrap();
}

#[test]
fn a_replica_that_its_workload_needs_leaves_as_any_pod_does() {
    let mut engine = train();
    for pod in 1..=3 {
        let request = "web".into();
        let preempted = Event::PodPreempted {
            pod: PodId(pod),
            request,
        };
        engine.feed(Time(3), &preempted);
    }
    let scaled = engine.decide(Time(3));
    let counts: Vec<(u32, u32)> = scaled
        .iter()
        .filter_map(|action| match action {
            Action::Scale { from, to, .. } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    // The last one was its minimum, which is asked for again once what goes has gone.
    assert_eq!(counts, [(3, 0)], "{scaled:?}");
    engine.verify().unwrap();
}
