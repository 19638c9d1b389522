//! Replica counts out of a series: a level that holds until the next row, or requests that are counted.

use super::clock::{Clock, Settings};
use super::input::{Fault, Lines};
use super::problem::{Bad, RowProblem};
use super::table::{Fields, Header};
use super::time::Kind;
use crate::model::SeriesSource;
use crate::problem::Problem;
use engine::{Span, Time};
use std::collections::VecDeque;
use std::path::Path;

const MINUTE: i64 = 60_000;

/// What a file's columns are.
pub struct Columns {
    /// The column of instants.
    pub time: &'static str,
    /// It holds minutes since the start instead of calendar times.
    pub minutes: bool,
    /// The columns whose sum is the value; none: each row counts 1.
    pub values: &'static [&'static str],
}

/// Rows of a series: an instant in the trace's own time, and a value.
pub struct Samples {
    lines: Lines,
    header: Header,
    fields: Fields,
    time: usize,
    values: Vec<usize>,
    columns: Columns,
    last: i64,
    ahead: Option<(i64, i64)>,
    skip: u64,
    /// Bad rows that were passed over.
    skipped: Vec<RowProblem>,
}

impl Samples {
    /// Opens a file; up to `skip` bad rows are passed over.
    ///
    /// # Errors
    /// It cannot be read, or a column is not there.
    pub fn open(path: &Path, columns: Columns, skip: u64) -> Result<Samples, Problem> {
        let mut lines = Lines::open(path)?;
        let header = Header::read(&mut lines)?;
        let values = columns.values.iter().map(|name| header.need(name));
        Ok(Samples {
            time: header.need(columns.time)?,
            values: values.collect::<Result<_, _>>()?,
            lines,
            header,
            fields: Fields::default(),
            columns,
            last: i64::MIN,
            ahead: None,
            skip,
            skipped: Vec::new(),
        })
    }

    /// How instants are counted.
    pub fn kind(&self) -> Kind {
        match self.columns.minutes {
            true => Kind::Seconds,
            false => Kind::Calendar,
        }
    }

    /// The instant of the first row; `None` if there is none.
    ///
    /// # Errors
    /// The first row is bad.
    pub fn first(&mut self) -> Result<Option<i64>, RowProblem> {
        if self.ahead.is_none() {
            self.ahead = self.next()?;
        }
        Ok(self.ahead.map(|(at, _)| at))
    }

    /// The next row.
    ///
    /// # Errors
    /// A row is bad, and no more may be passed over.
    pub fn next(&mut self) -> Result<Option<(i64, i64)>, RowProblem> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            let problem = match self.lines.next() {
                Ok(None) => return Ok(None),
                Ok(Some("")) => continue,
                Ok(Some(line)) => {
                    let read = self.header.split(line, &mut self.fields);
                    match read.and_then(|()| self.sample()) {
                        Ok(sample) => return Ok(Some(sample)),
                        Err(bad) => self.lines.problem(bad),
                    }
                }
                Err(Fault::Row(problem)) => problem,
                Err(Fault::File(problem)) => return Err(problem),
            };
            if self.skip == 0 {
                return Err(problem);
            }
            self.skip -= 1;
            self.skipped.push(problem);
        }
    }

    fn sample(&mut self) -> Result<(i64, i64), Bad> {
        let time = self.fields.cell(self.time, self.columns.time);
        let at = match self.columns.minutes {
            true => time.count()?.saturating_mul(MINUTE),
            false => time.calendar()?,
        };
        if at < self.last {
            return Err(time.bad("the rows of a series stand in the order of time"));
        }
        self.last = at;
        let mut value: i64 = i64::from(self.values.is_empty());
        for (index, name) in self.values.iter().zip(self.columns.values) {
            value = value.saturating_add(self.fields.cell(*index, name).count()?);
        }
        Ok((at, value))
    }
}

/// How a value becomes replicas.
enum Rule {
    /// It is the number, until the next row.
    Level {
        /// The count in force before the window begins.
        carried: Option<u32>,
        /// From the row before the last to the last: so long the last one holds.
        spacing: i64,
    },
    /// Values are added up over intervals of the scenario's time.
    Rate {
        per_replica: i64,
        interval: i64,
        bounds: (u32, u32),
        /// The interval and its sum so far.
        open: (i64, i64),
    },
}

/// Replica counts, each from its instant on, in the order of time; only changes.
///
/// When the series ends, the replicas fall to the least that is allowed (a level: to none).
pub struct Steps {
    samples: Samples,
    clock: Clock,
    start: Time,
    rule: Rule,
    last_at: Option<i64>,
    ready: VecDeque<(Time, u32)>,
    count: Option<u32>,
    done: bool,
}

impl Steps {
    /// Counts that the rows themselves tell.
    pub fn of_levels(samples: Samples, clock: Clock, start: Time) -> Steps {
        let rule = Rule::Level {
            carried: None,
            spacing: MINUTE,
        };
        Steps::new(samples, clock, start, rule)
    }

    fn new(samples: Samples, clock: Clock, start: Time, rule: Rule) -> Steps {
        Steps {
            samples,
            clock,
            start,
            rule,
            last_at: None,
            ready: VecDeque::new(),
            count: None,
            done: false,
        }
    }

