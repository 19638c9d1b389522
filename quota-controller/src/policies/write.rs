//! The small parts of which policies are made, every default written out.

use api::names;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, Validation, Variable,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, ObjectMeta,
};
use std::collections::BTreeMap;

/// The metadata of a policy or a binding.
pub(super) fn metadata(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        labels: Some(BTreeMap::from([(
            names::LABEL_PART_OF.into(),
            names::PART_OF.into(),
        )])),
        ..ObjectMeta::default()
    }
}

/// Only objects in leased namespaces. A user cannot avoid it, as he could a selector on his own objects.
pub(super) fn leased() -> LabelSelector {
    LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: names::LABEL_LEASED.into(),
            operator: "Exists".into(),
            values: None,
        }]),
        match_labels: None,
    }
}

/// Requests on core objects.
pub(super) fn on(
    operations: &[&str],
    resources: &[&str],
    namespaces: LabelSelector,
) -> MatchResources {
    let texts = |texts: &[&str]| Some(texts.iter().map(|&text| text.into()).collect());
    MatchResources {
        exclude_resource_rules: None,
        match_policy: Some("Equivalent".into()),
        namespace_selector: Some(namespaces),
        object_selector: Some(LabelSelector::default()),
        resource_rules: Some(vec![NamedRuleWithOperations {
            api_groups: texts(&[""]),
            api_versions: texts(&["v1"]),
            operations: texts(operations),
            resource_names: None,
            resources: texts(resources),
            scope: Some("*".into()),
        }]),
    }
}

pub(super) fn condition(name: &str, expression: &str) -> MatchCondition {
    MatchCondition {
        name: name.into(),
        expression: expression.into(),
    }
}

pub(super) fn variable(name: &str, expression: impl Into<String>) -> Variable {
    Variable {
        name: name.into(),
        expression: expression.into(),
    }
}

/// A rule; `message` is a CEL expression of a text.
pub(super) fn rule(expression: impl Into<String>, message: impl Into<String>) -> Validation {
    Validation {
        expression: expression.into(),
        message: None,
        message_expression: Some(message.into()),
        reason: Some("Forbidden".into()),
    }
}
