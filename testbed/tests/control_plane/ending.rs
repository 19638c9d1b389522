//! Nothing stays behind, whether a cluster is dropped or its owner killed.

use crate::support::until_all_gone;
use std::net::TcpStream;
use testbed::{Cluster, Options};

#[tokio::test]
async fn everything_is_gone_when_a_cluster_is_dropped() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let processes = cluster.processes();
    let folder = cluster.folder().to_path_buf();
    let address = cluster.url().trim_start_matches("https://").to_string();
    assert_eq!(processes.len(), 5, "{processes:?}");
    assert!(folder.join("kube-apiserver.log").is_file());
    TcpStream::connect(&address).unwrap();

    drop(cluster);
    until_all_gone(&processes, &folder).await;
    TcpStream::connect(&address).unwrap_err();
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("cluster");
    let refused = Cluster::start(Options {
        api_server_arguments: vec!["--no-such-flag".into()],
        folder: Some(folder.clone()),
        ..Options::default()
    })
    .await
    .unwrap_err()
    .to_string();
    assert!(refused.contains("kube-apiserver"), "{refused}");
    assert!(refused.contains("no-such-flag"), "the log's end: {refused}");
    until_all_gone(&[], &folder).await;
}

#[tokio::test]
async fn a_folder_that_holds_something_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious");
    std::fs::write(&precious, "data").unwrap();
    let refused = Cluster::start(Options {
        folder: Some(folder.path().into()),
        ..Options::default()
    })
    .await
    .unwrap_err()
    .to_string();
    assert!(refused.contains("not empty"), "{refused}");
    assert!(precious.is_file());
}
