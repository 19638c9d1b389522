//! What is known of elastic workloads and their owners, and what of it is news: no I/O.

use super::resolve::{Beside, resolve};
use super::target::{Target, Unmanaged};
use crate::cluster::{Kind, Observation, WorkloadSeen};
use api::ElasticWorkload;
use engine::spec::WorkloadKey;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::watcher::Event;
use std::collections::{BTreeMap, BTreeSet};

/// A type as an ElasticWorkload names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TypeKey {
    pub api_version: String,
    pub kind: String,
}

/// An owner, and what its scale subresource says where that had to be asked.
#[derive(Clone, Debug)]
pub(super) struct OwnerSeen {
    pub object: DynamicObject,
    pub scale: Option<(u32, String)>,
}

/// What the watches tell.
pub(super) enum Seen {
    Workload(Event<ElasticWorkload>),
    Autoscaler(Event<HorizontalPodAutoscaler>),
    Priority(Event<PriorityClass>),
    Type(TypeKey, ApiResource, bool),
    NoType(TypeKey, String),
    Owner(TypeKey, Event<OwnerSeen>),
    OwnerRead(TypeKey, String, String, Option<Box<OwnerSeen>>),
}

/// Namespace and name.
type Place = (String, String);

/// What is known of a type.
#[derive(Debug, Default)]
struct TypeState {
    found: Option<(ApiResource, bool)>,
    problem: Option<String>,
    has_listed: bool,
    owners: BTreeMap<Place, OwnerSeen>,
    /// Seen in the list that is under way.
    listing: BTreeSet<Place>,
    /// Named since the list, and to be read; whether that is under way.
    reading: BTreeMap<Place, bool>,
}

/// The objects.
#[derive(Debug, Default)]
pub(super) struct Desk {
    workloads: BTreeMap<WorkloadKey, ElasticWorkload>,
    listing: BTreeSet<WorkloadKey>,
    autoscalers: BTreeMap<Place, (String, String, String)>,
    priorities: BTreeMap<String, (i32, bool)>,
    types: BTreeMap<TypeKey, TypeState>,
    unasked: BTreeSet<TypeKey>,
    has_listed: [bool; 3],
    has_told_all: bool,
    told: BTreeMap<WorkloadKey, (ElasticWorkload, Result<Target, Unmanaged>)>,
    /// Namespaces in which something is new.
    changed: BTreeSet<String>,
    all_changed: bool,
}

