//! What is known of a cluster between two commands: a folder for each.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use testbed::{Error, state_folder};

/// The folder of one cluster, whether it is up or not.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// What it is called.
    pub(crate) name: String,
    folder: PathBuf,
}

/// What a supervisor writes when its cluster is ready.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Where the API server listens.
    pub(crate) url: String,
    /// The administrator's.
    pub(crate) kubeconfig: PathBuf,
    /// Where logs are.
    pub(crate) folder: PathBuf,
    /// The client for people.
    pub(crate) kubectl: PathBuf,
    /// Name and process id of each program.
    pub(crate) processes: Vec<(String, u32)>,
}

impl State {
    /// Of the cluster with this name.
    pub(crate) fn of(name: &str) -> Result<State, Error> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || name.starts_with('-') || !name.chars().all(is_name) {
            return Err(Error::Other(format!(
                "--name {name:?}: a cluster's name has letters, digits and dashes only"
            )));
        }
        Ok(State {
            name: name.into(),
            folder: state_folder()?.join(name),
        })
    }

    /// Of every cluster that is up or was not taken down.
    pub(crate) fn all() -> Result<Vec<State>, Error> {
        let folder = state_folder()?;
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &folder, error)),
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        names.iter().map(|name| State::of(name)).collect()
    }

    /// Where the cluster's own files go.
    pub(crate) fn cluster_folder(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    /// What the supervisor has to say.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("supervisor.log")
    }

    fn facts_file(&self) -> PathBuf {
        self.folder.join("cluster.json")
    }

    /// Makes the folder.
    pub(crate) fn make(&self) -> Result<(), Error> {
        let made = std::fs::create_dir_all(&self.folder);
        made.map_err(|error| failed("make", &self.folder, error))
    }

    /// Removes it, with all in it.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        let removed = std::fs::remove_dir_all(&self.folder);
        removed.map_err(|error| failed("remove", &self.folder, error))
    }

    /// Whether there is anything of it.
    pub(crate) fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Says that this process holds the cluster, for as long as the file is open; nothing if another one does.
    pub(crate) fn hold(&self) -> Result<Option<File>, Error> {
        let held = self.lock()?;
        if let Some(mut file) = held.as_ref() {
            let written = file
                .set_len(0)
                .and_then(|()| write!(file, "{}", std::process::id()));
            written.map_err(|error| failed("write", &self.lock_file(), error))?;
        }
        Ok(held)
    }

    /// Whether a process holds the cluster.
    pub(crate) fn is_held(&self) -> Result<bool, Error> {
        Ok(self.exists() && self.lock()?.is_none())
    }

    /// Who holds the cluster, or held it last.
    pub(crate) fn supervisor(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.lock_file()).ok()?;
        text.parse().ok()
    }

    /// Returns when nobody holds the cluster any more.
    pub(crate) fn wait_until_free(&self) -> Result<(), Error> {
        let waited = self.open_lock_file().and_then(|file| file.lock());
        waited.map_err(|error| failed("lock", &self.lock_file(), error))
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.join("lock")
    }

    fn open_lock_file(&self) -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(self.lock_file())
    }

    fn lock(&self) -> Result<Option<File>, Error> {
        let opened = self.open_lock_file();
        let file = opened.map_err(|error| failed("open", &self.lock_file(), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock", &self.lock_file(), error)),
        }
    }

    /// What the supervisor has written, if the cluster was ready once.
    pub(crate) fn facts(&self) -> Option<Facts> {
        let text = std::fs::read(self.facts_file()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes it.
    pub(crate) fn write_facts(&self, facts: &Facts) -> Result<(), Error> {
        let path = self.facts_file();
        let text =
            serde_json::to_vec_pretty(facts).map_err(|error| Error::Other(error.to_string()))?;
        std::fs::write(&path, text).map_err(|error| failed("write", &path, error))
    }
}

/// An error with what was tried on which file.
pub(crate) fn failed(what: &str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        doing: format!("{what} {}", path.display()),
        source,
    }
}