    /// Bad rows that were passed over so far.
    pub fn skipped(&self) -> &[RowProblem] {
        &self.samples.skipped
    }

    fn change(&mut self, at: Time, count: u32) {
        if self.count != Some(count) {
            self.count = Some(count);
            self.ready.push_back((at, count));
        }
    }

    fn sample(&mut self, at: i64, value: i64) {
        let before = self.last_at.replace(at);
        match &mut self.rule {
            Rule::Level { carried, spacing } => {
                if let Some(before) = before.filter(|before| *before < at) {
                    *spacing = at - before;
                }
                let count = u32::try_from(value).unwrap_or(u32::MAX);
                if at < self.clock.from {
                    *carried = Some(count);
                    return;
                }
                if let Some(carried) = carried.take()
                    && at > self.clock.from
                {
                    self.change(self.start, carried);
                }
                self.change(self.clock.shift(at), count);
            }
            Rule::Rate { interval, open, .. } => {
                if at < self.clock.from {
                    return;
                }
                let index = (self.clock.shift(at) - self.start).0.div_euclid(*interval);
                if index == open.0 {
                    open.1 = open.1.saturating_add(value);
                    return;
                }
                let closed = std::mem::replace(open, (index, value));
                self.close(closed);
                if index > closed.0 + 1 {
                    self.close((closed.0 + 1, 0));
                }
            }
        }
    }

    /// An interval's requests are known.
    fn close(&mut self, (index, sum): (i64, i64)) {
        let Rule::Rate {
            per_replica,
            interval,
            bounds: (least, most),
            ..
        } = self.rule
        else {
            return;
        };
        let needed = sum / per_replica + i64::from(sum % per_replica > 0);
        let count = u32::try_from(needed)
            .unwrap_or(u32::MAX)
            .clamp(least, most.max(least));
        let at = self.start + Span(index.saturating_mul(interval));
        self.change(at, count);
    }

    fn end(&mut self) {
        self.done = true;
        let Some(last) = self.last_at else {
            return;
        };
        match self.rule {
            Rule::Level { spacing, carried } => {
                let end = last.saturating_add(spacing).min(self.clock.to);
                if let Some(carried) = carried
                    && end > self.clock.from
                {
                    self.change(self.start, carried);
                }
                if self.count.is_some() {
                    self.change(self.clock.shift(end), 0);
                }
            }
            Rule::Rate { open, .. } => {
                if last >= self.clock.from {
                    self.close(open);
                    self.close((open.0 + 1, 0));
                }
            }
        }
    }
}

impl Iterator for Steps {
    type Item = Result<(Time, u32), RowProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Some(Ok(step));
            }
            if self.done {
                return None;
            }
            match self.samples.next() {
                Ok(Some((at, value))) if at < self.clock.to => self.sample(at, value),
                Ok(_) => self.end(),
                Err(problem) => {
                    self.done = true;
                    return Some(Err(problem));
                }
            }
        }
    }
}

/// Opens a series of requests.
///
/// # Errors
/// It cannot be read, or is none of its format.
pub fn open(source: &SeriesSource, start: Time) -> Result<Steps, Problem> {
    let wrong = |what: String| Problem::error(what).in_file(source.path.display().to_string());
    let columns = match source.format.as_str() {
        "requests" => Columns {
            time: "minute",
            minutes: true,
            values: &["requests"],
        },
        "llm-requests" => Columns {
            time: "TIMESTAMP",
            minutes: false,
            values: &[],
        },
        other => {
            let known = super::SERIES_FORMATS.join("`, `");
            return Err(wrong(format!("`{other}` is no known format of requests"))
                .hint(format!("known are `{known}`")));
        }
    };
    let minutes = columns.minutes;
    let mut samples = Samples::open(&source.path, columns, 0)?;
    let first = samples.first().map_err(Problem::from)?.unwrap_or(0);
    let settings = Settings {
        path: &source.path,
        window: source.window,
        speedup: source.speedup,
        start,
    };
    let clock = settings.clock(samples.kind(), None, first)?;
    let interval = source.interval.0.max(1);
    let row = clock.shift(clock.zero.saturating_add(MINUTE)) - start;
    if minutes && interval < row.0 {
        return Err(wrong(format!(
            "has a row every {} ms, and `interval` is {interval} ms",
            row.0
        ))
        .hint("let `interval` be at least as long as a row"));
    }
    let rule = Rule::Rate {
        per_replica: i64::try_from(source.requests_per_replica.max(1)).unwrap_or(i64::MAX),
        interval,
        bounds: source.bounds,
        open: (0, 0),
    };
    Ok(Steps::new(samples, clock, start, rule))
}

/// The clock of series that begin together: their zero is the earliest row of all.
///
/// # Errors
/// A first row is bad, or the part is given in a way that the trace cannot tell.
pub fn common_clock<'a>(
    settings: &Settings,
    all: impl Iterator<Item = &'a mut Samples>,
) -> Result<Clock, Problem> {
    let mut earliest: Option<i64> = None;
    for samples in all {
        if let Some(first) = samples.first()? {
            earliest = Some(earliest.map_or(first, |earliest| earliest.min(first)));
        }
    }
    settings.clock(Kind::Calendar, None, earliest.unwrap_or(0))
}
