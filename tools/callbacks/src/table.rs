//! Prints tables.

use std::fmt::Write as _;

/// Prints a table. The last column is not padded.
pub(crate) fn print<const COLUMNS: usize>(rows: impl Iterator<Item = [String; COLUMNS]>) {
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let mut table = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let _ = match column + 1 == COLUMNS {
                true => writeln!(table, "{cell}"),
                false => write!(table, "{cell:0$}  ", width(column)),
            };
        }
    }
    print!("{table}");
}
