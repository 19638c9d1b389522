//! The task: takes messages in batches, makes one decision for each batch, hands out what follows.

use super::handle::{Decider, NotLeading, Standing};
use super::log::{Log, LogOptions};
use super::message::{Message, Outcome, Reserved};
use super::term::Term;
use crate::act::Actors;
use crate::clock::Clock;
use crate::cluster::{Observation, watch_all};
use crate::leader::Leadership;
use crate::metrics::Metrics;
use engine::spec::Name;
use kube::Client;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// The most messages that one decision answers: a burst is decided in a few goes, and nobody waits long.
const BATCH_MAX: usize = 1024;

/// Messages that wait while a decision is made; the watches wait with the rest.
const INBOX_MAX: usize = 4096;

/// How often statuses are looked at and events are told.
const TICK: Duration = Duration::from_secs(1);

/// What the decider is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where decisions are logged, if they are.
    pub log: Option<LogOptions>,
    /// The name of this replica.
    pub identity: String,
    /// What is counted.
    pub metrics: Metrics,
}

/// Starts the task. It ends when `stop` is cancelled.
pub fn start(
    client: Client,
    options: Options,
    stop: CancellationToken,
) -> (Decider, JoinHandle<()>) {
    let (inbox, messages) = mpsc::channel(INBOX_MAX);
    let standing = watch::Sender::new(Standing::Following);
    let leased = watch::Sender::new(Arc::default());
    let unlabelled = watch::Sender::new(Arc::default());
    let decider = Decider {
        inbox,
        standing: standing.subscribe(),
        leased: leased.subscribe(),
        unlabelled: unlabelled.subscribe(),
    };
    let task = Task {
        client,
        options,
        decider: decider.clone(),
        messages,
        standing,
        leased,
        unlabelled,
        clock: Clock::default(),
        term: None,
    };
    (decider, tokio::spawn(task.run(stop)))
}

struct Task {
    client: Client,
    options: Options,
    decider: Decider,
    messages: mpsc::Receiver<Message>,
    standing: watch::Sender<Standing>,
    leased: watch::Sender<Arc<BTreeSet<Name>>>,
    unlabelled: watch::Sender<Arc<BTreeSet<Name>>>,
    clock: Clock,
    term: Option<Term>,
}

