//! One line: a decision, or the mark of a start.

use engine::{Action, Event, Time};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A driver has started: what follows was decided by an engine that knew nothing yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Rises with each leader.
    pub epoch: u64,
    /// The version that decides.
    pub version: String,
    /// Who decides, if it has a name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub identity: String,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The instant, as it was given with each event and to the decision itself.
    pub now: Time,
    /// What the engine was told since the decision before, in order.
    pub events: Vec<Event>,
    /// What it answered, in order.
    pub actions: Vec<Action>,
}

/// A line that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A driver has started.
    Started(Started),
    /// A decision was made.
    Decision(Decision),
    /// A note for auditors (`{"audit": …}`): not for the engine.
    Audit,
}

/// A line that is none.
#[derive(Debug)]
pub struct Malformed {
    /// What is wrong, with the place in the line.
    pub what: String,
    /// The line ends too early, as after a crash: in order if nothing or a start follows.
    pub is_cut: bool,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Malformed {}

/// All that a line may hold.
#[derive(Deserialize)]
struct Fields {
    started: Option<Started>,
    audit: Option<IgnoredAny>,
    now: Option<Time>,
    events: Option<Vec<Event>>,
    actions: Option<Vec<Action>>,
}

/// Reads a line, with or without its end.
///
/// # Errors
/// It is no JSON, or says nothing that a decision log says.
pub fn read(line: &[u8]) -> Result<Line, Malformed> {
    let fields: Fields = serde_json::from_slice(line).map_err(|error| Malformed {
        // A machine that goes down may leave zeros where the end of the file would have been.
        is_cut: error.is_eof() || line.contains(&0),
        what: error.to_string(),
    })?;
    match fields {
        Fields {
            now: Some(now),
            events: Some(events),
            actions: Some(actions),
            ..
        } => Ok(Line::Decision(Decision {
            now,
            events,
            actions,
        })),
        Fields {
            started: Some(started),
            ..
        } => Ok(Line::Started(started)),
        Fields { audit: Some(_), .. } => Ok(Line::Audit),
        _ => Err(Malformed {
            what: "neither a decision (`now`, `events`, `actions`) nor `started` nor `audit`"
                .to_owned(),
            is_cut: false,
        }),
    }
}

/// Appends the mark of a start and the line's end to `out`.
///
/// # Errors
/// It cannot be written as JSON: does not happen.
pub fn write_started(out: &mut Vec<u8>, started: &Started) -> std::io::Result<()> {
    out.extend_from_slice(b"{\"started\":");
    serde_json::to_writer(&mut *out, started)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_decision;
    use engine::spec::PodId;

    #[test]
    fn a_decision_is_read_as_it_was_written() {
        let decision = Decision {
            now: Time(61_500),
            events: vec![Event::PodEnded { pod: PodId(3) }, Event::TimePassed],
            actions: vec![Action::Admit {
                pod: PodId(4),
                node: Some("std-1".into()),
            }],
        };
        let mut line = Vec::new();
        let start = Time(60_000);
        write_decision(
            &mut line,
            start,
            decision.now,
            &decision.events,
            &decision.actions,
        )
        .unwrap();
        let text = std::str::from_utf8(&line).unwrap();
        assert_eq!(
            text,
            "{\"time\":1.5,\"now\":61500,\"events\":[{\"podEnded\":{\"pod\":3}},\"timePassed\"],\
             \"actions\":[{\"admit\":{\"pod\":4,\"node\":\"std-1\"}}]}\n"
        );
        assert_eq!(read(&line).unwrap(), Line::Decision(decision));
    }

    #[test]
    fn a_start_is_read_as_it_was_written() {
        let started = Started {
            epoch: 7,
            version: "0.1.0".to_owned(),
            identity: "controller-0".to_owned(),
        };
        let mut line = Vec::new();
        write_started(&mut line, &started).unwrap();
        assert_eq!(read(&line).unwrap(), Line::Started(started));
    }

    #[test]
    fn a_line_that_ends_too_early_is_told_from_one_that_is_wrong() {
        for (line, is_cut) in [
            (&b"{\"now\":1,\"eve"[..], true),
            (b"{\"now\":1,\"events\":[]\0\0\0", true),
            (b"{\"now\":true}", false),
            (b"{\"now\":1}", false),
            (b"hello", false),
        ] {
            assert_eq!(read(line).unwrap_err().is_cut, is_cut, "{line:?}");
        }
        assert_eq!(read(b"{\"audit\":{\"who\":\"ada\"}}").unwrap(), Line::Audit);
    }
}
