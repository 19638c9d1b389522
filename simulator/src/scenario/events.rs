//! Reads `spec.events`.

use super::manifest::{Kind, Manifest, Object};
use super::walk::At;
use super::workload::Frame;
use super::{fields, manifest, source, yaml};
use crate::model::{Change, ChangeKind, NodeChange, NodeGroup};
use crate::problem::Problem;
use engine::Time;
use engine::spec::{LeaseKey, Name};

/// A change, and a problem without words at its place.
pub struct Placed {
    /// The change.
    pub change: Change,
    /// The ElasticWorkload's own name, if it is one's.
    pub elastic: Option<Name>,
    /// Where it stands.
    pub place: Problem,
}

/// One event: an `apply` of several objects is several changes.
pub fn read<'a>(at: &At<'a>, frame: Frame<'a>, groups: Option<&[NodeGroup]>) -> Vec<Placed> {
    let Some(map) = at.map(&fields::EVENT) else {
        return Vec::new();
    };
    let when = map
        .need("at", "the instant, such as `6h`")
        .and_then(|at| at.instant(frame.start));
    let hint = "an event is one `apply`, one `delete` or one `node` change";
    let Some((field, what)) = map.one_of(&["apply", "delete", "node"], hint) else {
        return Vec::new();
    };
    // Without an instant what is wrong besides is still to be found.
    let time = when.unwrap_or(frame.start);
    match field {
        "apply" => apply(&what, time, frame),
        "delete" => delete(&what, time).into_iter().collect(),
        _ => node(&what, time, groups).into_iter().collect(),
    }
}

fn apply<'a>(at: &At<'a>, time: Time, frame: Frame<'a>) -> Vec<Placed> {
    let manifests = match &at.node.value {
        yaml::Value::Scalar { .. } => match source::file(at, frame.folder) {
            Some(path) => manifest::read_file(at, &path, time),
            None => Vec::new(),
        },
        yaml::Value::List(_) => at
            .list()
            .iter()
            .flat_map(|item| manifest::read(item, time))
            .collect(),
        yaml::Value::Map(_) => manifest::read(at, time),
    };
    manifests
        .into_iter()
        .map(|manifest| placed(manifest, time))
        .collect()
}

fn placed(manifest: Manifest, time: Time) -> Placed {
    let mut elastic = None;
    let what = match manifest.object {
        Object::Pool(pool) => ChangeKind::Pool(pool),
        Object::Lease(lease) => ChangeKind::Lease(lease),
        Object::Elastic(name, spec) => {
            elastic = Some(name);
            ChangeKind::Elastic(spec)
        }
    };
    Placed {
        change: Change { at: time, what },
        elastic,
        place: manifest.place,
    }
}

fn delete(at: &At, time: Time) -> Option<Placed> {
    let map = at.map(&fields::DELETE)?;
    let kind = map
        .need(
            "kind",
            "`CapacityPool`, `CapacityLease` or `ElasticWorkload`",
        )
        .and_then(|at| at.word(Kind::WORDS));
    let name = map
        .need("name", "the object's name")
        .and_then(|at| at.name());
    let namespace = match (kind, map.get("namespace")) {
        (Some(Kind::Pool), Some(at)) => {
            at.wrong("a CapacityPool has no namespace", "leave it out");
            None
        }
        (Some(Kind::Pool), None) => Some(at.reading.name("")),
        (_, Some(at)) => at.namespace(),
        (_, None) => {
            map.need("namespace", "the namespace in which the object is");
            None
        }
    };
    let (kind, name, namespace) = (kind?, name?, namespace?);
    let object = match kind {
        Kind::Pool => format!("CapacityPool {name}"),
        Kind::Lease => format!("CapacityLease {namespace}/{name}"),
        Kind::Elastic => format!("ElasticWorkload {namespace}/{name}"),
    };
    let what = match kind {
        Kind::Pool => ChangeKind::DeletePool(name),
        Kind::Lease => ChangeKind::DeleteLease(LeaseKey { namespace, name }),
        Kind::Elastic => ChangeKind::DeleteElastic(engine::spec::WorkloadKey { namespace, name }),
    };
    Some(Placed {
        change: Change { at: time, what },
        place: at.within(&object).problem(""),
        elastic: None,
    })
}

fn node(at: &At, time: Time, groups: Option<&[NodeGroup]>) -> Option<Placed> {
    let map = at.map(&fields::NODE)?;
    let hint = "such as `{drain: 10, group: std}`";
    let (field, number) = map.one_of(&["drain", "fail", "recover", "add"], hint)?;
    let count = number.count(1)?;
    let group = match map.get("group") {
        Some(at) => {
            let name = at.name()?;
            // Of a cluster that could not be read nobody knows the groups.
            if let Some(groups) = groups
                && groups.iter().all(|g| g.name != name)
            {
                let known: Vec<&str> = groups.iter().map(|g| &*g.name).collect();
                let hint = match fields::nearest(&name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the groups are `{}`", known.join("`, `")),
                };
                at.wrong(format!("no node group is called `{name}`"), &hint);
                return None;
            }
            Some(name)
        }
        None => None,
    };
    let what = match field {
        "drain" => NodeChange::Drain,
        "fail" => NodeChange::Fail,
        "recover" => NodeChange::Recover,
        _ => NodeChange::Add,
    };
    Some(Placed {
        change: Change {
            at: time,
            what: ChangeKind::Nodes { what, count, group },
        },
        elastic: None,
        place: at.problem(""),
    })
}
