//! Rows of a table: named columns, and cells that know where they stand.

use super::input::{Fault, Lines};
use super::problem::Bad;
use super::time;
use crate::problem::Problem;
use api::Quantity;
use engine::AMOUNT_MAX;

/// The fields of one line.
#[derive(Default)]
pub struct Fields {
    text: String,
    /// Where each field ends in `text`, and where it began in the line.
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// Splits a line at commas. A field in quotes may hold commas, and a doubled quote for one.
    ///
    /// # Errors
    /// A quote is not closed, or stands amid a field.
    pub fn split_csv(&mut self, line: &str) -> Result<(), Bad> {
        self.clear();
        let mut rest = line;
        loop {
            let start = line.len() - rest.len();
            if let Some(quoted) = rest.strip_prefix('"') {
                rest = self.unquote(quoted).ok_or_else(|| Bad {
                    position: start + 1,
                    ..Bad::row(
                        "has a quote that is not closed",
                        "a quoted field ends with a quote, and on its own line",
                    )
                })?;
            } else {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, tail) = rest.split_at(end);
                self.text.push_str(field.trim());
                rest = tail;
            }
            self.ends.push((self.text.len(), start));
            match rest.strip_prefix(',') {
                Some(tail) => rest = tail,
                None if rest.is_empty() => return Ok(()),
                None => {
                    return Err(Bad {
                        position: line.len() - rest.len() + 1,
                        ..Bad::row(
                            "has text behind a closing quote",
                            "double the quotes within a quoted field",
                        )
                    });
                }
            }
        }
    }

    /// Appends what is in quotes, and returns what follows the closing one.
    fn unquote<'a>(&mut self, mut rest: &'a str) -> Option<&'a str> {
        loop {
            let (part, tail) = rest.split_once('"')?;
            self.text.push_str(part);
            match tail.strip_prefix('"') {
                Some(tail) => {
                    self.text.push('"');
                    rest = tail;
                }
                None => return Some(tail),
            }
        }
    }

    /// Splits a line at blanks.
    pub fn split_blanks(&mut self, line: &str) {
        self.clear();
        for field in line.split_ascii_whitespace() {
            self.text.push_str(field);
            let start = field.as_ptr().addr() - line.as_ptr().addr();
            self.ends.push((self.text.len(), start));
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field at an index; empty if there is none.
    pub fn cell<'a>(&'a self, index: usize, column: &'a str) -> Cell<'a> {
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before).map_or(0, |(end, _)| *end),
            None => 0,
        };
        let (end, position) = self.ends.get(index).copied().unwrap_or((start, 0));
        Cell {
            column,
            value: self.text.get(start..end).unwrap_or_default(),
            position: position + 1,
        }
    }
}

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The column's name.
    pub column: &'a str,
    /// The value, without blanks around it.
    pub value: &'a str,
    /// Where it begins in the line, from 1.
    pub position: usize,
}

impl Cell<'_> {
    /// This value is not what is expected.
    pub fn bad(&self, wanted: &str) -> Bad {
        Bad::value(self.column, self.position, self.value, wanted)
    }

    /// An instant.
    ///
    /// # Errors
    /// It is none.
    pub fn instant(&self) -> Result<(i64, time::Kind), Bad> {
        time::instant(self.value).ok_or_else(|| self.bad(time::INSTANT))
    }

    /// A calendar time.
    ///
    /// # Errors
    /// It is none.
    pub fn calendar(&self) -> Result<i64, Bad> {
        time::calendar(self.value)
            .ok_or_else(|| self.bad("write a time, such as `2017-10-09 07:01:55`"))
    }

    /// A length of time, in seconds.
    ///
    /// # Errors
    /// It is none.
    pub fn length(&self) -> Result<i64, Bad> {
        time::length(self.value).ok_or_else(|| self.bad(time::LENGTH))
    }

    /// An integer of any sign.
    ///
    /// # Errors
    /// It is none.
    pub fn integer(&self) -> Result<i64, Bad> {
        self.value
            .parse()
            .map_err(|_| self.bad("write a whole number"))
    }

    /// A whole number that is not negative and no larger than the engine takes; `8.0` is one.
    ///
    /// # Errors
    /// It is none.
    pub fn count(&self) -> Result<i64, Bad> {
        match time::decimal(self.value, 1) {
            Some((count, true)) if (0..=AMOUNT_MAX).contains(&count) => Ok(count),
            _ => Err(self.bad("write a whole number, 0 or more")),
        }
    }

    /// A Kubernetes quantity of a resource, in base units.
    ///
    /// # Errors
    /// It is none, it is negative, or more than the engine takes.
    pub fn quantity(&self, resource: &str) -> Result<i64, Bad> {
        let wanted =
            "write a Kubernetes quantity, such as `2`, `500m` or `4Gi`, up to 2^53 base units";
        let quantity: Quantity = self.value.parse().map_err(|_| self.bad(wanted))?;
        quantity
            .base_units(resource)
            .filter(|amount| (0..=AMOUNT_MAX).contains(amount))
            .ok_or_else(|| self.bad(wanted))
    }
}

