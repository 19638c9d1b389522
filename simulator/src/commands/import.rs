//! `simulator import`: a public trace into the simulator's own format, a table with named columns.

use super::cannot_be_written;
use crate::model::{Bound, NamespaceFrom, Shape, TraceSource};
use crate::problem::{Failure, Problem};
use crate::scenario::duration;
use crate::trace::{self, Jobs, Writer};
use engine::Time;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Jobs between two signs of life: some ten a second.
const PROGRESS: u64 = 1 << 16;
/// The namespace of all rows where neither the user nor the format tells the tenant.
const NAMESPACE: &str = "default";

/// What to read, and where to write it.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The format of the files
    #[arg(value_parser = ["csv", "openb", "philly", "swf"])]
    pub format: String,
    /// Files of the trace, or folders of them; plain, gzip or zstd
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// Write here; compressed if it ends in .gz or .zst
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// One namespace for all rows
    #[arg(long, value_name = "NAME", conflicts_with = "namespace_column")]
    pub namespace: Option<String>,
    /// The column that tells a row's namespace
    #[arg(long, value_name = "COLUMN")]
    pub namespace_column: Option<String>,
    /// The column of a csv that holds a field, such as submit=arrival; once for each
    #[arg(long = "column", value_name = "FIELD=COLUMN", value_parser = pair)]
    pub columns: Vec<(String, String)>,
    /// What a row becomes: a gang of pods, a single pod, or pods admitted each for itself
    #[arg(long, value_parser = shape)]
    pub shape: Option<Shape>,
    /// Most of a gang's GPUs in one pod
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub per_node: u32,
    /// Leave out what comes before: a duration since the trace's start, or a date
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub from: Option<Bound>,
    /// Leave out what comes then and later
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub to: Option<Bound>,
    /// So many bad rows may be passed over
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip_bad_rows: u64,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, column) = text.split_once('=').ok_or("write FIELD=COLUMN")?;
    match trace::CSV_FIELDS.contains(&field) {
        true => Ok((field.into(), column.into())),
        false => Err(format!("fields are {}", trace::CSV_FIELDS.join(", "))),
    }
}

fn shape(text: &str) -> Result<Shape, String> {
    match text {
        "gang" => Ok(Shape::Gang),
        "single" => Ok(Shape::Single),
        "pods" => Ok(Shape::Pods),
        _ => Err("shapes are gang, single, pods".into()),
    }
}

fn bound(text: &str) -> Result<Bound, String> {
    if text.contains(['-', ':']) {
        let time = trace::time::calendar(text)
            .ok_or("write a date, such as 2017-10-01 or 2017-10-01T08:00:00Z")?;
        return Ok(Bound::At(Time(time)));
    }
    duration::parse(text)
        .map(Bound::After)
        .map_err(|what| format!("it {what}; write a duration, such as 24h"))
}

impl Args {
    fn source(&self) -> TraceSource {
        let column = self
            .namespace_column
            .as_deref()
            .or(trace::default_tenant_column(&self.format));
        let namespace = match (&self.namespace, column) {
            (Some(name), _) => NamespaceFrom::Fixed(name.as_str().into()),
            (None, Some(column)) => NamespaceFrom::Column {
                column: column.into(),
                map: None,
            },
            (None, None) => NamespaceFrom::Fixed(NAMESPACE.into()),
        };
        TraceSource {
            path: self.files.first().cloned().unwrap_or_default(),
            format: self.format.clone(),
            namespace,
            columns: self.columns.iter().cloned().collect(),
            shape: self.shape,
            per_node: self.per_node,
            node_selector: Vec::new(),
            priority: 0,
            speedup: 1_000_000,
            window: (self.from, self.to),
            max_gpus: Default::default(),
            skip_bad_rows: self.skip_bad_rows,
            start: Time(0),
        }
    }
}

/// Reads a trace and writes its jobs in the simulator's own format.
///
/// # Errors
/// All that is wrong with the trace, or the output cannot be written.
pub fn run(args: Args) -> Result<(), Failure> {
    let mut files = Vec::new();
    for path in &args.files {
        files.extend(trace::files(path).map_err(Failure::bad_input)?);
    }
    let mut jobs = trace::open_files(&args.source(), &files).map_err(Failure::bad_input)?;
    for warning in jobs.warnings() {
        eprintln!("{warning}");
    }
    super::write_aside(&args.output, |file| write(&args.output, file, &mut jobs))?;
    super::print(&told(&args.output, &jobs))
}

/// What became of the rows, a line each.
fn told(path: &Path, jobs: &Jobs) -> String {
    let counts = jobs.counts();
    let mut text = format!("{}: {} jobs\n", path.display(), counts.jobs);
    for (why, count) in &counts.passed_over {
        text.push_str(&format!("{count} rows passed over: {why}\n"));
    }
    if counts.outside > 0 {
        text.push_str(&format!(
            "{} rows outside the part that was asked for\n",
            counts.outside
        ));
    }
    if counts.bad > 0 {
        text.push_str(&format!("{} bad rows passed over\n", counts.bad));
    }
    text
}

fn write(path: &Path, file: File, jobs: &mut Jobs) -> Result<(), Failure> {
    let out = BufWriter::new(file);
    let wrong = |error: io::Error| cannot_be_written(path, &error);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => {
            let out = write_jobs(path, GzEncoder::new(out, Compression::default()), jobs)?;
            out.finish().and_then(|mut out| out.flush()).map_err(wrong)
        }
        Some("zst") => {
            let encoder =
                zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(wrong)?;
            let out = write_jobs(path, encoder, jobs)?;
            out.finish().and_then(|mut out| out.flush()).map_err(wrong)
        }
        _ => write_jobs(path, out, jobs)?.flush().map_err(wrong),
    }
}

fn write_jobs<W: Write>(path: &Path, out: W, jobs: &mut Jobs) -> Result<W, Failure> {
    let wrong = |error: io::Error| cannot_be_written(path, &error);
    let mut writer = Writer::new(out, Time(0), jobs.resources()).map_err(wrong)?;
    let is_watched = io::stderr().is_terminal();
    let mut written: u64 = 0;
    for job in jobs {
        writer.write(&*job.map_err(Problem::from)?).map_err(wrong)?;
        written += 1;
        if is_watched && written.is_multiple_of(PROGRESS) {
            eprint!("\r{written} jobs");
        }
    }
    if is_watched && written >= PROGRESS {
        eprint!("\r\x1b[K");
    }
    Ok(writer.finish())
}
