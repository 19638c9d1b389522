//! Web load that rises and falls by a real HorizontalPodAutoscaler: its metric comes from an API of our own, through the
//! API server's aggregator.

use crate::kit::{World, elastic, template, web};
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use axum_server::tls_rustls::RustlsConfig;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;

/// Each time the load changes, the count of the Job may change so often.
const CHANGES_PER_STEP: usize = 4;

/// What one web pod is to serve.
const SERVED_BY_EACH: u64 = 10;

/// A metrics API with one metric.
struct Metrics {
    requests: Arc<AtomicU64>,
    _serving: JoinSet<()>,
}

impl Metrics {
    /// Serves it as `external.metrics.k8s.io`.
    async fn start(world: &World) -> Metrics {
        let requests = Arc::new(AtomicU64::new(SERVED_BY_EACH));
        let files = world.cluster.certificate("metrics").expect("a certificate");
        let tls = RustlsConfig::from_pem_file(&files.certificate, &files.key);
        let tls = tls.await.expect("a TLS configuration");
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("a socket");
        let address: SocketAddr = socket.local_addr().expect("an address");
        let root = "/apis/external.metrics.k8s.io/v1beta1";
        let routes = Router::new()
            .route(root, get(resources))
            .route(
                &format!("{root}/namespaces/{{namespace}}/{{metric}}"),
                get(value),
            )
            .with_state(requests.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let server = axum_server::from_tcp_rustls(socket, tls).expect("a server");
            server
                .serve(routes.into_make_service())
                .await
                .expect("served");
        });
        world
            .create(
                "v1",
                "Service",
                "leasehold-system",
                json!({
                    "metadata": {"name": "metrics"},
                    "spec": {"type": "ExternalName", "externalName": "localhost"},
                }),
            )
            .await;
        world
            .create("apiregistration.k8s.io/v1", "APIService", "", json!({
                "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
                "spec": {
                    "group": "external.metrics.k8s.io", "version": "v1beta1",
                    "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": true,
                    "service": {"namespace": "leasehold-system", "name": "metrics", "port": address.port()},
                },
            }))
            .await;
        Metrics {
            requests,
            _serving: serving,
        }
    }

    /// So many web pods are needed from now on.
    fn need(&self, pods: u64) {
        self.requests
            .store(pods * SERVED_BY_EACH, Ordering::Relaxed);
    }
}

async fn resources() -> Json<Value> {
    Json(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "external.metrics.k8s.io/v1beta1",
        "resources": [{
            "name": "requests", "singularName": "", "namespaced": true,
            "kind": "ExternalMetricValueList", "verbs": ["get"],
        }],
    }))
}

async fn value(
    State(requests): State<Arc<AtomicU64>>,
    Path((_, metric)): Path<(String, String)>,
) -> Json<Value> {
    let requests = requests.load(Ordering::Relaxed);
    Json(json!({
        "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
        "items": [{
            "metricName": metric, "metricLabels": {}, "timestamp": "2026-01-01T00:00:00Z",
            "value": requests.to_string(),
        }],
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_gives_way_to_what_an_autoscaler_asks_for_and_grows_back_without_flapping() {
    let mut world = World::start(3).await;
    let labels = json!({"app": "train"});
    let train = json!({
        "metadata": {"name": "train"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": labels}, "template": template(&labels, "1", "0"),
        },
    });
    world.create("apps/v1", "Deployment", "ml", train).await;
    world
        .draw_count("apps/v1", "Deployment", "/spec/replicas")
        .await;
    let workload = elastic("apps/v1", "Deployment", 24, &json!({}));
    world
        .create("leasehold.dev/v1alpha1", "ElasticWorkload", "ml", workload)
        .await;
    let metrics = Metrics::start(&world).await;
    world.create("apps/v1", "Deployment", "web", web(1)).await;
    let autoscaler = json!({
        "metadata": {"name": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "minReplicas": 1, "maxReplicas": 5,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "requests"},
                "target": {"type": "AverageValue", "averageValue": SERVED_BY_EACH.to_string()},
            }}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    });
    world
        .create(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "web",
            autoscaler,
        )
        .await;
    world
        .until("one web pod runs and batch uses the rest", |picture| {
            picture.running("web") == 1
                && picture.running("ml") == 20
                && picture.count("train") == Some(20)
        })
        .await;
    let before = world.until("a picture", |_| true).await.counts["train"].len();
    for (pods, left) in [(4, 8), (2, 16), (4, 8), (1, 20)] {
        metrics.need(pods);
        let pods = usize::try_from(pods).expect("a count");
        world
            .until(
                "web has what its autoscaler asks for, batch the rest",
                |picture| {
                    picture.running("web") == pods
                        && picture.running("ml") == left
                        && picture.count("train") == Some(left as u64)
                },
            )
            .await;
    }
    let done = world.until("a picture", |_| true).await;
    let counts = &done.counts["train"][before..];
    assert!(counts.len() <= 4 * CHANGES_PER_STEP, "it flaps: {counts:?}");
    assert!(
        counts.iter().all(|&count| count >= 2),
        "below its minimum: {counts:?}"
    );
    assert!(
        done.held_max <= 24_000,
        "{} m were held at once",
        done.held_max
    );
    world.finish();
}
