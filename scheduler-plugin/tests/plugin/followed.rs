//! A plugin that hears from a real engine over real gRPC: what the one decides the other answers.

mod leader;

use crate::support::{Server, about_names};
use api::extender::FilterResult;
use engine::Event;
use engine::spec::PodId;
use leader::{Leader, arrival, lease, node, pod_of, pool};
use scheduler_plugin::book::Book;
use scheduler_plugin::{Denial, Plugin, follow};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NODES: [&str; 2] = ["n1", "n2"];

/// Two nodes of 4 that `a` and `b` share.
async fn cluster(epoch: u64) -> Leader {
    let leader = Leader::start(epoch).await;
    leader.feed([
        pool(),
        node("n1", 4),
        node("n2", 4),
        lease("a", 4),
        lease("b", 4),
    ]);
    leader
}

/// A plugin that follows these addresses.
async fn plugin(addresses: impl IntoIterator<Item = String>) -> Server {
    let plugin = Arc::new(Plugin::new(Duration::from_secs(5)));
    for address in addresses {
        let files = follow::ClientFiles::default();
        tokio::spawn(follow::follow(
            plugin.clone(),
            address,
            files,
            "test".to_owned(),
        ));
    }
    Server::of(plugin).await
}

/// Waits until what the plugin knows is so, or a deadline that only a broken test meets.
async fn until(book: &Book, what: &str, is_so: impl Fn(&Book) -> bool) {
    let mut changes = book.changes();
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_so(book) {
            changes.changed().await.expect("the book is there");
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}

fn knows(book: &Book, uid: &str) -> bool {
    book.grant(uid, Instant::now()).is_some()
}

async fn filter(server: &Server, namespace: &str, uid: &str) -> FilterResult {
    let (status, answer) = server
        .ask("filter", &about_names(namespace, uid, &NODES))
        .await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).expect("an answer")
}

async fn nodes_for(server: &Server, namespace: &str, uid: &str) -> Vec<String> {
    filter(server, namespace, uid)
        .await
        .node_names
        .expect("names were asked about")
}

#[tokio::test(flavor = "multi_thread")]
async fn room_that_a_reclaim_makes_is_kept_until_its_owner_has_it() {
    let leader = cluster(1).await;
    // b uses all of it, half of that on a's account.
    leader.feed((1..=4).map(|number| pod_of("b", number, 2)));
    let server = plugin([leader.url()]).await;
    let book = &server.plugin.book;
    until(book, "four grants", |book| book.sizes()[1] == 4).await;
    assert_eq!(
        book.sizes()[3],
        2,
        "until they are bound their room is kept"
    );
    leader.bind();
    until(book, "all are bound", |book| book.sizes()[3] == 0).await;
    // a asks for 4 in one piece: two pods of b have to go, and the room they leave is kept.
    leader.feed([pod_of("a", 5, 4)]);
    until(book, "an earmark", |book| book.sizes()[3] == 1).await;
    let kept = leader.earmarked_node();
    let free: Vec<String> = NODES
        .into_iter()
        .filter(|node| *node != kept)
        .map(str::to_owned)
        .collect();
    assert_eq!(nodes_for(&server, "elsewhere", "any").await, free);
    let refused = filter(&server, "elsewhere", "any")
        .await
        .failed_and_unresolvable_nodes;
    assert_eq!(refused.expect("nodes")[&kept], Denial::Earmarked.text());
    // Not admitted yet: it gets no node, and nobody is preempted for it.
    assert!(nodes_for(&server, "a", "uid-5").await.is_empty());
    let victims = leader.leaving();
    assert_eq!(victims.len(), 2);
    leader.feed(victims.into_iter().map(|pod| Event::PodEnded { pod }));
    until(book, "its grant", |book| knows(book, "uid-5")).await;
    // It may go wherever it is in the pool; it is expected on what was kept.
    assert!(nodes_for(&server, "a", "uid-5").await.contains(&kept));
    // And it is kept until then.
    assert_eq!(nodes_for(&server, "elsewhere", "any").await, free);
    leader.bind();
    until(book, "it is bound", |book| book.sizes()[3] == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_nobody_admitted_is_charged_on_the_spot_or_denied() {
    let leader = cluster(1).await;
    let server = plugin([leader.url()]).await;
    until(&server.plugin.book, "a snapshot", Book::has_heard).await;
    // The pod's own request is 500m of 8: it fits.
    assert_eq!(nodes_for(&server, "a", "uid-7").await, NODES);
    assert_eq!(leader.charged(), [PodId(7)]);
    // Asked again, and by another replica, it is charged once.
    assert_eq!(nodes_for(&server, "a", "uid-7").await, NODES);
    let other = plugin([leader.url()]).await;
    until(&other.plugin.book, "the grant", |book| knows(book, "uid-7")).await;
    assert_eq!(nodes_for(&other, "a", "uid-7").await, NODES);
    assert_eq!(leader.charged(), [PodId(7)]);
    // Nothing is left for more, and nobody borrows.
    leader.feed([arrival("a", 20, 3500)]);
    leader.feed([arrival("b", 21, 4000)]);
    assert_eq!(leader.charged().len(), 3);
    let denied = filter(&server, "a", "uid-8").await;
    assert_eq!(denied.node_names, Some(Vec::new()));
    let texts = denied.failed_and_unresolvable_nodes.expect("nodes");
    assert!(
        texts
            .values()
            .all(|text| text == Denial::NotAdmitted.text()),
        "{texts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_who_leads_is_found_and_a_new_one_is_obeyed() {
    let old = cluster(1).await;
    let new = cluster(2).await;
    // Before it leads it only knows who does.
    new.follows(Some(old.url()));
    old.feed([pod_of("a", 1, 1)]);
    let server = plugin([new.url()]).await;
    let book = &server.plugin.book;
    until(book, "the old one's grant", |book| knows(book, "uid-1")).await;
    // It takes over, and knows of another pod only.
    new.feed([pod_of("a", 2, 1)]);
    new.follows(None);
    old.follows(Some(new.url()));
    until(book, "the new one's epoch", |book| book.epoch() == 2).await;
    assert!(book.grant("uid-2", Instant::now()).is_some());
    assert!(book.grant("uid-1", Instant::now()).is_none());
    // What the old one still says is not heard.
    old.follows(None);
    old.feed([pod_of("a", 3, 1)]);
    assert_eq!(nodes_for(&server, "a", "uid-1").await, NODES);
    assert_eq!(
        new.charged(),
        [PodId(1), PodId(2)],
        "it was charged by the new one first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn known_pods_go_on_and_unknown_ones_wait_while_nobody_leads() {
    let leader = cluster(1).await;
    leader.feed([pod_of("a", 1, 1)]);
    let server = plugin([leader.url()]).await;
    let book = &server.plugin.book;
    until(book, "its grant", |book| knows(book, "uid-1")).await;
    drop(leader);
    assert_eq!(nodes_for(&server, "a", "uid-1").await, NODES);
    assert_eq!(nodes_for(&server, "elsewhere", "any").await, NODES);
    let denied = filter(&server, "a", "uid-9").await;
    assert_eq!(denied.node_names, Some(Vec::new()));
    let texts = denied.failed_and_unresolvable_nodes.expect("nodes");
    assert!(
        texts.values().all(|text| text == Denial::Unanswered.text()),
        "{texts:?}"
    );
}
