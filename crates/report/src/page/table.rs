//! Tables of a page, which a reader sorts by clicking on a header.

use askama::Template;
use burn_tune_search::Flag;

/// Rows that are shown at first where there are more than [`MOST_ROWS`].
const FIRST_ROWS: usize = 20;

/// The longest table that is shown whole: a button for a few rows more would be a nuisance.
const MOST_ROWS: usize = 50;

/// A table that can be sorted by each of its columns.
#[derive(Template)]
#[template(path = "table.html")]
pub struct Table {
    /// Its name as an element of the page.
    pub id: &'static str,
    /// What it is, for those who do not see it.
    pub label: &'static str,
    /// The columns, from the left; the first one names the row.
    pub columns: Vec<Column>,
    /// The rows, in the order of a page that is not sorted yet.
    pub rows: Vec<Row>,
    /// The column that the rows are sorted by at first.
    pub sorted_by: Option<usize>,
}

/// A column of a table.
pub struct Column {
    /// What its header says.
    pub label: String,
    /// Whether its cells are sorted as numbers or as texts, and stand on the right or on the left.
    pub kind: Kind,
}

/// How the cells of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As numbers.
    Number,
    /// As texts, by their code points in lower case.
    Text,
}

/// A row of a table.
pub struct Row {
    /// How it is marked.
    pub mark: Mark,
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// What it unfolds to; may be empty.
    pub details: Vec<Detail>,
}

/// A line of what a row unfolds to.
#[derive(Default)]
pub struct Detail {
    /// What it is.
    pub name: String,
    /// What it says.
    pub text: String,
    /// A small curve beside it.
    pub curve: Option<Sparkline>,
}

/// A small curve without axes, in a picture of 100 by 24.
pub struct Sparkline {
    /// The points of an SVG polyline.
    pub points: String,
}

impl Sparkline {
    /// The means of the values in as many parts as there are to be points; `None` where nothing can be drawn.
    pub fn of(values: &[f64], points: usize) -> Option<Self> {
        let size = values.len().div_ceil(points).max(1);
        let means: Vec<f64> =
            values.chunks(size).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect();
        let (low, high) = means
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
        if means.len() < 2 || !(high - low).is_finite() || high <= low {
            return None;
        }
        let point = |(place, value): (usize, &f64)| {
            let x = 100.0 * place as f64 / (means.len() - 1) as f64;
            let y = 1.0 + 22.0 * (high - value) / (high - low);
            format!("{x:.1},{y:.1}")
        };
        let points = means.iter().enumerate().map(point).collect::<Vec<String>>().join(" ");
        Some(Sparkline { points })
    }
}

/// How a row is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Not at all.
    None,
    /// As one of the best: it differs from the best by no more than noise, or is on the Pareto front.
    NearBest,
    /// As one that was stopped early.
    Pruned,
    /// As one that failed.
    Failed,
}

/// A cell of a table.
#[derive(Default)]
pub struct Cell {
    /// A symbol in front of the text, with what it means.
    pub symbol: Option<(&'static str, &'static str)>,
    /// What it says.
    pub text: String,
    /// What it says besides, in smaller letters.
    pub note: String,
    /// Signs that something is wrong.
    pub flags: Vec<Flag>,
    /// What went wrong.
    pub errors: Vec<String>,
    /// What it is sorted by; a cell without it is last in either direction.
    pub sort: Option<String>,
}

impl Column {
    /// A column of numbers.
    pub fn number(label: impl Into<String>) -> Self {
        Column { label: label.into(), kind: Kind::Number }
    }

    /// A column of texts.
    pub fn text(label: impl Into<String>) -> Self {
        Column { label: label.into(), kind: Kind::Text }
    }
}

impl Cell {
    /// A text, sorted by itself.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Cell { sort: Some(text.clone()).filter(|text| !text.is_empty()), text, ..Cell::default() }
    }

    /// A number as it is read, sorted by its value.
    pub fn number(text: impl Into<String>, value: f64) -> Self {
        Cell { text: text.into(), sort: Some(format!("{value:?}")), ..Cell::default() }
    }

    /// A word in the place of a value that is missing.
    pub fn missing(text: impl Into<String>) -> Self {
        Cell { text: text.into(), ..Cell::default() }
    }

    /// Flags and errors, sorted by them.
    pub fn troubles(flags: Vec<Flag>, errors: Vec<String>) -> Self {
        let texts = flags.iter().map(Flag::to_string).chain(errors.iter().cloned());
        let texts: Vec<String> = texts.collect();
        let sort = Some(texts.join(" ")).filter(|text| !text.is_empty());
        Cell { flags, errors, sort, ..Cell::default() }
    }

    /// With a remark in smaller letters.
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Cell { note: note.into(), ..self }
    }

    /// With a symbol in front, and what it means.
    pub fn with_symbol(self, symbol: &'static str, meaning: &'static str) -> Self {
        Cell { symbol: Some((symbol, meaning)), ..self }
    }
}

impl Table {
    /// How many rows are shown at first.
    fn shown(&self) -> usize {
        if self.rows.len() > MOST_ROWS { FIRST_ROWS } else { self.rows.len() }
    }

    /// The text in parts after each of which a line may end: names are longer than what is below them.
    fn parts(text: &impl ToString) -> Vec<String> {
        text.to_string().split_inclusive(['_', ':', ',']).map(str::to_owned).collect()
    }

    fn order(&self, column: &usize) -> &'static str {
        if self.sorted_by == Some(*column) { "ascending" } else { "none" }
    }

    fn column_class(&self, column: &usize) -> &'static str {
        match self.columns[*column].kind {
            Kind::Number => "number",
            Kind::Text => "text",
        }
    }
}

impl Row {
    fn class(&self) -> &'static str {
        match self.mark {
            Mark::None => "",
            Mark::NearBest => "near",
            Mark::Pruned => "pruned",
            Mark::Failed => "failed",
        }
    }
}
