//! What an admission review asks, as a question to the decider.

use crate::clock;
use crate::cluster::{lease_seen, pool_seen, see_pod};
use crate::decider::Change;
use api::{CapacityLease, CapacityPool};
use engine::spec::{LeaseKey, Quantities};
use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, Operation};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What is to be decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// May this be stored, or deleted?
    Change(Change),
    /// May this pod grow?
    Resize {
        /// Its identity.
        uid: Arc<str>,
        /// What it would ask for.
        request: Quantities,
    },
}

/// What came of reading a review.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// There is something to decide.
    Ask(Question),
    /// There is not: what is decided about does not change.
    Allow,
    /// It cannot be read: refused, with what is wrong.
    Refuse(String),
}

/// Reads a review of a lease, a pool, or a pod's new size. `own` is the namespace that Leasehold runs in.
pub fn read(request: &AdmissionRequest<DynamicObject>, own: &str) -> Reading {
    let resource = request.resource.resource.as_str();
    let subresource = request.sub_resource.as_deref().unwrap_or_default();
    let read = match (resource, subresource) {
        ("capacityleases", "") => lease(request, own),
        ("capacitypools", "") => pool(request, own),
        ("pods", "resize") => resize(request),
        _ => Err(format!("{resource}/{subresource} is not reviewed here")),
    };
    read.unwrap_or_else(Reading::Refuse)
}

fn lease(request: &AdmissionRequest<DynamicObject>, own: &str) -> Result<Reading, String> {
    if request.operation == Operation::Delete {
        let key = LeaseKey {
            namespace: request.namespace.as_deref().unwrap_or_default().into(),
            name: request.name.as_str().into(),
        };
        return Ok(ask(Change::LeaseRemoved(key)));
    }
    let new: CapacityLease = typed(request.object.as_ref())?;
    if request.operation == Operation::Update {
        let old: CapacityLease = typed(request.old_object.as_ref())?;
        // Labels and annotations are nothing to decide about; nor is the last finalizer's removal, which must
        // not wait for us.
        if old.spec == new.spec {
            return Ok(Reading::Allow);
        }
        if old.spec.pool != new.spec.pool || old.spec.lessee != new.spec.lessee {
            return Err(format!(
                "CapacityLease {}/{}: pool and lessee cannot change; make a new lease",
                request.namespace.as_deref().unwrap_or_default(),
                request.name
            ));
        }
    }
    must_be_leasable("spec.lessee", &new.spec.lessee, own)?;
    let spec = lease_seen(new).spec?;
    Ok(ask(Change::Lease(Box::new(spec))))
}

fn pool(request: &AdmissionRequest<DynamicObject>, own: &str) -> Result<Reading, String> {
    if request.operation == Operation::Delete {
        return Ok(ask(Change::PoolRemoved(request.name.as_str().into())));
    }
    let new: CapacityPool = typed(request.object.as_ref())?;
    if request.operation == Operation::Update {
        let old: CapacityPool = typed(request.old_object.as_ref())?;
        if old.spec == new.spec {
            return Ok(Reading::Allow);
        }
    }
    must_be_leasable("spec.rootNamespace", &new.spec.root_namespace, own)?;
    let spec = pool_seen(new).spec?;
    Ok(ask(Change::Pool(Box::new(spec))))
}

/// Pods of an account's namespace wait at the gate. Those that open it must not, nor those that they need.
fn must_be_leasable(field: &str, namespace: &str, own: &str) -> Result<(), String> {
    if namespace == own || namespace == "kube-system" {
        return Err(format!(
            "{field}: {namespace} cannot be leased to: what admits pods runs there, or what that needs, and would wait \
             for itself; name another namespace"
        ));
    }
    Ok(())
}

fn resize(request: &AdmissionRequest<DynamicObject>) -> Result<Reading, String> {
    let new: Pod = typed(request.object.as_ref())?;
    let seen = see_pod(&new, clock::now());
    let request = seen.spec?.template.request.clone();
    Ok(Reading::Ask(Question::Resize {
        uid: seen.uid,
        request,
    }))
}

fn ask(change: Change) -> Reading {
    Reading::Ask(Question::Change(change))
}

fn typed<T: DeserializeOwned>(object: Option<&DynamicObject>) -> Result<T, String> {
    let object = object.ok_or("the review has no object")?;
    let value = serde_json::to_value(object).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| format!("the object cannot be read: {error}"))
}
