//! What is wrong with an input, and how the program ends because of it.

use std::fmt;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Success = 0,
    /// `verify` found a difference.
    Difference = 1,
    /// The command line, a scenario or a trace is wrong.
    BadInput = 2,
    /// An invariant of the model is broken: a bug of ours.
    BrokenInvariant = 3,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The input cannot be used.
    Error,
    /// The input can be used, but hardly does what was meant.
    Warning,
}

/// One thing that is wrong with an input: where, what, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub level: Level,
    /// The file, as the user named it.
    pub file: Option<String>,
    /// Line and column in the file, from 1.
    pub position: Option<(usize, usize)>,
    /// Kind, namespace and name of the object.
    pub object: Option<String>,
    /// The field's path in the object.
    pub field: Option<String>,
    /// What is wrong, with the numbers.
    pub what: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem that makes the input useless.
    pub fn error(what: impl Into<String>) -> Problem {
        Problem {
            level: Level::Error,
            file: None,
            position: None,
            object: None,
            field: None,
            what: what.into(),
            hint: None,
        }
    }

    /// A problem that does not stop a run.
    pub fn warning(what: impl Into<String>) -> Problem {
        Problem {
            level: Level::Warning,
            ..Problem::error(what)
        }
    }

    /// The same, in this file.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Problem {
        self.file = Some(file.into());
        self
    }

    /// The same, at this line and column (both from 1).
    #[must_use]
    pub fn at(mut self, line: usize, column: usize) -> Problem {
        self.position = Some((line, column));
        self
    }

    /// The same, in this object.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Problem {
        self.object = Some(object.into());
        self
    }

    /// The same, in this field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into());
        self
    }

    /// The same, with what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Error => "Error: ",
            Level::Warning => "Warning: ",
        })?;
        if let Some(file) = &self.file {
            f.write_str(file)?;
            if let Some((line, column)) = self.position {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nHint: {hint}")?;
        }
        Ok(())
    }
}

/// Why a command failed. The program prints the problems on stderr and ends with `exit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// What is wrong, in the order in which a reader would mend it.
    pub problems: Vec<Problem>,
}

impl Failure {
    /// The input is wrong.
    pub fn bad_input(problems: Vec<Problem>) -> Failure {
        Failure {
            exit: Exit::BadInput,
            problems,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::bad_input(vec![problem])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
