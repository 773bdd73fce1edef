//! The HTML page around the figures: one file that reads nothing from anywhere else, so that it opens
//! offline, can be mailed, and says the same in ten years.

use std::collections::BTreeMap;

use askama::Template;
use burn_tune_ranking::ObjectiveMeans;

use crate::figure::Figure;
use crate::study::{self, StudyResults};
use crate::training::{self, TrainingResults};

mod leaderboard;
mod models;

mod details;
mod flags;
mod plot_json;
mod plotly_js;
mod table;

use flags::FlagKind;
use plot_json::Drawing;
use table::Table;

const STYLE: &str = include_str!("../templates/page.css");
const BEHAVIOUR: &str = include_str!("../templates/page.js");

/// What a page says of its search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageState {
    /// What stands at the top, where the search has not come to its end.
    pub banner: Option<String>,
    /// After how many seconds the page is read again, while the search runs.
    pub reload_s: Option<u32>,
    /// Where it comes from, at the bottom: when, how long, which version, command and processor.
    pub origin: Vec<String>,
    /// What the programs of trials have written to stderr, by number.
    pub stderr: BTreeMap<usize, String>,
}

/// The page of a study.
pub fn study_page(results: StudyResults, state: &PageState) -> String {
    study_page_with(results, &study::figures(results), state)
}

/// The page of models that were trained from several seeds.
pub fn training_page(results: TrainingResults) -> String {
    training_page_with(results, &training::figures(results))
}

/// What all pages have.
struct Frame<'a> {
    title: &'a str,
    /// What the page is about, above its title.
    kind: &'static str,
    facts: Vec<String>,
    summary: Vec<Remark>,
    state: PageState,
    figures: Vec<Drawing<'a>>,
    style: &'static str,
    behaviour: &'static str,
    plotly: String,
}

/// A line of the summary.
#[derive(Debug, PartialEq)]
struct Remark {
    /// What it is about, in a word.
    about: String,
    /// A sentence or two.
    text: String,
}

impl Remark {
    fn new(about: impl Into<String>, text: impl Into<String>) -> Self {
        Remark { about: about.into(), text: text.into() }
    }
}

impl<'a> Frame<'a> {
    fn new(
        kind: &'static str,
        title: &'a str,
        facts: Vec<String>,
        summary: Vec<Remark>,
        figures: &'a [Figure],
    ) -> Self {
        Frame {
            title,
            kind,
            facts,
            summary,
            state: PageState::default(),
            figures: figures.iter().map(Drawing::new).collect(),
            style: STYLE,
            behaviour: BEHAVIOUR,
            plotly: plotly_js::plotly_js(),
        }
    }
}

#[derive(Template)]
#[template(path = "study.html")]
struct StudyPage<'a> {
    frame: Frame<'a>,
    flags: Vec<FlagKind>,
    has_curves: bool,
    /// Whether a program scores the trials: then there are neither curves nor folds nor refits.
    is_program: bool,
    leaderboard: Table,
    /// What the columns of the table do not say of it.
    notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "training.html")]
struct TrainingPage<'a> {
    frame: Frame<'a>,
    flags: Vec<FlagKind>,
    has_curves: bool,
    models: Table,
    claims: Option<Table>,
}

fn study_page_with(results: StudyResults, figures: &[Figure], state: &PageState) -> String {
    let leaderboard = results.leaderboard;
    let objectives = ObjectiveMeans::all(leaderboard, results.measured);
    let facts = leaderboard::facts(leaderboard, &objectives);
    let summary = leaderboard::summary(leaderboard);
    render(&StudyPage {
        frame: Frame {
            state: state.clone(),
            ..Frame::new("Study", &leaderboard.name, facts, summary, figures)
        },
        is_program: leaderboard.evaluation.dataset.is_none(),
        flags: leaderboard::flag_kinds(leaderboard),
        has_curves: !results.curves.is_empty(),
        leaderboard: leaderboard::table(results, &objectives[1..], &state.stderr),
        notes: leaderboard::notes(leaderboard, results.measured, results.fit_times),
    })
}

fn training_page_with(results: TrainingResults, figures: &[Figure]) -> String {
    let report = results.report;
    let facts = models::facts(report);
    let summary = models::summary(report);
    render(&TrainingPage {
        frame: Frame::new("Training", &report.name, facts, summary, figures),
        flags: models::flag_kinds(report),
        has_curves: !results.curves.is_empty(),
        models: models::table(report),
        claims: models::claims_table(report),
    })
}

fn render(page: &impl Template) -> String {
    // askama takes a template's last end of line for none.
    page.render().expect("values are text, and memory is no disk") + "\n"
}

#[cfg(test)]
mod tests;
