//! Writes decisions.
//!
//! What there is most of in a log (pods that arrive, are admitted, held, placed, start and end) is written by hand,
//! in the form that the derived code gives it; everything else by the derived code. A simulator writes a
//! hundred megabytes a second.

use engine::spec::{Group, Name, PodSpec, Template};
use engine::{Action, Event, Refusal, Time};
use serde::Serialize;
use std::io;
use std::sync::Arc;

/// Templates whose text is kept. Workloads come in runs: few are in use at a time.
const TEMPLATES_MAX: usize = 8;

/// Appends a decision and the line's end to `out`; `start` is the instant from which `time` counts.
///
/// # Errors
/// Something in it cannot be written as JSON: none of the engine's types does that.
pub fn write_decision(
    out: &mut Vec<u8>,
    start: Time,
    now: Time,
    events: &[Event],
    actions: &[Action],
) -> io::Result<()> {
    Writer::new(start).decision(out, now, events, actions)
}

/// Writes the decisions of a log. It remembers the text of templates that come again.
#[derive(Debug)]
pub struct Writer {
    start: Time,
    /// The one used last comes last.
    templates: Vec<(Arc<Template>, Vec<u8>)>,
}

impl Writer {
    /// A writer whose `time` counts from `start`.
    pub fn new(start: Time) -> Writer {
        Writer {
            start,
            templates: Vec::new(),
        }
    }

    /// Appends a decision and the line's end to `out`.
    ///
    /// # Errors
    /// Something in it cannot be written as JSON: none of the engine's types does that.
    pub fn decision(
        &mut self,
        out: &mut Vec<u8>,
        now: Time,
        events: &[Event],
        actions: &[Action],
    ) -> io::Result<()> {
        out.extend_from_slice(b"{\"time\":");
        seconds(out, (now - self.start).0);
        out.extend_from_slice(b",\"now\":");
        signed(out, now.0);
        out.extend_from_slice(b",\"events\":[");
        for (n, event) in events.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            self.event(out, event)?;
        }
        out.extend_from_slice(b"],\"actions\":[");
        for (n, action) in actions.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            write_action(out, action)?;
        }
        out.extend_from_slice(b"]}\n");
        Ok(())
    }

    fn event(&mut self, out: &mut Vec<u8>, event: &Event) -> io::Result<()> {
        match event {
            Event::PodArrived(pod) => {
                out.extend_from_slice(b"{\"podArrived\":");
                self.pod(out, pod)?;
                out.push(b'}');
            }
            Event::PodPlaced { pod, node } => {
                out.extend_from_slice(b"{\"podPlaced\":{\"pod\":");
                unsigned(out, pod.0);
                named(out, ",\"node\":", node)?;
                out.extend_from_slice(b"}}");
            }
            Event::PodStarted { pod } => {
                out.extend_from_slice(b"{\"podStarted\":{\"pod\":");
                unsigned(out, pod.0);
                out.extend_from_slice(b"}}");
            }
            Event::PodEnded { pod } => {
                out.extend_from_slice(b"{\"podEnded\":{\"pod\":");
                unsigned(out, pod.0);
                out.extend_from_slice(b"}}");
            }
            other => derived(out, other)?,
        }
        Ok(())
    }

    fn pod(&mut self, out: &mut Vec<u8>, pod: &PodSpec) -> io::Result<()> {
        // Named one by one, so that a new field cannot be forgotten here.
        let PodSpec {
            id,
            namespace,
            name,
            priority,
            created,
            template,
            pool,
            group,
            workload,
            ordinal,
        } = pod;
        out.extend_from_slice(b"{\"id\":");
        unsigned(out, id.0);
        named(out, ",\"namespace\":", namespace)?;
        named(out, ",\"name\":", name)?;
        out.extend_from_slice(b",\"priority\":");
        signed(out, i64::from(*priority));
        out.extend_from_slice(b",\"created\":");
        signed(out, created.0);
        out.extend_from_slice(b",\"template\":");
        self.template(out, template)?;
        if let Some(pool) = pool {
            named(out, ",\"pool\":", pool)?;
        }
        if let Some(Group { name, min }) = group {
            named(out, ",\"group\":{\"name\":", name)?;
            out.extend_from_slice(b",\"min\":");
            unsigned(out, u64::from(*min));
            out.push(b'}');
        }
        if let Some(workload) = workload {
            named(out, ",\"workload\":", workload)?;
        }
        if let Some(ordinal) = ordinal {
            out.extend_from_slice(b",\"ordinal\":");
            unsigned(out, u64::from(*ordinal));
        }
        out.push(b'}');
        Ok(())
    }

    fn template(&mut self, out: &mut Vec<u8>, template: &Arc<Template>) -> io::Result<()> {
        let known = self
            .templates
            .iter()
            .rposition(|(known, _)| Arc::ptr_eq(known, template));
        match known {
            Some(at) => {
                out.extend_from_slice(&self.templates[at].1);
                let last = self.templates.len() - 1;
                self.templates.swap(at, last);
            }
            None => {
                let mut text = Vec::new();
                derived(&mut text, &**template)?;
                out.extend_from_slice(&text);
                if self.templates.len() == TEMPLATES_MAX {
                    self.templates.remove(0);
                }
                self.templates.push((template.clone(), text));
            }
        }
        Ok(())
    }
}

