//! Leasehold's programs as processes of their own.

use crate::Result;
use clap::Parser;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

/// Kills the program when the pipe closes that nobody writes to: it ends with its owner, even if that is killed.
const GUARD: &str =
    r#""$@" <&- & child=$!; echo "$child" >"$0"; read -r line; kill -s KILL "$child""#;

/// A running program. It ends with its owner.
#[derive(Debug)]
pub struct Program {
    guard: Child,
    id: PathBuf,
    /// What it logs.
    pub log: PathBuf,
}

impl Program {
    /// Starts `binary` as one of the programs; its log is `FOLDER/NAME.log`, appended to.
    pub(crate) fn start(
        binary: &Path,
        program: &str,
        name: &str,
        folder: &Path,
        arguments: &[String],
    ) -> Result<Program> {
        let log = folder.join(format!("{name}.log"));
        let id = folder.join(format!("{name}.pid"));
        let _ = std::fs::remove_file(&id);
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)?;
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD])
            .arg(&id)
            .arg(binary)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        Ok(Program { guard, id, log })
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it has not been started.
    pub fn id(&self) -> Result<String> {
        let id = std::fs::read_to_string(&self.id)?;
        match id.trim() {
            "" => Err("it is being started".into()),
            id => Ok(id.to_owned()),
        }
    }

    /// SIGKILL: it has no time for anything.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.close()?;
        Ok(())
    }

    /// SIGSTOP: clocks go on, it does not.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self) -> Result<()> {
        self.signal("STOP")
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn go_on(&self) -> Result<()> {
        self.signal("CONT")
    }

    /// What it has logged.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The most memory that it has used, in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory_max_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        kib.and_then(|kib| kib.parse().ok())
            .ok_or_else(|| "no VmHWM in its status".into())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.id()?)
            .status()?;
        if sent.success() {
            return Ok(());
        }
        Err(format!("kill -{signal}: {sent}").into())
    }

    fn close(&mut self) -> std::io::Result<ExitStatus> {
        drop(self.guard.stdin.take());
        self.guard.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It fails only if it has ended already, which is all we want.
        let _ = self.close();
    }
}

/// Plays the program that the first argument names, if it names one: one binary is all that an [`crate::Installation`] needs.
pub fn run_as(arguments: &[OsString]) -> Option<ExitCode> {
    let mut arguments = arguments.iter().skip(1).cloned();
    let program = arguments.next()?;
    let named = std::iter::once(program.clone()).chain(arguments);
    match program.to_str()? {
        "quota-controller" => Some(quota_controller::run::start(
            quota_controller::cli::Cli::parse_from(named),
        )),
        "scheduler-plugin" => Some(scheduler_plugin::run::start(
            scheduler_plugin::cli::Cli::parse_from(named),
        )),
        _ => None,
    }
}
