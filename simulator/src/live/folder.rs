//! A live run's folder: `run.json`, the controller's decision log, the observer's table of pods.

use super::History;
use super::pods::{self, Owners};
use super::steps::Steps;
use crate::problem::{Failure, Problem};
use crate::trace::unpacked;
use decision_log::{Line, read};
use engine::{Span, Time};
use serde::Deserialize;
use std::fs;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What `run.json` has to say that it is one.
pub const SCHEMA: &str = "leasehold.dev/live-run/v1";

/// The longest line of a log that is read, as `verify` does.
const LINE_MAX: u64 = 1 << 30;

/// `run.json`; it may hold more.
#[derive(Deserialize)]
struct About {
    schema: String,
    /// Instant 0 of the scenario, in milliseconds since 1970.
    start: i64,
}

/// What a log's line says of instant 0: `now` − `time`.
#[derive(Deserialize)]
struct Clock {
    time: Option<f64>,
    now: Option<i64>,
}

/// Reads a live run's folder.
///
/// # Errors
/// A file is not there, or is not what it should be.
pub fn read_folder(folder: &Path, together: Span) -> Result<History, Failure> {
    let logs = logs(folder)?;
    let start = match start(folder)? {
        Some(start) => start,
        None => start_of_log(&logs[0])?,
    };
    let pods = pods::read(&folder.join("pods.csv"))?;
    let owners = pods::owners(&pods);
    let steps = steps(&logs, start, together, &owners)?;
    Ok(History { steps, pods })
}

/// The files of the decision log, the oldest first. Names of files that were put aside for new ones differ from
/// program to program: what is in them tells.
fn logs(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let wrong = |error: io::Error| {
        let problem = Problem::error(format!("cannot be read: {error}"));
        Failure::from(problem.in_file(folder.display().to_string()))
    };
    let mut logs = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("decisions") && name.contains(".jsonl") {
            logs.push(path);
        }
    }
    let mut aged = Vec::new();
    for log in logs {
        aged.push((first_clock(&log)?.and_then(|clock| clock.now), log));
    }
    // Where nothing was decided, nothing is to be read.
    aged.retain(|(first, _)| first.is_some());
    aged.sort();
    let logs: Vec<PathBuf> = aged.into_iter().map(|(_, log)| log).collect();
    match logs.is_empty() {
        false => Ok(logs),
        true => Err(Problem::error("holds no decisions.jsonl")
            .in_file(folder.display().to_string())
            .hint("put the controller's decision log there; `decisions-1.jsonl`, `decisions-2.jsonl` … are one log").into()),
    }
}

fn start(folder: &Path) -> Result<Option<Time>, Failure> {
    let path = folder.join("run.json");
    let wrong = |what: String| Problem::error(what).in_file(path.display().to_string());
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(format!("cannot be read: {error}")).into()),
    };
    let about: About = serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("tells no instant 0: {error}")))?;
    if about.schema != SCHEMA {
        return Err(wrong(format!("has the schema `{}`", about.schema))
            .hint(format!("this version reads `{SCHEMA}`"))
            .into());
    }
    Ok(Some(Time(about.start)))
}

/// Instant 0 as the log itself counts: right for a log that the simulator wrote.
fn start_of_log(log: &Path) -> Result<Time, Failure> {
    let start = first_clock(log)?.and_then(|clock| Some((clock.time?, clock.now?)));
    let start = start.and_then(|(time, now)| Some(Time(now - milliseconds(time)?)));
    start.ok_or_else(|| {
        Problem::error("tells no instant 0")
            .in_file(log.display().to_string())
            .hint("write it into run.json, beside the log")
            .into()
    })
}

/// The instant of a file's first decision.
fn first_clock(log: &Path) -> Result<Option<Clock>, Failure> {
    let mut first = None;
    each_line(log, |_, bytes| {
        if let Ok(clock @ Clock { now: Some(_), .. }) = serde_json::from_slice(bytes) {
            first = Some(clock);
        }
        Ok(match first {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        })
    })?;
    Ok(first)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the bounds are looked at first, and milliseconds are rounded on purpose"
)]
fn milliseconds(seconds: f64) -> Option<i64> {
    let rounded = (seconds * 1000.0).round();
    (rounded.abs() < 9e15).then_some(rounded as i64)
}

fn steps(
    logs: &[PathBuf],
    start: Time,
    together: Span,
    owners: &Owners,
) -> Result<Vec<super::Step>, Failure> {
    let mut steps = Steps::new(start, together, owners);
    for log in logs {
        each_line(log, |number, bytes| {
            match read(bytes) {
                Ok(Line::Decision(decision)) => steps.decision(&decision),
                Ok(Line::Started(started)) => steps.started(&started),
                Ok(Line::Audit) => {}
                // A crash cuts a line; what it held was not carried out.
                Err(malformed) if malformed.is_cut => {}
                Err(malformed) => {
                    return Err(Problem::error(format!("is no decision: {malformed}"))
                        .in_file(log.display().to_string())
                        .at(number, 1)
                        .into());
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(steps.finish())
}

/// Has each line of a file looked at, with its number, until that is enough.
fn each_line(
    path: &Path,
    mut look: impl FnMut(usize, &[u8]) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    let damaged = |error| {
        let problem = Problem::error(format!("cannot be read: {error}"));
        Failure::from(problem.in_file(path.display().to_string()))
    };
    let mut reader = unpacked(path).map_err(damaged)?;
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let line = (&mut reader).take(LINE_MAX).read_until(b'\n', &mut bytes);
        if line.map_err(damaged)? == 0 {
            break;
        }
        if look(number, &bytes)?.is_break() {
            break;
        }
    }
    Ok(())
}
