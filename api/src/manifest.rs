//! Writing an object as YAML, the same bytes every time.

use serde_json::Value;
use std::fmt::Write;

/// The object as a YAML document, keys in their order, texts in quotes wherever YAML could misread them.
pub fn to_yaml(value: &Value) -> String {
    let mut yaml = String::new();
    match value {
        Value::Object(_) | Value::Array(_) => write_nested(&mut yaml, value, 0),
        _ => write_scalar(&mut yaml, value),
    }
    yaml
}

fn write_nested(yaml: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (index, (key, value)) in fields.iter().enumerate() {
                // The first key of a list's item stands beside its dash.
                if index > 0 || depth == 0 || !yaml.ends_with("- ") {
                    indent(yaml, depth);
                }
                write_text(yaml, key);
                yaml.push(':');
                write_value(yaml, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || !yaml.ends_with("- ") {
                    indent(yaml, depth);
                }
                match item {
                    Value::Object(_) | Value::Array(_) if !is_empty(item) => {
                        yaml.push_str("- ");
                        write_nested(yaml, item, depth + 1);
                    }
                    _ => {
                        yaml.push('-');
                        write_value(yaml, item, depth + 1);
                    }
                }
            }
        }
        _ => write_value(yaml, value, depth),
    }
}

fn write_value(yaml: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(_) | Value::Array(_) if !is_empty(value) => {
            yaml.push('\n');
            write_nested(yaml, value, depth);
        }
        _ => {
            yaml.push(' ');
            write_scalar(yaml, value);
            yaml.push('\n');
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn indent(yaml: &mut String, depth: usize) {
    for _ in 0..depth {
        yaml.push_str("  ");
    }
}

fn write_scalar(yaml: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_text(yaml, text),
        // The bounds of a schema are kept as floating point, and are whole.
        Value::Number(number) => {
            let number = number.to_string();
            yaml.push_str(number.strip_suffix(".0").unwrap_or(&number));
        }
        // JSON's other scalars, `{}` and `[]` mean the same in YAML. Writing to a `String` cannot fail.
        _ => {
            let _ = write!(yaml, "{value}");
        }
    }
}

/// In quotes, as in JSON, unless it is made of words only.
fn write_text(yaml: &mut String, text: &str) {
    if is_plain(text) {
        yaml.push_str(text);
    } else {
        let _ = write!(yaml, "{}", Value::String(text.into()));
    }
}

/// Whether no reader of YAML can take it for anything but this text.
fn is_plain(text: &str) -> bool {
    let starts_a_word = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = |c: char| c.is_ascii_alphanumeric() || "-_./ ".contains(c);
    let other_meaning = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    starts_a_word
        && text.chars().all(word)
        && !text.ends_with(' ')
        && !other_meaning.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::to_yaml;
    use serde_json::json;

    #[test]
    fn nesting_is_by_two_spaces_and_doubtful_texts_are_in_quotes() {
        let value = json!({
            "kind": "CapacityPool",
            "empty": {},
            "none": [],
            "list": [{"name": "a", "more": {"deep": 1}}, "x", ["y", "z"]],
            "quoted": ["", "1", "true", "a: b", "say \"it\"", "^[a-z]\\.$", "null", "No"],
            "scalars": [true, null, 3],
        });
        expect_test::expect![[r#"
            empty: {}
            kind: CapacityPool
            list:
              - more:
                  deep: 1
                name: a
              - x
              - - "y"
                - z
            none: []
            quoted:
              - ""
              - "1"
              - "true"
              - "a: b"
              - "say \"it\""
              - "^[a-z]\\.$"
              - "null"
              - "No"
            scalars:
              - true
              - null
              - 3
        "#]]
        .assert_eq(&to_yaml(&value));
    }
}
