//! Rows of text in columns that fit a terminal: where they do not, some columns go below their rows.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use console::{measure_text_width, truncate_str};

use crate::lines::{one_line, textwrap};

/// What stands below a row begins here.
const INDENT: &str = "         ";

/// No text is cut to less than this, in columns of the terminal.
const SHORTEST_CELL: usize = 6;

/// A column.
pub struct Column {
    /// Its name; broken into several lines where the cells are shorter.
    pub header: String,
    /// Whether its cells are aligned at their right ends, as numbers are.
    pub right: bool,
    /// Whether it stays where there is no room for all.
    pub stays: Stays,
}

/// Whether a column stays where there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// To the last.
    Always,
    /// Where there is room for it without the folding ones. It goes below its rows, the last one first.
    WhereItFits,
    /// It is the first to go, with all others that fold: [`Row::folded`] has what they hold.
    Folds,
}

impl Column {
    /// A column that is always there.
    pub fn fixed(header: &str) -> Self {
        Column { header: header.into(), right: false, stays: Stays::Always }
    }

    /// A column of numbers that is always there.
    pub fn number(header: &str) -> Self {
        Column { header: header.into(), right: true, stays: Stays::Always }
    }

    /// The same, left out where there is no room for all.
    pub fn folding(self) -> Self {
        Column { stays: Stays::Folds, ..self }
    }

    /// The same, left out where there is no room for it even without those that fold.
    pub fn yielding(self) -> Self {
        Column { stays: Stays::WhereItFits, ..self }
    }

    /// Its name in one line.
    fn name(&self) -> String {
        self.header.replace("_\n", "_").replace('\n', " ")
    }
}

/// A row.
#[derive(Default, Clone)]
pub struct Row {
    /// A text for each column.
    pub cells: Vec<String>,
    /// What the folded columns hold, to stand below the row instead.
    pub folded: String,
    /// What stands below the row in any case.
    pub below: String,
}

/// The lines of the table, at most `width` columns wide. What has no room stands below its row: first what the
/// folding columns hold, then the yielding ones. Then long texts are cut. Columns without any text are left out.
pub fn columns_text(columns: &[Column], rows: &[Row], width: usize) -> String {
    let filled = |index: &usize| rows.iter().any(|row| !row.cells[*index].is_empty());
    let mut shown: Vec<usize> = (0..columns.len()).filter(filled).collect();
    let fits = |lines: &[String]| lines.iter().all(|line| measure_text_width(line) <= width);
    let mut table = lines(columns, rows, &shown);
    let folds = !fits(&table);
    let mut yielded: Vec<usize> = Vec::new();
    if folds {
        shown.retain(|&index| columns[index].stays != Stays::Folds);
        table = lines(columns, rows, &shown);
    }
    while !fits(&table) {
        let yields = |index: &usize| columns[*index].stays == Stays::WhereItFits;
        let Some(place) = shown.iter().rposition(yields) else { break };
        yielded.insert(0, shown.remove(place));
        table = lines(columns, rows, &shown);
    }
    let mut cut = rows.to_vec();
    while !fits(&table) && cut_longest(&mut cut, columns, &shown) {
        table = lines(columns, &cut, &shown);
    }
    let below = |row: &Row| {
        let yielded = yielded.iter().filter(|&&index| !row.cells[index].is_empty());
        let pairs =
            yielded.map(|&index| format!("{}: {}", columns[index].name(), row.cells[index]));
        let pairs = pairs.collect::<Vec<String>>().join(", ");
        let folded = if folds { row.folded.clone() } else { String::new() };
        [pairs, folded, row.below.clone()]
    };
    let lines = interleaved(table, rows, below, width);
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// Cuts the longest texts by one character; `false` where that is the least they need.
fn cut_longest(rows: &mut [Row], columns: &[Column], shown: &[usize]) -> bool {
    let texts = shown.iter().filter(|&&index| !columns[index].right);
    let widths = texts.map(|&index| {
        let cells = rows.iter().map(|row| measure_text_width(&one_line(&row.cells[index])));
        (cells.max().unwrap_or(0), index)
    });
    let Some((longest, index)) = widths.max() else { return false };
    if longest <= SHORTEST_CELL {
        return false;
    }
    for row in rows.iter_mut() {
        let cell = one_line(&row.cells[index]);
        if measure_text_width(&cell) == longest {
            row.cells[index] = truncate_str(&cell, longest - 1, "…").into_owned();
        }
    }
    true
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
fn interleaved(
    lines: Vec<String>,
    rows: &[Row],
    below: impl Fn(&Row) -> [String; 3],
    width: usize,
) -> Vec<String> {
    let header = lines.len() - rows.len();
    let mut lines = lines.into_iter();
    let mut all: Vec<String> = lines.by_ref().take(header).collect();
    for (line, row) in lines.zip(rows) {
        all.push(line);
        for text in below(row).into_iter().filter(|text| !text.is_empty()) {
            let wrapped = textwrap(&format!("{INDENT}{}", one_line(&text)), width, INDENT);
            all.extend(wrapped.lines().map(str::to_owned));
        }
    }
    all
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
        columns_text(&columns, &rows, width)
    }

    /// Long names and numbers, wide characters and many columns.
    fn awkward(names: usize) -> (Vec<Column>, Vec<Row>) {
        let mut columns = vec![Column::number("rank"), Column::fixed("trial")];
        columns.extend((0..4).map(|n| Column::number(&format!("objective_\nv{n}")).yielding()));
        columns.extend((0..30).map(|n| Column::number(&format!("param_\np{n}")).folding()));
        columns.push(Column::fixed("flags"));
        let name = ["試行の長い名前", "🦀🦀🦀 crab", "e\u{301}toile", "x"];
        let row = |index: usize| Row {
            cells: [index.to_string(), name[index % 4].repeat(names)]
                .into_iter()
                .chain((0..34).map(|n| format!("{}", n * 12_345)))
                .chain(["⚑1 ⚑2:[0,1,2]".to_owned()])
                .collect(),
            folded: (0..30).map(|n| format!("param_{n}={} ", n * 12_345)).collect(),
            below: "because of a/path/without/any/space/".repeat(9),
        };
        (columns, (0..5).map(row).collect())
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_every_row_is_there() {
        for width in [60, 80, 120, 200] {
            for names in [1, 3, 40] {
                let (columns, rows) = awkward(names);
                let text = columns_text(&columns, &rows, width);
                for line in text.lines() {
                    assert!(measure_text_width(line) <= width, "{width}: {line}\n{text}");
                }
                let begins = |row: usize| {
                    let is_row = |line: &&str| line.trim_start().starts_with(&format!("{row} "));
                    text.lines().filter(is_row).count()
                };
                assert_eq!([0, 1, 2, 3, 4].map(begins), [1; 5], "{width}\n{text}");
            }
        }
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
