//! How the rest of the program talks to the decider.

use super::message::{Change, Message, Outcome, Reserved};
use crate::cluster::{Observation, PodSeen, Uid};
use crate::grants::Grants;
use engine::Refusal;
use engine::spec::{Name, Quantities};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// What this replica is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Another replica leads, or none yet.
    #[default]
    Following,
    /// It leads and lists what is there; it decides nothing yet.
    Learning {
        /// Its epoch.
        epoch: u64,
    },
    /// It leads and decides.
    Leading {
        /// Its epoch.
        epoch: u64,
    },
}

/// This replica does not decide at present: ask the leader, or again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLeading;

impl std::fmt::Display for NotLeading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this replica does not lead")
    }
}

impl std::error::Error for NotLeading {}

/// A handle to the task that decides.
#[derive(Clone, Debug)]
pub struct Decider {
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) leased: watch::Receiver<Arc<BTreeSet<Name>>>,
    pub(super) unlabelled: watch::Receiver<Arc<BTreeSet<Name>>>,
}

impl Decider {
    /// Would the model refuse this change now? An accepted change is remembered until the watch shows it, for
    /// some seconds at most, so that two that exclude each other are not both accepted. A dry run remembers
    /// nothing.
    ///
    /// # Errors
    /// This replica does not lead.
    pub async fn check(&self, change: Change, dry_run: bool) -> Result<Vec<Refusal>, NotLeading> {
        self.ask(|answer| Message::Check {
            change,
            dry_run,
            answer,
        })
        .await
    }

    /// May this pod's request become `request`? What it grows by is charged before this returns.
    ///
    /// # Errors
    /// This replica does not lead.
    pub async fn resize(
        &self,
        pod_uid: &str,
        request: Quantities,
        dry_run: bool,
    ) -> Result<Result<(), Refusal>, NotLeading> {
        let uid = pod_uid.into();
        self.ask(|answer| Message::Resize {
            uid,
            request,
            dry_run,
            answer,
        })
        .await
    }

    /// May this pod without a gate be bound? If nobody admitted it, it is admitted on the spot where it fits.
    /// With the epoch of who says so.
    ///
    /// # Errors
    /// This replica does not lead.
    pub async fn reserve(&self, pod: PodSeen) -> Result<(u64, Reserved), NotLeading> {
        let pod = Box::new(pod);
        self.ask(|answer| Message::Reserve { pod, answer }).await
    }

    /// All grants as they are now, and every change after. The changes end when this replica stops leading;
    /// who lags too far behind asks again.
    ///
    /// # Errors
    /// This replica does not lead.
    pub async fn watch_grants(&self) -> Result<Grants, NotLeading> {
        self.ask(|answer| Message::WatchGrants { answer }).await
    }

    /// The scheduler evicts some of these pods for another one, by priority.
    ///
    /// # Errors
    /// This replica does not lead.
    pub async fn preempted(&self, by: &str, victims: Vec<Uid>) -> Result<(), NotLeading> {
        let by = by.into();
        self.ask(|answer| Message::Preempted {
            by,
            victims,
            answer,
        })
        .await
    }

    /// Why a pod waits; nothing if it does not, or is not known.
    ///
    /// # Errors
    /// This replica does not lead.
    pub async fn explain(&self, pod_uid: &str) -> Result<Option<Refusal>, NotLeading> {
        let uid = pod_uid.into();
        self.ask(|answer| Message::Explain { uid, answer }).await
    }

    /// What this replica is doing.
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// The same, to wait for changes.
    pub fn watch_standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Namespaces whose pods are charged.
    pub fn watch_leased(&self) -> watch::Receiver<Arc<BTreeSet<Name>>> {
        self.leased.clone()
    }

    /// Namespaces whose pods are charged, but which lack the label that puts them behind the gate.
    pub fn watch_unlabelled(&self) -> watch::Receiver<Arc<BTreeSet<Name>>> {
        self.unlabelled.clone()
    }

    /// The epoch in which this replica decides, if it does.
    pub fn epoch(&self) -> Option<u64> {
        match self.standing() {
            Standing::Leading { epoch } => Some(epoch),
            _ => None,
        }
    }

    /// Whether this replica decides.
    pub fn is_leading(&self) -> bool {
        self.epoch().is_some()
    }

    /// Says how carrying out an action went.
    pub async fn report(&self, epoch: u64, outcome: Outcome) {
        // Nobody listens any more when the program ends.
        let _ = self.inbox.send(Message::Outcome { epoch, outcome }).await;
    }

    /// Where the watches of an epoch put what they see.
    pub fn observer(&self, epoch: u64) -> Observer {
        Observer {
            epoch,
            inbox: self.inbox.clone(),
        }
    }

    pub(crate) async fn send(&self, message: Message) {
        let _ = self.inbox.send(message).await;
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, NotLeading>>) -> Message,
    ) -> Result<T, NotLeading> {
        let (answer, answered) = oneshot::channel();
        let sent = self.inbox.send(message(answer)).await;
        sent.map_err(|_| NotLeading)?;
        answered.await.unwrap_or(Err(NotLeading))
    }
}

/// Takes what the watches of one epoch see. What comes after the epoch has ended is dropped.
#[derive(Clone, Debug)]
pub struct Observer {
    epoch: u64,
    inbox: mpsc::Sender<Message>,
}

impl Observer {
    /// Something was seen.
    pub async fn observe(&self, observation: Observation) {
        let message = Message::Observed {
            epoch: self.epoch,
            observation,
        };
        let _ = self.inbox.send(message).await;
    }
}
