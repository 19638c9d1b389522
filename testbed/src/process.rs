//! A program of the control plane while it runs.

use crate::error::Error;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running program. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program in the process group of a guard, its output appended to a log.
    pub(crate) fn start(
        name: &str,
        program: &Path,
        arguments: &[String],
        log: &Path,
        group: i32,
    ) -> Result<Process, Error> {
        let open = OpenOptions::new().create(true).append(true).open(log);
        let output = open.map_err(Error::doing(format!("open {}", log.display())))?;
        let errors = output
            .try_clone()
            .map_err(Error::doing(format!("open {}", log.display())))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(group)
            .spawn()
            .map_err(Error::doing(format!("run {}", program.display())))?;
        Ok(Process {
            name: name.into(),
            child,
            log: log.into(),
        })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The end of its output.
    pub(crate) fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&text), 15)
    }

    /// An error if it has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Error::Ended {
                program: self.name.clone(),
                status: status.to_string(),
                log: self.log.clone(),
                tail: self.tail(),
            }),
            Err(source) => Err(Error::Io {
                doing: format!("ask for {}", self.name),
                source,
            }),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already, which is all we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last `count` lines of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.get(from..).unwrap_or_default().join("\n")
}
