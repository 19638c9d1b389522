//! `/healthz`, `/readyz` and `/metrics`.

use crate::decider::{Decider, Standing};
use crate::leader::LeaderSeen;
use crate::metrics::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A decider that does not answer for so long is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What is asked about.
#[derive(Clone)]
struct Health {
    decider: Decider,
    leader: watch::Receiver<Option<LeaderSeen>>,
    metrics: Metrics,
}

/// Answers until `stop`.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(
    address: SocketAddr,
    decider: Decider,
    leader: watch::Receiver<Option<LeaderSeen>>,
    metrics: Metrics,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let health = Health {
        decider,
        leader,
        metrics,
    };
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(health);
    tokio::spawn(async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "health and metrics are not served any more");
        }
    });
    Ok(())
}

/// Alive: the task that decides answers.
async fn healthz(State(health): State<Health>) -> impl IntoResponse {
    match tokio::time::timeout(ANSWER_TIMEOUT, health.decider.explain("")).await {
        Ok(_) => (StatusCode::OK, "ok\n"),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the decider does not answer\n",
        ),
    }
}

/// Ready: it decides, or knows who does.
async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    match health.decider.standing() {
        Standing::Leading { epoch } => (StatusCode::OK, format!("leading in epoch {epoch}\n")),
        Standing::Learning { epoch } => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("learning what is there, in epoch {epoch}\n"),
        ),
        Standing::Following => match &*health.leader.borrow() {
            Some(leader) => (StatusCode::OK, format!("following {}\n", leader.identity)),
            None => (
                StatusCode::SERVICE_UNAVAILABLE,
                "no leader is known\n".to_owned(),
            ),
        },
    }
}

async fn metrics_text(State(health): State<Health>) -> impl IntoResponse {
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, format)], health.metrics.text())
}
