//! The text of a file, and the line of each part of the study that it describes.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use burn_tune_search::spec::{Place, SpecError};
use miette::NamedSource;
use toml::Spanned;
use toml::de::DeTable;

use crate::error::SpaceError;
use crate::wording::in_words_of_file;

/// The text of a file with its name.
#[derive(Debug, Clone)]
pub struct Source {
    path: String,
    text: String,
}

impl Source {
    pub fn new(path: &Path, text: &str) -> Self {
        Source { path: path.display().to_string(), text: text.to_owned() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The document's root, or the first fault of syntax in it.
    pub fn parse(&self) -> Result<DeTable<'_>, SpaceError> {
        DeTable::parse(&self.text).map(Spanned::into_inner).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            self.error(span, error.message(), "here", "this is no valid TOML: https://toml.io")
        })
    }

    pub fn error(&self, span: Range<usize>, problem: &str, label: &str, help: &str) -> SpaceError {
        let start = span.start.min(self.text.len());
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[..start].matches('\n').count() + 1;
        let column = self.text[line_start..start].chars().count() + 1;
        SpaceError {
            place: format!("{}:{line}:{column}", self.path),
            problem: problem.to_owned(),
            help: help.to_owned(),
            label: label.to_owned(),
            source_code: NamedSource::new(&self.path, self.text.clone()).with_language("toml"),
            span: (start..span.end.clamp(start, self.text.len())).into(),
        }
    }
}

/// Where the parts of a study stand in its file.
#[derive(Debug, Clone)]
pub struct SourceMap {
    source: Source,
    spans: HashMap<Place, Range<usize>>,
    command: Range<usize>,
}

impl SourceMap {
    pub fn new(source: Source) -> Self {
        SourceMap { source, spans: HashMap::new(), command: 0..0 }
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Notes where something stands.
    pub fn insert(&mut self, place: Place, span: Range<usize>) {
        self.spans.insert(place, span);
    }

    /// Notes where the command stands.
    pub fn set_command(&mut self, span: Range<usize>) {
        self.command = span;
    }

    /// Where something stands, if it stands in the file.
    pub fn span_of(&self, place: &Place) -> Option<Range<usize>> {
        self.spans.get(place).cloned()
    }

    /// An error about a study, with its line.
    pub fn error(&self, error: &SpecError) -> SpaceError {
        let SpecError { place, problem, label, help, .. } = &in_words_of_file(error);
        self.source.error(self.span(place), problem, label, help)
    }

    /// An error about the command of `[objective]`.
    pub fn error_in_command(&self, problem: &str, help: &str) -> SpaceError {
        self.source.error(self.command.clone(), problem, "this command", help)
    }

    /// The span of a place; of what it is a part of where it has none of its own.
    fn span(&self, place: &Place) -> Range<usize> {
        if let Some(span) = self.spans.get(place) {
            return span.clone();
        }
        match place {
            Place::Pruner(_) => self.span(&Place::Setting("pruner")),
            Place::Value(name, _) | Place::Step(name) => self.span(&Place::Domain(name.clone())),
            Place::Domain(name) => self.span(&Place::Param(name.clone())),
            Place::TrialValue(trial, name) => self.span(&Place::TrialParam(*trial, name.clone())),
            Place::TrialParam(_, name) => self.span(&Place::Param(name.clone())),
            Place::Space => {
                let end = self.source.text().len();
                end..end
            }
            Place::Param(_) | Place::Setting(_) | Place::TrialName(_) | Place::Objective(_) => 0..0,
        }
    }
}
