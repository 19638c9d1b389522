//! Pieces of schema that derive macros cannot say.

use super::RESOURCES_MAX;
use crate::quantity::QuantityText;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The most conditions of one object.
const CONDITIONS_MAX: u32 = 16;

/// Amounts by resource name.
pub(super) fn amounts(generator: &mut SchemaGenerator) -> Schema {
    by_resource(QuantityText::json_schema(generator))
}

/// Something by resource name.
pub(super) fn by_resource(value: Schema) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": value,
        "maxProperties": RESOURCES_MAX,
    })
}

/// Names of resources, each once.
pub(super) fn resource_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": 317},
        "minItems": 1,
        "maxItems": RESOURCES_MAX,
        "x-kubernetes-list-type": "set",
    })
}

/// Labels with the values they must have.
pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {"type": "string", "maxLength": 63},
        "maxProperties": 32,
    })
}

/// An instant.
pub(super) fn instant(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// `queueing`, which has no default in the schema because a Transfer may not have it.
pub(super) fn queueing(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["BestEffort", "StrictFIFO"]})
}

/// Conditions in the form that all of Kubernetes shares, one of each type.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": CONDITIONS_MAX,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string",
                    "format": "date-time",
                },
                "message": {
                    "description": "The numbers, for people.",
                    "type": "string",
                    "maxLength": 32768,
                },
                "observedGeneration": {
                    "description": "The generation of the object that this was said about.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                },
                "reason": {
                    "description": "Constant text for the cause, for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "status": {
                    "description": "True, False or Unknown.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "type": {
                    "description": "What the condition is about.",
                    "type": "string",
                    "maxLength": 316,
                },
            },
        },
    })
}

/// Takes out what the derive macros put in and an API server should not see: with `nullable`, rules would
/// find a field that says nothing; line breaks in descriptions are those of the source.
pub(super) fn tidied(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut();
        if let Some(schema) = schema.and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            tidy(schema);
        }
    }
    definition
}

fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    if let Some(description) = &mut schema.description {
        *description = description.replace('\n', " ");
    }
    schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
        .for_each(tidy);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}
