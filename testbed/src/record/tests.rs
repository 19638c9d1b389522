//! Histories written by hand, with what must be found in them.

use super::*;
use serde_json::json;

fn pod(uid: &str, version: u64, cpu: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut pod = json!({
        "metadata": {
            "uid": uid, "name": uid, "namespace": "tenant", "resourceVersion": version.to_string(),
        },
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": "Pending"},
    });
    change(&mut pod);
    pod
}

fn gated(pod: &mut Value) {
    pod["spec"]["schedulingGates"] = json!([{"name": "leasehold.dev/admission"}]);
}

fn history(events: &[(&str, Value)]) -> History {
    let mut history = History::default();
    history.add_list(1, Vec::new()).unwrap();
    for (kind, pod) in events {
        let line = json!({"type": kind, "object": pod}).to_string();
        history.add_line(&line).unwrap();
    }
    history
}

fn check(history: &History, cpu: &str) -> Findings {
    let bound = Bound::new(["tenant"], [("cpu", cpu)]).unwrap();
    bound.check(history).unwrap()
}

#[test]
fn one_millicore_too_much_at_one_version_is_found() {
    let history = history(&[
        ("ADDED", pod("a", 2, "600m", |_| {})),
        ("ADDED", pod("b", 3, "401m", |_| {})),
        ("DELETED", pod("a", 4, "600m", |_| {})),
    ]);
    let findings = check(&history, "1");
    assert_eq!(findings.peak["cpu"], 1001);
    let found: Vec<String> = findings
        .violations
        .iter()
        .map(|it| it.to_string())
        .collect();
    assert_eq!(
        found,
        ["at version 3 pod tenant/b brought cpu to 1001, above its limit of 1000"]
    );
    assert!(check(&history, "1001m").is_clean());
}

#[test]
fn a_pod_counts_from_the_removal_of_its_gate_until_its_end() {
    let history = history(&[
        ("ADDED", pod("a", 2, "1", gated)),
        ("ADDED", pod("b", 3, "1", gated)),
        ("MODIFIED", pod("a", 4, "1", |_| {})),
        (
            "MODIFIED",
            pod("a", 5, "1", |pod| {
                pod["status"]["phase"] = json!("Succeeded")
            }),
        ),
        ("MODIFIED", pod("b", 6, "1", |_| {})),
    ]);
    let findings = check(&history, "1");
    assert!(findings.is_clean(), "{findings:?}");
    assert_eq!(findings.peak["cpu"], 1000);
}

#[test]
fn a_running_pod_that_is_made_larger_is_found() {
    let history = history(&[
        ("ADDED", pod("a", 2, "1", |_| {})),
        ("MODIFIED", pod("a", 3, "2", |_| {})),
    ]);
    assert_eq!(check(&history, "1").violations.len(), 1);
}

#[test]
fn other_namespaces_do_not_count_and_a_bound_on_nothing_is_not_clean() {
    let history = history(&[(
        "ADDED",
        pod("a", 2, "9", |pod| {
            pod["metadata"]["namespace"] = json!("other")
        }),
    )]);
    let findings = check(&history, "1");
    assert!(findings.violations.is_empty());
    assert!(!findings.is_clean());
}

#[test]
fn a_gap_is_told_and_not_taken_for_clean() {
    let mut history = history(&[("ADDED", pod("a", 2, "1", |_| {}))]);
    history.add_list(9, vec![pod("b", 8, "1", |_| {})]).unwrap();
    let findings = check(&history, "2");
    assert_eq!(findings.gaps, [Gap { after: 2, until: 9 }]);
    assert!(!findings.is_clean());
    let later = json!({"type": "ADDED", "object": pod("c", 10, "1", |_| {})});
    history.add_line(&later.to_string()).unwrap();
    // `a` was gone by then, or there would be three.
    assert_eq!(check(&history, "2").violations, []);
}

#[test]
fn events_out_of_order_are_refused() {
    let mut history = history(&[("ADDED", pod("a", 5, "1", |_| {}))]);
    let earlier = json!({"type": "ADDED", "object": pod("b", 4, "1", |_| {})});
    let refused = history.add_line(&earlier.to_string()).unwrap_err();
    assert!(refused.to_string().contains("out of order"), "{refused}");
}

#[test]
fn a_history_reaches_a_list_when_it_has_seen_each_change_before_it() {
    let listed: BTreeMap<String, u64> = [("b".to_string(), 3)].into();
    let seen = history(&[("ADDED", pod("a", 2, "1", |_| {}))]);
    assert!(!seen.reaches(4, &listed), "b was not seen");
    let seen = history(&[
        ("ADDED", pod("a", 2, "1", |_| {})),
        ("ADDED", pod("b", 3, "1", |_| {})),
    ]);
    assert!(!seen.reaches(4, &listed), "a was not seen to go");
    let seen = history(&[
        ("ADDED", pod("a", 2, "1", |_| {})),
        ("ADDED", pod("b", 3, "1", |_| {})),
        ("DELETED", pod("a", 4, "1", |_| {})),
    ]);
    assert!(seen.reaches(4, &listed));
}
