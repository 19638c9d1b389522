//! Puts the parts of a scenario together, and finds what only their sum can tell.

use super::check::Initial;
use super::events::Placed;
use super::manifest::{self, Manifest, Object};
use super::walk::{At, Map, Reading};
use super::workload::Frame;
use super::yaml::Node;
use super::{check, cluster, events, fields, source, workload};
use crate::model::{ChangeKind, Elastic, Job, Placement, Policy, Scenario, Workload};
use crate::problem::{Level, Problem};
use engine::Time;
use engine::spec::{ElasticSpec, LeaseKind, LeaseSpec, Name, PoolSpec};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// 2026-01-01T00:00:00Z.
const START: Time = Time(1_767_225_600_000);

const POLICIES: &[(&str, Policy)] = &[
    ("leasehold", Policy::Leasehold),
    ("none", Policy::None),
    ("static", Policy::Static),
    ("fcfs", Policy::Fcfs),
    ("borrow-kill", Policy::BorrowKill),
    ("edl", Policy::Edl),
];

/// A scenario's document as a scenario. Problems are reported; what is handed back beside errors is not
/// complete.
pub fn scenario(reading: &Reading, file: &str, folder: &Path, document: &Node) -> Option<Scenario> {
    let at = At::document(reading, file, document);
    let map = at.map(&fields::SCENARIO)?;
    head(&map);
    let name = map
        .need("metadata", "`metadata: {name: …}`")
        .and_then(|at| at.map(&fields::METADATA))
        .and_then(|map| map.need("name", "results are named after it"))
        .and_then(|at| at.name());
    let spec = map
        .need("spec", "`spec` holds the cluster and the workloads")?
        .map(&fields::SPEC)?;
    let start = spec.get("start").map_or(Some(START), |at| at.calendar());
    let duration = spec.get("duration").map(|at| at.span_above_zero());
    let seed = spec
        .get("seed")
        .map_or(Some(0), |at| at.integer(0, i64::MAX));
    let policy = spec
        .get("policy")
        .map_or(Some(Policy::Leasehold), |at| at.word(POLICIES));
    let frame = Frame {
        start: start.unwrap_or(START),
        folder,
    };
    let cluster = spec
        .need("cluster", "the nodes on which the work runs")
        .and_then(|at| cluster::read(&at, folder));
    let mut workloads = workloads(&spec, frame);
    let manifests = manifests(&spec, frame);
    let groups = cluster.as_ref().map(|c| &c.groups[..]);
    let mut events: Vec<Placed> = spec.get("events").map_or_else(Vec::new, |at| {
        let items = at.list();
        items
            .iter()
            .flat_map(|item| events::read(item, frame, groups))
            .collect()
    });
    events.sort_by_key(|placed| placed.change.at);
    let (mut pools, leases, elastic) = sort(manifests, frame.start);
    let mut targets: BTreeMap<(Name, Name), Name> = elastic
        .iter()
        .map(|(name, spec, _)| {
            (
                (spec.key.namespace.clone(), name.clone()),
                spec.key.name.clone(),
            )
        })
        .collect();
    let elastic = bind(reading, elastic, &mut workloads);
    bind_events(reading, &mut events, &workloads, &mut targets);
    let cluster = cluster?;
    let checks_room = cluster.placement != Placement::QuotaOnly;
    for (pool, _) in &mut pools {
        pool.checks_room = checks_room;
    }
    for placed in &mut events {
        if let ChangeKind::Pool(pool) = &mut placed.change.what {
            pool.checks_room = checks_room;
        }
    }
    let leases = parents_first(&pools, leases);
    // On broken objects the engine would report what follows from the mistakes above.
    if !reading.failed() {
        let (leases, circles) = without_circles(leases.clone());
        for problem in circles {
            reading.report(problem);
        }
        for problem in check::check(frame.start, &cluster, &pools, &leases, &events) {
            reading.report(problem);
        }
    }
    Some(Scenario {
        name: name?.to_string(),
        start: start?,
        duration: match duration {
            Some(duration) => Some(duration?),
            None => None,
        },
        seed: u64::try_from(seed?).ok()?,
        cluster,
        pools: pools.into_iter().map(|(pool, _)| pool).collect(),
        leases: leases.into_iter().map(|(lease, _)| lease).collect(),
        elastic,
        workloads: workloads
            .into_iter()
            .map(|(workload, _)| workload)
            .collect(),
        events: events.into_iter().map(|placed| placed.change).collect(),
        policy: policy?,
    })
}

fn head(map: &Map) {
    let hint = "`apiVersion: leasehold.dev/v1alpha1`";
    if let Some(at) = map.need("apiVersion", hint) {
        at.word(&[("leasehold.dev/v1alpha1", ())]);
    }
    if let Some(at) = map.need("kind", "`kind: Scenario`") {
        at.word(&[("Scenario", ())]);
    }
}

