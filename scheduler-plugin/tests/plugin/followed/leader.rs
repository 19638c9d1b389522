//! A controller without a cluster: the engine, the book of grants and the gRPC service, driven by the test.

use api::grpc::METADATA_LEADER;
use api::grpc::v1::admission_server::{Admission, AdmissionServer};
use api::grpc::v1::reserve_response::Outcome;
use api::grpc::v1::{
    Denied, ReportPreemptionRequest, ReportPreemptionResponse, ReserveRequest, ReserveResponse,
    Reserved, WatchGrantsRequest, WatchGrantsResponse,
};
use engine::spec::{
    LeaseKey, LeaseKind, LeaseSpec, Name, NodeSelector, NodeSpec, OnExpiry, PodId, PodSpec,
    PoolSpec, Quantities, Queueing, Template,
};
use engine::{Action, Engine, Event, Span, Time};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use quota_controller::grants::GrantBook;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

struct State {
    engine: Engine,
    book: GrantBook,
    leased: BTreeSet<Name>,
    now: Time,
    charged: BTreeSet<PodId>,
    leaving: Vec<PodId>,
}

struct Shared {
    epoch: u64,
    state: Mutex<State>,
    /// Who leads, if somebody else does.
    elsewhere: watch::Sender<Option<String>>,
}

