//! Columns that line up: left-aligned words, right-aligned numbers, two spaces between.

use super::{Output, printable, say};
use crate::failure::Failure;

/// Rows under a header.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as the header has; their text is made safe for a terminal.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| printable(&cell)).into());
    }

    /// Adds a row to a table whose columns are found at run time.
    pub(crate) fn add(&mut self, cells: &[String]) {
        self.rows.push(cells.iter().map(|cell| printable(cell)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints `json` or the table; where there are no rows, a person is told `when_empty` instead.
    pub(crate) fn print(self, output: Output, json: &str, when_empty: &str) -> Result<(), Failure> {
        if self.is_empty() && !output.is_json() {
            say(when_empty);
            return Ok(());
        }
        output.result(json, || self.render())
    }

    /// The table as text, each line ended by a line break.
    pub(crate) fn render(&self) -> String {
        let header: Vec<String> = self.header.iter().map(|name| (*name).to_owned()).collect();
        let columns: Vec<Column> =
            (0..header.len()).map(|index| Column::of(&header, &self.rows, index)).collect();
        std::iter::once(&header).chain(&self.rows).map(|cells| line(&columns, cells)).collect()
    }
}

/// How wide a column is, and to which side its cells go.
struct Column {
    width: usize,
    is_number: bool,
}

impl Column {
    fn of(header: &[String], rows: &[Vec<String>], index: usize) -> Self {
        let cells = || rows.iter().filter_map(|row| row.get(index));
        let width = header.get(index).into_iter().chain(cells()).map(|cell| cell.chars().count());
        Self {
            width: width.max().unwrap_or(0),
            is_number: cells().next().is_some()
                && cells().all(|cell| cell.bytes().all(|byte| byte.is_ascii_digit())),
        }
    }
}

fn line(columns: &[Column], cells: &[String]) -> String {
    let padded = columns.iter().zip(cells).map(|(column, cell)| {
        let width = column.width;
        if column.is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    });
    let text = padded.collect::<Vec<_>>().join("  ");
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let mut table = Table::new(&["PRODUCT", "DEVICES"]);
        table.row(["demo".to_owned(), "20".to_owned()]);
        table.row(["pump-stations".to_owned(), "1204".to_owned()]);
        assert_eq!(
            table.render(),
            "PRODUCT        DEVICES\ndemo                20\npump-stations     1204\n"
        );
    }

    #[test]
    fn a_cell_cannot_break_its_row() {
        let mut table = Table::new(&["WHY"]);
        table.row(["a\nb".to_owned()]);
        assert_eq!(table.render(), "WHY\na\\u{a}b\n");
    }
}
