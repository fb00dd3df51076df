//! Tables of text.

use std::io::{self, Write};

/// Aligns the cells of rows in columns, two spaces apart.
pub(crate) fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |cell: &String| cell.chars().count();
    let widest = |column| rows.iter().filter_map(|row| row.get(column)).map(width).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Prints rows, aligned, on stdout.
pub(crate) fn print(rows: &[Vec<String>]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines(rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    out.flush()
}

/// Makes a row.
pub(crate) fn row<const CELLS: usize>(cells: [&str; CELLS]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_spaces() {
        let rows = [row(["SOURCE", "AGE"]), row(["ö", "1 s"]), row(["tone:4400", "-"])];
        assert_eq!(lines(&rows), ["SOURCE     AGE", "ö          1 s", "tone:4400  -"]);
        assert_eq!(lines(&[]), Vec::<String>::new());
    }
}
