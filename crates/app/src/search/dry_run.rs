//! What a search would try, before it does.

use burn_tune_ranking::format::count;
use burn_tune_search::{Candidate, Params, Space};
use burn_tune_study::differences::param_text;

use crate::columns::{Column, Row, columns_text};
use crate::commands::key_value::key_value_text;
use crate::table::terminal_width;

/// What would be tried.
pub struct DryRun<'a> {
    /// What can be listed.
    pub candidates: &'a [Candidate],
    /// How many trials there will be besides.
    pub unlisted: usize,
    /// Who proposes those.
    pub sampler: &'a str,
    /// What else is to be said.
    pub notices: &'a [String],
    /// How many workers there are to be.
    pub jobs: usize,
}

/// The parameters of a program's own space, a line each: what they may be, as its code says it, and behind `//` what
/// `description` says of them.
pub fn space_text(
    space: &Space,
    description: impl Fn(&str) -> Option<&'static str>,
    width: usize,
) -> String {
    let facts: Vec<(&str, String)> = space
        .domains
        .iter()
        .map(|(name, domain)| {
            let param = param_text(domain, space.conditions_of(name));
            // A doc comment may have several lines.
            let words = |text: &str| text.split_whitespace().collect::<Vec<&str>>().join(" ");
            let comment = description(name).map(|text| format!("  // {}", words(text)));
            (name.as_str(), param + &comment.unwrap_or_default())
        })
        .collect();
    key_value_text(&facts, width)
}

impl DryRun<'_> {
    /// Of an objective of which nothing else is known: the params.
    pub fn of_params(&self) -> String {
        self.notes() + &self.candidates_text(&[], |_| Vec::new()) + &self.unlisted_line()
    }

    /// The trials that can be listed, with further columns behind their params.
    pub fn candidates_text(
        &self,
        further: &[&str],
        cells: impl Fn(&Params) -> Vec<String>,
    ) -> String {
        if self.candidates.is_empty() {
            return String::new();
        }
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.candidates.iter().flat_map(|candidate| candidate.params.iter()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut columns = vec![Column::fixed("trial")];
        columns.extend(names.iter().map(|name| Column::number(name).folding()));
        columns.extend(further.iter().map(|name| Column::number(name)));
        let row = |(number, candidate): (usize, &Candidate)| {
            let name = candidate.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
            let value = |name: &str| candidate.params.get(name).map(ToString::to_string);
            let mut all = vec![format!("{number}{name}")];
            all.extend(names.iter().map(|name| value(name).unwrap_or_default()));
            all.extend(cells(&candidate.params));
            let pairs = names.iter().filter_map(|name| Some(format!("{name}={}", value(name)?)));
            let folded = pairs.collect::<Vec<String>>().join(" ");
            Row { cells: all, folded, below: String::new() }
        };
        let rows: Vec<Row> = self.candidates.iter().enumerate().map(row).collect();
        columns_text(&columns, &rows, terminal_width())
    }

    /// What else is to be said, a line each.
    pub fn notes(&self) -> String {
        self.notices.iter().map(|notice| format!("note: {notice}\n")).collect()
    }

    /// What cannot be listed yet.
    pub fn unlisted_line(&self) -> String {
        let more = if self.candidates.is_empty() { "" } else { " more" };
        match self.unlisted {
            0 => String::new(),
            unlisted => format!(
                "{}{more} cannot be listed yet: {} proposes them from what the trials before have come to\n",
                count(unlisted, "trial"),
                self.sampler,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn_tune_search::{Domain, ParamValue};
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_space_is_listed_as_code_says_it_with_its_comments() {
        let lr = Domain::FloatRange { low: 1e-4, high: 0.1, step: None, log: true };
        let batch = Domain::Choices(vec![ParamValue::Int(32), ParamValue::Int(64)]);
        let space = Space::of([("lr".to_owned(), lr), ("batch".to_owned(), batch)]);
        let description =
            |name: &str| (name == "lr").then_some("The learning rate\nof Adam, which decays.");
        assert_snapshot!(space_text(&space, description, 50), @r"
        lr     0.0001..=0.1, log  // The learning rate of
               Adam, which decays.
        batch  [32, 64]
        ");
    }
}
