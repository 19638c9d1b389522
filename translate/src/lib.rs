//! From Kubernetes objects to what the decision core takes.
//!
//! What stands in an object as text becomes a number in base units here, absent fields get their defaults,
//! and everything that cannot be read is said at once, with its field. What an object means beside others
//! is judged by the engine, not here.

mod amounts;
mod elastic;
mod lease;
mod node;
mod pod;
mod pool;
mod problem;
mod template;
#[cfg(test)]
mod tests;

pub use amounts::{amount, amounts};
pub use elastic::{ElasticTarget, elastic, removal};
pub use lease::lease;
pub use node::node;
pub use pod::{PodContext, pod};
pub use pool::{PoolOptions, pool};
pub use problem::Problem;
pub use template::template;

use engine::Time;
use engine::spec::Name;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// When the object was created. Objects that are in no cluster yet take the instant `otherwise`.
fn created(metadata: &ObjectMeta, otherwise: Time) -> Time {
    let created = metadata.creation_timestamp.as_ref();
    created.map_or(otherwise, |created| Time(created.0.as_millisecond()))
}

fn name(text: Option<&str>) -> Name {
    text.unwrap_or_default().into()
}