/// The columns of a table, as its first line names them.
pub struct Header {
    names: Vec<String>,
    file: String,
}

impl Header {
    /// Reads the first line.
    ///
    /// # Errors
    /// There is none.
    pub fn read(lines: &mut Lines) -> Result<Header, Problem> {
        let file = lines.file().to_string();
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => {
                return Err(Problem::error("is empty")
                    .in_file(file)
                    .hint("the first line names the columns"));
            }
            Err(Fault::Row(problem) | Fault::File(problem)) => return Err(problem.into()),
        };
        let mut fields = Fields::default();
        if let Err(bad) = fields.split_csv(line) {
            return Err(lines.problem(bad).into());
        }
        Ok(Header {
            names: (0..fields.len())
                .map(|n| fields.cell(n, "").value.to_string())
                .collect(),
            file,
        })
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a column stands, if there is one of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column == name)
    }

    /// Where a column stands.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn need(&self, name: &str) -> Result<usize, Problem> {
        self.find(name).ok_or_else(|| {
            let near = self
                .names
                .iter()
                .map(|column| (strsim::jaro_winkler(column, name), column))
                .filter(|(likeness, _)| *likeness > 0.8)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let hint = match near {
                Some((_, near)) => format!("did you mean `{near}`?"),
                None => format!("its columns are `{}`", self.names.join("`, `")),
            };
            Problem::error(format!("has no column `{name}`"))
                .in_file(&self.file)
                .at(1, 1)
                .hint(hint)
        })
    }

    /// Splits a row of this table.
    ///
    /// # Errors
    /// It has more or fewer fields than columns.
    pub fn split(&self, line: &str, fields: &mut Fields) -> Result<(), Bad> {
        fields.split_csv(line)?;
        match fields.len() == self.names.len() {
            true => Ok(()),
            false => Err(Bad::row(
                format!(
                    "has {} fields instead of {}",
                    fields.len(),
                    self.names.len()
                ),
                "a row has one field for each column of the first line",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, String> {
        let mut fields = Fields::default();
        fields
            .split_csv(line)
            .map_err(|bad| format!("{} {}", bad.position, bad.what))?;
        Ok((0..fields.len())
            .map(|n| fields.cell(n, "").value.to_string())
            .collect())
    }

    #[test]
    fn quotes_hold_commas_and_doubled_quotes() {
        assert_eq!(
            split("a, b ,,c"),
            Ok(vec!["a".into(), "b".into(), "".into(), "c".into()])
        );
        assert_eq!(
            split(r#""a,b","say ""hi""",x"#),
            Ok(vec!["a,b".into(), r#"say "hi""#.into(), "x".into()])
        );
        assert_eq!(
            split(r#"a,"b"#),
            Err("3 has a quote that is not closed".into())
        );
        assert_eq!(
            split(r#""a"b,c"#),
            Err("4 has text behind a closing quote".into())
        );
    }

    #[test]
    fn a_cell_knows_where_it_stands() {
        let mut fields = Fields::default();
        fields.split_blanks("   15   599850 -1");
        assert_eq!(
            (
                fields.cell(1, "submit").value,
                fields.cell(1, "submit").position
            ),
            ("599850", 9)
        );
        assert!(fields.split_csv("ab,cd").is_ok());
        assert_eq!(
            (fields.cell(1, "x").value, fields.cell(1, "x").position),
            ("cd", 4)
        );
        assert_eq!(fields.cell(7, "x").value, "");
    }
}
