//! Waits side by side: from the creation of a pod until it runs.

use super::Tolerance;
use super::pods::Pod;
use crate::output::numbers::divided;
use engine::spec::Name;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The pods of one workload on one side. Lengths are in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// Pods that ran.
    pub started: u32,
    /// Pods that never did.
    pub never_started: u32,
    /// Until the first of them ran, from the creation of the first.
    #[serde(serialize_with = "seconds")]
    pub first: Option<i64>,
    /// The mean of those that ran.
    #[serde(serialize_with = "seconds")]
    pub mean: Option<i64>,
    /// Until they were admitted, the mean of those that ran: the rest is the scheduler's and the node's. It is told
    /// and not judged.
    #[serde(serialize_with = "seconds")]
    pub until_admitted: Option<i64>,
    /// The longest of those that ran.
    #[serde(serialize_with = "seconds")]
    pub longest: Option<i64>,
}

/// A workload on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub workload: Name,
    /// Live.
    pub live: Waits,
    /// Simulated.
    pub simulated: Waits,
    /// Whether the mean, the first and the number of pods that ran are near enough.
    pub agrees: bool,
}

/// All workloads, by name.
pub fn compare(live: &[Pod], simulated: &[Pod], tolerance: &Tolerance) -> Vec<Compared> {
    let (mut live, mut simulated) = (sums(live), sums(simulated));
    let names: Vec<(Name, Name)> = live.keys().chain(simulated.keys()).cloned().collect();
    let mut compared: Vec<Compared> = Vec::new();
    for key in names {
        // The second time round it is gone from both.
        let sides = (live.remove(&key), simulated.remove(&key));
        if let (None, None) = sides {
            continue;
        }
        let side = |sum: Option<Sum>| sum.unwrap_or_default().waits();
        let (live, simulated) = (side(sides.0), side(sides.1));
        compared.push(Compared {
            namespace: key.0,
            workload: key.1,
            agrees: agree(&live, &simulated, tolerance),
            live,
            simulated,
        });
    }
    compared.sort_by(|one, other| {
        (&one.namespace, &one.workload).cmp(&(&other.namespace, &other.workload))
    });
    compared
}

/// Whether waits are near enough.
pub fn agree(live: &Waits, simulated: &Waits, tolerance: &Tolerance) -> bool {
    let near = |live: Option<i64>, simulated: Option<i64>| match (live, simulated) {
        (Some(live), Some(simulated)) => {
            (live - simulated).abs() <= tolerance.slack.0 || tolerance.holds(live, simulated)
        }
        (None, None) => true,
        _ => false,
    };
    near(live.mean, simulated.mean)
        && near(live.first, simulated.first)
        && tolerance.holds(live.started.into(), simulated.started.into())
}

/// All pods of one side together.
pub fn in_all(pods: &[Pod]) -> Waits {
    let mut sum = Sum::default();
    pods.iter().for_each(|pod| sum.add(pod));
    sum.waits()
}

#[derive(Default)]
struct Sum {
    started: u32,
    never_started: u32,
    submitted_first: Option<i64>,
    started_first: Option<i64>,
    waited: i128,
    admitted: u32,
    waited_for_admission: i128,
    longest: Option<i64>,
}

impl Sum {
    fn add(&mut self, pod: &Pod) {
        let first = |first: Option<i64>, at: i64| Some(first.map_or(at, |first| first.min(at)));
        self.submitted_first = first(self.submitted_first, pod.submitted);
        let Some(started) = pod.started else {
            self.never_started += 1;
            return;
        };
        let wait = started - pod.submitted;
        self.started += 1;
        self.started_first = first(self.started_first, started);
        self.waited += i128::from(wait);
        if let Some(admitted) = pod.admitted {
            self.admitted += 1;
            self.waited_for_admission += i128::from(admitted - pod.submitted);
        }
        self.longest = self.longest.max(Some(wait));
    }

    fn waits(&self) -> Waits {
        let first = self.started_first.zip(self.submitted_first);
        Waits {
            started: self.started,
            never_started: self.never_started,
            first: first.map(|(started, submitted)| started - submitted),
            mean: divided(self.waited, self.started.into(), 1),
            until_admitted: divided(self.waited_for_admission, self.admitted.into(), 1),
            longest: self.longest,
        }
    }
}

fn sums(pods: &[Pod]) -> BTreeMap<(Name, Name), Sum> {
    let mut sums: BTreeMap<(Name, Name), Sum> = BTreeMap::new();
    for pod in pods {
        let key = (pod.namespace.clone(), pod.workload.clone());
        sums.entry(key).or_default().add(pod);
    }
    sums
}

fn seconds<S: Serializer>(milliseconds: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    milliseconds
        .map(crate::output::numbers::from_thousandths)
        .serialize(serializer)
}
