//! What is wrong with a row of a trace: where it stands, what it says, and what is expected there.

use crate::problem::Problem;
use std::fmt;
use std::sync::Arc;

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// The file.
    pub file: Arc<str>,
    /// The line in the uncompressed text, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub bad: Bad,
}

/// What is wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The column's name; empty if it is the row as a whole.
    pub column: String,
    /// Where the value begins in the line, in characters from 1.
    pub position: usize,
    /// What is wrong, with the value.
    pub what: String,
    /// What is expected.
    pub wanted: String,
}

/// The most of a bad value that is shown.
const SHOWN_MAX: usize = 60;

impl Bad {
    /// A value that is not what its column holds.
    pub fn value(column: &str, position: usize, value: &str, wanted: &str) -> Bad {
        Bad {
            column: column.into(),
            position,
            what: match value {
                "" => "is empty".into(),
                _ => format!("`{}` cannot be used", shown(value)),
            },
            wanted: wanted.into(),
        }
    }

    /// A row that is wrong as a whole.
    pub fn row(what: impl Into<String>, wanted: &str) -> Bad {
        Bad {
            column: String::new(),
            position: 1,
            what: what.into(),
            wanted: wanted.into(),
        }
    }
}

/// A value, cut to what fits into a message.
pub fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(SHOWN_MAX).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    text.escape_debug().to_string()
}

impl From<RowProblem> for Problem {
    fn from(row: RowProblem) -> Problem {
        let line = usize::try_from(row.line).unwrap_or(usize::MAX);
        let mut problem = Problem::error(row.bad.what)
            .in_file(&*row.file)
            .at(line, row.bad.position);
        if !row.bad.column.is_empty() {
            problem = problem.field(format!("column {}", row.bad.column));
        }
        if !row.bad.wanted.is_empty() {
            problem = problem.hint(row.bad.wanted);
        }
        problem
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Problem::from(self.clone()).fmt(f)
    }
}

impl std::error::Error for RowProblem {}
