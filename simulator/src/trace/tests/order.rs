//! Compressed files, rows in no order, more rows than memory holds, and the way out and back in.

use super::super::{Jobs, Writer};
use super::*;
use crate::model::Shape;
use proptest::prelude::*;
use std::io::Write;

fn csv(rows: &[(u32, u32)]) -> String {
    let mut text = "name,submit,duration,gpu,memory\n".to_string();
    for (n, (submit, gpus)) in rows.iter().enumerate() {
        text.push_str(&format!("job-{n},{submit},{n},{gpus},{n}Mi\n"));
    }
    text
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn gzip_and_zstd_are_known_by_their_first_bytes_and_may_be_joined() {
    let folder = Folder::new();
    let text = csv(&[(1, 2), (3, 4), (5, 16)]);
    let (head, tail) = text.split_at(text.len() / 2);
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    let plain = listing(&source("csv", &folder.write("plain", &text)));
    assert_eq!(plain.lines().count(), 3);
    for (name, bytes) in [
        ("gz", gzip(&text)),
        ("gz2", [gzip(head), gzip(tail)].concat()),
        ("zst", zstd(&text)),
        ("zst2", [zstd(head), zstd(tail)].concat()),
        ("crlf", text.replace('\n', "\r\n").into_bytes()),
        ("bom", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
    ] {
        assert_eq!(
            listing(&source("csv", &folder.write(name, bytes))),
            plain,
            "{name}"
        );
    }
}

#[test]
fn a_file_that_was_cut_off_is_told_with_its_line() {
    let folder = Folder::new();
    let bytes = gzip(&csv(&[(1, 2); 100]));
    let trace = source("csv", &folder.write("cut.gz", &bytes[..bytes.len() - 30]));
    let told = problems(&trace);
    assert!(
        told.starts_with("Error: /cut.gz:") && told.contains("the file is damaged from here on"),
        "{told}"
    );
}

#[test]
fn bytes_that_are_no_text_are_a_bad_row() {
    let folder = Folder::new();
    let trace = source(
        "csv",
        &folder.write("a.csv", b"submit,duration\n1,\xff\n2,3\n"),
    );
    assert_eq!(
        problems(&trace),
        "Error: /a.csv:2:1: is no UTF-8 from byte 3 on\nHint: save the file as UTF-8\n"
    );
}

#[test]
fn the_files_of_a_folder_are_one_trace() {
    let folder = Folder::new();
    folder.write("b.csv", "submit,duration\n1,1\n4,4\n");
    folder.write("a.csv.gz", gzip("submit,duration\n3,3\n"));
    folder.write("README.md", "no trace\n");
    assert_eq!(
        listing(&source("csv", &folder.0)),
        "1 lab/job-2 for 1: 1 x ()\n3 lab/job-1 for 3: 1 x ()\n4 lab/job-3 for 4: 1 x ()\n"
    );
}

fn read(source: &TraceSource, rows_max: usize) -> Vec<String> {
    let jobs = Jobs::open_with(source, std::slice::from_ref(&source.path), rows_max).unwrap();
    jobs.map(|job| line(&job.unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn few_or_many_rows_in_memory_give_the_same_jobs(
        mut rows in prop::collection::vec((0..20u32, 0..20u32), 1..60),
        rows_max in 1..8usize,
        sorted in any::<bool>(),
    ) {
        if sorted {
            rows.sort_by_key(|row| row.0);
        }
        let folder = Folder::new();
        let trace = source("csv", &folder.write("jobs.csv", csv(&rows)));
        let whole = read(&trace, 1000);
        prop_assert_eq!(whole.len(), rows.len());
        prop_assert_eq!(whole, read(&trace, rows_max));
    }

    #[test]
    fn jobs_that_are_written_read_back_the_same(
        rows in prop::collection::vec((0..100_000u32, 0..40u32), 1..30),
        shape in prop::sample::select(vec![None, Some(Shape::Gang), Some(Shape::Single), Some(Shape::Pods)]),
        per_node in 1..9u32,
    ) {
        let folder = Folder::new();
        let mut trace = source("csv", &folder.write("jobs.csv", csv(&rows)));
        trace.shape = shape;
        trace.per_node = per_node;
        trace.start = Time(1_767_225_600_000);
        let (direct, jobs) = all(&trace);
        let mut writer = Writer::new(Vec::new(), trace.start, jobs.resources()).unwrap();
        for job in &direct {
            writer.write(job).unwrap();
        }
        let mut own = source("csv", &folder.write("own.csv", writer.finish()));
        own.namespace = by_column("namespace");
        own.start = trace.start;
        let (again, _) = all(&own);
        prop_assert_eq!(format!("{direct:?}"), format!("{again:?}"));
    }
}

#[test]
fn more_runs_than_may_be_open_are_merged_in_between() {
    let folder = Folder::new();
    let rows: Vec<(u32, u32)> = (0..600).map(|n| ((n * 7919) % 100, n % 9)).collect();
    let trace = source("csv", &folder.write("jobs.csv", csv(&rows)));
    assert_eq!(read(&trace, 1), read(&trace, 1000));
}