impl Desk {
    /// Takes note.
    pub fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Workload(event) => self.workload(event),
            Seen::Autoscaler(event) => self.autoscaler(event),
            Seen::Priority(event) => self.priority(event),
            Seen::Type(key, resource, has_scale) => {
                let state = self.types.entry(key).or_default();
                state.found = Some((resource, has_scale));
                state.problem = None;
            }
            Seen::NoType(key, problem) => {
                self.types.entry(key).or_default().problem = Some(problem);
                self.all_changed = true;
            }
            Seen::Owner(key, event) => self.owner(&key, event),
            Seen::OwnerRead(key, namespace, name, owner) => {
                let place = (namespace, name);
                let state = self.types.entry(key).or_default();
                state.reading.remove(&place);
                self.changed.insert(place.0.clone());
                if let Some(owner) = owner {
                    state.keep(place, *owner);
                }
            }
        }
    }

    fn workload(&mut self, event: Event<ElasticWorkload>) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(workload) => {
                self.listing.insert(key_of(&workload));
                self.workload_seen(workload);
            }
            Event::InitDone => {
                let listing = std::mem::take(&mut self.listing);
                self.workloads.retain(|key, _| listing.contains(key));
                self.has_listed[0] = true;
                self.all_changed = true;
            }
            Event::Apply(workload) => self.workload_seen(workload),
            Event::Delete(workload) => {
                let key = key_of(&workload);
                self.changed.insert(key.namespace.to_string());
                self.workloads.remove(&key);
                self.forget_unnamed();
            }
        }
    }

    fn workload_seen(&mut self, workload: ElasticWorkload) {
        let key = key_of(&workload);
        let kind = type_of(&workload);
        let state = self.types.entry(kind.clone()).or_insert_with(|| {
            self.unasked.insert(kind);
            TypeState::default()
        });
        let place = place_of(&workload);
        if state.has_listed && !state.owners.contains_key(&place) {
            state.reading.entry(place).or_insert(false);
        }
        self.changed.insert(key.namespace.to_string());
        self.workloads.insert(key, workload);
    }

    /// Lets go of what nobody names any more.
    fn forget_unnamed(&mut self) {
        let named: BTreeSet<(TypeKey, Place)> = self
            .workloads
            .values()
            .map(|workload| (type_of(workload), place_of(workload)))
            .collect();
        for (kind, state) in &mut self.types {
            state
                .owners
                .retain(|place, _| named.contains(&(kind.clone(), place.clone())));
        }
    }

    fn autoscaler(&mut self, event: Event<HorizontalPodAutoscaler>) {
        match event {
            Event::Init => self.autoscalers.clear(),
            Event::InitDone => {
                self.has_listed[1] = true;
                self.all_changed = true;
            }
            Event::Apply(autoscaler) | Event::InitApply(autoscaler) => {
                let place = metadata_place(&autoscaler.metadata);
                self.changed.insert(place.0.clone());
                let target = autoscaler.spec.scale_target_ref;
                let group = group_of(target.api_version.as_deref().unwrap_or_default());
                let target = (group.to_owned(), target.kind, target.name);
                self.autoscalers.insert(place, target);
            }
            Event::Delete(autoscaler) => {
                let place = metadata_place(&autoscaler.metadata);
                self.changed.insert(place.0.clone());
                self.autoscalers.remove(&place);
            }
        }
    }

    fn priority(&mut self, event: Event<PriorityClass>) {
        match event {
            Event::Init => self.priorities.clear(),
            Event::InitDone => {
                self.has_listed[2] = true;
                self.all_changed = true;
            }
            Event::Apply(class) | Event::InitApply(class) => {
                let is_default = class.global_default == Some(true);
                let name = class.metadata.name.unwrap_or_default();
                self.priorities
                    .insert(name, (class.value.unwrap_or(0), is_default));
                self.all_changed = true;
            }
            Event::Delete(class) => {
                self.priorities
                    .remove(&class.metadata.name.unwrap_or_default());
                self.all_changed = true;
            }
        }
    }

    fn owner(&mut self, key: &TypeKey, event: Event<OwnerSeen>) {
        let state = self.types.entry(key.clone()).or_default();
        let named = |owner: &OwnerSeen| {
            let place = metadata_place(&owner.object.metadata);
            let mut workloads = self.workloads.values();
            workloads
                .any(|workload| type_of(workload) == *key && place_of(workload) == place)
                .then_some(place)
        };
        match event {
            Event::Init => state.listing.clear(),
            Event::InitApply(owner) => {
                if let Some(place) = named(&owner) {
                    state.listing.insert(place.clone());
                    state.keep(place, owner);
                }
            }
            Event::InitDone => {
                let listing = std::mem::take(&mut state.listing);
                state.owners.retain(|place, _| listing.contains(place));
                state.has_listed = true;
                // What was named while the list was under way is read by itself.
                for workload in self.workloads.values() {
                    let place = place_of(workload);
                    if type_of(workload) == *key && !state.owners.contains_key(&place) {
                        state.reading.entry(place).or_insert(false);
                    }
                }
                self.all_changed = true;
            }
            Event::Apply(owner) => {
                if let Some(place) = named(&owner) {
                    self.changed.insert(place.0.clone());
                    state.keep(place, owner);
                }
            }
            Event::Delete(owner) => {
                let place = metadata_place(&owner.object.metadata);
                self.changed.insert(place.0.clone());
                state.owners.remove(&place);
            }
        }
    }

    /// Types that were named for the first time.
    pub fn types_to_find(&mut self) -> BTreeSet<TypeKey> {
        std::mem::take(&mut self.unasked)
    }

    /// Owners that were named after their type was listed.
    pub fn owners_to_read(&mut self) -> Vec<(TypeKey, ApiResource, bool, String, String)> {
        let mut wanted = Vec::new();
        for (key, state) in &mut self.types {
            let Some((resource, has_scale)) = &state.found else {
                continue;
            };
            for ((namespace, name), is_asked) in &mut state.reading {
                if !std::mem::replace(is_asked, true) {
                    let (namespace, name) = (namespace.clone(), name.clone());
                    wanted.push((key.clone(), resource.clone(), *has_scale, namespace, name));
                }
            }
        }
        wanted
    }

    /// What is news, once everything has been listed.
    pub fn observations(&mut self) -> Vec<Observation> {
        let mut news = Vec::new();
        if !self.has_told_all {
            let complete = self.has_listed.iter().all(|&listed| listed)
                && self
                    .workloads
                    .values()
                    .all(|workload| self.is_known(workload));
            if !complete {
                return news;
            }
            self.all_changed = true;
            news.push(Observation::Relisting(Kind::Workloads));
        }
        let all = std::mem::take(&mut self.all_changed);
        let changed = std::mem::take(&mut self.changed);
        let concerns = |key: &WorkloadKey| all || changed.contains(&*key.namespace);
        let gone: Vec<WorkloadKey> = self
            .told
            .keys()
            .filter(|key| concerns(key) && !self.workloads.contains_key(key))
            .cloned()
            .collect();
        for key in gone {
            self.told.remove(&key);
            news.push(Observation::WorkloadGone(key));
        }
        let keys: Vec<WorkloadKey> = self
            .workloads
            .keys()
            .filter(|key| concerns(key))
            .cloned()
            .collect();
        for key in keys {
            let Some(workload) = self.workloads.get(&key) else {
                continue;
            };
            if !self.is_known(workload) {
                continue;
            }
            let now = (workload.clone(), self.target_of(&key, workload));
            if self.told.get(&key) == Some(&now) {
                continue;
            }
            self.told.insert(key.clone(), now.clone());
            news.push(Observation::Workload(Box::new(WorkloadSeen {
                key,
                object: now.0,
                target: now.1,
            })));
        }
        if !self.has_told_all {
            self.has_told_all = true;
            news.push(Observation::Synced(Kind::Workloads));
        }
        news
    }

    /// Whether it is known what the workload names.
    fn is_known(&self, workload: &ElasticWorkload) -> bool {
        self.types.get(&type_of(workload)).is_some_and(|state| {
            let listed = state.found.is_some() && state.has_listed;
            (listed && !state.reading.contains_key(&place_of(workload)))
                || (state.found.is_none() && state.problem.is_some())
        })
    }

    fn target_of(
        &self,
        key: &WorkloadKey,
        workload: &ElasticWorkload,
    ) -> Result<Target, Unmanaged> {
        let target = &workload.spec.scale_target_ref;
        let state = self.types.get(&type_of(workload));
        let Some((resource, has_scale)) = state.and_then(|state| state.found.as_ref()) else {
            let problem = state
                .and_then(|state| state.problem.as_deref())
                .unwrap_or("not asked yet");
            return Err(Unmanaged::new(
                "TargetKindNotFound",
                format!("{} {}: {problem}", target.api_version, target.kind),
            ));
        };
        let place = place_of(workload);
        let Some(owner) = state.and_then(|state| state.owners.get(&place)) else {
            return Err(Unmanaged::new(
                "TargetNotFound",
                format!(
                    "there is no {} {} in namespace {}",
                    target.kind, target.name, key.namespace
                ),
            ));
        };
        let beside = Beside {
            has_scale: *has_scale,
            scale: owner.scale.clone(),
            autoscaler: self.autoscaler_of(&place.0, resource, &target.name),
            rival: self.rival_of(key, workload),
        };
        resolve(workload, &owner.object, resource, &beside, &|class| {
            self.priority_of(class)
        })
    }

    fn autoscaler_of(&self, namespace: &str, resource: &ApiResource, name: &str) -> Option<String> {
        let mut autoscalers = self.autoscalers.iter();
        autoscalers
            .find(|((at, _), (group, kind, target))| {
                at == namespace
                    && *group == resource.group
                    && *kind == resource.kind
                    && target == name
            })
            .map(|((_, autoscaler), _)| autoscaler.clone())
    }

    /// An older ElasticWorkload with the same target.
    fn rival_of(&self, key: &WorkloadKey, workload: &ElasticWorkload) -> Option<String> {
        let target = &workload.spec.scale_target_ref;
        let age = |workload: &ElasticWorkload| {
            let created = workload.metadata.creation_timestamp.as_ref();
            (
                created.map(|created| created.0),
                workload.metadata.name.clone(),
            )
        };
        let mut others = self.workloads.iter();
        others
            .find(|(other_key, other)| {
                let its = &other.spec.scale_target_ref;
                other_key.namespace == key.namespace
                    && other_key.name != key.name
                    && group_of(&its.api_version) == group_of(&target.api_version)
                    && (&its.kind, &its.name) == (&target.kind, &target.name)
                    && age(other) < age(workload)
            })
            .map(|(other, _)| other.name.to_string())
    }

    fn priority_of(&self, class: Option<&str>) -> i32 {
        let named = class.and_then(|class| self.priorities.get(class));
        let default = || self.priorities.values().find(|(_, is_default)| *is_default);
        let value = match class {
            Some(_) => named,
            None => default(),
        };
        value.map_or(0, |(value, _)| *value)
    }
}

