//! Checks an object against its schema as the API server would, but says everything that is wrong at once.
//!
//! It serves programs that read objects from files. Rules in CEL and the forms of amounts are not looked at
//! here: who uses the values checks those.

use crate::crd::definitions;
use serde_json::Value;
use std::fmt;
use std::sync::LazyLock;

#[cfg(test)]
mod tests;

/// Something in an object that its schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The steps to the field: names, and places in lists.
    pub path: Vec<Step>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field of this name.
    Field(String),
    /// The item at this place.
    Item(usize),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", path_text(&self.path), self.message)
    }
}

/// The path as it is usually written: `spec.term.end`, `spec.resources[2]`.
pub fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// The kinds of the group.
pub const KINDS: [&str; 3] = ["CapacityPool", "CapacityLease", "ElasticWorkload"];

/// Everything in `object`, of this kind, that its schema does not allow. `None` if the kind is not one of
/// [`KINDS`].
pub fn check_object(kind: &str, object: &Value) -> Option<Vec<Problem>> {
    // A schema takes milliseconds to make, and files hold thousands of objects.
    static SCHEMAS: LazyLock<[Option<Value>; 3]> = LazyLock::new(|| KINDS.map(schema_of));
    let index = KINDS.iter().position(|known| *known == kind)?;
    let schema = SCHEMAS[index].as_ref()?;
    let mut checker = Checker::default();
    checker.check(schema, object);
    Some(checker.problems)
}

/// The JSON schema of a kind's objects, as it is installed; with the object's own metadata spelled out.
pub fn schema_of(kind: &str) -> Option<Value> {
    let definition = definitions()
        .into_iter()
        .find(|definition| definition.spec.names.kind == kind)?;
    let namespaced = definition.spec.scope == "Namespaced";
    let version = definition.spec.versions.into_iter().next()?;
    let mut schema = serde_json::to_value(version.schema?.open_api_v3_schema?).ok()?;
    let text = serde_json::json!({"type": "string"});
    schema["properties"]["apiVersion"] = text.clone();
    schema["properties"]["kind"] = text;
    schema["properties"]["metadata"] = metadata_schema(namespaced);
    schema["required"] = serde_json::json!(["apiVersion", "kind", "metadata", "spec"]);
    Some(schema)
}

fn metadata_schema(namespaced: bool) -> Value {
    let text = serde_json::json!({"type": "string", "minLength": 1, "maxLength": 253});
    let texts = serde_json::json!({"type": "object", "additionalProperties": {"type": "string"}});
    let required = if namespaced {
        vec!["name", "namespace"]
    } else {
        vec!["name"]
    };
    let mut schema = serde_json::json!({
        "type": "object",
        "required": required,
        "properties": {
            "name": text,
            "labels": texts,
            "annotations": texts,
            "creationTimestamp": {"type": "string"},
            "uid": {"type": "string"},
            "resourceVersion": {"type": "string"},
            "generation": {"type": "integer"},
            "managedFields": {"type": "array"},
        },
    });
    if namespaced {
        schema["properties"]["namespace"] = text;
    }
    schema
}

#[derive(Default)]
struct Checker {
    path: Vec<Step>,
    problems: Vec<Problem>,
}

impl Checker {
    fn check(&mut self, schema: &Value, value: &Value) {
        if schema["x-kubernetes-int-or-string"] == true {
            return self.check_amount(schema, value);
        }
        match schema["type"].as_str() {
            Some("object") => self.check_fields(schema, value),
            Some("array") => self.check_items(schema, value),
            Some("string") => self.check_text(schema, value),
            Some("integer") => self.check_number(schema, value),
            Some("boolean") if !value.is_boolean() => self.must_be("true or false", value),
            _ => {}
        }
    }