/// One controller.
pub struct Leader {
    shared: Arc<Shared>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

/// The UID of a pod is that of its number.
fn uid(pod: PodId) -> Option<Name> {
    Some(format!("uid-{}", pod.0).into())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    #[expect(clippy::panic, reason = "a failing test")]
    fn feed(&mut self, events: impl IntoIterator<Item = Event>) {
        self.now = self.now + Span(1);
        for event in events {
            if let Event::LeaseSet(lease) = &event {
                self.leased.insert(lease.lessee.clone());
            }
            if let Event::PodEnded { pod } = event {
                self.charged.remove(&pod);
                self.leaving.retain(|&other| other != pod);
            }
            self.engine.feed(self.now, &event);
        }
        for action in self.engine.decide(self.now) {
            match action {
                Action::Admit { pod, .. } => drop(self.charged.insert(pod)),
                Action::Evict { pod, .. } => self.leaving.push(pod),
                Action::Refuse { reason } => panic!("refused: {reason}"),
                _ => {}
            }
        }
        let changes = self.engine.take_grants();
        self.book.update(changes, Some(&self.leased), uid);
    }
}

impl Leader {
    /// One that leads in an epoch and knows nothing.
    pub async fn start(epoch: u64) -> Leader {
        let mut engine = Engine::new();
        engine.track_grants();
        let state = State {
            engine,
            book: GrantBook::new(epoch),
            leased: BTreeSet::new(),
            now: Time(0),
            charged: BTreeSet::new(),
            leaving: Vec::new(),
        };
        let shared = Arc::new(Shared {
            epoch,
            state: Mutex::new(state),
            elsewhere: watch::Sender::new(None),
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = tokio::net::TcpListener::bind(any).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let incoming = stream::unfold(listener, async |listener| {
            Some((listener.accept().await.map(|(stream, _)| stream), listener))
        });
        let service = AdmissionServer::from_arc(shared.clone());
        let router = tonic::transport::Server::builder().add_service(service);
        let serving = tokio::spawn(async move {
            router
                .serve_with_incoming(incoming)
                .await
                .expect("it serves");
        });
        Leader {
            shared,
            address,
            serving,
        }
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells its engine something and lets it decide.
    pub fn feed(&self, events: impl IntoIterator<Item = Event>) {
        self.shared.state().feed(events);
    }

    /// Binds each pod that is admitted where it is expected.
    pub fn bind(&self) {
        let mut state = self.shared.state();
        let bound: Vec<Event> = state
            .charged
            .iter()
            .filter_map(|&pod| {
                let node = state.engine.expected_node(pod)?.into();
                Some(Event::PodPlaced { pod, node })
            })
            .collect();
        state.feed(bound);
    }

    /// Somebody else leads, or it does itself. Its streams end.
    pub fn follows(&self, leader: Option<String>) {
        self.shared.elsewhere.send_replace(leader);
    }

    /// The pods that are charged, as far as admitted.
    pub fn charged(&self) -> Vec<PodId> {
        self.shared.state().charged.iter().copied().collect()
    }

    /// The pods that were asked to end.
    pub fn leaving(&self) -> Vec<PodId> {
        self.shared.state().leaving.clone()
    }

    /// The one node on which room is kept.
    pub fn earmarked_node(&self) -> String {
        let snapshot = self.shared.state().book.watch().snapshot;
        let pools = snapshot.iter().flat_map(|message| &message.pools);
        let mut nodes = pools.flat_map(|pool| &pool.nodes);
        let node = nodes.find(|node| node.is_earmarked).expect("an earmark");
        node.name.clone()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.shared.elsewhere.send_replace(Some(String::new()));
        self.serving.abort();
    }
}

impl Shared {
    fn check_leads(&self) -> Result<(), Status> {
        let elsewhere = self.elsewhere.borrow();
        let Some(leader) = elsewhere.as_ref() else {
            return Ok(());
        };
        let mut status = Status::unavailable("this replica does not lead");
        if !leader.is_empty() {
            let leader = leader.parse().expect("a URL");
            status.metadata_mut().insert(METADATA_LEADER, leader);
        }
        Err(status)
    }
}

#[tonic::async_trait]
impl Admission for Shared {
    type WatchGrantsStream = BoxStream<'static, Result<WatchGrantsResponse, Status>>;

    async fn watch_grants(
        &self,
        _: Request<WatchGrantsRequest>,
    ) -> Result<Response<Self::WatchGrantsStream>, Status> {
        self.check_leads()?;
        let grants = self.state().book.watch();
        let mut elsewhere = self.elsewhere.subscribe();
        let first = stream::iter(grants.snapshot.to_vec());
        let rest = stream::unfold(grants.changes, async |mut changes| {
            let change = changes.recv().await.ok()?;
            Some((stream::iter(change.to_vec()), changes))
        });
        let messages = first.chain(rest.flatten()).map(Ok);
        let ended = async move { drop(elsewhere.wait_for(Option::is_some).await) };
        Ok(Response::new(messages.take_until(ended).boxed()))
    }

    async fn reserve(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<Response<ReserveResponse>, Status> {
        self.check_leads()?;
        let request = request.into_inner();
        let pod: serde_json::Value = serde_json::from_slice(&request.pod_json).expect("a pod");
        let text = |path: &str| {
            pod.pointer(path)
                .and_then(|it| it.as_str())
                .expect("a text")
        };
        assert_eq!(
            text("/metadata/uid"),
            request.uid,
            "the whole pod is sent along"
        );
        assert_eq!(text("/spec/containers/0/resources/requests/cpu"), "500m");
        let number = request
            .uid
            .trim_start_matches("uid-")
            .parse()
            .expect("a number");
        let mut state = self.state();
        state.feed([arrival(text("/metadata/namespace"), number, 500)]);
        let outcome = match state.book.granted(PodId(number)) {
            Some(granted) => Outcome::Granted(Reserved {
                pool: granted.pool.to_string(),
                grant: Some(granted.grant),
                valid_for_ms: 300_000,
            }),
            None => Outcome::Denied(Denied {
                reason: "Waiting".to_owned(),
                message: state
                    .engine
                    .explain(PodId(number))
                    .expect("why")
                    .to_string(),
            }),
        };
        let (epoch, outcome) = (self.epoch, Some(outcome));
        Ok(Response::new(ReserveResponse { epoch, outcome }))
    }

    async fn report_preemption(
        &self,
        _: Request<ReportPreemptionRequest>,
    ) -> Result<Response<ReportPreemptionResponse>, Status> {
        Ok(Response::new(ReportPreemptionResponse {}))
    }
}

fn cpu(millis: i64) -> Quantities {
    [("cpu".into(), millis)].into()
}

/// The pool of all nodes.
pub fn pool() -> Event {
    Event::PoolSet(PoolSpec {
        name: "general".into(),
        created: Time(0),
        node_selector: NodeSelector::default(),
        resources: vec!["cpu".into()],
        capacity: Quantities::new(),
        reserve: BTreeMap::new(),
        root_namespace: "root".into(),
        checks_room: true,
    })
}

/// A node of some whole `cpu`.
pub fn node(name: &str, cores: i64) -> Event {
    Event::NodeSet(NodeSpec {
        name: name.into(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        allocatable: cpu(cores * 1000),
        schedulable: true,
    })
}

/// A lease of some whole `cpu`.
pub fn lease(lessee: &str, cores: i64) -> Event {
    Event::LeaseSet(LeaseSpec {
        key: LeaseKey {
            namespace: "root".into(),
            name: lessee.into(),
        },
        created: Time(0),
        pool: "general".into(),
        lessee: lessee.into(),
        kind: LeaseKind::Sublease,
        guaranteed: cpu(cores * 1000),
        limit: Quantities::new(),
        lend_limit: Quantities::new(),
        weight: 1,
        max_priority: None,
        queueing: Queueing::BestEffort,
        start: None,
        end: None,
        renew: false,
        on_expiry: OnExpiry::Borrow,
        grace_period: Span(0),
        min_runtime: Span(0),
    })
}

/// A gated pod of some whole `cpu`.
pub fn pod_of(namespace: &str, number: u64, cores: i64) -> Event {
    arrival(namespace, number, cores * 1000)
}

/// A gated pod of some thousandths of a `cpu`.
pub fn arrival(namespace: &str, number: u64, millis: i64) -> Event {
    Event::PodArrived(PodSpec {
        id: PodId(number),
        namespace: namespace.into(),
        name: format!("pod-{number}").into(),
        priority: 0,
        created: Time(0),
        template: Arc::new(Template {
            request: cpu(millis),
            ..Template::default()
        }),
        pool: None,
        group: None,
        workload: None,
        ordinal: None,
    })
}
