//! Walking a tree of YAML: each step knows its file, object and path, so that every problem does.

use super::duration;
use super::fields::{Table, nearest};
use super::yaml::{Entry, Node, Value};
use crate::problem::{Level, Problem};
use engine::spec::{Name, Quantities};
use engine::{Span, Time};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

/// More problems than this are not collected: nobody reads them.
const PROBLEMS_MAX: usize = 200;

/// What all steps of one reading share.
#[derive(Debug, Default)]
pub struct Reading {
    problems: RefCell<Vec<Problem>>,
    /// Names that were read: a million pods share a few thousand of them.
    names: RefCell<HashSet<Name>>,
}

impl Reading {
    /// Takes note of a problem.
    pub fn report(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < PROBLEMS_MAX {
            problems.push(problem);
        } else if problems.len() == PROBLEMS_MAX {
            problems.push(Problem::error("and more: the first problems are shown"));
        }
    }

    /// Whether anything so far makes the input useless.
    pub fn failed(&self) -> bool {
        self.problems
            .borrow()
            .iter()
            .any(|p| p.level == Level::Error)
    }

    /// All problems, and none any more.
    pub fn take(&self) -> Vec<Problem> {
        self.problems.take()
    }

    /// The shared form of a name.
    pub fn name(&self, text: &str) -> Name {
        let mut names = self.names.borrow_mut();
        match names.get(text) {
            Some(name) => name.clone(),
            None => {
                let name: Name = text.into();
                names.insert(name.clone());
                name
            }
        }
    }
}

/// A value in a file.
#[derive(Clone)]
pub struct At<'a> {
    /// What all steps share.
    pub reading: &'a Reading,
    /// The file, as the user named it.
    pub file: &'a str,
    /// The object in which it stands.
    pub object: Option<Rc<str>>,
    /// Its path there.
    pub path: Rc<str>,
    /// The value.
    pub node: &'a Node,
}

/// A mapping whose fields are known.
pub struct Map<'a> {
    /// The mapping itself.
    pub at: At<'a>,
    table: &'static Table,
}

impl<'a> Map<'a> {
    /// A field, if something is written there.
    pub fn get(&self, field: &str) -> Option<At<'a>> {
        debug_assert!(
            self.table.fields.contains(&field),
            "{field} is missing in {}",
            self.table.path
        );
        let node = self.at.node.get(field).filter(|node| !node.is_null())?;
        Some(self.at.child(&format!(".{field}"), node))
    }

    /// A field that must be there.
    pub fn need(&self, field: &str, hint: &str) -> Option<At<'a>> {
        let found = self.get(field);
        if found.is_none() {
            let path = join(&self.at.path, &format!(".{field}"));
            let problem = self.at.problem("is missing").field(&*path).hint(hint);
            self.at.reading.report(problem);
        }
        found
    }

    /// The one of `fields` that is there; a problem if it is none or several.
    pub fn one_of(&self, fields: &[&'static str], hint: &str) -> Option<(&'static str, At<'a>)> {
        let mut there = fields
            .iter()
            .filter_map(|field| Some((*field, self.get(field)?)));
        let first = there.next();
        let list = fields.join("`, `");
        match (&first, there.next()) {
            (None, _) => self.at.wrong(format!("needs one of `{list}`"), hint),
            (Some((one, _)), Some((other, at))) => {
                at.wrong(format!("`{other}` cannot stand beside `{one}`"), hint);
            }
            (Some(_), None) => {}
        }
        first
    }
}

fn join(path: &str, step: &str) -> Rc<str> {
    let step = if path.is_empty() {
        step.trim_start_matches('.')
    } else {
        step
    };
    format!("{path}{step}").into()
}

impl<'a> At<'a> {
    /// A document of a file.
    pub fn document(reading: &'a Reading, file: &'a str, node: &'a Node) -> At<'a> {
        At {
            reading,
            file,
            object: None,
            path: "".into(),
            node,
        }
    }

    /// The same value as the root of an object of its own.
    #[must_use]
    pub fn as_object(&self, object: &str) -> At<'a> {
        At {
            object: Some(object.into()),
            path: "".into(),
            ..self.clone()
        }
    }

