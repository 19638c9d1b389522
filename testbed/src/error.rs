//! What can go wrong while a control plane is built, started or asked, with what the program in question said.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Why the testbed could not do what it was asked to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file, folder or program could not be used.
    Io {
        /// What was tried, such as `write /tmp/x/kubeconfig`.
        doing: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A Go program could not be built.
    Build {
        /// The module it is in.
        module: &'static str,
        /// The end of what the compiler said.
        said: String,
    },
    /// A program of the control plane ended by itself.
    Ended {
        /// Its name.
        program: String,
        /// With what.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The end of it.
        tail: String,
    },
    /// A program did not become ready in time.
    NotReady {
        /// Its name.
        program: String,
        /// How long it was waited for.
        waited: Duration,
        /// What it answered last.
        last: String,
        /// Its log.
        log: PathBuf,
        /// The end of it.
        tail: String,
    },
    /// The API server refused a request.
    Api {
        /// What was tried.
        doing: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// Something else, with the remedy in its text.
    Other(String),
}

impl Error {
    /// For `map_err`: an error of the operating system while `doing` something.
    pub fn doing(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let doing = doing.into();
        move |source| Error::Io { doing, source }
    }

    /// For `map_err`: a refusal of the API server while `doing` something.
    pub(crate) fn api(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Error {
        let doing = doing.into();
        move |source| Error::Api {
            doing,
            source: Box::new(source),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
            Error::Build { module, said } => write!(f, "cannot build testbed/go/{module}:\n{said}"),
            Error::Ended {
                program,
                status,
                log,
                tail,
            } => write!(
                f,
                "{program} ended by itself ({status}); the end of {}:\n{tail}",
                log.display()
            ),
            Error::NotReady {
                program,
                waited,
                last,
                log,
                tail,
            } => write!(
                f,
                "{program} was not ready after {} s ({last}); the end of {}:\n{tail}",
                waited.as_secs(),
                log.display()
            ),
            Error::Api { doing, source } => write!(f, "cannot {doing}: {source}"),
            Error::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Api { source, .. } => Some(source),
            _ => None,
        }
    }
}