fn write_action(out: &mut Vec<u8>, action: &Action) -> io::Result<()> {
    match action {
        Action::Admit { pod, node } => {
            out.extend_from_slice(b"{\"admit\":{\"pod\":");
            unsigned(out, pod.0);
            if let Some(node) = node {
                named(out, ",\"node\":", node)?;
            }
            out.extend_from_slice(b"}}");
        }
        Action::Hold {
            pod,
            reason:
                Refusal::Quota {
                    account,
                    at,
                    resource,
                    asks,
                    available,
                    limit,
                    guaranteed,
                    borrowed,
                },
        } => {
            out.extend_from_slice(b"{\"hold\":{\"pod\":");
            unsigned(out, pod.0);
            named(
                out,
                ",\"reason\":{\"reason\":\"Quota\",\"account\":",
                account,
            )?;
            named(out, ",\"at\":", at)?;
            named(out, ",\"resource\":", resource)?;
            out.extend_from_slice(b",\"asks\":");
            signed(out, *asks);
            out.extend_from_slice(b",\"available\":");
            signed(out, *available);
            out.extend_from_slice(b",\"limit\":");
            match limit {
                Some(limit) => signed(out, *limit),
                None => out.extend_from_slice(b"null"),
            }
            out.extend_from_slice(b",\"guaranteed\":");
            signed(out, *guaranteed);
            out.extend_from_slice(b",\"borrowed\":");
            signed(out, *borrowed);
            out.extend_from_slice(b"}}}");
        }
        other => derived(out, other)?,
    }
    Ok(())
}

fn derived(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer(out, value)?)
}

/// A key, with what stands before it, and a name as its value.
fn named(out: &mut Vec<u8>, key: &str, name: &Name) -> io::Result<()> {
    out.extend_from_slice(key.as_bytes());
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) && *byte != b'"' && *byte != b'\\';
    if name.as_bytes().iter().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
        Ok(())
    } else {
        derived(out, name)
    }
}

fn signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    unsigned(out, number.unsigned_abs());
}

fn unsigned(out: &mut Vec<u8>, number: u64) {
    const DIGITS: &[u8; 10] = b"0123456789";
    let mut text = [0; 20];
    let mut first = text.len();
    let mut rest = number;
    loop {
        first -= 1;
        text[first] = DIGITS[usize::try_from(rest % 10).unwrap_or(0)];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[first..]);
}

