//! One object as it should be: made, or made right again.

use kube::api::{Api, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

/// So often a write is tried again when somebody else wrote in between.
const ATTEMPTS: u32 = 5;

/// What had to be done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is as it should be.
    None,
    /// It was not there.
    Made,
    /// It was different.
    Restored,
    /// It is not wanted any more.
    Removed,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::None => "unchanged",
            Change::Made => "made",
            Change::Restored => "restored",
            Change::Removed => "removed",
        })
    }
}

/// Makes a cluster-scoped object what it should be. What it says is compared as a whole: something added (a
/// condition that never holds) is undone like something taken away.
///
/// # Errors
/// When the API server refuses or is not reached.
pub async fn put_back<K>(client: &Client, wanted: &K) -> kube::Result<Change>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let name = wanted.name_any();
    let params = PostParams::default();
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        let (written, change) = match api.get_opt(&name).await? {
            None => (api.create(&params, wanted).await, Change::Made),
            Some(found) if says(&found) == says(wanted) => return Ok(Change::None),
            Some(found) => {
                let mut wanted = wanted.clone();
                wanted.meta_mut().resource_version = found.resource_version();
                (api.replace(&name, &params, &wanted).await, Change::Restored)
            }
        };
        match written {
            Ok(_) => return Ok(change),
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => {
                refused = Some(kube::Error::Api(status));
            }
            Err(error) => return Err(error),
        }
    }
    refused.map_or(Ok(Change::None), Err)
}

/// All of an object but its metadata and status.
pub(super) fn says(object: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("metadata");
        fields.remove("status");
    }
    value
}
