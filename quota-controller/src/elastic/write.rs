//! Asking an owner for another count: which patch of which object.
//!
//! One write a workload and decision. Its tests make it fail where the object is another one, or where somebody
//! else has changed the count since it was seen.

use super::target::{Means, Target};
use serde_json::{Map, Value, json};

/// A patch of a workload's owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Whether it goes to the scale subresource.
    pub to_scale: bool,
    /// The operations of a JSON patch.
    pub operations: Value,
}

/// The patch that asks for `to` replicas. `known` is the count that was seen, `named` the pods that are to go.
/// Nothing where the count stands nowhere.
pub fn write(target: &Target, known: Option<u32>, to: u32, named: &[&str]) -> Option<Write> {
    let path = match &target.means {
        Means::Pods => return None,
        Means::Scale => "/spec/replicas".to_owned(),
        Means::Job { .. } => "/spec/parallelism".to_owned(),
        Means::Path(path) | Means::Ray(path) => path.pointer(),
    };
    let mut operations =
        vec![json!({"op": "test", "path": "/metadata/uid", "value": &*target.uid})];
    // A count of 0 may be left out of the object.
    if let Some(known) = known.filter(|&known| known > 0) {
        operations.push(json!({"op": "test", "path": path, "value": known}));
    }
    operations.push(json!({"op": "add", "path": path, "value": to}));
    match &target.means {
        // A Job without anything to complete would be complete.
        Means::Job { indexed: true } if to > 0 => {
            operations.push(json!({"op": "add", "path": "/spec/completions", "value": to}));
        }
        Means::Ray(path) => {
            // The autoscaler of Ray stays within its most, and its operator ends the pods that are named.
            let most = path.beside("maxReplicas").pointer();
            operations.push(json!({"op": "add", "path": most, "value": to}));
            let strategy = path.beside("scaleStrategy").pointer();
            let value = json!({"workersToDelete": named});
            operations.push(json!({"op": "add", "path": strategy, "value": value}));
        }
        _ => {}
    }
    Some(Write {
        to_scale: target.means == Means::Scale,
        operations: Value::Array(operations),
    })
}

/// The annotation by which a ReplicaSet chooses the pods that go.
pub const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The patch that makes a pod go before those that were chosen earlier and stayed.
pub fn mark(uid: &str, now_seconds: i64) -> Value {
    // Costs are 32-bit numbers, and the lowest goes first: one second later is one lower.
    let cost = -(now_seconds.rem_euclid(i64::from(i32::MAX)));
    let mut annotations = Map::new();
    annotations.insert(DELETION_COST.to_owned(), json!(cost.to_string()));
    json!({"metadata": {"uid": uid, "annotations": annotations}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elastic::path::Path;
    use crate::elastic::target::Members;
    use engine::spec::Removal;
    use kube::core::ApiResource;

    fn target(means: Means) -> Target {
        Target {
            uid: "u-1".into(),
            name: "train".into(),
            resource: ApiResource {
                group: "batch".into(),
                version: "v1".into(),
                api_version: "batch/v1".into(),
                kind: "Job".into(),
                plural: "jobs".into(),
            },
            means,
            removal: Removal::Newest,
            heeds_deletion_cost: false,
            members: Members::Owned,
            replicas: Some(5),
            version: 1,
            form: None,
            work_left: None,
        }
    }

    fn operations(means: Means, known: u32, to: u32) -> Value {
        let write = write(&target(means), Some(known), to, &["w-3"]);
        write.expect("a count to write").operations
    }

    #[test]
    fn an_indexed_job_changes_both_numbers_at_once() {
        assert_eq!(
            operations(Means::Job { indexed: true }, 5, 3),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u-1"},
                {"op": "test", "path": "/spec/parallelism", "value": 5},
                {"op": "add", "path": "/spec/parallelism", "value": 3},
                {"op": "add", "path": "/spec/completions", "value": 3},
            ])
        );
    }

    #[test]
    fn an_indexed_job_that_gives_all_keeps_what_it_has_to_complete() {
        let operations = operations(Means::Job { indexed: true }, 5, 0);
        let paths: Vec<_> = operations
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| &it["path"])
            .collect();
        assert!(!paths.contains(&&json!("/spec/completions")), "{paths:?}");
    }

    #[test]
    fn a_count_of_nothing_may_be_absent_and_is_not_tested() {
        assert_eq!(
            operations(Means::Scale, 0, 3),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u-1"},
                {"op": "add", "path": "/spec/replicas", "value": 3},
            ])
        );
    }

    #[test]
    fn a_ray_cluster_is_told_which_workers_go() {
        let path = Path::parse(".spec.workerGroupSpecs[1].replicas").expect("a path");
        assert_eq!(
            operations(Means::Ray(path), 5, 4)
                .as_array()
                .map(|all| all[3..].to_vec()),
            Some(vec![
                json!({"op": "add", "path": "/spec/workerGroupSpecs/1/maxReplicas", "value": 4}),
                json!({
                    "op": "add", "path": "/spec/workerGroupSpecs/1/scaleStrategy",
                    "value": {"workersToDelete": ["w-3"]},
                }),
            ])
        );
    }

    #[test]
    fn what_has_no_count_is_not_written() {
        assert_eq!(write(&target(Means::Pods), None, 3, &[]), None);
    }

    #[test]
    fn who_is_chosen_later_goes_before_who_was_chosen_earlier_and_stayed() {
        let cost = |now| -> i64 {
            let mark = mark("u", now);
            let cost = mark["metadata"]["annotations"][DELETION_COST].as_str();
            cost.expect("text").parse().expect("a number")
        };
        assert!(cost(1_790_000_001) < cost(1_790_000_000));
        assert!(i32::try_from(cost(1_790_000_001)).is_ok());
    }
}
