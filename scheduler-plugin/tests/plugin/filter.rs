//! `filter`.

use crate::support::told::Told;
use crate::support::{Server, about_names, pod};
use api::extender::FilterResult;
use expect_test::expect;
use scheduler_plugin::Denial;
use std::collections::BTreeMap;

async fn ask(server: &Server, body: &str) -> FilterResult {
    let (status, answer) = server.ask("filter", body).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).expect("an answer of the right form")
}

fn denied(result: FilterResult) -> BTreeMap<String, String> {
    result.failed_and_unresolvable_nodes.unwrap_or_default()
}

#[tokio::test]
async fn before_a_controller_was_heard_there_is_an_error_and_no_guess() {
    let server = Server::start().await;
    let (status, answer) = server
        .ask("filter", &about_names("any", "u", &["n1"]))
        .await;
    assert_eq!(status, 200);
    expect![[r#"{"Nodes":null,"NodeNames":null,"FailedNodes":null,"FailedAndUnresolvableNodes":null,"Error":"leasehold: the scheduler plugin has not heard from a controller yet"}"#]]
        .assert_eq(&answer);
    assert_eq!(server.get("/readyz").await.0, 503);
    Told::default().tell(&server.plugin);
    assert_eq!(server.get("/readyz").await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn a_pod_outside_leases_may_go_anywhere() {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .node("n1", false, 0)
        .tell(&server.plugin);
    let (_, answer) = server
        .ask("filter", &about_names("kube-system", "u", &["n1", "n9"]))
        .await;
    expect![[r#"{"Nodes":null,"NodeNames":["n1","n9"],"FailedNodes":null,"FailedAndUnresolvableNodes":{},"Error":""}"#]]
        .assert_eq(&answer);
}

#[tokio::test]
async fn a_pod_outside_leases_goes_beside_room_that_is_kept() {
    let server = Server::start().await;
    Told::default()
        .node("n1", true, 99)
        .node("n2", false, 0)
        .node("n3", true, 4000)
        .tell(&server.plugin);
    let (_, answer) = server
        .ask(
            "filter",
            &about_names("kube-system", "u", &["n1", "n2", "n3", "n9"]),
        )
        .await;
    expect![[r#"{"Nodes":null,"NodeNames":["n2","n3","n9"],"FailedNodes":null,"FailedAndUnresolvableNodes":{"n1":"leasehold: room on the node is kept for another request"},"Error":""}"#]]
        .assert_eq(&answer);
}

#[tokio::test]
async fn a_granted_pod_goes_onto_its_pool_beside_what_is_kept_for_others() {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .node("n1", true, 499)
        .node("n2", true, 500)
        .node("n3", false, 0)
        .other_pool("gpu", "n4")
        .grant("team", "u1", "n3")
        .grant("team", "u2", "n1")
        .tell(&server.plugin);
    let names = ["n1", "n2", "n3", "n4", "n5"];
    let result = ask(&server, &about_names("team", "u1", &names)).await;
    assert_eq!(
        result.node_names.as_deref(),
        Some(&["n2".to_owned(), "n3".to_owned()][..])
    );
    let expected = [
        ("n1", Denial::Earmarked),
        ("n4", Denial::OtherPool),
        ("n5", Denial::OtherPool),
    ];
    let expected = expected.map(|(node, denial)| (node.to_owned(), denial.text().to_owned()));
    assert_eq!(denied(result), expected.into());
    // What is expected there has its room already.
    let result = ask(&server, &about_names("team", "u2", &["n1"])).await;
    assert_eq!(result.node_names.as_deref(), Some(&["n1".to_owned()][..]));
}

#[tokio::test]
async fn a_pod_of_a_leased_namespace_that_nobody_admitted_is_denied_with_a_text_that_stays_the_same()
 {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .node("n1", false, 9)
        .tell(&server.plugin);
    let body = about_names("team", "nobody", &["n1", "n2"]);
    let first = ask(&server, &body).await;
    assert_eq!(first.node_names, Some(Vec::new()));
    assert_eq!(
        first.failed_nodes, None,
        "the scheduler would preempt without asking"
    );
    assert_eq!(first, ask(&server, &body).await);
    let denied = denied(first);
    assert_eq!(denied.len(), 2);
    assert!(
        denied
            .values()
            .all(|text| text == Denial::Unanswered.text()),
        "{denied:?}"
    );
}

#[tokio::test]
async fn whole_nodes_are_answered_with_whole_nodes() {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .node("n1", false, 0)
        .grant("team", "u1", "")
        .tell(&server.plugin);
    let body = format!(
        r#"{{"Pod":{},"Nodes":{{"metadata":{{}},"items":[{{"metadata":{{"name":"n1","uid":"a"}},"spec":{{"podCIDR":"10.0.0.0/24"}}}},{{"metadata":{{"name":"n2"}}}}]}},"NodeNames":null}}"#,
        pod("team", "u1")
    );
    let (_, answer) = server.ask("filter", &body).await;
    expect![[r#"{"Nodes":{"metadata":{},"items":[{"metadata":{"name":"n1","uid":"a"},"spec":{"podCIDR":"10.0.0.0/24"}}]},"NodeNames":null,"FailedNodes":null,"FailedAndUnresolvableNodes":{"n2":"leasehold: not a node of the pool that the pod is charged in"},"Error":""}"#]]
        .assert_eq(&answer);
}

#[tokio::test]
async fn names_with_escapes_and_no_names_at_all_are_read() {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .node("n1", false, 0)
        .grant("team", "u1", "")
        .tell(&server.plugin);
    let body = about_names("team", "u1", &["n1"]).replace(r#"["n1"]"#, r#"["\u006e1", "x\/y"]"#);
    let result = ask(&server, &body).await;
    assert_eq!(result.node_names.as_deref(), Some(&["n1".to_owned()][..]));
    assert!(denied(result).contains_key("x/y"));
    let result = ask(&server, &about_names("team", "u1", &[])).await;
    assert_eq!(result.node_names, Some(Vec::new()));
}

#[tokio::test]
async fn what_is_no_question_is_refused_and_counted() {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .grant("team", "u1", "")
        .tell(&server.plugin);
    let numbers = about_names("team", "u1", &["n1"]).replace(r#"["n1"]"#, r#"["n1", 7]"#);
    let nothing = about_names("team", "u1", &["n1"]).replace(r#"["n1"]"#, "null");
    let quote = about_names("team", "u1", &["n1"]).replace(r#"["n1"]"#, r#"["n\"1"]"#);
    for body in ["", "{", r#"{"Pod":null}"#, &numbers, &nothing, &quote] {
        let (status, _) = server.ask("filter", body).await;
        assert_eq!(status, 400, "{body}");
    }
    let (_, metrics) = server.get("/metrics").await;
    assert!(
        metrics.contains("leasehold_extender_unreadable_total 6\n"),
        "{metrics}"
    );
}
