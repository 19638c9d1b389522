//! Writes results in a thread of its own, beside the run.
//!
//! Rows go there in batches, in their order, so what is written is the same as without the thread. The channel is
//! bounded: a run that is faster than its tables waits for them, and memory stays bounded too.
//!
//! Batches come back when they are written, and rows are dropped where they were made: two threads that give memory
//! back to one another's heaps wait for each other more than the writing takes.

use super::results::{Finished, Results};
use crate::problem::{Failure, Problem};
use crate::record::{
    PodRow, RefusalRow, ServiceRow, Sink, TimelineRow, Totals, UtilizationRow, WorkloadRow,
};
use engine::{Action, Event, Time};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// Rows, events and actions that go over at once: enough that waking the other thread costs little beside them.
const BATCH: usize = 1 << 10;

/// Batches that may wait: a few megabytes.
const WAITING_MAX: usize = 32;

/// A sink that hands everything to the thread that writes.
pub struct Beside {
    wants_pods: bool,
    wants_timeline: bool,
    wants_decisions: bool,
    batch: Vec<Row>,
    /// What the batch holds, a decision counted by its events and actions.
    weight: usize,
    channel: Option<SyncSender<Vec<Row>>>,
    /// Batches that are written.
    written: Receiver<Vec<Row>>,
    writer: Option<JoinHandle<Results>>,
}

/// One call of a sink.
enum Row {
    Workload(WorkloadRow),
    Pod(PodRow),
    Timeline(TimelineRow),
    Service(ServiceRow),
    Utilization(UtilizationRow),
    Refusal(RefusalRow),
    Decision(Time, Vec<Event>, Vec<Action>),
    Finish(Totals),
}

impl Beside {
    /// Has these results written by a thread of their own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(results: Results) -> Result<Beside, Failure> {
        let wants_pods = results.wants_pods();
        let wants_timeline = results.wants_timeline();
        let wants_decisions = results.wants_decisions();
        let (to_writer, rows) = sync_channel(WAITING_MAX);
        let (back, written) = channel();
        let writer = std::thread::Builder::new()
            .name("results".to_owned())
            .spawn(move || write_all(results, &rows, &back))
            .map_err(|error| {
                Problem::error(format!("no thread can be started: {error}"))
                    .hint("`--threads 1` needs none")
            })?;
        Ok(Beside {
            wants_pods,
            wants_timeline,
            wants_decisions,
            batch: Vec::with_capacity(BATCH),
            weight: 0,
            channel: Some(to_writer),
            written,
            writer: Some(writer),
        })
    }

    /// Waits until all is written, and gives the folder its name.
    ///
    /// # Errors
    /// Something could not be written; then there is no folder.
    pub fn close(mut self) -> Result<Finished, Failure> {
        self.send();
        self.channel = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(results)) => results.close(),
            // A bug of ours there is a bug of ours here.
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(Problem::error("the results are closed already").into()),
        }
    }

    fn push(&mut self, row: Row, weight: usize) {
        self.batch.push(row);
        self.weight += weight;
        if self.weight >= BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        self.weight = 0;
        let mut empty = match self.written.try_recv() {
            Ok(batch) => batch,
            Err(_) => Vec::with_capacity(BATCH),
        };
        empty.clear();
        let batch = std::mem::replace(&mut self.batch, empty);
        if let Some(channel) = &self.channel {
            // Nobody is there only if the writer has panicked: `close` tells.
            let _ = channel.send(batch);
        }
    }
}

impl Drop for Beside {
    /// A run that failed leaves nothing behind: the program must not end before the writer has tidied up.
    fn drop(&mut self) {
        self.channel = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Everything that comes, until the run has let go of its end of the channel.
fn write_all(mut results: Results, rows: &Receiver<Vec<Row>>, back: &Sender<Vec<Row>>) -> Results {
    results.prepare();
    for batch in rows {
        for row in &batch {
            match row {
                Row::Workload(row) => results.add_workload(row),
                Row::Pod(row) => results.add_pod(row),
                Row::Timeline(row) => results.add_timeline(row),
                Row::Service(row) => results.add_service(row),
                Row::Utilization(row) => results.add_utilization(row),
                Row::Refusal(row) => results.add_refusal(row),
                Row::Decision(now, events, actions) => {
                    results.add_decision(*now, events, actions);
                }
                Row::Finish(totals) => results.finish(totals),
            }
        }
        // Nobody wants it any more once the run is over.
        let _ = back.send(batch);
    }
    results
}

impl Sink for Beside {
    fn workload(&mut self, row: WorkloadRow) {
        self.push(Row::Workload(row), 1);
    }

    fn pod(&mut self, row: PodRow) {
        self.push(Row::Pod(row), 1);
    }

    fn wants_pods(&self) -> bool {
        self.wants_pods
    }

    fn wants_timeline(&self) -> bool {
        self.wants_timeline
    }

    fn timeline(&mut self, row: TimelineRow) {
        self.push(Row::Timeline(row), 1);
    }

    fn service(&mut self, row: ServiceRow) {
        self.push(Row::Service(row), 1);
    }

    fn utilization(&mut self, row: UtilizationRow) {
        self.push(Row::Utilization(row), 1);
    }

    fn refusal(&mut self, row: RefusalRow) {
        self.push(Row::Refusal(row), 1);
    }

    fn wants_decisions(&self) -> bool {
        self.wants_decisions
    }

    fn decision(&mut self, now: Time, events: Vec<Event>, actions: Vec<Action>) {
        let weight = 1 + events.len() + actions.len();
        self.push(Row::Decision(now, events, actions), weight);
    }

    fn finish(&mut self, totals: &Totals) {
        self.push(Row::Finish(totals.clone()), 1);
    }
}