/// Milliseconds as seconds, the way JSON writers print the number: `0.0`, `12.5`, `12.345`.
fn seconds(out: &mut Vec<u8>, milliseconds: i64) {
    if milliseconds < 0 {
        out.push(b'-');
    }
    let size = milliseconds.unsigned_abs();
    unsigned(out, size / 1000);
    out.push(b'.');
    let (tenths, hundredths, thousandths) = (size / 100 % 10, size / 10 % 10, size % 10);
    unsigned(out, tenths);
    if hundredths > 0 || thousandths > 0 {
        unsigned(out, hundredths);
    }
    if thousandths > 0 {
        unsigned(out, thousandths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Span;
    use engine::spec::{PodId, WorkloadKey};

    /// One of each kind that is written by hand, with and without what may be absent, and some that are not.
    fn decision() -> (Vec<Event>, Vec<Action>) {
        let template = Arc::new(Template {
            request: [("cpu".into(), 1500), ("memory".into(), 1 << 30)].into(),
            ..Template::default()
        });
        let bare = PodSpec {
            id: PodId(0),
            namespace: "web".into(),
            name: "shop \"1\"\\\u{e9}\n".into(),
            priority: -7,
            created: Time(-1),
            template: template.clone(),
            pool: None,
            group: None,
            workload: None,
            ordinal: None,
        };
        let full = PodSpec {
            id: PodId(u64::MAX),
            pool: Some("general".into()),
            group: Some(Group {
                name: "g".into(),
                min: 10,
            }),
            workload: Some("train".into()),
            ordinal: Some(12),
            template: Arc::new(Template::default()),
            ..bare.clone()
        };
        let pod = PodId(10);
        let events = vec![
            Event::PodArrived(bare.clone()),
            Event::PodArrived(full.clone()),
            Event::PodArrived(bare.clone()),
            Event::PodFound(full),
            Event::PodPlaced {
                pod,
                node: "n-1".into(),
            },
            Event::PodStarted { pod },
            Event::PodEnded { pod },
            Event::PodLeaving { pod },
            Event::TimePassed,
        ];
        let quota = |limit| Refusal::Quota {
            account: "web".into(),
            at: "root".into(),
            resource: "cpu".into(),
            asks: 3000,
            available: -1,
            limit,
            guaranteed: 0,
            borrowed: i64::MIN,
        };
        let actions = vec![
            Action::Admit { pod, node: None },
            Action::Admit {
                pod,
                node: Some("n-1".into()),
            },
            Action::Hold {
                pod,
                reason: quota(None),
            },
            Action::Hold {
                pod,
                reason: quota(Some(5)),
            },
            Action::Hold {
                pod,
                reason: Refusal::NoLease {
                    namespace: "web".into(),
                },
            },
            Action::Scale {
                workload: WorkloadKey {
                    namespace: "ml".into(),
                    name: "train".into(),
                },
                from: 3,
                to: 2,
                remove: vec![pod],
                cause: engine::Cause::Drain,
            },
            Action::Evict {
                pod,
                grace: Span(1),
                cause: engine::Cause::Growth,
            },
        ];
        (events, actions)
    }

    #[test]
    fn what_is_written_by_hand_is_what_the_derived_code_writes() {
        #[derive(Serialize)]
        struct Line<'a> {
            time: f64,
            now: Time,
            events: &'a [Event],
            actions: &'a [Action],
        }
        let (events, actions) = decision();
        let mut line = Vec::new();
        write_decision(&mut line, Time(1000), Time(3500), &events, &actions).unwrap();
        let mut derived = serde_json::to_vec(&Line {
            time: 2.5,
            now: Time(3500),
            events: &events,
            actions: &actions,
        })
        .unwrap();
        derived.push(b'\n');
        assert_eq!(
            String::from_utf8(line).unwrap(),
            String::from_utf8(derived).unwrap()
        );
    }

    #[test]
    fn templates_that_come_again_are_not_mixed_up() {
        let (events, _) = decision();
        let Some(Event::PodArrived(first)) = events.first() else {
            panic!("the first event is an arrival");
        };
        let events: Vec<Event> = (0..40)
            .map(|n: i64| {
                // Ten templates in turn, each pod with one of its own allocation or a shared one.
                let request = [("cpu".into(), n % 10)].into();
                Event::PodArrived(PodSpec {
                    template: Arc::new(Template {
                        request,
                        ..Template::default()
                    }),
                    ..first.clone()
                })
            })
            .collect();
        let twice: Vec<Event> = events.iter().chain(&events).cloned().collect();
        let mut line = Vec::new();
        let mut writer = Writer::new(Time(0));
        writer.decision(&mut line, Time(0), &twice, &[]).unwrap();
        let crate::Line::Decision(read) = crate::read(&line).unwrap() else {
            panic!("a decision was written");
        };
        assert_eq!(read.events, twice);
    }

    #[test]
    fn seconds_are_written_as_json_writers_do() {
        for milliseconds in [
            0,
            1,
            10,
            12,
            100,
            101,
            120,
            999,
            1000,
            12_345,
            -1,
            -1500,
            86_400_000_100,
        ] {
            let mut text = Vec::new();
            seconds(&mut text, milliseconds);
            let number: f64 = std::str::from_utf8(&text).unwrap().parse().unwrap();
            assert_eq!(
                serde_json::to_vec(&number).unwrap(),
                text,
                "{milliseconds} ms"
            );
        }
    }
}
