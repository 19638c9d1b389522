//! Who is obeyed, what is forgotten, what expires.

use super::{Applied, Book, Revision};
use api::grpc::v1::{Account, Grant, Node, Pool, Reserved, WatchGrantsResponse};
use std::time::{Duration, Instant};

fn pool(name: &str) -> Pool {
    Pool {
        name: name.to_owned(),
        resources: vec!["cpu".to_owned()],
        ..Pool::default()
    }
}

fn node(name: &str, is_earmarked: bool) -> Node {
    Node {
        name: name.to_owned(),
        is_earmarked,
        free_beside_earmarks: vec![1000],
        ..Node::default()
    }
}

fn grant(uid: &str) -> Grant {
    Grant {
        uid: uid.to_owned(),
        namespace: "team".to_owned(),
        request: vec![500],
        ..Grant::default()
    }
}

fn message(epoch: u64, revision: u64, pools: Vec<Pool>) -> WatchGrantsResponse {
    WatchGrantsResponse {
        epoch,
        revision,
        valid_for_ms: 300_000,
        pools,
        ..WatchGrantsResponse::default()
    }
}

fn snapshot(epoch: u64, revision: u64, pools: Vec<Pool>) -> WatchGrantsResponse {
    WatchGrantsResponse {
        is_snapshot: true,
        leased_namespaces: vec!["team".to_owned()],
        ..message(epoch, revision, pools)
    }
}

/// What a book knows of the pods.
struct Told {
    book: Book,
    start: Instant,
}

impl Told {
    fn new() -> Told {
        Told {
            book: Book::default(),
            start: Instant::now(),
        }
    }

    fn tell(&self, message: WatchGrantsResponse) -> Applied {
        let revision = Revision::default()
            .add(message)
            .expect("it does not continue");
        self.book.apply(revision, self.start)
    }

    fn knows(&self, uid: &str) -> bool {
        self.book.grant(uid, self.start).is_some()
    }
}

fn granted(uids: &[&str]) -> Vec<Pool> {
    vec![Pool {
        grants: uids.iter().map(|uid| grant(uid)).collect(),
        ..pool("general")
    }]
}

#[test]
fn a_snapshot_replaces_what_was_known_and_changes_add_to_it() {
    let told = Told::new();
    assert_eq!(
        told.tell(snapshot(1, 7, granted(&["a", "b"]))),
        Applied::New
    );
    let change = WatchGrantsResponse {
        removed_grants: vec!["a".to_owned()],
        ..message(1, 8, granted(&["c"]))
    };
    assert_eq!(told.tell(change), Applied::New);
    assert_eq!(
        ["a", "b", "c"].map(|uid| told.knows(uid)),
        [false, true, true]
    );
    told.tell(snapshot(2, 1, granted(&["d"])));
    assert_eq!(
        ["b", "c", "d"].map(|uid| told.knows(uid)),
        [false, false, true]
    );
}

#[test]
fn changes_before_any_snapshot_are_not_taken() {
    let told = Told::new();
    assert_eq!(told.tell(message(1, 1, granted(&["a"]))), Applied::Stale);
    assert!(!told.book.has_heard());
}

#[test]
fn the_higher_epoch_is_obeyed() {
    let told = Told::new();
    told.tell(snapshot(5, 1, granted(&["new"])));
    assert_eq!(
        told.tell(snapshot(4, 99, granted(&["old"]))),
        Applied::Stale
    );
    assert_eq!(
        told.tell(message(4, 100, granted(&["old"]))),
        Applied::Stale
    );
    // The new leader's changes make no sense without its snapshot.
    assert_eq!(
        told.tell(message(6, 2, granted(&["newer"]))),
        Applied::Stale
    );
    assert_eq!(
        ["new", "old", "newer"].map(|uid| told.knows(uid)),
        [true, false, false]
    );
    assert_eq!(told.book.epoch(), 5);
}

#[test]
fn two_streams_of_one_leader_do_not_undo_each_other() {
    let told = Told::new();
    told.tell(snapshot(1, 1, granted(&["a"])));
    let removal = WatchGrantsResponse {
        removed_grants: vec!["a".to_owned()],
        ..message(1, 2, Vec::new())
    };
    told.tell(removal);
    // The slower stream begins with what was before.
    assert_eq!(told.tell(snapshot(1, 1, granted(&["a"]))), Applied::Known);
    assert!(!told.knows("a"));
}