impl TypeState {
    /// Keeps an owner unless a newer version of it is known.
    fn keep(&mut self, place: Place, owner: OwnerSeen) {
        let version = |owner: &OwnerSeen| -> Option<u64> {
            owner
                .object
                .metadata
                .resource_version
                .as_deref()?
                .parse()
                .ok()
        };
        let same = |kept: &&OwnerSeen| kept.object.metadata.uid == owner.object.metadata.uid;
        let kept = self.owners.get(&place).filter(same);
        if kept.is_some_and(|kept| version(kept) > version(&owner)) {
            return;
        }
        self.owners.insert(place, owner);
    }
}

fn key_of(workload: &ElasticWorkload) -> WorkloadKey {
    let metadata = &workload.metadata;
    WorkloadKey {
        namespace: metadata.namespace.as_deref().unwrap_or_default().into(),
        name: metadata.name.as_deref().unwrap_or_default().into(),
    }
}

fn type_of(workload: &ElasticWorkload) -> TypeKey {
    let target = &workload.spec.scale_target_ref;
    TypeKey {
        api_version: target.api_version.clone(),
        kind: target.kind.clone(),
    }
}

fn place_of(workload: &ElasticWorkload) -> Place {
    let namespace = workload.metadata.namespace.clone().unwrap_or_default();
    (namespace, workload.spec.scale_target_ref.name.clone())
}

fn metadata_place(metadata: &kube::core::ObjectMeta) -> Place {
    let namespace = metadata.namespace.clone().unwrap_or_default();
    (namespace, metadata.name.clone().unwrap_or_default())
}

/// The group of `group/version`; the core group has no name.
fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
