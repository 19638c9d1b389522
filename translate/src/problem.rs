//! What is wrong with an object.

use std::fmt;

/// A field that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The steps to the field: `spec`, `limit`, `cpu`.
    pub path: Vec<String>,
    /// The value as it stands there.
    pub value: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join("."), self.message)
    }
}

/// Collects problems while an object is read.
#[derive(Default)]
pub(crate) struct Problems(pub Vec<Problem>);

impl Problems {
    /// Notes a problem.
    pub fn add(&mut self, path: &[&str], value: impl fmt::Display, message: impl Into<String>) {
        self.0.push(Problem {
            path: path.iter().map(ToString::to_string).collect(),
            value: value.to_string(),
            message: message.into(),
        });
    }

    /// What was read, if there was nothing wrong with it.
    pub fn finish<T>(self, read: T) -> Result<T, Vec<Problem>> {
        if self.0.is_empty() {
            Ok(read)
        } else {
            Err(self.0)
        }
    }
}
