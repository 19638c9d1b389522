//! The generated definitions, and objects as users write them.

use super::{
    CapacityLease, CapacityPool, ElasticWorkload, LeaseType, definition_yaml, definitions,
};
use kube::{CustomResourceExt, ResourceExt};
use serde_json::{Value, json};

#[test]
fn the_files_that_are_installed_are_what_the_code_generates() {
    for definition in definitions() {
        let file = format!(
            "{}/../deploy/crds/{}.yaml",
            env!("CARGO_MANIFEST_DIR"),
            definition.name_any()
        );
        let installed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            installed == definition_yaml(&definition),
            "{file} is not what the code generates: run `cargo run -p leasehold-api --bin generate-crds`"
        );
    }
}

/// Calls `check` on each schema under `schema`, with the path to it.
fn walk(path: &str, schema: &Value, check: &mut dyn FnMut(&str, &Value)) {
    check(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, check);
    }
    for (place, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[place].is_object() {
            walk(&format!("{path}{suffix}"), &schema[place], check);
        }
    }
}

fn each_schema(check: &mut dyn FnMut(&str, &Value)) {
    for definition in definitions() {
        let value = serde_json::to_value(&definition).unwrap();
        let schema = &value["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(&definition.spec.names.kind, schema, check);
    }
}

#[test]
fn every_list_map_and_text_has_a_bound() {
    each_schema(&mut |path, schema| {
        let bound = match schema["type"].as_str() {
            Some("array") => schema["maxItems"].is_u64(),
            Some("string") => {
                schema["maxLength"].is_u64()
                    || schema["enum"].is_array()
                    || schema["format"] == "date-time"
            }
            Some("object") => schema["properties"].is_object() || schema["maxProperties"].is_u64(),
            Some(_) => true,
            None => schema["x-kubernetes-int-or-string"] == true && schema["maxLength"].is_u64(),
        };
        // These three are the API server's own.
        let common = ["apiVersion", "kind", "metadata"]
            .iter()
            .any(|field| path.split('.').nth(1) == Some(field));
        assert!(bound || common, "{path} is unbounded: {schema}");
    });
}

#[test]
fn every_field_is_described() {
    each_schema(&mut |path, schema| {
        let described = schema["description"].is_string();
        let is_field = !path.ends_with(['}', ']']);
        let common = ["apiVersion", "kind", "metadata"]
            .iter()
            .any(|field| path.split('.').nth(1) == Some(field));
        assert!(
            described || !is_field || common,
            "{path} has no description"
        );
    });
}

#[test]
fn short_names_scopes_and_columns_are_those_of_the_model() {
    for (definition, short, scope) in [
        (CapacityPool::crd(), "cpool", "Cluster"),
        (CapacityLease::crd(), "clease", "Namespaced"),
        (ElasticWorkload::crd(), "ew", "Namespaced"),
    ] {
        assert_eq!(
            definition.spec.names.short_names,
            Some(vec![short.to_string()])
        );
        assert_eq!(definition.spec.scope, scope);
        assert_eq!(definition.spec.group, super::GROUP);
        let version = &definition.spec.versions[0];
        assert_eq!(version.name, super::VERSION);
        assert!(version.additional_printer_columns.iter().flatten().count() >= 5);
        assert!(version.subresources.as_ref().unwrap().status.is_some());
    }
}

#[test]
fn the_objects_of_the_model_are_read() {
    let pool: CapacityPool = serde_json::from_value(json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "CapacityPool",
        "metadata": {"name": "general"},
        "spec": {
            "nodeSelector": {"matchLabels": {"leasehold.dev/pool": "general"}},
            "resources": ["cpu", "memory", "nvidia.com/gpu"],
            "capacity": {"cpu": "4000"},
            "reserve": {"cpu": "3%"},
            "rootNamespace": "enterprise",
        },
    }))
    .unwrap();
    assert_eq!(pool.spec.reserve["cpu"].0.0, "3%");
    let lease: CapacityLease = serde_json::from_value(json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "CapacityLease",
        "metadata": {"name": "retail", "namespace": "enterprise"},
        "spec": {
            "pool": "general",
            "lessee": "retail",
            "guaranteed": {"cpu": 400, "memory": "1Ti"},
            "term": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-31T00:00:00Z", "renew": "Never"},
            "queueing": "StrictFIFO",
        },
    }))
    .unwrap();
    assert_eq!(lease.spec.kind, LeaseType::Sublease);
    assert_eq!(lease.spec.guaranteed["cpu"].0, "400");
    let workload: ElasticWorkload = serde_json::from_value(json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "ElasticWorkload",
        "metadata": {"name": "train", "namespace": "ml"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "train"},
            "minReplicas": 2,
            "maxReplicas": 60,
        },
    }))
    .unwrap();
    assert_eq!(workload.spec.step, None);
}
