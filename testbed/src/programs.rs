//! Where the programs of a control plane are: what the machine brings, else what was built.

use crate::error::Error;
use crate::go::MODULES;
use std::path::{Path, PathBuf};

/// The programs that a control plane consists of.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The store.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// The controllers of Deployments, Jobs, namespaces and others.
    pub kube_controller_manager: PathBuf,
    /// The stock scheduler.
    pub kube_scheduler: PathBuf,
    /// The command line client, for people.
    pub kubectl: PathBuf,
    /// Plays the nodes.
    pub kwok: PathBuf,
}

impl Programs {
    /// Those in `KUBEBUILDER_ASSETS` if that is set; what is missing there is built, once, into [`cache_folder`].
    ///
    /// The first build takes some minutes and says so on standard error.
    ///
    /// # Errors
    /// When Go is missing or a build fails.
    pub fn find_or_build() -> Result<Programs, Error> {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let cache = cache_folder()?;
        let find = |program: &str| find_or_build(program, assets.as_deref(), &cache);
        Ok(Programs {
            etcd: find("etcd")?,
            kube_apiserver: find("kube-apiserver")?,
            kube_controller_manager: find("kube-controller-manager")?,
            kube_scheduler: find("kube-scheduler")?,
            kubectl: find("kubectl")?,
            kwok: find("kwok")?,
        })
    }

    /// All of them.
    pub fn all(&self) -> [&Path; 6] {
        [
            &self.etcd,
            &self.kube_apiserver,
            &self.kube_controller_manager,
            &self.kube_scheduler,
            &self.kubectl,
            &self.kwok,
        ]
    }
}

fn find_or_build(program: &str, assets: Option<&Path>, cache: &Path) -> Result<PathBuf, Error> {
    let brought = assets.map(|folder| folder.join(program));
    if let Some(brought) = brought.filter(|path| path.is_file()) {
        return Ok(brought);
    }
    let module = MODULES.iter().find(|module| module.has(program));
    let module =
        module.ok_or_else(|| Error::Other(format!("no Go module builds the program {program}")))?;
    Ok(module.built(cache)?.join(program))
}

/// Where built programs are kept: `LEASEHOLD_TESTBED_CACHE`, else `leasehold-testbed` in the user's cache.
///
/// # Errors
/// When the environment names no home.
pub fn cache_folder() -> Result<PathBuf, Error> {
    if let Some(folder) = std::env::var_os("LEASEHOLD_TESTBED_CACHE") {
        return Ok(folder.into());
    }
    user_folder("XDG_CACHE_HOME", ".cache")
}

/// Where the clusters of the `testbed` program keep their files: `leasehold-testbed` in `XDG_STATE_HOME`.
///
/// # Errors
/// When the environment names no home.
pub fn state_folder() -> Result<PathBuf, Error> {
    user_folder("XDG_STATE_HOME", ".local/state")
}

/// `leasehold-testbed` in the folder that `variable` names, else in `default` of the home folder.
fn user_folder(variable: &str, default: &str) -> Result<PathBuf, Error> {
    let base = std::env::var_os(variable).filter(|value| !value.is_empty());
    let base = base.map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        home.map(|home| Path::new(&home).join(default))
    });
    base.map(|base| base.join("leasehold-testbed"))
        .ok_or_else(|| {
            Error::Other(format!(
                "neither {variable} nor HOME is set: set one of them"
            ))
        })
}
