//! Objects with mistakes, and what is said of them.

use super::{check_object, unknown_field};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

fn expect_problems(kind: &str, object: Value, expected: Expect) {
    let problems = check_object(kind, &object).unwrap();
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_good_object_has_no_problems() {
    expect_problems(
        "CapacityLease",
        json!({
            "apiVersion": "leasehold.dev/v1alpha1",
            "kind": "CapacityLease",
            "metadata": {"name": "retail", "namespace": "enterprise", "labels": {"a": "b"}},
            "spec": {
                "pool": "general",
                "lessee": "retail",
                "type": "Sublease",
                "guaranteed": {"cpu": 400, "memory": "1Ti"},
                "limit": {"cpu": "600"},
                "lendLimit": {"cpu": "200"},
                "weight": 1,
                "maxPriority": 100_000,
                "queueing": "BestEffort",
                "term": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-31T00:00:00Z", "renew": "Never"},
                "onExpiry": "Borrow",
                "reclaim": {"gracePeriodSeconds": 30, "minRuntimeSeconds": 0},
            },
        }),
        expect![""],
    );
}

#[test]
fn every_mistake_is_said_at_once() {
    expect_problems(
        "CapacityLease",
        json!({
            "apiVersion": "leasehold.dev/v1alpha1",
            "kind": "CapacityLease",
            "metadata": {"name": "retail"},
            "spec": {
                "pool": "",
                "guarantee": {"cpu": "400"},
                "limit": {"cpu": 0.5, "memory": true},
                "weight": 0,
                "maxPriority": 3_000_000_000_i64,
                "queueing": "StrictFifo",
                "term": {"start": 7},
                "reclaim": [],
            },
        }),
        expect![[r#"
            metadata: namespace is missing
            spec.guarantee: unknown field; perhaps guaranteed is meant
            spec.limit.cpu: 0.5 has a fraction: write "0.5", in quotes
            spec.limit.memory: must be a quantity such as 4, 500m or 64Gi, not true
            spec.maxPriority: 3000000000 is too large; the most is 2147483647
            spec.pool: the text is empty
            spec.queueing: "StrictFifo" is none of BestEffort, StrictFIFO
            spec.reclaim: must be a map of fields, not []
            spec.term.start: must be text (put it in quotes), not 7
            spec.weight: 0 is too small; the least is 1
            spec: lessee is missing
        "#]],
    );
    expect_problems(
        "CapacityPool",
        json!({
            "apiVersion": "leasehold.dev/v1alpha1",
            "kind": "CapacityPool",
            "metadata": {"name": "general", "namespace": "x"},
            "spec": {"resources": ["cpu", "memory", "cpu"], "rootNamespace": "e", "nodeSelector": {"a": "b"}},
        }),
        expect![[r#"
            metadata.namespace: unknown field; perhaps name is meant
            spec.nodeSelector.a: unknown field; there are matchExpressions, matchLabels
            spec.resources[2]: "cpu" is there twice
        "#]],
    );
}

#[test]
fn other_kinds_are_not_judged() {
    assert_eq!(check_object("Deployment", &json!({})), None);
}

#[test]
fn the_nearest_known_field_is_named() {
    let known = ["minReplicas", "maxReplicas", "step"];
    assert_eq!(
        unknown_field("minreplica", &known),
        "unknown field; perhaps minReplicas is meant"
    );
    assert_eq!(
        unknown_field("cooldown", &known),
        "unknown field; there are minReplicas, maxReplicas, step"
    );
}
