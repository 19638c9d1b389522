//! Whether the pods of some namespaces ever asked for more than they may, at any version of the store.

use super::history::{Gap, History};
use super::uid;
use crate::error::Error;
use api::Quantity;
use api::pod_request::of_pod;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Amounts by resource in base units: thousandths of a `cpu`, else whole units.
type Amounts = BTreeMap<String, i64>;

/// What the pods of these namespaces may ask for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    namespaces: BTreeSet<String>,
    limit: Amounts,
}

/// What a history says about a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Each time that a limit was passed, or passed further.
    pub violations: Vec<Violation>,
    /// The most that was ever asked for, of each resource that has a limit, in base units.
    pub peak: Amounts,
    /// How many changes of these namespaces' pods were looked at. A bound on nothing is never passed.
    pub changes: usize,
    /// Where the history has holes, so that nothing is known.
    pub gaps: Vec<Gap>,
}

impl Findings {
    /// Whether the bound was kept at every version, none of them unknown, and there was something to bound.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.gaps.is_empty() && self.changes > 0
    }
}

/// A change by which more was asked for than may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The version of the store at which it was so.
    pub version: u64,
    /// The pod that was changed, or the last of those that a list told of.
    pub pod: String,
    /// Of what there was too much.
    pub resource: String,
    /// How much was asked for, in base units.
    pub used: i64,
    /// How much may be.
    pub limit: i64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at version {} pod {} brought {} to {}, above its limit of {}",
            self.version, self.pod, self.resource, self.used, self.limit
        )
    }
}

impl Bound {
    /// For all these namespaces together, with limits as quantities: `[("cpu", "10"), ("memory", "64Gi")]`.
    ///
    /// # Errors
    /// When a limit is no quantity.
    pub fn new<'a>(
        namespaces: impl IntoIterator<Item = &'a str>,
        limits: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Bound, Error> {
        let mut limit = Amounts::new();
        for (resource, text) in limits {
            let unreadable = |why: &dyn fmt::Display| {
                Error::Other(format!("limit of {resource}, {text:?}: {why}"))
            };
            let quantity: Quantity = text.parse().map_err(|error| unreadable(&error))?;
            let amount = quantity.base_units(resource);
            let amount = amount.ok_or_else(|| unreadable(&"too large to count"))?;
            limit.insert(resource.into(), amount);
        }
        Ok(Bound {
            namespaces: namespaces.into_iter().map(String::from).collect(),
            limit,
        })
    }

    /// Sums up at every version what pods ask for that may be scheduled and have not ended.
    ///
    /// # Errors
    /// When the history holds something that is no pod.
    pub fn check(&self, history: &History) -> Result<Findings, Error> {
        let mut findings = Findings {
            gaps: history.gaps().to_vec(),
            ..Findings::default()
        };
        let mut charged: BTreeMap<String, Amounts> = BTreeMap::new();
        let mut used = Amounts::new();
        let mut judged = Amounts::new();
        let mut entries = history.entries().iter().peekable();
        while let Some(entry) = entries.next() {
            let (kind, pod) = entry.read()?;
            let uid = uid(&pod)?;
            let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
            let name = format!(
                "{namespace}/{}",
                pod["metadata"]["name"].as_str().unwrap_or_default()
            );
            let before = charged.remove(&uid);
            if before.is_some() || self.namespaces.contains(namespace) {
                findings.changes += 1;
                let counted = kind != "DELETED" && counts(&pod);
                add(&mut used, before.as_ref(), -1);
                if counted {
                    let after = request(&name, pod)?;
                    add(&mut used, Some(&after), 1);
                    charged.insert(uid, after);
                }
            }
            // A list tells of many pods at one version; only all of them together were ever so.
            if entries
                .peek()
                .is_some_and(|next| next.version == entry.version)
            {
                continue;
            }
            for (resource, limit) in &self.limit {
                let sum = used.get(resource).copied().unwrap_or(0);
                let last = judged.insert(resource.clone(), sum).unwrap_or(0);
                let peak = findings.peak.entry(resource.clone()).or_default();
                *peak = (*peak).max(sum);
                if sum > *limit && sum > last {
                    findings.violations.push(Violation {
                        version: entry.version,
                        pod: name.clone(),
                        resource: resource.clone(),
                        used: sum,
                        limit: *limit,
                    });
                }
            }
        }
        Ok(findings)
    }
}

/// Adds amounts, or takes them away.
fn add(sum: &mut Amounts, amounts: Option<&Amounts>, sign: i64) {
    for (resource, amount) in amounts.into_iter().flatten() {
        let sum = sum.entry(resource.clone()).or_default();
        *sum = sum.saturating_add(amount.saturating_mul(sign));
    }
}

/// Whether the pod may be scheduled and has not ended.
fn counts(pod: &Value) -> bool {
    let gates = pod["spec"]["schedulingGates"].as_array();
    let is_gated = gates.is_some_and(|gates| !gates.is_empty());
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    !is_gated && phase != "Succeeded" && phase != "Failed"
}

fn request(name: &str, pod: Value) -> Result<Amounts, Error> {
    let pod: Pod = serde_json::from_value(pod)
        .map_err(|error| Error::Other(format!("pod {name} cannot be read: {error}")))?;
    of_pod(&pod).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Error::Other(format!("pod {name}: {}", errors.join("; ")))
    })
}
