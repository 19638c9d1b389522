//! `prioritize`.

use crate::support::told::Told;
use crate::support::{Server, about_names};
use expect_test::expect;

async fn scores(server: &Server, namespace: &str, uid: &str) -> String {
    let names = ["n1", "n2", "n3", "n4"];
    let (status, answer) = server
        .ask("prioritize", &about_names(namespace, uid, &names))
        .await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn reclaimable_work_goes_where_reclaimable_work_is_and_guaranteed_work_elsewhere() {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .node("n1", false, 0)
        .mix(4000, 0)
        .node("n2", false, 0)
        .mix(0, 4000)
        .node("n3", false, 0)
        .grant("team", "elastic", "")
        .replica_of("train", 1)
        .grant("team", "web", "n3")
        .tell(&server.plugin);
    expect![[r#"[{"Host":"n1","Score":8},{"Host":"n2","Score":0},{"Host":"n3","Score":4},{"Host":"n4","Score":0}]"#]]
        .assert_eq(&scores(&server, "team", "elastic").await);
    // It is expected on n3.
    expect![[r#"[{"Host":"n1","Score":0},{"Host":"n2","Score":8},{"Host":"n3","Score":10},{"Host":"n4","Score":0}]"#]]
        .assert_eq(&scores(&server, "team", "web").await);
}

#[tokio::test]
async fn a_pod_outside_leases_or_without_a_grant_gets_no_scores() {
    let server = Server::start().await;
    Told::default()
        .account("team", 0, 0)
        .node("n1", false, 0)
        .tell(&server.plugin);
    assert_eq!(scores(&server, "kube-system", "u").await, "[]");
    assert_eq!(scores(&server, "team", "nobody").await, "[]");
}
