//! Carrying out what was decided: calls of the API server.
//!
//! Each call asks first whether the leadership still counts, and is dropped when it ends. What a call has come
//! to is known before it is done with: where the answer is lost, the object is read again.

mod events;
mod evict;
mod gate;
mod read;
mod scale;
mod status;
mod workload_status;

pub use events::{Notice, own_reference, pod_reference};
pub use evict::Eviction;
pub use gate::Admission;
pub use read::Reading;
pub use scale::{Chosen, Scaling};
pub use status::StatusWrite;

use crate::decider::Decider;
use crate::leader::Leadership;
use crate::metrics::{Metrics, Reason};
use api::crd::ElasticWorkloadStatus;
use engine::spec::WorkloadKey;
use futures::StreamExt;
use kube::Client;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How many calls of one kind are under way at once.
const CALLS_MAX: usize = 64;

/// How many statuses are written at once: they can wait, admissions should not wait for them.
const WRITES_MAX: usize = 4;

/// The longest that one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Something to be carried out.
#[derive(Debug)]
pub enum Order {
    /// A pod may be scheduled.
    Admit(Admission),
    /// A pod is to be evicted.
    Evict(Eviction),
    /// A status is to be written.
    Write(StatusWrite),
    /// An object is to be read again.
    Read(Reading),
    /// Something is to be told about an object.
    Tell(Notice),
    /// A workload's owner is to be asked for another count.
    Scale(Scaling),
    /// An ElasticWorkload's status is to be written.
    WorkloadStatus(WorkloadKey, Box<ElasticWorkloadStatus>),
}

/// What the calls need.
#[derive(Clone)]
pub(crate) struct Context {
    pub client: Client,
    pub leadership: Leadership,
    pub decider: Decider,
    pub metrics: Metrics,
}

impl Context {
    /// Counts a call that is tried again.
    pub(crate) fn count_retry(&self, what: &'static str) {
        let reason = Reason { reason: what };
        self.metrics.retries.get_or_create(&reason).inc();
    }

    /// Waits for a call, but not for longer than the leadership counts. Nothing: its outcome is not known.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Option<kube::Result<T>> {
        let bound = CALL_TIMEOUT.min(self.leadership.time_left());
        if !self.leadership.is_valid() {
            return None;
        }
        tokio::time::timeout(bound, call).await.ok()
    }
}

/// Carries out the orders of one leader, until it is dropped.
#[derive(Debug)]
pub struct Actors {
    admissions: mpsc::UnboundedSender<Admission>,
    evictions: mpsc::UnboundedSender<Eviction>,
    writes: mpsc::UnboundedSender<StatusWrite>,
    readings: mpsc::UnboundedSender<Reading>,
    notices: mpsc::Sender<Notice>,
    metrics: Metrics,
    scalings: mpsc::UnboundedSender<Scaling>,
    workload_statuses: mpsc::UnboundedSender<(WorkloadKey, Box<ElasticWorkloadStatus>)>,
    _tasks: JoinSet<()>,
}

impl Actors {
    /// Begins to wait for orders.
    pub fn start(
        client: Client,
        leadership: Leadership,
        decider: Decider,
        metrics: Metrics,
    ) -> Actors {
        let context = Context {
            client,
            leadership,
            decider,
            metrics: metrics.clone(),
        };
        let mut tasks = JoinSet::new();
        // What waits here is bounded by the objects that there are: each has one order of a kind at most.
        let (admissions, orders) = mpsc::unbounded_channel();
        tasks.spawn(work(context.clone(), orders, CALLS_MAX, gate::admit));
        let (evictions, orders) = mpsc::unbounded_channel();
        tasks.spawn(work(context.clone(), orders, CALLS_MAX, evict::evict));
        let (writes, orders) = mpsc::unbounded_channel();
        tasks.spawn(work(context.clone(), orders, WRITES_MAX, status::write));
        let (readings, orders) = mpsc::unbounded_channel();
        tasks.spawn(work(context.clone(), orders, WRITES_MAX, read::read));
        let (scalings, orders) = mpsc::unbounded_channel();
        tasks.spawn(scale::work(context.clone(), orders));
        let (workload_statuses, orders) = mpsc::unbounded_channel();
        tasks.spawn(workload_status::work(context.clone(), orders));
        let (notices, orders) = mpsc::channel(events::WAITING_MAX);
        tasks.spawn(events::tell(context, orders));
        Actors {
            admissions,
            evictions,
            writes,
            readings,
            notices,
            metrics,
            scalings,
            workload_statuses,
            _tasks: tasks,
        }
    }

    /// Takes an order. Returns at once.
    pub fn order(&self, order: Order) {
        // The tasks end only when this is dropped.
        let _ = match order {
            Order::Admit(admission) => self.admissions.send(admission).is_ok(),
            Order::Evict(eviction) => self.evictions.send(eviction).is_ok(),
            Order::Write(write) => self.writes.send(write).is_ok(),
            Order::Read(reading) => self.readings.send(reading).is_ok(),
            Order::Tell(notice) => {
                events::post(&self.notices, notice, &self.metrics);
                true
            }
            Order::Scale(scaling) => self.scalings.send(scaling).is_ok(),
            Order::WorkloadStatus(key, status) => {
                self.workload_statuses.send((key, status)).is_ok()
            }
        };
    }
}

/// Carries out orders as they come, some at a time.
async fn work<T, F: Future<Output = ()>>(
    context: Context,
    orders: mpsc::UnboundedReceiver<T>,
    calls_max: usize,
    carry_out: impl Fn(Context, T) -> F,
) {
    let orders = futures::stream::unfold(orders, |mut orders| async {
        orders.recv().await.map(|order| (order, orders))
    });
    orders
        .for_each_concurrent(calls_max, |order| carry_out(context.clone(), order))
        .await;
}

/// The time before a call is tried again: doubled each time, up to ten seconds.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(100 << attempt.min(7)).min(Duration::from_secs(10))
}

/// The status with which the API server refused, if it did.
pub(crate) fn refused(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