    fn check_fields(&mut self, schema: &Value, value: &Value) {
        let Some(fields) = value.as_object() else {
            return self.must_be("a map of fields", value);
        };
        let known = &schema["properties"];
        let any = &schema["additionalProperties"];
        for (name, value) in fields {
            self.path.push(Step::Field(name.clone()));
            if known[name].is_object() {
                self.check(&known[name], value);
            } else if any.is_object() {
                self.check(any, value);
            } else {
                let names = known.as_object().into_iter().flatten();
                let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
                self.problem(unknown_field(name, &names));
            }
            self.path.pop();
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            let name = required.as_str().unwrap_or_default();
            if !fields.contains_key(name) {
                self.problem(format!("{name} is missing"));
            }
        }
        self.check_count("entries", fields.len(), &schema["maxProperties"]);
    }

    fn check_items(&mut self, schema: &Value, value: &Value) {
        let Some(items) = value.as_array() else {
            return self.must_be("a list", value);
        };
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Item(index));
            self.check(&schema["items"], item);
            if schema["x-kubernetes-list-type"] == "set" && items[..index].contains(item) {
                self.problem(format!("{item} is there twice"));
            }
            self.path.pop();
        }
        if schema["minItems"].as_u64().is_some_and(|min| min > 0) && items.is_empty() {
            self.problem("the list is empty; at least one is needed".into());
        }
        self.check_count("items", items.len(), &schema["maxItems"]);
    }

    fn check_count(&mut self, what: &str, count: usize, most: &Value) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        if let Some(most) = most.as_u64().filter(|&most| count > most) {
            self.problem(format!("{count} {what}; at most {most} are allowed"));
        }
    }

    fn check_text(&mut self, schema: &Value, value: &Value) {
        let Some(text) = value.as_str() else {
            return self.must_be("text (put it in quotes)", value);
        };
        if let Some(allowed) = schema["enum"].as_array() {
            if !allowed.contains(value) {
                let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
                self.problem(format!("{value} is none of {}", allowed.join(", ")));
            }
            return;
        }
        if text.is_empty() && schema["minLength"].as_u64().is_some_and(|min| min > 0) {
            self.problem("the text is empty".into());
        }
        self.check_count("characters", text.chars().count(), &schema["maxLength"]);
    }

    fn check_amount(&mut self, schema: &Value, value: &Value) {
        match value {
            Value::String(text) => {
                self.check_count("characters", text.chars().count(), &schema["maxLength"]);
            }
            Value::Number(number) if number.is_i64() || number.is_u64() => {}
            Value::Number(number) => {
                self.problem(format!(
                    "{number} has a fraction: write \"{number}\", in quotes"
                ));
            }
            _ => self.must_be("a quantity such as 4, 500m or 64Gi", value),
        }
    }

    fn check_number(&mut self, schema: &Value, value: &Value) {
        let Some(number) = value.as_i64() else {
            return self.must_be("a whole number", value);
        };
        let (lowest, highest) = match schema["format"].as_str() {
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let least = bound(&schema["minimum"]).unwrap_or(lowest).max(lowest);
        let most = bound(&schema["maximum"]).unwrap_or(highest).min(highest);
        if number < least {
            self.problem(format!("{number} is too small; the least is {least}"));
        }
        if number > most {
            self.problem(format!("{number} is too large; the most is {most}"));
        }
    }

    fn must_be(&mut self, what: &str, value: &Value) {
        let mut found = value.to_string();
        if found.chars().count() > 40 {
            found = found.chars().take(40).chain("…".chars()).collect();
        }
        self.problem(format!("must be {what}, not {found}"));
    }

    fn problem(&mut self, message: String) {
        self.problems.push(Problem {
            path: self.path.clone(),
            message,
        });
    }
}

/// Bounds are whole, though a schema may hold them as `1.0`.
fn bound(value: &Value) -> Option<i64> {
    let text = value.as_number()?.to_string();
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}

/// What to say of a field that is not known: the nearest one that is.
pub fn unknown_field(name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|known| {
            (
                strsim::levenshtein(&name.to_lowercase(), &known.to_lowercase()),
                known,
            )
        })
        .min();
    match near {
        Some((distance, near)) if distance <= name.chars().count().div_ceil(2) => {
            format!("unknown field; perhaps {near} is meant")
        }
        _ => format!("unknown field; there are {}", known.join(", ")),
    }
}
