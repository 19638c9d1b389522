//! What holds under every policy, whatever happens.

use super::super::{Options, run};
use super::listing::Listing;
use super::{TWO, listing, scenario};
use crate::model::{Policy, Scenario};
use crate::record::Outcome;
use engine::Time;

/// Every behaviour at once: nodes come and go under elastic, gang, service and plain work of two accounts.
fn busy() -> Scenario {
    scenario(
        TWO,
        "
        seed: 3
        workloads:
          - job: {namespace: a, name: train, at: 0s, request: {cpu: \"2\"}, elastic: {min: 1, max: 6, cooldown: 5s}, work: 300s, restartPenalty: 2s, efficiency: [[1, 1.0], [6, 0.7]]}
          - job: {namespace: a, name: gang, at: 7s, request: {cpu: \"2\"}, replicas: 3, gang: true, duration: 30s}
          - job: {namespace: b, name: batch, at: 3s, request: {cpu: \"1\"}, replicas: 2, duration: 9s, count: 12, every: 4s}
          - service: {namespace: b, name: web, priority: 10, request: {cpu: \"1\"}, replicas: [{at: 5s, count: 2}, {at: 30s, count: 6}, {at: 60s, count: 1}]}
        events:
          - {at: 12s, node: {drain: 1}}
          - {at: 25s, node: {fail: 1}}
          - {at: 40s, node: {recover: 2}}
          - {at: 50s, node: {add: 1}}
        ",
    )
}

#[test]
fn two_runs_tell_the_same_under_every_policy() {
    for policy in Policy::ALL {
        let (one, other) = (listing(&busy(), policy), listing(&busy(), policy));
        assert_eq!(one.text, other.text);
        assert_eq!(one.usage, other.usage);
        assert_eq!(format!("{:?}", one.pods), format!("{:?}", other.pods));
    }
}

#[test]
fn every_pod_has_one_row_and_its_instants_are_in_order() {
    for policy in Policy::ALL {
        let listing = listing(&busy(), policy);
        let mut names: Vec<String> = listing.pods.iter().map(|pod| pod.pod.to_string()).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{policy:?}");
        for pod in &listing.pods {
            let instants = [pod.admitted, pod.placed, pod.started, pod.ended];
            let known: Vec<Time> = std::iter::once(pod.submitted)
                .chain(instants.into_iter().flatten())
                .collect();
            assert!(known.is_sorted(), "{policy:?}: {pod:?}");
        }
        let completed = listing
            .works
            .iter()
            .filter(|work| work.outcome == Outcome::Completed)
            .count();
        assert_eq!(completed, 14, "{policy:?}: {}", listing.text);
    }
}

#[test]
fn a_run_stops_when_it_is_told_to() {
    let stop = std::sync::atomic::AtomicBool::new(true);
    let options = Options {
        stop: Some(&stop),
        ..Options::default()
    };
    let mut listing = Listing::default();
    let totals = run(&busy(), Policy::Leasehold, &options, &mut listing).unwrap();
    assert!(totals.interrupted);
}
