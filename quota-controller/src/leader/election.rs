//! The election: GET, then PUT with the resourceVersion that was read.

use super::{Leadership, Moment};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How the election is held.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// This replica, unlike every other and unlike itself after a restart.
    pub identity: String,
    /// For so long others wait after they saw the last renewal.
    pub duration: Duration,
    /// A leader that could not renew for so long stops; shorter than `duration`.
    pub renew_deadline: Duration,
    /// The time between two renewals, or two looks at another's.
    pub retry: Duration,
    /// What the leader tells others on the Lease, such as its addresses.
    pub annotations: BTreeMap<String, String>,
}

/// The leader as the Lease names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderSeen {
    /// Who.
    pub identity: String,
    /// In which epoch.
    pub epoch: u64,
    /// What it tells others.
    pub annotations: BTreeMap<String, String>,
}

/// A candidate.
#[derive(Debug)]
pub struct Election {
    api: Api<Lease>,
    settings: Settings,
    seen: watch::Sender<Option<LeaderSeen>>,
    /// The Lease as it was last read, and when it was first seen so.
    last: Option<(Lease, Instant)>,
    leads: Option<Leadership>,
}

impl Election {
    /// A candidate that has not looked yet.
    pub fn new(client: Client, settings: Settings) -> Election {
        Election {
            api: Api::namespaced(client, &settings.namespace),
            settings,
            seen: watch::Sender::new(None),
            last: None,
            leads: None,
        }
    }

    /// Who leads, as far as it is known.
    pub fn watch(&self) -> watch::Receiver<Option<LeaderSeen>> {
        self.seen.subscribe()
    }

    /// Stands for election until `stop`; each leadership that is won goes to `won`. Then call
    /// [`release`](Election::release), when nothing is done in its name any more.
    pub async fn run(&mut self, won: mpsc::Sender<Leadership>, stop: CancellationToken) {
        let stopped = stop.clone();
        while stopped.run_until_cancelled(self.step(&won)).await.is_some() {}
        if let Some(leads) = &self.leads {
            leads.end();
        }
    }

    async fn step(&mut self, won: &mpsc::Sender<Leadership>) {
        let retry = self.settings.retry;
        match self.leads.clone() {
            Some(leads) => {
                let ended = leads.ended().clone();
                match timeout(leads.time_left(), self.renew(&leads)).await {
                    Ok(true) => {
                        ended
                            .run_until_cancelled(sleep(retry.min(leads.time_left())))
                            .await;
                    }
                    Ok(false) if leads.is_valid() => {
                        sleep((retry / 4).min(leads.time_left())).await;
                    }
                    _ => {
                        warn!(epoch = leads.epoch(), "leadership lost");
                        leads.end();
                        self.leads = None;
                    }
                }
            }
            None => {
                match timeout(self.settings.renew_deadline, self.try_take()).await {
                    Ok(Ok(Some(leads))) => {
                        info!(
                            epoch = leads.epoch(),
                            identity = self.settings.identity,
                            "leading"
                        );
                        self.leads = Some(leads.clone());
                        // The receiver lives as long as the program.
                        let _ = won.send(leads).await;
                        return;
                    }
                    Ok(Ok(None)) => {}
                    Ok(Err(error)) => warn!(%error, "cannot look at the leader's Lease"),
                    Err(_) => warn!("the API server does not answer about the leader's Lease"),
                }
                sleep(retry).await;
            }
        }
    }

    /// Whether it was renewed. If somebody else holds the Lease, the leadership is ended.
    async fn renew(&mut self, leads: &Leadership) -> bool {
        let sent = Moment::now();
        let Some((last, _)) = &self.last else {
            return false;
        };
        let mut next = last.clone();
        if let Some(spec) = &mut next.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        match self.put(&next).await {
            Ok(lease) => {
                leads.renew(sent);
                self.note(lease);
                true
            }
            Err(error) => {
                warn!(%error, epoch = leads.epoch(), "cannot renew the leadership, trying again");
                // Whatever happened to the Lease, what is there now decides.
                if let Ok(Some(lease)) = self.api.get_opt(&self.settings.name).await {
                    let is_ours =
                        holder(&lease) == self.settings.identity && epoch(&lease) == leads.epoch();
                    self.note(lease);
                    if !is_ours {
                        leads.end();
                    }
                }
                false
            }
        }
    }

