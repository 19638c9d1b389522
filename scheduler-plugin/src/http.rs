//! The HTTP side: questions of the scheduler, health, metrics.

use crate::book::Book;
use crate::controller::Controller;
use crate::metrics::{Latency, Metrics};
use crate::texts::NOT_READY;
use crate::{filter, preempt, prioritize};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The largest question that is taken: 5,000 whole nodes are some 50 MB.
const BODY_BYTES_MAX: usize = 256 << 20;

/// All that a question may need.
#[derive(Debug)]
pub struct Plugin {
    /// What is known.
    pub book: Book,
    /// What is counted.
    pub metrics: Metrics,
    pub(crate) controller: Controller,
    pub(crate) reserve_timeout: Duration,
}

impl Plugin {
    /// A plugin that has heard of nothing yet.
    pub fn new(reserve_timeout: Duration) -> Plugin {
        Plugin {
            book: Book::default(),
            metrics: Metrics::default(),
            controller: Controller::default(),
            reserve_timeout,
        }
    }
}

/// A question that gets no answer, and why.
#[derive(Debug)]
pub struct Question {
    status: StatusCode,
    problem: String,
}

impl Question {
    pub(crate) fn unreadable(error: impl std::fmt::Display) -> Question {
        let problem = format!("the question cannot be read: {error}\n");
        Question {
            status: StatusCode::BAD_REQUEST,
            problem,
        }
    }

    pub(crate) fn no_names() -> Question {
        Question::unreadable("NodeNames is no list of names")
    }

    pub(crate) fn not_ready() -> Question {
        let problem = format!("{NOT_READY}\n");
        Question {
            status: StatusCode::SERVICE_UNAVAILABLE,
            problem,
        }
    }
}

/// What the scheduler asks, beside health and metrics.
pub fn router(plugin: Arc<Plugin>) -> Router {
    Router::new()
        .route("/filter", post(ask_filter))
        .route("/prioritize", post(ask_prioritize))
        .route("/preempt", post(ask_preempt))
        .merge(health_routes())
        .with_state(plugin)
}

/// Health and metrics alone.
pub fn health_router(plugin: Arc<Plugin>) -> Router {
    health_routes().with_state(plugin)
}

fn health_routes() -> Router<Arc<Plugin>> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

async fn ask_filter(State(plugin): State<Arc<Plugin>>, body: Body) -> Response {
    let started = Instant::now();
    let answer = match read(body).await {
        Ok(body) => filter::filter(&plugin, &body).await,
        Err(question) => Err(question),
    };
    reply(&plugin, &plugin.metrics.filter, started, answer)
}

async fn ask_prioritize(State(plugin): State<Arc<Plugin>>, body: Body) -> Response {
    let started = Instant::now();
    let answer = read(body).await;
    let answer = answer.and_then(|body| prioritize::prioritize(&plugin, &body));
    reply(&plugin, &plugin.metrics.prioritize, started, answer)
}

async fn ask_preempt(State(plugin): State<Arc<Plugin>>, body: Body) -> Response {
    let started = Instant::now();
    let answer = read(body).await;
    let answer = answer.and_then(|body| preempt::preempt(&plugin, &body));
    reply(&plugin, &plugin.metrics.preempt, started, answer)
}

async fn read(body: Body) -> Result<Bytes, Question> {
    to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(Question::unreadable)
}

fn reply(
    plugin: &Plugin,
    latency: &Latency,
    started: Instant,
    answer: Result<Vec<u8>, Question>,
) -> Response {
    latency.record(started.elapsed());
    match answer {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(Question { status, problem }) => {
            if status == StatusCode::BAD_REQUEST {
                plugin.metrics.unreadable();
                tracing::warn!(problem = problem.trim_end(), "refused");
            }
            (status, problem).into_response()
        }
    }
}

async fn ready(State(plugin): State<Arc<Plugin>>) -> Response {
    if plugin.book.has_heard() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{NOT_READY}\n")).into_response()
    }
}

async fn metrics(State(plugin): State<Arc<Plugin>>) -> Response {
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4");
    ([content_type], plugin.metrics.print(&plugin.book)).into_response()
}
