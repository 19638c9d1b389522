//! Where a count stands in an object: a small JSON path.
//!
//! Fields and places in lists, `.spec.tfReplicaSpecs.Worker.replicas` or `.spec.workerGroupSpecs[0].replicas`:
//! what names exactly one value. The rest of the language (filters, wildcards) could name several, and then
//! nobody could say which of them is asked for.

use serde_json::Value;
use std::fmt::Write as _;

/// The most steps of a path: deeper objects do not exist.
const STEPS_MAX: usize = 32;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

/// A path to one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// Reads a path; says what is wrong with it.
    ///
    /// # Errors
    /// What cannot be read, and what would be.
    pub fn parse(text: &str) -> Result<Path, String> {
        let trimmed = text.trim();
        let inner = trimmed
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'))
            .unwrap_or(trimmed);
        let mut steps = Vec::new();
        let mut rest = inner.strip_prefix('$').unwrap_or(inner);
        while !rest.is_empty() {
            let (step, after) = next_step(rest).ok_or_else(|| {
                format!(
                    "{text:?} cannot be read at {rest:?}: write fields and places in lists only, such as \
                     .spec.workerGroupSpecs[0].replicas"
                )
            })?;
            steps.push(step);
            rest = after;
        }
        if steps.is_empty() || steps.len() > STEPS_MAX {
            return Err(format!(
                "{text:?} has {} steps, it must have 1 to {STEPS_MAX}",
                steps.len()
            ));
        }
        Ok(Path(steps))
    }

    /// The value there.
    pub fn get<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(object, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Item(index) => value.get(index),
        })
    }

    /// The path of a neighbour: the same, with another field at its end.
    pub fn beside(&self, field: &str) -> Path {
        let mut steps = self.0.clone();
        steps.pop();
        steps.push(Step::Field(field.to_owned()));
        Path(steps)
    }

    /// As a JSON pointer, for patches.
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.0 {
            pointer.push('/');
            match step {
                Step::Field(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                // A number always fits into a text.
                Step::Item(index) => _ = write!(pointer, "{index}"),
            }
        }
        pointer
    }
}

fn next_step(rest: &str) -> Option<(Step, &str)> {
    if let Some(rest) = rest.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        let quoted = ['\'', '"']
            .iter()
            .find_map(|&quote| inside.strip_prefix(quote)?.strip_suffix(quote));
        let step = match quoted {
            Some(name) if !name.is_empty() => Step::Field(name.to_owned()),
            Some(_) => return None,
            None => Step::Item(inside.parse().ok()?),
        };
        return Some((step, after));
    }
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'));
    plain.then(|| (Step::Field(name.to_owned()), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_one_value() {
        let object = json!({"spec": {"groups": [{"replicas": 3}], "a.b": {"n": 4}}});
        let value = |text: &str| {
            let path = Path::parse(text).expect("a path");
            path.get(&object).and_then(Value::as_u64)
        };
        assert_eq!(value(".spec.groups[0].replicas"), Some(3));
        assert_eq!(value("{.spec.groups[0].replicas}"), Some(3));
        assert_eq!(value("$.spec['a.b'].n"), Some(4));
        assert_eq!(value(".spec.groups[1].replicas"), None);
    }

    #[test]
    fn a_path_becomes_a_pointer() {
        let path = Path::parse(".spec.groups[2]['a/b~c']").expect("a path");
        assert_eq!(path.pointer(), "/spec/groups/2/a~1b~0c");
        assert_eq!(path.beside("template").pointer(), "/spec/groups/2/template");
    }

    #[test]
    fn what_could_name_several_values_is_refused() {
        for text in [
            "",
            ".spec.*",
            ".spec[*].n",
            ".spec..n",
            "..",
            ".a[?(@.b)]",
            ".a['']",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
