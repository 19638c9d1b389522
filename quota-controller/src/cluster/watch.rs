//! The watches: one list and one watch for each kind, begun anew by each leader.

use super::observation::{Kind, LeaseSeen, NamespaceSeen, Observation, PoolSeen};
use crate::clock;
use crate::decider::Observer;
use api::names::LABEL_LEASED;
use api::{CapacityLease, CapacityPool};
use engine::Time;
use engine::spec::{LeaseKey, Name};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use std::pin::pin;
use tokio::task::JoinSet;
use tracing::warn;
use translate::{PoolOptions, Problem};

/// Watches everything until the tasks are dropped. What is seen goes to `observer`.
pub fn watch_all(client: &Client, observer: &Observer) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let all = watcher::Config::default;
    // The order in which they begin is the order in which they are needed; none waits for another.
    let pools = watcher::watcher(Api::<CapacityPool>::all(client.clone()), all());
    tasks.spawn(follow(Kind::Pools, pools, observer.clone(), |pool| {
        let gone = name(&pool.metadata);
        let seen = Observation::Pool(Box::new(pool_seen(pool)));
        (seen, Observation::PoolGone(gone))
    }));
    let leases = watcher::watcher(Api::<CapacityLease>::all(client.clone()), all());
    tasks.spawn(follow(Kind::Leases, leases, observer.clone(), |lease| {
        let gone = LeaseKey {
            namespace: namespace(&lease.metadata),
            name: name(&lease.metadata),
        };
        let seen = Observation::Lease(Box::new(lease_seen(lease)));
        (seen, Observation::LeaseGone(gone))
    }));
    // With what they name.
    tasks.spawn(crate::elastic::watch(client.clone(), observer.clone()));
    let nodes = watcher::watcher(Api::<Node>::all(client.clone()), all());
    tasks.spawn(follow(Kind::Nodes, nodes, observer.clone(), |node| {
        let gone = Observation::NodeGone(name(&node.metadata));
        match super::node::see(&node) {
            Ok(spec) => (Observation::Node(Box::new(spec)), gone),
            Err(problem) => {
                // What cannot be counted is not there.
                warn!(node = %name(&node.metadata), %problem, "node left out");
                (Observation::NodeGone(name(&node.metadata)), gone)
            }
        }
    }));
    let namespaces = Api::<PartialObjectMeta<Namespace>>::all(client.clone());
    let namespaces = watcher::watcher(namespaces, all());
    tasks.spawn(follow(
        Kind::Namespaces,
        namespaces,
        observer.clone(),
        |namespace| {
            let metadata = &namespace.metadata;
            let seen = NamespaceSeen {
                name: name(metadata),
                has_label: metadata
                    .labels
                    .as_ref()
                    .is_some_and(|labels| labels.contains_key(LABEL_LEASED)),
                is_ending: metadata.deletion_timestamp.is_some(),
            };
            let gone = Observation::NamespaceGone(seen.name.clone());
            (Observation::Namespace(seen), gone)
        },
    ));
    let pods = watcher::watcher(Api::<Pod>::all(client.clone()), all());
    tasks.spawn(follow(Kind::Pods, pods, observer.clone(), |pod| {
        let seen = super::pod::see(&pod, clock::now());
        let gone = Observation::PodGone(seen.uid.clone());
        (Observation::Pod(Box::new(seen)), gone)
    }));
    tasks
}

/// Passes on what one watch tells. `see` gives what it means that the object is there, and that it is gone.
async fn follow<K>(
    kind: Kind,
    stream: impl Stream<Item = watcher::Result<Event<K>>> + Send,
    observer: Observer,
    see: impl Fn(K) -> (Observation, Observation) + Send,
) {
    let mut stream = pin!(stream.default_backoff());
    while let Some(event) = stream.next().await {
        let observation = match event {
            Ok(Event::Init) => Observation::Relisting(kind),
            Ok(Event::InitApply(object) | Event::Apply(object)) => see(object).0,
            Ok(Event::Delete(object)) => see(object).1,
            Ok(Event::InitDone) => Observation::Synced(kind),
            Err(error) => {
                warn!(kind = kind.as_str(), %error, "watch interrupted, going on");
                continue;
            }
        };
        observer.observe(observation).await;
    }
}

/// What the decider needs of a pool.
pub fn pool_seen(pool: CapacityPool) -> PoolSeen {
    let options = PoolOptions {
        created: Time(0),
        checks_room: true,
    };
    PoolSeen {
        name: name(&pool.metadata),
        uid: uid(&pool.metadata),
        generation: pool.metadata.generation.unwrap_or(0),
        spec: translate::pool(&pool, options).map_err(in_words),
        status: pool.status.unwrap_or_default(),
    }
}

/// What the decider needs of a lease.
pub fn lease_seen(lease: CapacityLease) -> LeaseSeen {
    LeaseSeen {
        key: LeaseKey {
            namespace: namespace(&lease.metadata),
            name: name(&lease.metadata),
        },
        uid: uid(&lease.metadata),
        generation: lease.metadata.generation.unwrap_or(0),
        spec: translate::lease(&lease, Time(0)).map_err(in_words),
        status: lease.status.unwrap_or_default(),
    }
}

/// All that is wrong with an object, in one text.
pub(super) fn in_words(problems: Vec<Problem>) -> String {
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    words.join("; ")
}

fn name(metadata: &ObjectMeta) -> Name {
    metadata.name.as_deref().unwrap_or_default().into()
}

fn namespace(metadata: &ObjectMeta) -> Name {
    metadata.namespace.as_deref().unwrap_or_default().into()
}

fn uid(metadata: &ObjectMeta) -> Name {
    metadata.uid.as_deref().unwrap_or_default().into()
}
