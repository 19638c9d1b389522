//! YAML as a tree that remembers where each value stands.
//!
//! Scalars stay text: what `1e3` or `0644` means is for the field to say. Aliases share the node that they
//! name, so a file cannot take more memory than it has characters; how often shared nodes would be walked is
//! bounded too.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use std::collections::HashMap;
use std::rc::Rc;

/// Larger files are no scenarios.
const BYTES_MAX: usize = 64 << 20;
/// Deeper values are no scenarios either; every walk over the tree may recurse.
const DEPTH_MAX: usize = 64;
/// Values in one document, those under aliases counted each time.
const VALUES_MAX: u64 = 10_000_000;

/// A value and where it starts, from 1.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Its line.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// The values in it, itself included.
    size: u64,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Plain or quoted text.
    Scalar {
        /// The text.
        text: String,
        /// Without quotes: may mean a number, a truth value or nothing.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Rc<Node>>),
    /// A mapping, in the order of the file, without duplicate keys.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key's text.
    pub key: Rc<str>,
    /// The key's line, from 1.
    pub line: usize,
    /// The key's column, from 1.
    pub column: usize,
    /// The value.
    pub value: Rc<Node>,
}

impl Node {
    /// Whether nothing is written here (`key:`, `~` or `null`).
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| &*e.key == key).map(|e| &*e.value),
            _ => None,
        }
    }
}

/// What is wrong with a text, and where (line and column from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// What.
    pub what: String,
}

/// The documents of a text, empty ones left out, and what is wrong besides (duplicate keys). Where the text
/// is no YAML at all, the documents before that place.
pub fn parse(text: &str) -> (Vec<Rc<Node>>, Vec<Wrong>) {
    let mut builder = Builder::default();
    if text.len() > BYTES_MAX {
        builder.wrong.push(Wrong {
            line: 1,
            column: 1,
            what: format!(
                "the file has {} bytes; at most {BYTES_MAX} are read",
                text.len()
            ),
        });
        return (Vec::new(), builder.wrong);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        if let Err(stop) = next
            .map_err(Wrong::from)
            .and_then(|(event, span)| builder.take(event, span))
        {
            builder.wrong.push(stop);
            break;
        }
    }
    (builder.documents, builder.wrong)
}

impl From<ScanError> for Wrong {
    fn from(error: ScanError) -> Wrong {
        Wrong {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            what: format!("not valid YAML: {}", error.info()),
        }
    }
}

/// A collection that has begun and not ended.
struct Open {
    anchor: usize,
    line: usize,
    column: usize,
    size: u64,
    content: Content,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map {
        entries: Vec<Entry>,
        keys: HashMap<Rc<str>, usize>,
        key: Option<Key>,
        merged: Vec<Rc<Node>>,
    },
}

/// A key whose value has not come yet.
enum Key {
    Named(Rc<str>, usize, usize),
    /// `<<`: the value's entries are taken over where the mapping has none of that name.
    Merge,
}

#[derive(Default)]
struct Builder {
    documents: Vec<Rc<Node>>,
    wrong: Vec<Wrong>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
}

