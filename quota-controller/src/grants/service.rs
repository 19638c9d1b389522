//! The service: passes on what the decider says.

use super::book::Change;
use super::wire::VALID_FOR_MS;
use crate::clock::now;
use crate::cluster::see_pod;
use crate::decider::{Decider, NotLeading, Reserved};
use api::grpc::METADATA_LEADER;
use api::grpc::v1::admission_server::Admission;
use api::grpc::v1::reserve_response::Outcome;
use api::grpc::v1::{
    self, Denied, ReportPreemptionRequest, ReportPreemptionResponse, ReserveRequest,
    ReserveResponse, WatchGrantsRequest, WatchGrantsResponse,
};
use engine::spec::Name;
use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tonic::{Request, Response, Status};

/// A message at least this often, with nothing in it if nothing has changed.
const REFRESH: Duration = Duration::from_secs(30);

/// Where the leader answers plugins, as far as this replica knows.
pub type LeaderUrl = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// The service.
pub struct Service {
    decider: Decider,
    leader: LeaderUrl,
}

impl Service {
    /// A service for a decider. `leader` tells where the leader is when it is somebody else.
    pub fn new(decider: Decider, leader: LeaderUrl) -> Service {
        Service { decider, leader }
    }

    fn not_leading(&self) -> Status {
        let mut status = Status::unavailable(NotLeading.to_string());
        let leader = (self.leader)().and_then(|leader| leader.parse().ok());
        if let Some(leader) = leader {
            status.metadata_mut().insert(METADATA_LEADER, leader);
        }
        status
    }
}

/// What a stream has still to send, and where it hears more.
struct Listener {
    queue: VecDeque<WatchGrantsResponse>,
    changes: broadcast::Receiver<Change>,
    /// The last revision as a message without changes.
    refresh: WatchGrantsResponse,
}

impl Listener {
    fn add(&mut self, change: &Change) {
        if let Some(last) = change.last() {
            self.refresh = WatchGrantsResponse {
                epoch: last.epoch,
                revision: last.revision,
                valid_for_ms: last.valid_for_ms,
                ..WatchGrantsResponse::default()
            };
        }
        self.queue.extend(change.iter().cloned());
    }

    /// The next message. The stream ends with the leadership, and for who is too far behind.
    async fn next(&mut self) -> Option<Result<WatchGrantsResponse, Status>> {
        loop {
            if let Some(message) = self.queue.pop_front() {
                return Some(Ok(message));
            }
            match tokio::time::timeout(REFRESH, self.changes.recv()).await {
                Ok(Ok(change)) => self.add(&change),
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Err(RecvError::Lagged(missed))) => {
                    let why = format!("{missed} changes behind: ask again");
                    return Some(Err(Status::resource_exhausted(why)));
                }
                Err(_) => return Some(Ok(self.refresh.clone())),
            }
        }
    }
}

#[tonic::async_trait]
impl Admission for Service {
    type WatchGrantsStream = BoxStream<'static, Result<WatchGrantsResponse, Status>>;

    async fn watch_grants(
        &self,
        request: Request<WatchGrantsRequest>,
    ) -> Result<Response<Self::WatchGrantsStream>, Status> {
        let grants = self.decider.watch_grants().await;
        let grants = grants.map_err(|NotLeading| self.not_leading())?;
        tracing::info!(
            client = request.get_ref().client,
            "tells a scheduler plugin"
        );
        let mut listener = Listener {
            queue: VecDeque::new(),
            changes: grants.changes,
            refresh: WatchGrantsResponse::default(),
        };
        listener.add(&grants.snapshot);
        let messages = stream::unfold(Some(listener), async |listener| {
            let mut listener = listener?;
            let message = listener.next().await?;
            let next = message.is_ok().then_some(listener);
            Some((message, next))
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn reserve(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<Response<ReserveResponse>, Status> {
        let request = request.into_inner();
        let pod: Pod = serde_json::from_slice(&request.pod_json)
            .map_err(|error| Status::invalid_argument(format!("pod_json is no pod: {error}")))?;
        if pod.metadata.uid.as_deref() != Some(&*request.uid) {
            return Err(Status::invalid_argument(format!(
                "pod_json is not the pod {}",
                request.uid
            )));
        }
        let pod = see_pod(&pod, now());
        let answer = self.decider.reserve(pod).await;
        let (epoch, reserved) = answer.map_err(|NotLeading| self.not_leading())?;
        let denied = |reason: &str, message: String| {
            let reason = reason.to_owned();
            Outcome::Denied(Denied { reason, message })
        };
        let outcome = match reserved {
            Reserved::Granted(granted) => Outcome::Granted(v1::Reserved {
                pool: granted.pool.to_string(),
                grant: Some(granted.grant),
                valid_for_ms: VALID_FOR_MS,
            }),
            Reserved::Denied(refusal) => denied(refusal.reason(), refusal.to_string()),
            Reserved::Outside => denied("NoLease", "its namespace has no lease".to_owned()),
        };
        let outcome = Some(outcome);
        Ok(Response::new(ReserveResponse { epoch, outcome }))
    }

    async fn report_preemption(
        &self,
        request: Request<ReportPreemptionRequest>,
    ) -> Result<Response<ReportPreemptionResponse>, Status> {
        let request = request.into_inner();
        let victims = request.candidates.iter().flat_map(|node| &node.victims);
        let victims: Vec<Name> = victims.map(|uid| uid.as_str().into()).collect();
        let told = self.decider.preempted(&request.uid, victims).await;
        told.map_err(|NotLeading| self.not_leading())?;
        Ok(Response::new(ReportPreemptionResponse {}))
    }
}
