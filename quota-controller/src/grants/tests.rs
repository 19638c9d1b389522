//! What plugins are told, decision by decision.

use super::book::{Change, GrantBook};
use super::wire;
use api::grpc::v1::WatchGrantsResponse;
use engine::grants::{AccountStanding, Grant, GrantChanges, NodeRoom, PoolChanges};
use engine::spec::{Name, PodId};
use std::collections::BTreeSet;

fn uid(pod: PodId) -> Option<Name> {
    Some(format!("uid-{}", pod.0).into())
}

fn pool(name: &str) -> PoolChanges {
    PoolChanges {
        pool: name.into(),
        resources: vec!["cpu".into()],
        ..PoolChanges::default()
    }
}

fn grant(node: &str) -> Grant {
    Grant {
        namespace: "team".into(),
        node: Some(node.into()),
        request: vec![500],
        holds: 1,
        ..Grant::default()
    }
}

fn in_pool(changes: PoolChanges) -> GrantChanges {
    GrantChanges {
        pools: vec![changes],
        ..GrantChanges::default()
    }
}

fn granted(pods: impl IntoIterator<Item = u64>) -> GrantChanges {
    let pods = pods.into_iter();
    in_pool(PoolChanges {
        grants: pods.map(|pod| (PodId(pod), grant("n1"))).collect(),
        ..pool("general")
    })
}

fn room(node: &str, free: i64) -> NodeRoom {
    NodeRoom {
        node: node.into(),
        free_beside_earmarks: vec![free],
        ..NodeRoom::default()
    }
}

fn uids(change: &Change) -> Vec<String> {
    let pools = change.iter().flat_map(|message| &message.pools);
    let mut uids: Vec<String> = pools
        .flat_map(|pool| &pool.grants)
        .map(|grant| grant.uid.clone())
        .collect();
    uids.sort();
    uids
}

#[test]
fn a_snapshot_holds_everything_and_changes_hold_what_is_new() {
    let mut book = GrantBook::new(7);
    book.update(granted([1, 2]), None, uid);
    let mut watch = book.watch();
    assert_eq!(uids(&watch.snapshot), ["uid-1", "uid-2"]);
    let first = &watch.snapshot[0];
    assert_eq!(
        (first.epoch, first.revision, first.is_snapshot),
        (7, 1, true)
    );
    assert_eq!(first.valid_for_ms, wire::VALID_FOR_MS);
    let ended = GrantChanges {
        ended: vec![PodId(1)],
        ..granted([3])
    };
    book.update(ended, None, uid);
    let change = watch.changes.try_recv().expect("a change");
    assert_eq!(uids(&change), ["uid-3"]);
    assert_eq!(change[0].removed_grants, ["uid-1"]);
    assert_eq!((change[0].revision, change[0].is_snapshot), (2, false));
    assert_eq!(uids(&book.watch().snapshot), ["uid-2", "uid-3"]);
}

#[test]
fn what_is_as_it_was_is_not_told_again() {
    let mut book = GrantBook::new(1);
    let rooms = |free| {
        in_pool(PoolChanges {
            nodes: vec![room("n1", free)],
            accounts: vec![AccountStanding {
                namespace: "team".into(),
                ..AccountStanding::default()
            }],
            ..pool("general")
        })
    };
    book.update(rooms(1), None, uid);
    let mut watch = book.watch();
    book.update(rooms(1), None, uid);
    assert!(watch.changes.try_recv().is_err(), "nothing has changed");
    book.update(rooms(2), None, uid);
    let change = watch.changes.try_recv().expect("a change");
    assert_eq!(change[0].pools[0].nodes.len(), 1);
    assert!(change[0].pools[0].accounts.is_empty());
}

#[test]
fn a_pod_that_is_told_anew_under_another_identity_has_not_ended() {
    let mut book = GrantBook::new(1);
    book.update(granted([1]), None, |_| Some("same".into()));
    let mut watch = book.watch();
    let anew = GrantChanges {
        ended: vec![PodId(1)],
        ..granted([2])
    };
    book.update(anew, None, |_| Some("same".into()));
    let change = watch.changes.try_recv().expect("a change");
    assert_eq!(uids(&change), ["same"]);
    assert!(change[0].removed_grants.is_empty());
    assert!(book.granted(PodId(2)).is_some() && book.granted(PodId(1)).is_none());
}

#[test]
fn namespaces_are_leased_and_freed() {
    let mut book = GrantBook::new(1);
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.into())
            .collect::<BTreeSet<Name>>()
    };
    book.update(GrantChanges::default(), Some(&names(&["a", "b"])), uid);
    let mut watch = book.watch();
    assert_eq!(watch.snapshot[0].leased_namespaces, ["a", "b"]);
    book.update(GrantChanges::default(), Some(&names(&["b", "c"])), uid);
    let change = watch.changes.try_recv().expect("a change");
    assert_eq!(change[0].leased_namespaces, ["c"]);
    assert_eq!(change[0].freed_namespaces, ["a"]);
}

#[test]
fn a_pool_that_is_gone_takes_its_pods_along() {
    let mut book = GrantBook::new(1);
    book.update(granted([1]), None, uid);
    let gone = GrantChanges {
        removed_pools: vec!["general".into()],
        ..GrantChanges::default()
    };
    book.update(gone, None, uid);
    assert!(book.granted(PodId(1)).is_none());
    assert!(book.watch().snapshot[0].pools.is_empty());
}

#[test]
fn a_large_snapshot_goes_in_several_messages_of_one_revision() {
    let mut book = GrantBook::new(1);
    book.update(granted(0..5_001), None, uid);
    let snapshot = book.watch().snapshot;
    let sizes: Vec<usize> = snapshot.iter().map(size).collect();
    assert_eq!(sizes, [2000, 2000, 1001]);
    let continues: Vec<bool> = snapshot.iter().map(|message| message.continues).collect();
    assert_eq!(continues, [true, true, false]);
    assert!(
        snapshot
            .iter()
            .all(|message| message.is_snapshot && message.revision == 1)
    );
    assert_eq!(uids(&snapshot).len(), 5_001);
}

fn size(message: &WatchGrantsResponse) -> usize {
    message.pools.iter().map(|pool| pool.grants.len()).sum()
}
