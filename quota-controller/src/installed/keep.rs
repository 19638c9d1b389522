//! Watches what is installed, and puts it back.

use super::hooks::{self, Endpoint};
use super::wanted::{Change, put_back};
use crate::certificates::Material;
use crate::policies::{Installation, policies};
use api::names;
use futures::stream::{BoxStream, select_all};
use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::ClusterResourceScope;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration,
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use kube::api::{Api, DeleteParams};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource, ResourceExt};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// After a failure the next try comes after so long, then twice, up to the most.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What was put back, by object.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    restored: Family<Object, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Object {
    kind: String,
    name: String,
}

impl Metrics {
    /// Shows them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "leasehold_installed_restored",
            "Policies and webhooks that somebody had removed or changed and that were put back",
            self.restored.clone(),
        );
    }
}

/// Keeps an installation's policies and webhooks.
pub struct Keeper {
    /// To reach the API server.
    pub client: Client,
    /// What is kept.
    pub installation: Installation,
    /// Where the webhooks are.
    pub endpoint: Endpoint,
    /// Whose certificates the API server trusts.
    pub material: watch::Receiver<Arc<Material>>,
    /// What was put back.
    pub metrics: Metrics,
}

impl Keeper {
    /// Whether the API server can add the gate by itself.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn has_mutating_policies(&self) -> kube::Result<bool> {
        let group = "admissionregistration.k8s.io/v1";
        let known = self.client.list_api_group_resources(group).await?;
        let names = known
            .resources
            .iter()
            .map(|resource| resource.name.as_str());
        Ok(names
            .into_iter()
            .any(|name| name == "mutatingadmissionpolicies"))
    }

    /// Looks at everything once and puts back what is missing or different. Tells what had to be done.
    ///
    /// # Errors
    /// When the API server refuses something; the rest has been tried all the same.
    pub async fn put_back_all(&self) -> kube::Result<Vec<(String, Change)>> {
        let native = self.has_mutating_policies().await?;
        let bundle = self.material.borrow().bundle.clone();
        let policies = policies(&self.installation);
        let (installation, endpoint) = (&self.installation, &self.endpoint);
        let mut done = Vec::new();
        // What refuses comes before what adds: an absent adding policy means "refused", never "let through".
        for (policy, binding) in &policies.refusing {
            done.push(self.one(policy).await);
            done.push(self.one(binding).await);
        }
        if native {
            done.push(self.one(&policies.adding.0).await);
            done.push(self.one(&policies.adding.1).await);
            // From before the API server was upgraded: it would still be asked about every pod.
            let left = hooks::without_policies(installation, endpoint, "");
            done.push(self.removed(&left).await);
        } else {
            let hook = hooks::without_policies(installation, endpoint, &bundle);
            done.push(self.one(&hook).await);
        }
        let hooks = hooks::resize_and_validate(installation, endpoint, &bundle);
        done.push(self.one(&hooks).await);
        done.into_iter().collect()
    }

    async fn one<K>(&self, wanted: &K) -> kube::Result<(String, Change)>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + Debug,
    {
        let (kind, name) = (K::kind(&()).into_owned(), wanted.name_any());
        let change = put_back(&self.client, wanted).await.inspect_err(|error| {
            tracing::warn!(kind, name, %error, "cannot be put back");
        })?;
        if change != Change::None {
            tracing::info!(kind, name, %change, "installed");
            let object = Object {
                kind: kind.clone(),
                name: name.clone(),
            };
            self.metrics.restored.get_or_create(&object).inc();
        }
        Ok((format!("{kind} {name}"), change))
    }

    async fn removed(
        &self,
        unwanted: &MutatingWebhookConfiguration,
    ) -> kube::Result<(String, Change)> {
        let api: Api<MutatingWebhookConfiguration> = Api::all(self.client.clone());
        let name = unwanted.name_any();
        let told = format!("MutatingWebhookConfiguration {name}");
        if api.get_opt(&name).await?.is_none() {
            return Ok((told, Change::None));
        }
        api.delete(&name, &DeleteParams::default()).await?;
        tracing::info!(name, "webhook removed: the API server has policies for it");
        Ok((told, Change::Removed))
    }

    /// Puts back whatever changes, while `leads` is true, for ever.
    pub async fn keep(self, mut leads: watch::Receiver<bool>) {
        let mut material = self.material.clone();
        loop {
            if leads.wait_for(|leads| *leads).await.is_err() {
                return;
            }
            let mut changes = self.changes().await;
            let mut pause = PAUSE;
            while *leads.borrow_and_update() {
                material.mark_unchanged();
                // One look is enough for all that happened until now.
                while let Some(Some(())) = changes.next().now_or_never() {}
                let again = match self.put_back_all().await {
                    Ok(_) => {
                        pause = PAUSE;
                        None
                    }
                    Err(_) => {
                        pause = (pause * 2).min(PAUSE_MAX);
                        Some(pause)
                    }
                };
                tokio::select! {
                    change = changes.next() => if change.is_none() { break },
                    _ = material.changed() => {}
                    changed = leads.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(again.unwrap_or_default()), if again.is_some() => {}
                }
            }
        }
    }

    /// Something of ours was touched.
    async fn changes(&self) -> BoxStream<'static, ()> {
        let mut all = vec![
            self.touched::<ValidatingAdmissionPolicy>(),
            self.touched::<ValidatingAdmissionPolicyBinding>(),
            self.touched::<ValidatingWebhookConfiguration>(),
        ];
        let native = loop {
            match self.has_mutating_policies().await {
                Ok(native) => break native,
                Err(error) => tracing::warn!(%error, "cannot ask what the API server knows"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        if native {
            all.push(self.touched::<MutatingAdmissionPolicy>());
            all.push(self.touched::<MutatingAdmissionPolicyBinding>());
        } else {
            all.push(self.touched::<MutatingWebhookConfiguration>());
        }
        select_all(all).boxed()
    }

    /// Something of ours of one kind was touched. Who takes our label off makes it vanish from here, which is
    /// seen too.
    fn touched<K>(&self) -> BoxStream<'static, ()>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>
            + DeserializeOwned
            + Clone
            + Debug
            + Send
            + 'static,
    {
        let api: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let ours = format!("{}={}", names::LABEL_PART_OF, names::PART_OF);
        let watched = watcher(api, watcher::Config::default().labels(&ours));
        let watched = watched.default_backoff();
        // A failing watch is tried again by itself; there is nothing to put back for it.
        watched
            .filter_map(|event| async { event.ok().map(drop) })
            .boxed()
    }
}
