//! `report.html`: one page that opens without a network.
//!
//! Figures and tables are plain HTML; charts are drawn by Plotly, which comes embedded in its crate, from JSON in
//! the page. The page's own policy forbids it to load anything.

pub mod data;
pub mod html;
mod sections;

use super::results::History;
use super::summary::Summary;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::LazyLock;

const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = include_str!("report/report.js");

/// Forbids the page all but what is in it.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'";

/// A run that the page shows.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Its figures.
    pub summary: &'a Summary,
    /// What happened over time.
    pub history: &'a History,
}

/// Writes the page of one run, or of several of one scenario side by side.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, runs: &[Run<'_>]) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let data = data::Data::new(runs);
    let json = html::json_in_script(&serde_json::to_string(&data)?);
    let title = match runs {
        [run] => format!("{} under {}", run.summary.scenario, run.summary.policy),
        [run, ..] => format!("{}: policies side by side", run.summary.scenario),
        [] => String::new(),
    };
    write!(
        file,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        html::escaped(&title)
    )?;
    file.write_all(sections::body(&title, runs, &data).as_bytes())?;
    writeln!(
        file,
        "<script type=\"application/json\" id=\"data\">{json}</script>"
    )?;
    file.write_all(library().as_bytes())?;
    write!(file, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n")?;
    file.flush()
}

/// Plotly as a script element. The crate puts a typesetter of formulas behind it, which we do not need: 2 MB.
///
/// Putting it together takes milliseconds: once a process, and beside a run if somebody asks early.
pub fn library() -> &'static str {
    const END: &str = "</script>";
    static LIBRARY: LazyLock<String> = LazyLock::new(|| {
        let mut sources = plotly::Plot::offline_js_sources();
        if let Some(end) = sources.find(END) {
            sources.truncate(end + END.len());
        }
        sources
    });
    &LIBRARY
}
