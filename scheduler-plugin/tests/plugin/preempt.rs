//! `preempt`: victims that the lease rules protect.

use crate::support::told::Told;
use crate::support::{Server, pod};
use api::extender::ExtenderPreemptionResult;

/// A tenant within its guarantee, one that borrows from it, one with an elastic workload that borrows too.
fn cluster() -> Told {
    Told::default()
        .account("root", 0, 0)
        .account("bank", 0, 0)
        .account("shop", 1, 1)
        .account("ml", 1, 1)
        .node("n1", false, 0)
        .grant("bank", "bank-web", "n1")
        .grant("bank", "bank-new", "")
        .grant("shop", "shop-web", "n1")
        .grant("ml", "ml-1", "n1")
        .replica_of("train", 1)
        .grant("ml", "ml-2", "n1")
        .replica_of("train", 1)
}

/// Asks about victims by node: `n1: a b`. The nodes that are left.
async fn ask(
    server: &Server,
    namespace: &str,
    uid: &str,
    nodes: &[(&str, &[&str])],
) -> Vec<String> {
    ask_with(server, pod(namespace, uid), nodes).await
}

async fn ask_with(server: &Server, pod: String, nodes: &[(&str, &[&str])]) -> Vec<String> {
    let victims = nodes.iter().map(|(node, victims)| {
        let pods = victims.iter().map(|uid| format!(r#"{{"UID":"{uid}"}}"#));
        let pods = pods.collect::<Vec<_>>().join(",");
        format!(r#""{node}":{{"Pods":[{pods}],"NumPDBViolations":1}}"#)
    });
    let victims = victims.collect::<Vec<_>>().join(",");
    let body = format!(
        r#"{{"Pod":{pod},"NodeNameToVictims":null,"NodeNameToMetaVictims":{{{victims}}}}}"#
    );
    let (status, answer) = server.ask("preempt", &body).await;
    assert_eq!(status, 200, "{answer}");
    let result: ExtenderPreemptionResult = serde_json::from_str(&answer).expect("an answer");
    let left = result.node_name_to_meta_victims;
    for (node, victims) in nodes {
        if let Some(left) = left.get(*node) {
            let uids: Vec<&str> = left.pods.iter().flatten().map(|pod| &*pod.uid).collect();
            assert_eq!(uids, *victims, "all of a node's victims, or none");
            assert_eq!(left.budget_violations, 1);
        }
    }
    left.into_keys().collect()
}

#[tokio::test]
async fn a_high_priority_is_no_licence_to_take_another_tenants_guarantee() {
    let server = Server::start().await;
    cluster().tell(&server.plugin);
    let nodes: &[(&str, &[&str])] = &[("n1", &["bank-web"]), ("n2", &["bank-web", "shop-web"])];
    assert!(ask(&server, "shop", "shop-web", nodes).await.is_empty());
    assert!(ask(&server, "kube-system", "any", nodes).await.is_empty());
    // In its own account priority decides.
    assert_eq!(ask(&server, "bank", "bank-new", nodes).await, ["n1", "n2"]);
    let (_, metrics) = server.get("/metrics").await;
    assert!(
        metrics.contains("leasehold_extender_vetoes_total 4\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn what_is_borrowed_may_go_and_elastic_surplus_goes_alone_where_it_suffices() {
    let server = Server::start().await;
    cluster().tell(&server.plugin);
    let whole: &[(&str, &[&str])] = &[("n1", &["shop-web"])];
    assert_eq!(ask(&server, "bank", "bank-new", whole).await, ["n1"]);
    let some: &[(&str, &[&str])] = &[("n1", &["shop-web"]), ("n2", &["ml-1"])];
    assert_eq!(ask(&server, "bank", "bank-new", some).await, ["n2"]);
    // The workload can spare one, not two.
    let both: &[(&str, &[&str])] = &[("n1", &["shop-web"]), ("n2", &["ml-1", "ml-2"])];
    assert_eq!(ask(&server, "bank", "bank-new", both).await, ["n1", "n2"]);
}

#[tokio::test]
async fn a_borrower_and_a_pod_that_nobody_admitted_preempt_nobody_elsewhere() {
    let server = Server::start().await;
    cluster().tell(&server.plugin);
    let nodes: &[(&str, &[&str])] = &[("n1", &["ml-1"])];
    assert!(ask(&server, "shop", "shop-web", nodes).await.is_empty());
    assert!(ask(&server, "bank", "nobody", nodes).await.is_empty());
}

#[tokio::test]
async fn what_a_node_itself_needs_is_not_kept_off_it() {
    let server = Server::start().await;
    cluster().tell(&server.plugin);
    let critical =
        pod("kube-system", "proxy").replace(r#""priority":0"#, r#""priority":2000001000"#);
    let nodes: &[(&str, &[&str])] = &[("n1", &["bank-web"])];
    assert_eq!(ask_with(&server, critical, nodes).await, ["n1"]);
}

#[tokio::test]
async fn whole_victims_are_answered_by_their_uids() {
    let server = Server::start().await;
    cluster().tell(&server.plugin);
    let body = format!(
        r#"{{"Pod":{},"NodeNameToVictims":{{"n1":{{"Pods":[{}],"NumPDBViolations":0}},"n2":{{"Pods":[{}],"NumPDBViolations":0}},"n3":{{"Pods":null,"NumPDBViolations":0}}}},"NodeNameToMetaVictims":null}}"#,
        pod("bank", "bank-new"),
        pod("shop", "shop-web"),
        // Nobody knows it, and it is of a leased namespace.
        pod("shop", "unknown"),
    );
    let (_, answer) = server.ask("preempt", &body).await;
    assert_eq!(
        answer,
        r#"{"NodeNameToMetaVictims":{"n1":{"Pods":[{"UID":"shop-web"}],"NumPDBViolations":0}}}"#
    );
}

#[tokio::test]
async fn before_a_controller_was_heard_nobody_is_preempted() {
    let server = Server::start().await;
    let body = format!(
        r#"{{"Pod":{},"NodeNameToMetaVictims":{{}}}}"#,
        pod("a", "b")
    );
    assert_eq!(server.ask("preempt", &body).await.0, 503);
}