/// Workloads with a problem without words at the place of each.
fn workloads<'a>(spec: &Map<'a>, frame: Frame<'a>) -> Vec<(Workload, Problem)> {
    let Some(list) = spec.get("workloads") else {
        return Vec::new();
    };
    let mut names: BTreeMap<(Name, Name), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, item) in list.list().iter().enumerate() {
        let Some(workload) = workload::read(item, frame) else {
            continue;
        };
        let key = match &workload {
            Workload::Job(job) => Some((job.namespace.clone(), job.name.clone())),
            Workload::Series(series) => {
                Some((series.job.namespace.clone(), series.job.name.clone()))
            }
            Workload::Service(service) => Some((service.namespace.clone(), service.name.clone())),
            Workload::Trace(_) => None,
        };
        if let Some((namespace, name)) = &key
            && let Some(first) = names.insert((namespace.clone(), name.clone()), index)
        {
            item.wrong(
                format!("`{namespace}/{name}` is already the name of spec.workloads[{first}]"),
                "give each workload of a namespace a name of its own",
            );
        }
        found.push((workload, item.problem("")));
    }
    found
}

/// What is written under `objects` and in the files of `manifests`: one set.
fn manifests<'a>(spec: &Map<'a>, frame: Frame<'a>) -> Vec<Manifest> {
    let mut found = Vec::new();
    if let Some(at) = spec.get("objects") {
        for item in at.list() {
            found.extend(manifest::read(&item, frame.start));
        }
    }
    if let Some(at) = spec.get("manifests") {
        for item in at.list() {
            if let Some(path) = source::file(&item, frame.folder) {
                found.extend(manifest::read_file(&item, &path, frame.start));
            }
        }
    }
    let mut seen: BTreeMap<String, Problem> = BTreeMap::new();
    for manifest in &found {
        let object = manifest.object.to_string();
        if let Some(first) = seen.get(&object) {
            let (file, (line, _)) = (
                first.file.as_deref().unwrap_or(""),
                first.position.unwrap_or((0, 0)),
            );
            spec.at.reading.report(Problem {
                what: format!("is there twice, first in {file}:{line}"),
                hint: Some(
                    "two objects of one kind need two names; an update belongs into `spec.events`"
                        .into(),
                ),
                ..manifest.place.clone()
            });
        } else {
            seen.insert(object, manifest.place.clone());
        }
    }
    found
}

type Sorted = (
    Vec<Initial<PoolSpec>>,
    Vec<Initial<LeaseSpec>>,
    Vec<(Name, ElasticSpec, Problem)>,
);

/// The objects by kind. Where a manifest does not say when it was created, the order of the file does: a
/// millisecond from one to the next, all before the start.
fn sort(manifests: Vec<Manifest>, start: Time) -> Sorted {
    let total = i64::try_from(manifests.len()).unwrap_or(i64::MAX);
    let (mut pools, mut leases, mut elastic) = (Vec::new(), Vec::new(), Vec::new());
    for (n, manifest) in (0_i64..).zip(manifests) {
        let created = Time(start.0.saturating_sub(total - n));
        let place = manifest.place;
        match manifest.object {
            Object::Pool(mut pool) => {
                if !manifest.dated {
                    pool.created = created;
                }
                pools.push((pool, place));
            }
            Object::Lease(mut lease) => {
                if !manifest.dated {
                    lease.created = created;
                }
                leases.push((lease, place));
            }
            Object::Elastic(name, spec) => elastic.push((name, spec, place)),
        }
    }
    (pools, leases, elastic)
}

/// Gives each ElasticWorkload the form of the job that it names, and the job its bounds.
fn bind(
    reading: &Reading,
    elastic: Vec<(Name, ElasticSpec, Problem)>,
    workloads: &mut [(Workload, Problem)],
) -> Vec<ElasticSpec> {
    let mut bound = Vec::new();
    for (_, mut spec, place) in elastic {
        let job = workloads
            .iter_mut()
            .find_map(|(workload, _)| match workload {
                Workload::Job(job) if is_target(&spec, job) => Some(job),
                _ => None,
            });
        let Some(job) = job else {
            reading.report(no_job(&spec, place));
            continue;
        };
        adopt(&mut spec, job);
        let mut changed = Job::clone(job);
        changed.elastic = Some(Elastic {
            min: spec.min,
            max: spec.max,
            step: spec.step,
            cooldown: spec.cooldown,
        });
        *job = Arc::new(changed);
        bound.push(spec);
    }
    bound
}

/// The same for events. A deletion names the ElasticWorkload, the model the job that it scales: `targets`
/// leads from the one to the other.
fn bind_events(
    reading: &Reading,
    events: &mut [Placed],
    workloads: &[(Workload, Problem)],
    targets: &mut BTreeMap<(Name, Name), Name>,
) {
    for placed in events {
        match &mut placed.change.what {
            ChangeKind::Elastic(spec) => {
                let job = workloads.iter().find_map(|(workload, _)| match workload {
                    Workload::Job(job) if is_target(spec, job) => Some(job),
                    _ => None,
                });
                match job {
                    Some(job) => adopt(spec, job),
                    None => reading.report(no_job(spec, placed.place.clone())),
                }
                if let Some(name) = &placed.elastic {
                    let key = (spec.key.namespace.clone(), name.clone());
                    targets.insert(key, spec.key.name.clone());
                }
            }
            ChangeKind::DeleteElastic(key) => {
                let named = (key.namespace.clone(), key.name.clone());
                match targets.get(&named) {
                    Some(target) => key.name = target.clone(),
                    None => reading.report(Problem {
                        level: Level::Warning,
                        what: "there is no such object at that instant".into(),
                        ..placed.place.clone()
                    }),
                }
            }
            _ => {}
        }
    }
}

