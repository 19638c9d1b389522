//! Lines of a file that is plain, gzip or zstd, told apart by the first bytes.

use super::problem::{Bad, RowProblem};
use crate::problem::Problem;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Large enough that system calls do not count, small enough to hold some hundred files at a time.
const BUFFER: usize = 1 << 16;
/// The longest line that is read: what is longer is no table.
const LINE_MAX: u64 = 1 << 20;

/// Lines of a text, counted.
pub struct Lines {
    file: Arc<str>,
    reader: Box<dyn BufRead + Send>,
    number: u64,
    bytes: Vec<u8>,
}

impl Lines {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Lines, Problem> {
        let name = path.display().to_string();
        let reader = unpacked(path)
            .map_err(|error| Problem::error(format!("cannot be read: {error}")).in_file(&name))?;
        Ok(Lines::new(&name, reader))
    }

    /// Lines of any reader; `file` is its name in messages.
    pub fn new(file: &str, reader: Box<dyn BufRead + Send>) -> Lines {
        Lines {
            file: file.into(),
            reader,
            number: 0,
            bytes: Vec::new(),
        }
    }

    /// The file's name in messages.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The number of the last line, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What is wrong, at the last line.
    pub fn problem(&self, bad: Bad) -> RowProblem {
        RowProblem {
            file: self.file.clone(),
            line: self.number,
            bad,
        }
    }

    /// Reads the next line, without its end; `None` at the end of the file.
    ///
    /// # Errors
    /// The file is damaged, or the line is no text.
    pub fn next(&mut self) -> Result<Option<&str>, Fault> {
        self.bytes.clear();
        self.number += 1;
        let read = (&mut self.reader)
            .take(LINE_MAX)
            .read_until(b'\n', &mut self.bytes);
        if let Err(error) = read {
            return Err(Fault::File(self.problem(Bad::row(
                format!("the file is damaged from here on: {error}"),
                "fetch it again",
            ))));
        }
        let mut line = self.bytes.as_slice();
        if line.is_empty() {
            return Ok(None);
        }
        if u64::try_from(line.len()).is_ok_and(|length| length == LINE_MAX)
            && !line.ends_with(b"\n")
        {
            return Err(Fault::File(self.problem(Bad::row(
                format!("the line is longer than {LINE_MAX} bytes"),
                "is this the format that was named?",
            ))));
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(Fault::Row(RowProblem {
                file: self.file.clone(),
                line: self.number,
                bad: Bad::row(
                    format!("is no UTF-8 from byte {} on", error.valid_up_to() + 1),
                    "save the file as UTF-8",
                ),
            })),
        }
    }
}

impl From<Fault> for RowProblem {
    fn from(fault: Fault) -> RowProblem {
        match fault {
            Fault::Row(problem) | Fault::File(problem) => problem,
        }
    }
}

/// Why there is no next line.
#[derive(Debug)]
pub enum Fault {
    /// Only this row cannot be used.
    Row(RowProblem),
    /// Nothing can be read any more.
    File(RowProblem),
}

/// What a file holds, whether it is packed or not.
///
/// # Errors
/// It cannot be read.
pub fn unpacked(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let mut packed = BufReader::with_capacity(BUFFER, File::open(path)?);
    let magic = packed.fill_buf()?;
    Ok(if magic.starts_with(&GZIP) {
        Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(packed),
        ))
    } else if magic.starts_with(&ZSTD) {
        Box::new(BufReader::with_capacity(
            BUFFER,
            zstd::Decoder::with_buffer(packed)?,
        ))
    } else {
        Box::new(packed)
    })
}