    /// Takes the Lease if it is free.
    async fn try_take(&mut self) -> kube::Result<Option<Leadership>> {
        let found = self.api.get_opt(&self.settings.name).await?;
        if let Some(lease) = &found {
            self.note(lease.clone());
            if !self.is_free(lease) {
                return Ok(None);
            }
        }
        let epoch = found.as_ref().map_or(0, epoch) + 1;
        let before = found.as_ref().and_then(|lease| lease.spec.as_ref());
        let last_heard = before.and_then(|spec| Some(spec.renew_time.as_ref()?.0));
        let taken = Moment::now();
        let next = self.record(found, epoch);
        let put = if next.metadata.resource_version.is_some() {
            self.put(&next).await
        } else {
            self.api.create(&PostParams::default(), &next).await
        };
        match put {
            Ok(lease) => {
                self.note(lease);
                let deadline = self.settings.renew_deadline;
                let leadership = Leadership::new(epoch, taken, deadline);
                Ok(Some(leadership.after(last_heard)))
            }
            // Another was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The Lease with us as its holder.
    fn record(&self, found: Option<Lease>, epoch: u64) -> Lease {
        let now = MicroTime(Timestamp::now());
        let mut lease = found.unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                name: Some(self.settings.name.clone()),
                namespace: Some(self.settings.namespace.clone()),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        lease.metadata.managed_fields = None;
        let annotations = lease.metadata.annotations.get_or_insert_default();
        annotations.extend(self.settings.annotations.clone());
        let seconds = self.settings.duration.as_secs().max(1);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: i32::try_from(seconds).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: i32::try_from(epoch).ok(),
            ..lease.spec.unwrap_or_default()
        });
        lease
    }

    /// Nobody holds it, or it was not seen to change for its whole duration.
    fn is_free(&self, lease: &Lease) -> bool {
        if holder(lease).is_empty() || holder(lease) == self.settings.identity {
            return true;
        }
        let theirs = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.lease_duration_seconds);
        let theirs = theirs.and_then(|seconds| u64::try_from(seconds).ok());
        let duration = Duration::from_secs(theirs.unwrap_or(0)).max(self.settings.duration);
        self.last
            .as_ref()
            .is_some_and(|(_, since)| since.elapsed() >= duration)
    }

    fn note(&mut self, lease: Lease) {
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        let known = self.last.as_ref().map(|(last, _)| version(last));
        if known == Some(version(&lease)) {
            return;
        }
        let seen = Some(LeaderSeen {
            identity: holder(&lease).to_owned(),
            epoch: epoch(&lease),
            annotations: lease.metadata.annotations.clone().unwrap_or_default(),
        });
        let seen = seen.filter(|seen| !seen.identity.is_empty());
        self.seen.send_if_modified(|before| {
            let is_news = *before != seen;
            *before = seen;
            is_news
        });
        self.last = Some((lease, Instant::now()));
    }

    async fn put(&self, lease: &Lease) -> kube::Result<Lease> {
        let name = &self.settings.name;
        self.api.replace(name, &PostParams::default(), lease).await
    }

    /// Gives the Lease back, so that the next leader need not wait.
    pub async fn release(&mut self) {
        if self.leads.take().is_none() {
            return;
        }
        match timeout(self.settings.renew_deadline, self.give_back()).await {
            Ok(Ok(())) => info!("leadership released"),
            Ok(Err(error)) => {
                warn!(%error, "leadership not released: others wait until it has expired");
            }
            Err(_) => warn!("leadership not released in time: others wait until it has expired"),
        }
    }

    /// A renewal may have been under way when we were told to end, so what is there is read first, and again if it
    /// changes in between.
    async fn give_back(&self) -> kube::Result<()> {
        loop {
            let found = self.api.get_opt(&self.settings.name).await?;
            let Some(mut lease) = found.filter(|lease| holder(lease) == self.settings.identity)
            else {
                return Ok(());
            };
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = None;
                spec.renew_time = Some(MicroTime(Timestamp::now()));
            }
            match self.put(&lease).await {
                Ok(_) => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn holder(lease: &Lease) -> &str {
    let spec = lease.spec.as_ref();
    spec.and_then(|spec| spec.holder_identity.as_deref())
        .unwrap_or_default()
}

fn epoch(lease: &Lease) -> u64 {
    let spec = lease.spec.as_ref();
    let transitions = spec.and_then(|spec| spec.lease_transitions).unwrap_or(0);
    u64::try_from(transitions).unwrap_or(0)
}
