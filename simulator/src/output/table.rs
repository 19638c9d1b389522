//! A table as Parquet, and as CSV beside it: rows go in, row groups go out.
//!
//! Values wait in one buffer per column until a row group is full, names as shared bytes. So a table of any
//! length takes the memory of one row group.

use super::numbers::{from_thousandths, thousandths_text};
use engine::spec::Name;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};
use rustc_hash::FxHashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group: with the nine columns of `timeline` some 1.5 MB of buffers. What is left at the end of a run
/// is written when nothing else is left to do, so a group is not large.
const GROUP_ROWS: usize = 1 << 14;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; UTF-8 strings in Parquet.
    Text,
    /// Whole numbers; INT64 in Parquet.
    Int,
    /// Thousandths, shown as fractions with three decimals; DOUBLE in Parquet.
    Milli,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be empty.
    pub optional: bool,
}

impl Column {
    /// A column that is never empty.
    pub const fn new(name: &'static str, kind: Kind) -> Column {
        Column {
            name,
            kind,
            optional: false,
        }
    }

    /// A column that may be empty.
    pub const fn optional(name: &'static str, kind: Kind) -> Column {
        Column {
            name,
            kind,
            optional: true,
        }
    }
}

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// A name.
    Name(&'a Name),
    /// A word of ours.
    Word(&'static str),
    /// A whole number.
    Int(i64),
    /// Thousandths.
    Milli(i64),
    /// Nothing.
    Empty,
}

/// A table that is being written.
pub struct Table {
    columns: &'static [Column],
    buffers: Vec<Buffer>,
    rows: usize,
    names: FxHashMap<Name, ByteArray>,
    words: FxHashMap<&'static str, ByteArray>,
    parquet: SerializedFileWriter<File>,
    csv: Option<BufWriter<File>>,
}

/// Values of one column; where a column may be empty, `defined` says for each row whether it is not.
struct Buffer {
    defined: Vec<i16>,
    values: Values,
    /// The last name: rows of one account, or of its work, often come one after the other.
    last: Option<(Name, ByteArray)>,
}

enum Values {
    Text(Vec<ByteArray>),
    Int(Vec<i64>),
    Milli(Vec<f64>),
}

impl Table {
    /// A table named `name` in `folder`.
    ///
    /// # Errors
    /// Its files cannot be made.
    pub fn create(
        folder: &Path,
        name: &str,
        columns: &'static [Column],
        with_csv: bool,
    ) -> io::Result<Table> {
        let file = File::create(folder.join(format!("{name}.parquet")))?;
        let parquet = SerializedFileWriter::new(
            file,
            schema(name, columns).map_err(io_error)?,
            Arc::new(properties(columns)),
        )
        .map_err(io_error)?;
        let csv = with_csv
            .then(|| csv_file(&folder.join(format!("{name}.csv")), columns))
            .transpose()?;
        Ok(Table {
            columns,
            buffers: columns.iter().map(Buffer::new).collect(),
            rows: 0,
            names: FxHashMap::default(),
            words: FxHashMap::default(),
            parquet,
            csv,
        })
    }

    /// One more row: a cell for each column, in their order and of their kind.
    ///
    /// # Errors
    /// A file cannot be written to, or the cells are not those of the columns.
    pub fn push(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        if cells.len() != self.columns.len() {
            return Err(io::Error::other("a row has not as many cells as columns"));
        }
        if let Some(csv) = &mut self.csv {
            write_csv_row(csv, cells)?;
        }
        for (index, cell) in cells.iter().enumerate() {
            self.push_cell(index, *cell)?;
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    fn push_cell(&mut self, index: usize, cell: Cell<'_>) -> io::Result<()> {
        let column = self.columns[index];
        let buffer = &mut self.buffers[index];
        let is_there = !matches!(cell, Cell::Empty);
        match (&mut buffer.values, cell) {
            (_, Cell::Empty) if column.optional => {}
            (Values::Text(values), Cell::Name(name)) => {
                let is_last = |last: &&(Name, ByteArray)| Arc::ptr_eq(&last.0, name);
                let bytes = match buffer.last.as_ref().filter(is_last) {
                    Some((_, bytes)) => bytes.clone(),
                    None => {
                        let known = self.names.entry(name.clone());
                        let bytes = known
                            .or_insert_with(|| ByteArray::from(name.as_bytes().to_vec()))
                            .clone();
                        buffer.last = Some((name.clone(), bytes.clone()));
                        bytes
                    }
                };
                values.push(bytes);
            }
            (Values::Text(values), Cell::Word(word)) => values.push(
                self.words
                    .entry(word)
                    .or_insert_with(|| ByteArray::from(word.as_bytes().to_vec()))
                    .clone(),
            ),
            (Values::Int(values), Cell::Int(value)) => values.push(value),
            (Values::Milli(values), Cell::Milli(value)) => values.push(from_thousandths(value)),
            _ => {
                return Err(io::Error::other(format!(
                    "column {} holds {:?}, not {cell:?}",
                    column.name, column.kind
                )));
            }
        }
        if column.optional {
            buffer.defined.push(i16::from(is_there));
        }
        Ok(())
    }

    /// Writes what is left and closes the files.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub fn close(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.parquet.close().map_err(io_error)?;
        if let Some(csv) = &mut self.csv {
            csv.flush()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.parquet.next_row_group().map_err(io_error)?;
        for (column, buffer) in self.columns.iter().zip(&mut self.buffers) {
            buffer
                .write(&mut group, column.optional)
                .map_err(io_error)?;
        }
        group.close().map_err(io_error)?;
        self.rows = 0;
        // Names of pods come once; kept for ever they would be a second copy of the table.
        self.names.clear();
        Ok(())
    }
}

impl Buffer {
    fn new(column: &Column) -> Buffer {
        Buffer {
            defined: Vec::new(),
            last: None,
            values: match column.kind {
                Kind::Text => Values::Text(Vec::new()),
                Kind::Int => Values::Int(Vec::new()),
                Kind::Milli => Values::Milli(Vec::new()),
            },
        }
    }

    fn write(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, File>,
        optional: bool,
    ) -> Result<(), ParquetError> {
        let levels = optional.then_some(self.defined.as_slice());
        let Some(mut writer) = group.next_column()? else {
            return Err(ParquetError::General("a column too many".to_owned()));
        };
        match &mut self.values {
            Values::Text(values) => {
                writer
                    .typed::<ByteArrayType>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Int(values) => {
                writer
                    .typed::<Int64Type>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Milli(values) => {
                writer
                    .typed::<DoubleType>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
        }
        self.defined.clear();
        writer.close()
    }
}

fn schema(name: &str, columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    let fields = columns
        .iter()
        .map(|column| {
            let (physical, logical) = match column.kind {
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                Kind::Int => (Physical::INT64, None),
                Kind::Milli => (Physical::DOUBLE, None),
            };
            let repetition = match column.optional {
                true => Repetition::OPTIONAL,
                false => Repetition::REQUIRED,
            };
            Type::primitive_type_builder(column.name, physical)
                .with_repetition(repetition)
                .with_logical_type(logical)
                .build()
                .map(Arc::new)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(
        Type::group_type_builder(name).with_fields(fields).build()?,
    ))
}

fn properties(columns: &[Column]) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // The default names the version of the Parquet library, which is no part of a result.
        .set_created_by(format!("leasehold simulator {}", super::summary::VERSION));
    // Times rise and hardly repeat: a dictionary of them is thrown away again.
    for column in columns.iter().filter(|column| column.kind == Kind::Milli) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name), false);
    }
    properties.build()
}

fn csv_file(path: &Path, columns: &[Column]) -> io::Result<BufWriter<File>> {
    let mut csv = BufWriter::new(File::create(path)?);
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    writeln!(csv, "{}", names.join(","))?;
    Ok(csv)
}

fn write_csv_row(csv: &mut impl Write, cells: &[Cell<'_>]) -> io::Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            csv.write_all(b",")?;
        }
        match cell {
            Cell::Name(name) => csv.write_all(quoted(name).as_bytes())?,
            Cell::Word(word) => csv.write_all(word.as_bytes())?,
            Cell::Int(value) => write!(csv, "{value}")?,
            Cell::Milli(value) => csv.write_all(thousandths_text(*value).as_bytes())?,
            Cell::Empty => {}
        }
    }
    csv.write_all(b"\n")
}

/// A name as a field of a CSV (RFC 4180).
fn quoted(name: &str) -> std::borrow::Cow<'_, str> {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\"")).into()
    } else {
        name.into()
    }
}

fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    const COLUMNS: &[Column] = &[
        Column::new("time", Kind::Milli),
        Column::new("name", Kind::Text),
        Column::optional("limit", Kind::Int),
    ];

    #[test]
    fn what_was_written_can_be_read_over_several_row_groups() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = Table::create(folder.path(), "t", COLUMNS, true).unwrap();
        let rows = GROUP_ROWS + 10;
        for n in 0..i64::try_from(rows).unwrap() {
            let name: Name = format!("n{}", n % 7).into();
            let limit = if n % 3 == 0 {
                Cell::Empty
            } else {
                Cell::Int(n)
            };
            table
                .push(&[Cell::Milli(n), Cell::Name(&name), limit])
                .unwrap();
        }
        table.close().unwrap();

        let file = File::open(folder.path().join("t.parquet")).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 2);
        assert_eq!(reader.get_row_iter(None).unwrap().count(), rows);
        let row = reader
            .get_row_iter(None)
            .unwrap()
            .nth(12_346)
            .unwrap()
            .unwrap();
        assert_eq!(row.get_double(0).unwrap(), 12.346);
        assert_eq!(row.get_string(1).unwrap(), "n5");
        assert_eq!(row.get_long(2).unwrap(), 12_346);

        let csv = std::fs::read_to_string(folder.path().join("t.csv")).unwrap();
        assert_eq!(csv.lines().next(), Some("time,name,limit"));
        assert_eq!(csv.lines().nth(12_347), Some("12.346,n5,12346"));
        assert_eq!(csv.lines().nth(1), Some("0.000,n0,"));
        assert_eq!(csv.lines().count(), rows + 1);
    }

    #[test]
    fn a_cell_of_the_wrong_kind_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = Table::create(folder.path(), "t", COLUMNS, false).unwrap();
        let error = table
            .push(&[Cell::Empty, Cell::Word("x"), Cell::Empty])
            .unwrap_err();
        assert!(error.to_string().contains("time"), "{error}");
    }

    #[test]
    fn a_name_with_a_comma_is_quoted_in_a_csv() {
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("a-b"), "a-b");
    }
}
