//! Rows of text in columns that fit a terminal: where they do not, some columns go below their rows.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use console::measure_text_width;

use crate::table::textwrap;

/// What stands below a row begins here.
const INDENT: &str = "         ";

/// A column.
pub struct Column {
    /// Its name; broken into several lines where the cells are shorter.
    pub header: String,
    /// Whether its cells are aligned at their right ends, as numbers are.
    pub right: bool,
    /// Whether it is left out where there is no room for all.
    pub folds: bool,
}

impl Column {
    /// A column that is always there.
    pub fn fixed(header: &str) -> Self {
        Column { header: header.into(), right: false, folds: false }
    }

    /// A column of numbers that is always there.
    pub fn number(header: &str) -> Self {
        Column { header: header.into(), right: true, folds: false }
    }

    /// The same, left out where there is no room for all.
    pub fn folding(self) -> Self {
        Column { folds: true, ..self }
    }
}

/// A row.
#[derive(Default)]
pub struct Row {
    /// A text for each column.
    pub cells: Vec<String>,
    /// What the folded columns hold, to stand below the row instead.
    pub folded: String,
    /// What stands below the row in any case.
    pub below: String,
}

/// The lines of the table, at most `width` columns wide if that can be. Columns without any text are
/// left out.
pub fn listing(columns: &[Column], rows: &[Row], width: usize) -> String {
    let filled = |index: &usize| rows.iter().any(|row| !row.cells[*index].is_empty());
    let filled: Vec<usize> = (0..columns.len()).filter(filled).collect();
    let wide = lines(columns, rows, &filled);
    let fits = wide.iter().all(|line| measure_text_width(line) <= width);
    let lines = if fits {
        interleaved(wide, rows, |row| vec![&row.below], width)
    } else {
        let kept: Vec<usize> = filled.into_iter().filter(|&index| !columns[index].folds).collect();
        let narrow = lines(columns, rows, &kept);
        interleaved(narrow, rows, |row| vec![&row.folded, &row.below], width)
    };
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The lines of the table with these columns alone: a header, and one for each row.
fn lines(columns: &[Column], rows: &[Row], shown: &[usize]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(shown.iter().map(|&index| &columns[index].header));
    for row in rows {
        table.add_row(shown.iter().map(|&index| one_line(&row.cells[index])));
    }
    for (place, &index) in shown.iter().enumerate() {
        if let Some(column) = table.column_mut(place).filter(|_| columns[index].right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().collect()
}

/// Puts below each row what belongs there.
fn interleaved<'a>(
    lines: Vec<String>,
    rows: &'a [Row],
    below: impl Fn(&'a Row) -> Vec<&'a String>,
    width: usize,
) -> Vec<String> {
    let header = lines.len() - rows.len();
    let mut lines = lines.into_iter();
    let mut all: Vec<String> = lines.by_ref().take(header).collect();
    for (line, row) in lines.zip(rows) {
        all.push(line);
        for text in below(row).into_iter().filter(|text| !text.is_empty()) {
            let wrapped = textwrap(&format!("{INDENT}{}", one_line(text)), width, INDENT);
            all.extend(wrapped.lines().map(str::to_owned));
        }
    }
    all
}

/// A text of a database without what would break the line or command the terminal.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn text(width: usize) -> String {
        let columns = [
            Column::fixed("trial"),
            Column::number("value"),
            Column::fixed("error"),
            Column::number("batch_\nsize").folding(),
        ];
        let row = |cells: [&str; 4], below: &str| Row {
            cells: cells.map(str::to_owned).into(),
            folded: format!("batch_size={}", cells[3]),
            below: below.into(),
        };
        let rows =
            [row(["0", "0.5", "", "100"], ""), row(["1", "12.5", "", "5"], "it\x1b[2J broke")];
        listing(&columns, &rows, width)
    }

    #[test]
    fn what_has_room_stands_beside_each_other() {
        assert_snapshot!(text(30));
    }

    #[test]
    fn what_has_none_stands_below_its_row() {
        assert_snapshot!(text(18));
    }
}
