//! The decision log in files: JSON lines, rotated by size.
//!
//! A log can be replayed from a start on, so the oldest file is given up only when it holds no start that the
//! newer ones need; a leader begins a new file.

use super::driver::Decided;
use decision_log::{Started, write_decision, write_started};
use engine::Time;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tracing::error;

/// Where decisions are logged.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The folder.
    pub folder: PathBuf,
    /// A file that has grown to this size is put aside.
    pub bytes_max: u64,
    /// So many files that were put aside are kept.
    pub files_max: u32,
}

/// The file being written: `decisions.jsonl`; those put aside are `decisions.N.jsonl`, the oldest with the
/// highest number.
#[derive(Debug)]
pub(super) struct Log {
    options: LogOptions,
    file: File,
    size: u64,
    start: Time,
    line: Vec<u8>,
    has_failed: bool,
}

impl Log {
    /// Begins a file with the mark of a start; what is there is put aside.
    pub(super) fn begin(
        options: &LogOptions,
        epoch: u64,
        identity: &str,
        now: Time,
    ) -> io::Result<Log> {
        std::fs::create_dir_all(&options.folder)?;
        put_aside(options)?;
        let mut log = Log {
            file: open(&options.folder)?,
            options: options.clone(),
            size: 0,
            start: now,
            line: Vec::new(),
            has_failed: false,
        };
        write_started(
            &mut log.line,
            &Started {
                epoch,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                identity: identity.to_owned(),
            },
        )?;
        log.flush()?;
        Ok(log)
    }

    /// Writes a decision. What cannot be written is lost: deciding goes on, and says so once.
    pub(super) fn write(&mut self, decided: &Decided) {
        let written = self.try_write(decided);
        match written {
            Ok(()) => self.has_failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    error!(%error, "decisions are made that the log lacks");
                }
                self.line.clear();
            }
        }
    }

    fn try_write(&mut self, decided: &Decided) -> io::Result<()> {
        if self.size >= self.options.bytes_max {
            put_aside(&self.options)?;
            self.file = open(&self.options.folder)?;
            self.size = 0;
        }
        let Decided {
            now,
            events,
            actions,
            ..
        } = decided;
        write_decision(&mut self.line, self.start, *now, events, actions)?;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.line)?;
        self.size += self.line.len() as u64;
        self.line.clear();
        Ok(())
    }
}

fn open(folder: &Path) -> io::Result<File> {
    let path = folder.join("decisions.jsonl");
    OpenOptions::new().create(true).append(true).open(path)
}

/// Moves each file one number up and drops the last.
fn put_aside(options: &LogOptions) -> io::Result<()> {
    let path = |number: u32| match number {
        0 => options.folder.join("decisions.jsonl"),
        number => options.folder.join(format!("decisions.{number}.jsonl")),
    };
    if !path(0).exists() {
        return Ok(());
    }
    for number in (0..options.files_max.max(1)).rev() {
        if path(number).exists() {
            std::fs::rename(path(number), path(number + 1))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Event;

    fn decided(now: i64) -> Decided {
        Decided {
            now: Time(now),
            events: vec![Event::TimePassed],
            actions: Vec::new(),
            workloads: Default::default(),
        }
    }

    #[test]
    fn a_file_that_is_full_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let options = LogOptions {
            folder: folder.path().to_owned(),
            bytes_max: 1,
            files_max: 2,
        };
        let mut log = Log::begin(&options, 1, "a", Time(0)).unwrap();
        for now in 1..=5 {
            log.write(&decided(now));
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("decisions.jsonl").contains("\"now\":5"));
        assert!(read("decisions.1.jsonl").contains("\"now\":4"));
        assert!(read("decisions.2.jsonl").contains("\"now\":3"));
        assert!(!folder.path().join("decisions.3.jsonl").exists());
    }

    #[test]
    fn each_leader_begins_a_file_with_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let options = LogOptions {
            folder: folder.path().to_owned(),
            bytes_max: 1 << 20,
            files_max: 4,
        };
        for epoch in 1..=2 {
            let mut log = Log::begin(&options, epoch, "a", Time(0)).unwrap();
            log.write(&decided(1));
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("decisions.jsonl").starts_with("{\"started\":{\"epoch\":2"));
        assert!(read("decisions.1.jsonl").starts_with("{\"started\":{\"epoch\":1"));
    }
}
