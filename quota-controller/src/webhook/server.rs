//! The server.

use super::answer::{self, Review, Verdict};
use super::forward::{HANDED_ON, Leader};
use super::mutate::additions;
use super::review::{Question, Reading, read};
use crate::certificates::{Clients, Material, server_config};
use crate::decider::{Decider, NotLeading};
use crate::policies::Mode;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use kube::core::admission::AdmissionRequest;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// A review holds an object before and after. The API server takes no object above 3 MiB.
const BODY_MAX: usize = 7 << 20;

/// So many reviews are worked on at once; more wait. With the largest bodies they are 448 MiB, and the API server
/// sends no such bodies for leases.
const AT_ONCE: usize = 64;

/// An answer after this comes too late: the API server waits 10 s, and has to get it.
const ANSWER: Duration = Duration::from_secs(8);

/// For so long a client may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(5);

/// Between two tries to find a leader that answers.
const PAUSE: Duration = Duration::from_millis(250);

/// Answers, by webhook.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    reviews: Family<Answer, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    webhook: &'static str,
    answer: &'static str,
}

impl Metrics {
    /// Shows them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "leasehold_webhook_reviews",
            "Admission reviews answered by this replica, by webhook and answer",
            self.reviews.clone(),
        );
    }

    fn count(&self, webhook: &'static str, verdict: Verdict) {
        let answer = Answer {
            webhook,
            answer: verdict.as_str(),
        };
        self.reviews.get_or_create(&answer).inc();
    }
}

/// What the webhooks need.
#[derive(Clone)]
pub struct Webhooks {
    /// Who decides, if this replica does.
    pub decider: Decider,
    /// The way to the leader, if it does not.
    pub leader: Leader,
    /// The namespace that the program runs in.
    pub namespace: String,
    /// What pods get.
    pub mode: Mode,
    /// What was answered.
    pub metrics: Metrics,
}

#[derive(Clone)]
struct Shared {
    webhooks: Webhooks,
    permits: Arc<Semaphore>,
}

/// Serves until `stop`, then lets what has begun come to its end.
///
/// # Errors
/// When the address cannot be listened on or the certificate cannot be used.
pub async fn serve(
    listener: TcpListener,
    webhooks: Webhooks,
    mut material: watch::Receiver<Arc<Material>>,
    stop: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // The API server shows no certificate, so anybody who reaches the port may ask. What an answer remembers of
    // something that is then never stored is forgotten after seconds.
    let first = server_config(&material.borrow_and_update(), Clients::Any)?;
    let tls = RustlsConfig::from_config(Arc::new(first));
    let handle: Handle<SocketAddr> = Handle::new();
    let ending = handle.clone();
    let ended = stop.clone();
    tokio::spawn(async move {
        ended.cancelled().await;
        ending.graceful_shutdown(Some(ANSWER));
    });
    let reloaded = tls.clone();
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        while material.changed().await.is_ok() {
            let fresh = material.borrow_and_update().clone();
            match server_config(&fresh, Clients::Any) {
                Ok(config) => reloaded.reload_from_config(Arc::new(config)),
                Err(error) => tracing::warn!(%error, "serving on with the old certificate"),
            }
        }
    }));
    listener.set_nonblocking(true)?;
    let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS);
    server.serve(router(webhooks).into_make_service()).await?;
    Ok(())
}

/// The paths.
pub(super) fn router(webhooks: Webhooks) -> Router {
    let shared = Shared {
        webhooks,
        permits: Arc::new(Semaphore::new(AT_ONCE)),
    };
    Router::new()
        .route("/validate/leases", post(bounded))
        .route("/validate/pools", post(bounded))
        .route("/validate/resize", post(bounded))
        .route("/mutate/pods", post(bounded))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// One review, with all its bounds: the body is read under them too.
async fn bounded(State(shared): State<Shared>, request: Request) -> Response {
    let until = Instant::now() + ANSWER;
    let work = async {
        let Ok(_permit) = shared.permits.acquire().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let (head, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        answer_to(&shared.webhooks, &head.uri, &head.headers, body, until).await
    };
    let answer = tokio::time::timeout(ANSWER + PAUSE, work).await;
    answer.unwrap_or_else(|_| StatusCode::GATEWAY_TIMEOUT.into_response())
}

async fn answer_to(
    webhooks: &Webhooks,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
    until: Instant,
) -> Response {
    let request = match request_of(&body) {
        Ok(request) => request,
        Err(problem) => return (StatusCode::BAD_REQUEST, problem).into_response(),
    };
    let webhook = match uri.path() {
        "/validate/leases" => "leases",
        "/validate/pools" => "pools",
        "/validate/resize" => "resize",
        _ => "pods",
    };
    let done = |review: Review, verdict| {
        webhooks.metrics.count(webhook, verdict);
        Json(review).into_response()
    };
    if webhook == "pods" {
        return match pod_of(&request) {
            Ok(pod) => done(
                answer::patched(&request, additions(webhooks.mode, &pod)),
                Verdict::Allowed,
            ),
            Err(problem) => done(answer::unreadable(&request, problem), Verdict::Refused),
        };
    }
    let question = match read(&request, &webhooks.namespace) {
        Reading::Ask(question) => question,
        Reading::Allow => return done(answer::allow(&request), Verdict::Allowed),
        Reading::Refuse(problem) => {
            return done(answer::unreadable(&request, problem), Verdict::Refused);
        }
    };
    let is_handed_on = headers.contains_key(HANDED_ON);
    // A change of leaders takes seconds; whoever asked need not know.
    while Instant::now() < until {
        if let Ok((review, verdict)) = decide(&webhooks.decider, &question, &request).await {
            return done(review, verdict);
        }
        let address = webhooks.leader.address().filter(|_| !is_handed_on);
        if let Some(address) = address {
            let wait = until.saturating_duration_since(Instant::now());
            match webhooks.leader.ask(&address, uri.path(), &body, wait).await {
                Ok(answer) => {
                    let json = [(header::CONTENT_TYPE, "application/json")];
                    return (json, Body::from(answer)).into_response();
                }
                Err(error) => tracing::debug!(address, error, "the leader did not answer"),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    done(answer::unavailable(&request), Verdict::Unavailable)
}

async fn decide(
    decider: &Decider,
    question: &Question,
    request: &AdmissionRequest<DynamicObject>,
) -> Result<(Review, Verdict), NotLeading> {
    let refusals = match question {
        Question::Change(change) => decider.check(change.clone(), request.dry_run).await?,
        Question::Resize { uid, request: asks } => {
            let answer = decider.resize(uid, asks.clone(), request.dry_run).await?;
            answer.err().into_iter().collect()
        }
    };
    Ok(if refusals.is_empty() {
        (answer::allow(request), Verdict::Allowed)
    } else {
        (answer::refuse(request, &refusals), Verdict::Refused)
    })
}

fn request_of(body: &[u8]) -> Result<AdmissionRequest<DynamicObject>, String> {
    let review: Review = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    review
        .try_into()
        .map_err(|_| "the review asks nothing".into())
}

fn pod_of(request: &AdmissionRequest<DynamicObject>) -> Result<Pod, String> {
    let object = request.object.as_ref().ok_or("the review has no object")?;
    let value = serde_json::to_value(object).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| format!("the pod cannot be read: {error}"))
}