impl Builder {
    fn take(&mut self, event: Event, span: Span) -> Result<(), Wrong> {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let stop = |what: String| Wrong { line, column, what };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let node = Node {
                    value: Value::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                    },
                    line,
                    column,
                    size: 1,
                };
                self.value(node, anchor)?;
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(stop(
                        "an alias stands inside the value that it names".into(),
                    ));
                };
                self.put(node, line, column)?;
            }
            Event::SequenceStart(anchor, _) => {
                self.start(anchor, line, column, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, _) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    keys: HashMap::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.start(anchor, line, column, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::DocumentEnd => self.anchors.clear(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
        Ok(())
    }

    fn start(
        &mut self,
        anchor: usize,
        line: usize,
        column: usize,
        content: Content,
    ) -> Result<(), Wrong> {
        if self.open.len() >= DEPTH_MAX {
            let what = format!("values are nested more than {DEPTH_MAX} deep");
            return Err(Wrong { line, column, what });
        }
        self.open.push(Open {
            anchor,
            line,
            column,
            size: 1,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Wrong> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map {
                mut entries,
                mut keys,
                merged,
                ..
            } => {
                for node in merged {
                    if let Value::Map(taken) = &node.value {
                        for entry in taken {
                            if keys.insert(entry.key.clone(), entries.len()).is_none() {
                                entries.push(entry.clone());
                            }
                        }
                    }
                }
                Value::Map(entries)
            }
        };
        let node = Node {
            value,
            line: open.line,
            column: open.column,
            size: open.size,
        };
        self.value(node, open.anchor)
    }

    fn value(&mut self, node: Node, anchor: usize) -> Result<(), Wrong> {
        let (line, column) = (node.line, node.column);
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node, line, column)
    }

    /// Puts a value where it belongs; `line` and `column` are of the place, not of an alias's anchor.
    fn put(&mut self, node: Rc<Node>, line: usize, column: usize) -> Result<(), Wrong> {
        let wrong = |what: String| Wrong { line, column, what };
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        open.size = open.size.saturating_add(node.size);
        if open.size > VALUES_MAX {
            let what = format!("aliases make more than {VALUES_MAX} values of this document");
            return Err(wrong(what));
        }
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map {
                entries,
                keys,
                key,
                merged,
            } => match key.take() {
                None => match &node.value {
                    Value::Scalar { text, plain } if *plain && text == "<<" => {
                        *key = Some(Key::Merge)
                    }
                    Value::Scalar { text, .. } => {
                        *key = Some(Key::Named(text.as_str().into(), line, column));
                    }
                    _ => return Err(wrong(format!("{} cannot be a field's name", node.kind()))),
                },
                Some(Key::Merge) => match &node.value {
                    Value::Map(_) => merged.push(node),
                    Value::List(items) => merged.extend(items.iter().cloned()),
                    Value::Scalar { .. } => {
                        return Err(wrong("`<<` takes a mapping or a list of mappings".into()));
                    }
                },
                Some(Key::Named(name, line, column)) => {
                    if let Some(&first) = keys.get(&name) {
                        let first_line = entries[first].line;
                        self.wrong.push(Wrong {
                            line,
                            column,
                            what: format!(
                                "field `{name}` stands here twice, first in line {first_line}"
                            ),
                        });
                    } else {
                        keys.insert(name.clone(), entries.len());
                        entries.push(Entry {
                            key: name,
                            line,
                            column,
                            value: node,
                        });
                    }
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        let show = |w: Wrong| format!("{}:{} {}", w.line, w.column, w.what);
        parse(text).1.into_iter().map(show).collect()
    }

    #[test]
    fn values_know_their_line_and_column() {
        let (documents, wrong) = parse("a: 1\nb:\n  - {c: two}\n");
        assert!(wrong.is_empty());
        let b = documents[0].get("b").unwrap();
        let Value::List(items) = &b.value else {
            panic!()
        };
        let c = items[0].get("c").unwrap();
        assert_eq!((c.line, c.column), (3, 9));
    }

    #[test]
    fn a_field_written_twice_is_named_with_both_lines() {
        assert_eq!(
            wrong("a: 1\nb: 2\na: 3\n"),
            ["3:1 field `a` stands here twice, first in line 1"]
        );
    }

    #[test]
    fn an_alias_is_the_value_it_names_and_a_merge_adds_what_is_missing() {
        let (documents, wrong) = parse("x: &x {cpu: 1, memory: 2}\ny: *x\nz: {<<: *x, cpu: 3}\n");
        assert!(wrong.is_empty());
        let text = |key: &str, field: &str| match &documents[0]
            .get(key)
            .unwrap()
            .get(field)
            .unwrap()
            .value
        {
            Value::Scalar { text, .. } => text.clone(),
            _ => panic!(),
        };
        assert_eq!(text("y", "cpu"), "1");
        assert_eq!(
            (text("z", "cpu"), text("z", "memory")),
            ("3".into(), "2".into())
        );
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let items = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{items}]\n"));
        }
        assert!(
            wrong(&text)[0].contains("aliases make more than"),
            "{:?}",
            wrong(&text)
        );
    }

    #[test]
    fn a_value_nested_too_deep_is_refused() {
        let what = wrong(&format!("a: {}", "[".repeat(100_000)));
        assert_eq!(what.len(), 1);
        let block: String = (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        assert!(
            wrong(&block)[0].contains("nested more than 64 deep"),
            "{:?}",
            wrong(&block)
        );
    }

    #[test]
    fn empty_documents_are_left_out() {
        let (documents, wrong) = parse("---\n---\na: 1\n---\n# nothing\n");
        assert!(wrong.is_empty());
        assert_eq!(documents.len(), 1);
    }
}