    /// The same value, in an object whose name became known.
    #[must_use]
    pub fn within(&self, object: &str) -> At<'a> {
        At {
            object: Some(object.into()),
            ..self.clone()
        }
    }

    /// A field of this mapping.
    #[must_use]
    pub fn step(&self, field: &str, node: &'a Node) -> At<'a> {
        self.child(&format!(".{field}"), node)
    }

    /// Reports a field that is not among the known ones.
    pub fn unknown_field<'k>(&self, entry: &Entry, known: impl Iterator<Item = &'k str> + Clone) {
        let hint = match nearest(&entry.key, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "known here are `{}`",
                known.collect::<Vec<_>>().join("`, `")
            ),
        };
        let problem = self
            .problem("is no known field")
            .at(entry.line, entry.column)
            .field(&*join(&self.path, &format!(".{}", shorten(&entry.key))))
            .hint(hint);
        self.reading.report(problem);
    }

    /// An item of this list.
    pub fn item(&self, index: usize) -> Option<At<'a>> {
        match &self.node.value {
            Value::List(items) => Some(self.child(&format!("[{index}]"), items.get(index)?)),
            _ => None,
        }
    }

    fn child(&self, step: &str, node: &'a Node) -> At<'a> {
        At {
            path: join(&self.path, step),
            node,
            ..self.clone()
        }
    }

    /// A problem at this place.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        let problem = Problem::error(what)
            .in_file(self.file)
            .at(self.node.line, self.node.column);
        let problem = match &self.object {
            Some(object) => problem.object(&**object),
            None => problem,
        };
        match &*self.path {
            "" => problem,
            path => problem.field(path),
        }
    }

    /// Reports a problem at this place; an empty hint is none.
    pub fn wrong(&self, what: impl Into<String>, hint: &str) {
        let problem = self.problem(what);
        self.reading.report(match hint {
            "" => problem,
            hint => problem.hint(hint),
        });
    }

    /// A mapping of which these are the fields. What is unknown is reported here.
    pub fn map(&self, table: &'static Table) -> Option<Map<'a>> {
        let Value::Map(entries) = &self.node.value else {
            let known = table.fields.join("`, `");
            self.wrong(
                format!("must be a mapping, is {}", self.node.kind()),
                &format!("its fields are `{known}`"),
            );
            return None;
        };
        for entry in entries {
            if !table.fields.contains(&&*entry.key) {
                self.unknown_field(entry, table.fields.iter().copied());
            }
        }
        Some(Map {
            at: self.clone(),
            table,
        })
    }

    /// The entries of a mapping with free keys; the second part is the key's own place.
    pub fn entries(&self) -> Vec<(Rc<str>, At<'a>)> {
        match &self.node.value {
            Value::Map(entries) => entries
                .iter()
                .map(|e| {
                    (
                        e.key.clone(),
                        self.child(&format!(".{}", shorten(&e.key)), &e.value),
                    )
                })
                .collect(),
            _ => {
                self.wrong(format!("must be a mapping, is {}", self.node.kind()), "");
                Vec::new()
            }
        }
    }

    /// The items of a list.
    pub fn list(&self) -> Vec<At<'a>> {
        match &self.node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(n, item)| self.child(&format!("[{n}]"), item))
                .collect(),
            _ => {
                self.wrong(
                    format!("must be a list, is {}", self.node.kind()),
                    "begin each item with `- `",
                );
                Vec::new()
            }
        }
    }

    /// A single value's text.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar { text, .. } if !self.node.is_null() => Some(text),
            _ => {
                self.wrong(
                    format!("must be a single value, is {}", self.node.kind()),
                    "",
                );
                None
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, known: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words = || known.iter().map(|(word, _)| *word);
        let hint = match nearest(text, words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are `{}`", words().collect::<Vec<_>>().join("`, `")),
        };
        self.wrong(format!("`{}` is not known here", shorten(text)), &hint);
        None
    }

    /// An object's name, as Kubernetes allows it.
    pub fn name(&self) -> Option<Name> {
        let text = self.text()?;
        self.checked_name(text, 253, text.split('.').all(is_label))
    }

    /// A namespace's name, as Kubernetes allows it.
    pub fn namespace(&self) -> Option<Name> {
        let text = self.text()?;
        self.checked_name(text, 63, is_label(text))
    }

    fn checked_name(&self, text: &str, longest: usize, right: bool) -> Option<Name> {
        if right && text.len() <= longest {
            return Some(self.reading.name(text));
        }
        self.wrong(
            format!("`{}` is no name that Kubernetes allows", shorten(text)),
            &format!("small letters, digits and `-`, at most {longest} characters"),
        );
        None
    }

    /// A whole number from `least` to `most`.
    pub fn integer(&self, least: i64, most: i64) -> Option<i64> {
        let text = self.text()?;
        match text.parse::<i64>() {
            Ok(n) if (least..=most).contains(&n) => Some(n),
            _ => {
                self.wrong(
                    format!(
                        "`{}` is no whole number from {least} to {most}",
                        shorten(text)
                    ),
                    "",
                );
                None
            }
        }
    }

    /// A count of at least `least`.
    pub fn count(&self, least: u32) -> Option<u32> {
        // 100 million of anything is a slip of the pen, and would not fit into memory.
        let n = self.integer(i64::from(least), 100_000_000)?;
        u32::try_from(n).ok()
    }

    /// A priority.
    pub fn priority(&self) -> Option<i32> {
        let n = self.integer(i64::from(i32::MIN), 2_000_001_000)?;
        i32::try_from(n).ok()
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        self.word(&[("true", true), ("false", false)])
    }

    /// A duration.
    pub fn span(&self) -> Option<Span> {
        let text = self.text()?;
        match duration::parse(text) {
            Ok(span) => Some(span),
            Err(what) => {
                self.wrong(
                    format!("duration `{}` {what}", shorten(text)),
                    "write it like `200ms`, `5s` or `1h30m`",
                );
                None
            }
        }
    }

    /// A duration that is not 0.
    pub fn span_above_zero(&self) -> Option<Span> {
        let span = self.span()?;
        if span.0 == 0 {
            self.wrong("must be longer than 0", "");
            return None;
        }
        Some(span)
    }

    /// An instant, written as the duration since `start`.
    pub fn instant(&self, start: Time) -> Option<Time> {
        Some(start + self.span()?)
    }

    /// A calendar time.
    pub fn calendar(&self) -> Option<Time> {
        let text = self.text()?;
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Some(Time(time.as_millisecond())),
            Err(_) => {
                self.wrong(
                    format!("`{}` is no calendar time", shorten(text)),
                    "write it like `2026-01-01T00:00:00Z`",
                );
                None
            }
        }
    }

    /// A positive decimal in millionths.
    pub fn millionths(&self) -> Option<i64> {
        let text = self.text()?;
        let found = duration::millionths(text).filter(|n| *n > 0);
        if found.is_none() {
            self.wrong(
                format!("`{}` is no decimal above 0", shorten(text)),
                "write it like `2` or `0.95`, with at most 6 decimals",
            );
        }
        found
    }

    /// A quantity of one resource in base units.
    pub fn quantity(&self, resource: &str) -> Option<i64> {
        let text = self.text()?;
        match translate::amount(resource, text) {
            Ok(amount) => Some(amount),
            Err(what) => {
                self.wrong(what, "");
                None
            }
        }
    }

    /// Quantities by resource, in base units.
    pub fn quantities(&self) -> Quantities {
        self.entries()
            .into_iter()
            .filter_map(|(resource, at)| {
                Some((self.reading.name(&resource), at.quantity(&resource)?))
            })
            .collect()
    }

    /// Text by key: labels and the like.
    pub fn labels(&self) -> BTreeMap<Name, Name> {
        self.entries()
            .into_iter()
            .filter_map(|(key, at)| {
                let value = if at.node.is_null() { "" } else { at.text()? };
                Some((self.reading.name(&key), self.reading.name(value)))
            })
            .collect()
    }
}

/// A label of a DNS name.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// A text that is not too long for a message.
pub fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// A request as the template of a pod.
pub fn with_one_pod(reading: &Reading, mut request: Quantities) -> Quantities {
    request.insert(reading.name("pods"), 1);
    request
}
