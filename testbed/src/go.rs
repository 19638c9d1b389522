//! Building the Go programs of the control plane, once, into a folder outside the checkout.
//!
//! Three Go modules (`testbed/go`) name the versions; each is built into a folder named by the sums of its files,
//! so a changed version is built anew and an unchanged one never. The files are part of this library, so it builds the same
//! from anywhere.

use crate::error::Error;
use crate::file::{make_folder, remove_folder};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The version of Kubernetes that the module builds.
pub const KUBERNETES_VERSION: &str = "1.36.3";

/// A Go module and the programs in it.
pub(crate) struct Module {
    name: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    /// Each program's name and package.
    programs: &'static [(&'static str, &'static str)],
    /// The Go packages that hold the version, which clients ask for.
    version_packages: &'static [&'static str],
}

/// All of them.
pub(crate) static MODULES: [Module; 3] = [
    Module {
        name: "etcd",
        go_mod: include_str!("../go/etcd/go.mod"),
        go_sum: include_str!("../go/etcd/go.sum"),
        programs: &[("etcd", "go.etcd.io/etcd/server/v3")],
        version_packages: &[],
    },
    Module {
        name: "kwok",
        go_mod: include_str!("../go/kwok/go.mod"),
        go_sum: include_str!("../go/kwok/go.sum"),
        programs: &[("kwok", "sigs.k8s.io/kwok/cmd/kwok")],
        version_packages: &[],
    },
    Module {
        name: "kubernetes",
        go_mod: include_str!("../go/kubernetes/go.mod"),
        go_sum: include_str!("../go/kubernetes/go.sum"),
        programs: &[
            ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            (
                "kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
            ),
            ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
            ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
        ],
        version_packages: &[
            "k8s.io/component-base/version",
            "k8s.io/client-go/pkg/version",
        ],
    },
];

impl Module {
    /// Whether this program is in it.
    pub(crate) fn has(&self, program: &str) -> bool {
        self.programs.iter().any(|(name, _)| *name == program)
    }

    /// The folder with its programs, built first unless they are there.
    pub(crate) fn built(&self, cache: &Path) -> Result<PathBuf, Error> {
        let name = format!("{}-{}", self.name, self.key());
        let built = cache.join(&name);
        if built.is_dir() {
            return Ok(built);
        }
        make_folder(cache)?;
        // One build at a time; who comes second finds it done.
        let path = cache.join(format!("{name}.lock"));
        let lock =
            File::create(&path).map_err(Error::doing(format!("create {}", path.display())))?;
        if lock.try_lock().is_err() {
            eprintln!("Waiting for another build of {}", self.name);
            lock.lock()
                .map_err(Error::doing(format!("lock {}", path.display())))?;
        }
        if !built.is_dir() {
            self.build_into(cache, &built)?;
        }
        Ok(built)
    }

    /// What its programs depend on, as sixteen hexadecimal digits.
    fn key(&self) -> String {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        digest.update(self.go_mod.as_bytes());
        digest.update(self.go_sum.as_bytes());
        digest.update(self.linker_flags().as_bytes());
        for (_, package) in self.programs {
            digest.update(package.as_bytes());
        }
        let sum = digest.finish();
        let digits = sum.as_ref().iter().take(8);
        digits.map(|byte| format!("{byte:02x}")).collect()
    }

    /// No debugging information, and the version that the servers and kubectl say they are.
    fn linker_flags(&self) -> String {
        let mut flags = String::from("-s -w");
        let mut numbers = KUBERNETES_VERSION.split('.');
        let (major, minor) = (numbers.next().unwrap_or(""), numbers.next().unwrap_or(""));
        for package in self.version_packages {
            flags += &format!(
                " -X {package}.gitVersion=v{KUBERNETES_VERSION} -X {package}.gitMajor={major} -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
            );
        }
        flags
    }

    /// Builds into a folder beside and renames it, so that there is a whole build or none.
    fn build_into(&self, cache: &Path, built: &Path) -> Result<(), Error> {
        let started = Instant::now();
        let names: Vec<&str> = self.programs.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "Building {} into {}: this takes some minutes, once",
            names.join(", "),
            cache.display()
        );
        let source = built.with_extension("source");
        let building = built.with_extension("building");
        for folder in [&source, &building] {
            // What a build that was ended half-way has left.
            remove_folder(folder)?;
            make_folder(folder)?;
        }
        for (file, text) in [("go.mod", self.go_mod), ("go.sum", self.go_sum)] {
            let path = source.join(file);
            std::fs::write(&path, text)
                .map_err(Error::doing(format!("write {}", path.display())))?;
        }
        let go = find_go()?;
        for (name, package) in self.programs {
            let mut command = Command::new(&go);
            command
                .current_dir(&source)
                .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
                .args(["-ldflags", &self.linker_flags(), "-o"])
                .args([building.join(name).as_path(), Path::new(package)])
                // An older Go fetches the one that go.mod asks for from the module proxy.
                .env("GOTOOLCHAIN", "auto")
                .env("GOWORK", "off")
                .env("CGO_ENABLED", "0")
                .stdin(Stdio::null());
            let output = command
                .output()
                .map_err(Error::doing(format!("run {}", go.display())))?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(Error::Build {
                    module: self.name,
                    said: crate::process::last_lines(&said, 30),
                });
            }
        }
        std::fs::rename(&building, built).map_err(Error::doing(format!(
            "rename {} to {}",
            building.display(),
            built.display()
        )))?;
        remove_folder(&source)?;
        eprintln!("Built {} in {} s", self.name, started.elapsed().as_secs());
        Ok(())
    }
}

/// The Go compiler: `$GO`, the one on the path, or where its own packages put it.
fn find_go() -> Result<PathBuf, Error> {
    if let Some(go) = std::env::var_os("GO") {
        return Ok(go.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/local/go/bin".into()]);
    let mut candidates = folders.map(|folder| folder.join("go"));
    candidates.find(|go| go.is_file()).ok_or_else(|| {
        Error::Other(
            "Go is not there, which builds the control plane. Run ./test once, which installs it; or install \
             Go 1.21 or newer (https://go.dev/dl), or set GO to the program."
                .into(),
        )
    })
}