fn is_target(spec: &ElasticSpec, job: &Job) -> bool {
    job.namespace == spec.key.namespace && job.name == spec.key.name
}

fn adopt(spec: &mut ElasticSpec, job: &Job) {
    spec.priority = job.priority;
    if let Some((template, _)) = job.pods.first() {
        spec.template = template.clone();
    }
}

fn no_job(spec: &ElasticSpec, place: Problem) -> Problem {
    Problem {
        what: format!(
            "scales `{}/{}`, and no job of the scenario is called so",
            spec.key.namespace, spec.key.name
        ),
        hint: Some(
            "name a `job` of `spec.workloads` (one without `count`) in scaleTargetRef".into(),
        ),
        ..place
    }
}

/// Leases in the order in which they can be granted: from the roots down, as nobody can lease out what he does
/// not hold yet; transfers last, as both sides need their accounts. What no root reaches comes at the end.
fn parents_first(
    pools: &[Initial<PoolSpec>],
    leases: Vec<Initial<LeaseSpec>>,
) -> Vec<Initial<LeaseSpec>> {
    let mut edges: BTreeMap<(Name, Name), Vec<usize>> = BTreeMap::new();
    for (n, (lease, _)) in leases.iter().enumerate() {
        if lease.kind == LeaseKind::Sublease {
            let from = (lease.pool.clone(), lease.key.namespace.clone());
            edges.entry(from).or_default().push(n);
        }
    }
    let mut order = Vec::with_capacity(leases.len());
    let mut seen: BTreeSet<(Name, Name)> = BTreeSet::new();
    let roots = pools
        .iter()
        .map(|(pool, _)| (pool.name.clone(), pool.root_namespace.clone()));
    let mut queue: VecDeque<(Name, Name)> = roots.collect();
    while let Some(account) = queue.pop_front() {
        if !seen.insert(account.clone()) {
            continue;
        }
        for &n in edges.get(&account).into_iter().flatten() {
            order.push(n);
            queue.push_back((account.0.clone(), leases[n].0.lessee.clone()));
        }
    }
    let reached: BTreeSet<usize> = order.iter().copied().collect();
    let rest = (0..leases.len()).filter(|n| !reached.contains(n));
    let (subleases, transfers): (Vec<_>, Vec<_>) =
        rest.partition(|&n| leases[n].0.kind == LeaseKind::Sublease);
    order.extend(subleases);
    order.extend(transfers);
    let mut leases: Vec<Option<Initial<LeaseSpec>>> = leases.into_iter().map(Some).collect();
    order.iter().filter_map(|&n| leases[n].take()).collect()
}

/// Takes out the leases that are part of a circle, with a problem for each: the engine would say of the first
/// one only that its lessor holds nothing.
fn without_circles(leases: Vec<Initial<LeaseSpec>>) -> (Vec<Initial<LeaseSpec>>, Vec<Problem>) {
    let mut lessors: BTreeMap<(Name, Name), Name> = BTreeMap::new();
    for (lease, _) in &leases {
        if lease.kind == LeaseKind::Sublease {
            lessors
                .entry((lease.pool.clone(), lease.lessee.clone()))
                .or_insert_with(|| lease.key.namespace.clone());
        }
    }
    let mut problems = Vec::new();
    let mut right = Vec::with_capacity(leases.len());
    // Accounts known to lead up to a root: each is walked once.
    let mut ends: BTreeSet<(Name, Name)> = BTreeSet::new();
    for (lease, place) in leases {
        if lease.kind == LeaseKind::Transfer {
            right.push((lease, place));
            continue;
        }
        let mut path = vec![lease.lessee.clone()];
        let mut seen: BTreeSet<Name> = path.iter().cloned().collect();
        let mut next = Some(lease.key.namespace.clone());
        let mut circle = false;
        while let Some(account) = next {
            let known = ends.contains(&(lease.pool.clone(), account.clone()));
            circle = account == lease.lessee;
            path.push(account.clone());
            if circle || known || !seen.insert(account.clone()) {
                break;
            }
            next = lessors.get(&(lease.pool.clone(), account)).cloned();
        }
        if circle && path.len() > 2 {
            path.reverse();
            let path: Vec<&str> = path.iter().map(|name| &**name).collect();
            problems.push(Problem {
                what: format!("the leases go in a circle: {}", path.join(" → ")),
                hint: Some(
                    "the tree grows from the pool's rootNamespace downwards: take one of them out"
                        .into(),
                ),
                ..place
            });
        } else {
            ends.extend(
                path.into_iter()
                    .map(|account| (lease.pool.clone(), account)),
            );
            right.push((lease, place));
        }
    }
    (right, problems)
}
