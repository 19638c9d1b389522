//! What the plugin asks of the leader: a place for a pod on the spot; and what it tells it.

use crate::book::Held;
use crate::http::Plugin;
use crate::texts::Denial;
use api::grpc::v1;
use std::sync::Arc;
use std::time::Instant;
use v1::reserve_response::Outcome;

impl Plugin {
    /// Asks the leader to admit a pod now. Waits no longer than the plugin was told to.
    pub(crate) async fn reserve(&self, uid: &str, pod_json: &str) -> Result<Arc<Held>, Denial> {
        let started = Instant::now();
        let asked = self.ask(uid, pod_json);
        let answer = tokio::time::timeout(self.reserve_timeout, asked).await;
        self.metrics.reserve.record(started.elapsed());
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => {
                tracing::warn!(uid, %why, "the controller gave no answer about a pod");
                return Err(Denial::Unanswered);
            }
            Err(_) => {
                tracing::warn!(uid, "the controller did not answer in time");
                return Err(Denial::Unanswered);
            }
        };
        match answer.outcome {
            Some(Outcome::Granted(granted)) => {
                let held = self.book.reserved(answer.epoch, granted, Instant::now());
                held.ok_or(Denial::Unanswered)
            }
            Some(Outcome::Denied(denied)) => {
                tracing::debug!(
                    uid,
                    reason = denied.reason,
                    message = denied.message,
                    "denied"
                );
                Err(Denial::NotAdmitted)
            }
            None => Err(Denial::Unanswered),
        }
    }

    async fn ask(&self, uid: &str, pod_json: &str) -> Result<v1::ReserveResponse, String> {
        let mut leader = self.controller.leader().ok_or("no controller leads")?;
        let request = v1::ReserveRequest {
            uid: uid.to_owned(),
            pod_json: pod_json.as_bytes().to_vec(),
        };
        match leader.client.reserve(request).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(status.message().to_owned()),
        }
    }

    /// Tells which pods the scheduler may evict. Does not wait.
    pub(crate) fn report_preemption(&self, uid: &str, candidates: Vec<(String, Vec<String>)>) {
        let Some(mut leader) = self.controller.leader() else {
            return;
        };
        let candidates = candidates.into_iter();
        let request = v1::ReportPreemptionRequest {
            uid: uid.to_owned(),
            candidates: candidates
                .map(|(node, victims)| v1::PreemptionCandidate { node, victims })
                .collect(),
        };
        tokio::spawn(async move {
            if let Err(status) = leader.client.report_preemption(request).await {
                tracing::warn!(why = status.message(), "a preemption was not reported");
            }
        });
    }
}
