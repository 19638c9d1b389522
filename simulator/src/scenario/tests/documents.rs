//! The guide and the reference say what is read.

use super::super::fields;
use super::said;

/// The tables of docs/scenario-reference.md: path and fields.
fn documented() -> Vec<(String, Vec<String>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario-reference.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        let quoted = |text: &str| text.strip_prefix('`')?.split('`').next().map(String::from);
        if let Some(path) = line.strip_prefix("## ").and_then(quoted) {
            tables.push((path, Vec::new()));
        } else if let (Some(field), Some(table)) =
            (line.strip_prefix("| ").and_then(quoted), tables.last_mut())
        {
            table.1.push(field);
        }
    }
    tables
}

#[test]
fn the_reference_names_every_field_that_is_read_and_no_other() {
    let known: Vec<(String, Vec<String>)> = fields::ALL
        .iter()
        .map(|table| {
            (
                table.path.into(),
                table.fields.iter().map(|f| (*f).into()).collect(),
            )
        })
        .collect();
    assert_eq!(documented(), known);
}

#[test]
fn the_example_of_the_guide_is_valid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/simulator.md");
    let text = std::fs::read_to_string(path).unwrap();
    let examples = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let mut found = 0;
    for example in examples.filter(|example| example.contains("kind: Scenario")) {
        assert_eq!(said(example), "");
        found += 1;
    }
    assert!(found > 0);
}
