//! The controller that leads, as far as `follow` knows.

use api::grpc::v1::admission_client::AdmissionClient;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use tonic::transport::Channel;

/// How to reach one controller.
#[derive(Clone, Debug)]
pub struct Leader {
    /// Its epoch.
    pub epoch: u64,
    /// Its calls.
    pub client: AdmissionClient<Channel>,
}

/// Who leads now.
#[derive(Debug, Default)]
pub struct Controller {
    leader: ArcSwapOption<Leader>,
}

impl Controller {
    /// A new connection to one who leads in `epoch`. Whoever led in an earlier one does not any more.
    pub fn connected(&self, epoch: u64, client: &AdmissionClient<Channel>) {
        let leader = self.leader.load();
        if leader.as_ref().is_none_or(|leader| leader.epoch <= epoch) {
            let client = client.clone();
            self.leader.store(Some(Arc::new(Leader { epoch, client })));
        }
    }

    /// Who leads.
    pub fn leader(&self) -> Option<Leader> {
        self.leader
            .load()
            .as_ref()
            .map(|leader| Leader::clone(leader))
    }
}