impl Task {
    async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ended = self
                .term
                .as_ref()
                .map(|term| term.leadership.ended().clone());
            let wake = self.time_to_wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = async { match &ended { Some(ended) => ended.cancelled().await, None => std::future::pending().await } } => {
                    self.stop_leading();
                }
                () = async { match wake { Some(wake) => tokio::time::sleep(wake).await, None => std::future::pending().await } } => {
                    self.wake();
                }
                _ = tick.tick() => self.tick(),
                // Last: there may always be more of them, and time must not wait for that.
                _ = self.messages.recv_many(&mut batch, BATCH_MAX) => self.take(&mut batch),
            }
        }
        self.stop_leading();
    }

    fn stop_leading(&mut self) {
        if let Some(term) = self.term.take() {
            info!(epoch = term.leadership.epoch(), "no decisions any more");
        }
        self.options.metrics.leading.set(0);
        self.options.metrics.set_figures(Vec::new());
        self.standing.send_replace(Standing::Following);
        self.leased.send_replace(Arc::default());
        self.unlabelled.send_replace(Arc::default());
    }

    fn lead(&mut self, leadership: Leadership) {
        let epoch = leadership.epoch();
        let log = match &self.options.log {
            Some(options) => {
                match Log::begin(options, epoch, &self.options.identity, self.clock.now()) {
                    Ok(log) => Some(log),
                    Err(error) => {
                        error!(%error, folder = %options.folder.display(), "decisions are not logged");
                        None
                    }
                }
            }
            None => None,
        };
        info!(epoch, "learning what is there");
        self.standing.send_replace(Standing::Learning { epoch });
        let metrics = self.options.metrics.clone();
        metrics.epoch.set(i64::try_from(epoch).unwrap_or(i64::MAX));
        let watches = watch_all(&self.client, &self.decider.observer(epoch));
        let actors = Actors::start(
            self.client.clone(),
            leadership.clone(),
            self.decider.clone(),
            metrics.clone(),
        );
        self.term = Some(Term::new(leadership, actors, watches, log, metrics));
    }

    fn take(&mut self, batch: &mut Vec<Message>) {
        let now = self.clock.now();
        if let Some(term) = &mut self.term {
            term.driver.come_to(now);
        }
        let mut seen = Vec::new();
        for message in batch.drain(..) {
            match message {
                Message::Observed { epoch, observation } => {
                    if self.leads_in(epoch) {
                        seen.push(observation);
                    }
                }
                Message::Outcome { epoch, outcome } => {
                    if self.leads_in(epoch) {
                        self.take_outcome(outcome, &mut seen);
                    }
                }
                other => {
                    self.observe(std::mem::take(&mut seen));
                    self.answer(other);
                }
            }
        }
        self.observe(seen);
        self.decide();
    }

    fn leads_in(&self, epoch: u64) -> bool {
        let term = self.term.as_ref();
        term.is_some_and(|term| term.leadership.epoch() == epoch)
    }

    fn take_outcome(&mut self, outcome: Outcome, seen: &mut Vec<Observation>) {
        let Some(term) = &mut self.term else { return };
        match outcome {
            Outcome::Ungated { pod } => term.driver.ungated(pod),
            Outcome::EvictionRefused { pod, retry } => term.driver.eviction_refused(pod, retry),
            Outcome::Scaled { key, to, version } => term.driver.scaled(&key, to, version),
            Outcome::ScaleFailed { key, to, message } => {
                term.driver.scale_failed(&key, to, message)
            }
            Outcome::Read(observation) => seen.push(observation),
            Outcome::StatusNotWritten(write) => term.driver.not_written(write),
        }
    }

    fn observe(&mut self, seen: Vec<Observation>) {
        let Some(term) = &mut self.term else { return };
        if seen.is_empty() {
            return;
        }
        let had_learned = term.driver.has_learned();
        term.driver.observe(seen);
        if !had_learned && term.driver.has_learned() {
            let epoch = term.leadership.epoch();
            info!(
                epoch,
                pods = term.driver.pods().count(),
                "learned what is there, deciding"
            );
            self.standing.send_replace(Standing::Leading { epoch });
            self.options.metrics.leading.set(1);
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        if let Some(term) = &mut self.term
            && term.leadership.is_valid()
            && term.driver.has_learned()
        {
            term.driver.come_to(now);
            term.report();
        }
    }

    fn answer(&mut self, message: Message) {
        // Whoever has asked may have gone: nobody is told then.
        let leading = self
            .term
            .as_mut()
            .filter(|term| term.driver.has_learned() && term.leadership.is_valid());
        match (message, leading) {
            (Message::Lead(leadership), _) => self.lead(leadership),
            (
                Message::Check {
                    change,
                    dry_run,
                    answer,
                },
                Some(term),
            ) => {
                let refused = term.driver.check(&change, dry_run);
                term.count_refused(&refused);
                let _ = answer.send(Ok(refused));
            }
            (
                Message::Resize {
                    uid,
                    request,
                    dry_run,
                    answer,
                },
                Some(term),
            ) => {
                let _ = answer.send(Ok(term.driver.resize(&uid, &request, dry_run)));
            }
            (Message::Reserve { pod, answer }, Some(_)) => {
                let uid = pod.uid.clone();
                self.observe(vec![Observation::Pod(pod)]);
                self.decide();
                let _ = answer.send(self.reserved(&uid));
            }
            (Message::WatchGrants { answer }, Some(_)) => {
                // What was learned is told only after the first decision.
                self.decide();
                let term = self.term.as_ref().filter(|term| term.leadership.is_valid());
                let _ = answer.send(term.map(|term| term.grants.watch()).ok_or(NotLeading));
            }
            (
                Message::Preempted {
                    by,
                    victims,
                    answer,
                },
                Some(term),
            ) => {
                term.driver.preempted(&by, victims);
                let _ = answer.send(Ok(()));
            }
            (Message::Explain { uid, answer }, Some(term)) => {
                let pod = term.driver.pod_by_uid(&uid);
                let _ = answer.send(Ok(pod.and_then(|pod| term.driver.engine().explain(pod))));
            }
            (Message::Check { answer, .. }, None) => drop(answer.send(Err(NotLeading))),
            (Message::Resize { answer, .. }, None) => drop(answer.send(Err(NotLeading))),
            (Message::Reserve { answer, .. }, None) => drop(answer.send(Err(NotLeading))),
            (Message::Explain { answer, .. }, None) => drop(answer.send(Err(NotLeading))),
            (Message::WatchGrants { answer }, None) => drop(answer.send(Err(NotLeading))),
            (Message::Preempted { answer, .. }, None) => drop(answer.send(Err(NotLeading))),
            (Message::Observed { .. } | Message::Outcome { .. }, _) => {}
        }
    }

    fn reserved(&self, uid: &Name) -> Result<(u64, Reserved), NotLeading> {
        let term = self.term.as_ref().ok_or(NotLeading)?;
        let granted = |pod| term.grants.granted(pod);
        Ok((term.leadership.epoch(), term.driver.reserved(uid, granted)))
    }

    /// Makes a decision for what was told, and hands out what follows from it.
    fn decide(&mut self) {
        let Some(term) = &mut self.term else { return };
        // A leader that does not know whether it still is one decides nothing.
        if !term.leadership.is_valid() {
            return;
        }
        term.decide();
        if !std::mem::take(&mut term.driver.news.namespaces).is_empty() {
            tell(&self.leased, term.driver.leased().cloned().collect());
            tell(
                &self.unlabelled,
                term.driver.unlabelled().cloned().collect(),
            );
        }
    }

    /// How long until the engine wants to be woken.
    fn time_to_wake(&mut self) -> Option<Duration> {
        let term = self.term.as_ref()?;
        let wake = [term.wake, term.driver.next_due()]
            .into_iter()
            .flatten()
            .min()?;
        let left = wake - self.clock.now();
        Some(Duration::from_millis(u64::try_from(left.0).unwrap_or(0)))
    }

    fn wake(&mut self) {
        let now = self.clock.now();
        let Some(term) = &mut self.term else { return };
        term.driver.come_to(now);
        let is_due = term.driver.next_due().is_some_and(|due| due <= now);
        let is_awaited = term.wake.take_if(|wake| *wake <= now).is_some();
        if is_awaited {
            term.driver.time_passed();
        }
        if is_awaited || is_due {
            self.decide();
        }
    }
}

/// Tells a set of namespaces, if it is news.
fn tell(to: &watch::Sender<Arc<BTreeSet<Name>>>, namespaces: BTreeSet<Name>) {
    to.send_if_modified(|before| {
        let is_news = **before != namespaces;
        *before = Arc::new(namespaces);
        is_news
    });
}
