//! What others ask of the driver.

use super::Driver;
use super::pods::Stage;
use crate::cluster::Uid;
use crate::decider::message::Reserved;
use engine::Refusal;
use engine::spec::Quantities;

impl Driver {
    /// Whether a pod's request may become `request`; what it grows by is charged, unless it is a dry run.
    pub(in crate::decider) fn resize(
        &mut self,
        uid: &Uid,
        request: &Quantities,
        dry_run: bool,
    ) -> Result<(), Refusal> {
        let Some(id) = self.pod_by_uid(uid) else {
            return Ok(());
        };
        let Some(pod) = self.pod(id).filter(|pod| pod.stage == Stage::Charged) else {
            return Ok(());
        };
        let before = pod.spec.template.request.clone();
        let namespace = pod.spec.namespace.clone();
        let mut charged = before.clone();
        for (resource, &asks) in request {
            let has = charged.entry(resource.clone()).or_default();
            *has = asks.max(*has);
        }
        if charged == before {
            // Smaller, or the same: what is set free is counted when the node has let go of it.
            return Ok(());
        }
        let pool = self.engine.pool_of(id).cloned();
        let figures = self.engine.figures();
        let account = figures
            .iter()
            .filter(|figures| Some(&figures.pool) == pool.as_ref())
            .flat_map(|figures| &figures.accounts)
            .find(|account| account.namespace == namespace);
        for (resource, figures) in account.iter().flat_map(|account| &account.resources) {
            let amount = |of: &Quantities| of.get(resource).copied().unwrap_or(0);
            let more = amount(&charged) - amount(&before);
            if more > 0 && more > figures.available {
                return Err(Refusal::Quota {
                    account: namespace.clone(),
                    at: namespace,
                    resource: resource.clone(),
                    asks: more,
                    available: figures.available,
                    limit: figures.limit,
                    guaranteed: figures.guaranteed,
                    borrowed: figures.borrowed,
                });
            }
        }
        if !dry_run {
            self.resized(id, charged);
        }
        Ok(())
    }

    /// How a pod stands that asks whether it may be bound.
    pub(in crate::decider) fn reserved(&self, uid: &Uid) -> Reserved {
        let Some(id) = self.pod_by_uid(uid) else {
            return Reserved::Outside;
        };
        match self.pod(id).map(|pod| pod.stage) {
            Some(Stage::Charged) => Reserved::Granted,
            Some(Stage::Waiting) => match self.engine.explain(id) {
                Some(refusal) => Reserved::Denied(Box::new(refusal)),
                None => Reserved::Granted,
            },
            _ => Reserved::Outside,
        }
    }
}