#[test]
fn a_revision_of_several_messages_is_taken_as_a_whole() {
    let told = Told::new();
    let mut revision = Revision::default();
    let first = WatchGrantsResponse {
        continues: true,
        ..snapshot(1, 1, granted(&["a"]))
    };
    assert!(revision.add(first).is_none());
    let whole = revision
        .add(snapshot(1, 1, granted(&["b"])))
        .expect("the last one");
    told.book.apply(whole, told.start);
    assert!(told.knows("a") && told.knows("b"));
}

#[test]
fn grants_expire_unless_the_stream_says_that_all_is_as_it_was() {
    let told = Told::new();
    told.tell(snapshot(1, 1, granted(&["a"])));
    let at = |seconds| told.start + Duration::from_secs(seconds);
    assert!(told.book.grant("a", at(299)).is_some());
    assert!(told.book.grant("a", at(301)).is_none());
    let refresh = Revision::default()
        .add(message(1, 1, Vec::new()))
        .expect("one message");
    told.book.apply(refresh, at(100));
    assert!(told.book.grant("a", at(399)).is_some());
    assert!(told.book.grant("a", at(401)).is_none());
    // What is leased stays leased: its pods are denied, not let through.
    assert!(told.book.is_leased("team"));
}

#[test]
fn what_was_reserved_counts_at_once_and_expires_by_itself() {
    let told = Told::new();
    told.tell(snapshot(3, 1, granted(&[])));
    let reserved = |uid: &str| Reserved {
        pool: "general".to_owned(),
        grant: Some(grant(uid)),
        valid_for_ms: 600_000,
    };
    assert!(told.book.reserved(3, reserved("a"), told.start).is_some());
    // From one who leads no longer.
    assert!(told.book.reserved(2, reserved("b"), told.start).is_none());
    let at = |seconds| told.start + Duration::from_secs(seconds);
    assert!(told.book.grant("a", at(599)).is_some());
    assert!(told.book.grant("a", at(601)).is_none());
    assert!(!told.knows("b"));
}

#[test]
fn nodes_come_go_and_change_pools() {
    let told = Told::new();
    let with = |name: &str, nodes| Pool {
        nodes,
        ..pool(name)
    };
    let pools = vec![
        with("general", vec![node("n1", true), node("n2", false)]),
        with("gpu", vec![node("n3", false)]),
    ];
    told.tell(snapshot(1, 1, pools));
    assert_eq!(told.book.sizes(), [1, 0, 3, 1]);
    let moved = vec![
        Pool {
            removed_nodes: vec!["n1".to_owned()],
            ..pool("general")
        },
        with("gpu", vec![node("n1", false), node("n3", true)]),
    ];
    told.tell(message(1, 2, moved));
    assert_eq!(told.book.sizes(), [1, 0, 3, 1]);
    let nodes = told.book.nodes();
    let pools = ["n1", "n2", "n3"].map(|name| nodes[name].pool());
    assert_eq!(pools[0], pools[2]);
    assert_ne!(pools[0], pools[1]);
    drop(nodes);
    let gone = WatchGrantsResponse {
        removed_pools: vec!["gpu".to_owned()],
        ..message(1, 3, Vec::new())
    };
    told.tell(gone);
    assert_eq!(told.book.sizes(), [1, 0, 1, 0]);
}

#[test]
fn earmarks_count_only_while_the_controller_is_heard() {
    let told = Told::new();
    let earmarked = Pool {
        nodes: vec![node("n1", true)],
        ..pool("general")
    };
    told.tell(snapshot(1, 1, vec![earmarked]));
    assert!(told.book.has_earmarks(told.start));
    assert!(
        !told
            .book
            .has_earmarks(told.start + Duration::from_secs(301))
    );
}

#[test]
fn surplus_is_spared_for_as_many_as_there_are() {
    let told = Told::new();
    let replica = |uid: &str| Grant {
        workload: "train".to_owned(),
        holds: 1,
        ..grant(uid)
    };
    let mut train = pool("general");
    train.grants = vec![replica("a"), replica("b"), grant("web")];
    train.workloads = vec![api::grpc::v1::Workload {
        namespace: "team".to_owned(),
        name: "train".to_owned(),
        surplus: 1,
    }];
    train.accounts = vec![Account {
        namespace: "team".to_owned(),
        ..Account::default()
    }];
    told.tell(snapshot(1, 1, vec![train]));
    let held = ["a", "b", "web"].map(|uid| told.book.last_known(uid).expect("granted"));
    let victims = told.book.mark_surplus(held.iter().map(|held| &**held));
    let surplus: Vec<bool> = victims.iter().map(|victim| victim.is_surplus).collect();
    assert_eq!(surplus, [true, false, false]);
}
