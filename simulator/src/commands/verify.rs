//! `simulator verify`: decides decision logs again and shows the first difference.

use crate::problem::{Exit, Failure, Problem};
use crate::trace::unpacked;
use decision_log::{Counts, Difference, Line, Malformed, Replay, read};
use engine::Action;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

/// The longest line that is read. The first decision of a cluster holds all its nodes and pods.
const LINE_MAX: u64 = 1 << 30;

/// What to replay.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The files of one log, the oldest first; gzip and zstd are read as they are
    #[arg(required = true, value_name = "DECISIONS.jsonl")]
    pub logs: Vec<PathBuf>,
}

/// Replays the files as one log.
///
/// # Errors
/// The first difference, or a file that is no decision log.
pub fn run(args: Args) -> Result<(), Failure> {
    let (counts, warning) = verify(&args.logs)?;
    if let Some(warning) = warning {
        eprintln!("{warning}");
    }
    super::print(&format!(
        "no difference: {} decisions and {} actions verified, of {} events{}\n",
        counts.decisions,
        counts.actions,
        counts.events,
        match counts.starts {
            0 => String::new(),
            1 => " after one start".to_owned(),
            starts => format!(" after {starts} starts"),
        },
    ))
}

/// A log that is being replayed, over all its files.
#[derive(Default)]
struct Log {
    replay: Replay,
    /// The version that the last start names.
    version: Option<String>,
    /// The line before ends too early; in order only if nothing or a start follows.
    cut: Option<Problem>,
}

/// Replays the files as one log: what was verified, and a warning about an end that is missing.
fn verify(logs: &[PathBuf]) -> Result<(Counts, Option<Problem>), Failure> {
    let mut log = Log::default();
    for path in logs {
        log.follow_file(path)?;
    }
    let counts = log.replay.counts();
    if counts.decisions == 0 && log.cut.is_none() {
        let files: Vec<_> = logs.iter().map(|path| path.display().to_string()).collect();
        return Err(Problem::error("holds no decision")
            .in_file(files.join(", "))
            .hint("`simulator run` writes decisions.jsonl into its results folder")
            .into());
    }
    Ok((counts, log.cut.map(warn_of_cut)))
}

/// A crash may cut the last line that was written: what it held was not verified.
fn warn_of_cut(cut: Problem) -> Problem {
    Problem {
        level: crate::problem::Level::Warning,
        hint: Some("the line ends too early, as after a crash; it was passed over".to_owned()),
        ..cut
    }
}

impl Log {
    fn follow_file(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.display().to_string();
        let damaged =
            |error| Problem::error(format!("cannot be read: {error}")).in_file(name.as_str());
        let mut reader = unpacked(path).map_err(damaged)?;
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let line = (&mut reader).take(LINE_MAX).read_until(b'\n', &mut bytes);
            if line.map_err(damaged)? == 0 {
                break;
            }
            let place = |problem: Problem| problem.in_file(name.as_str()).at(number, 1);
            match read(&bytes) {
                Ok(line) => self.follow(&line, place)?,
                Err(malformed) => self.note_malformed(&malformed, place)?,
            }
        }
        Ok(())
    }

    fn note_malformed(
        &mut self,
        malformed: &Malformed,
        place: impl Fn(Problem) -> Problem,
    ) -> Result<(), Failure> {
        let problem = place(Problem::error(format!("is no decision: {malformed}")))
            .hint("name the files of one decision log, the oldest first");
        if !malformed.is_cut {
            return Err(problem.into());
        }
        match self.cut.replace(problem) {
            None => Ok(()),
            Some(earlier) => Err(earlier.into()),
        }
    }

    fn follow(&mut self, line: &Line, place: impl Fn(Problem) -> Problem) -> Result<(), Failure> {
        match (self.cut.take(), line) {
            (None, _) => {}
            (Some(cut), Line::Started(_)) => eprintln!("{}", warn_of_cut(cut)),
            (Some(cut), _) => return Err(cut.into()),
        }
        match line {
            Line::Started(started) => self.version = Some(started.version.clone()),
            Line::Decision(decision)
                if decision.events.is_empty()
                    && !decision.actions.is_empty()
                    && !self.replay.is_fed() =>
            {
                return Err(place(Problem::error(
                    "actions without any event: the engine did not decide this",
                ))
                .hint("the policies `none` and `edl` decide without the engine: nothing to replay")
                .into());
            }
            Line::Decision(_) | Line::Audit => {}
        }
        self.replay.follow(line).map_err(|difference| {
            let mut problem = place(Problem::error(difference_text(line, &difference)));
            problem.hint = self.hint();
            Failure {
                exit: Exit::Difference,
                problems: vec![problem],
            }
        })
    }

    /// What may be behind a difference.
    fn hint(&self) -> Option<String> {
        const OURS: &str = env!("CARGO_PKG_VERSION");
        match &self.version {
            Some(version) if version != OURS => Some(format!(
                "the log was written by version {version}, this is {OURS}: replay it with that one"
            )),
            None => Some(
                "a log is replayed from its beginning: are all its files named, the oldest first?"
                    .to_owned(),
            ),
            Some(_) => None,
        }
    }
}

fn difference_text(line: &Line, difference: &Difference) -> String {
    let about = match line {
        Line::Decision(decision) => {
            format!("the decision at {} ms, told {}", decision.now.0, {
                match decision.events.len() {
                    1 => "one event".to_owned(),
                    events => format!("{events} events"),
                }
            })
        }
        Line::Started(_) | Line::Audit => "the line".to_owned(),
    };
    format!(
        "{about}, differs at action {}\n  expected {}\n  got      {}",
        difference.place,
        action_text(difference.expected.as_ref()),
        action_text(difference.got.as_ref()),
    )
}

fn action_text(action: Option<&Action>) -> String {
    action.map_or_else(
        || "nothing more".to_owned(),
        |action| serde_json::to_string(action).unwrap_or_else(|_| format!("{action:?}")),
    )
}
