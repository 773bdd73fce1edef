//! What an objective measures of a trained model, by name; and which of it a study is after.

use serde::{Deserialize, Serialize};

use crate::study_file::{Direction, ObjectiveSettings, StudySettings};
use crate::suggestion;

/// One number of a trained model, and which values of it are the better ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// What it is called, such as `accuracy`.
    pub name: String,
    /// Which value is the better one.
    pub direction: Direction,
    /// Whether a clock decides it. Then it is shown, but stands in no file that is to be the same in every
    /// run, and nothing that is decided depends on it: no rank, no sample.
    pub by_clock: bool,
}

impl Metric {
    /// A metric that is the same in every run.
    pub fn new(name: &str, direction: Direction) -> Self {
        Metric { name: name.to_owned(), direction, by_clock: false }
    }

    /// A metric that a clock decides.
    pub fn by_clock(name: &str, direction: Direction) -> Self {
        Metric { by_clock: true, ..Metric::new(name, direction) }
    }
}

/// An `[[objective]]` that the model cannot serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectiveFault {
    /// Which one, from 0.
    pub objective: usize,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub help: String,
}

/// What a study with these `[[objective]]`s is after, of what the model offers: in their order, each with
/// the direction that the file gives it, or else its natural one.
///
/// The first one must not be a clock's: it is the score by which trials are ranked, and the same study has to
/// rank them alike in every run.
///
/// # Errors
///
/// The first that is not offered, or is a clock's where it cannot be.
pub fn wanted(
    objectives: &[ObjectiveSettings],
    offered: &[Metric],
) -> Result<Vec<Metric>, ObjectiveFault> {
    let fault = |objective, problem, help| Err(ObjectiveFault { objective, problem, help });
    let mut metrics = Vec::new();
    for (place, ObjectiveSettings { name, direction, .. }) in objectives.iter().enumerate() {
        let Some(metric) = offered.iter().find(|metric| metric.name == *name) else {
            let names: Vec<&str> = offered.iter().map(|metric| metric.name.as_str()).collect();
            let problem = format!("the model gives no `{name}`");
            return fault(place, problem, suggestion::help(name, &names));
        };
        let direction = direction.unwrap_or(metric.direction);
        metrics.push(Metric { direction, ..metric.clone() });
    }
    let Some(first) = metrics.first().filter(|first| first.by_clock) else { return Ok(metrics) };
    let why = "a clock decides it, and equal studies must rank their trials alike";
    match metrics.iter().find(|metric| !metric.by_clock) {
        Some(other) => fault(
            0,
            format!("`{}` cannot be the first objective: {why}", first.name),
            format!("put `{}` before it: by that trials are ranked", other.name),
        ),
        None => {
            let steady: Vec<String> = offered
                .iter()
                .filter(|metric| !metric.by_clock)
                .map(|metric| format!("`{}`", metric.name))
                .collect();
            fault(
                0,
                format!("`{}` cannot be all that is searched for: {why}", first.name),
                format!("add an [[objective]] before it: {}", steady.join(" or ")),
            )
        }
    }
}

impl StudySettings {
    /// Notes at each objective what [`wanted`] has found, so that nobody has to ask the model again.
    pub fn resolve(&mut self, metrics: &[Metric]) {
        for (objective, metric) in self.objectives.iter_mut().zip(metrics) {
            objective.direction = Some(metric.direction);
            objective.by_clock = metric.by_clock;
        }
        if let Some(first) = metrics.first() {
            self.direction = first.direction;
        }
    }

    /// What the study is after: its resolved objectives, or where it names none, the score that models have
    /// by default, here called `score`.
    pub fn metrics(&self, score: &str) -> Vec<Metric> {
        if self.objectives.is_empty() {
            return vec![Metric::new(score, self.direction)];
        }
        let metric = |objective: &ObjectiveSettings| Metric {
            name: objective.name.clone(),
            direction: objective.direction.unwrap_or_default(),
            by_clock: objective.by_clock,
        };
        self.objectives.iter().map(metric).collect()
    }
}

/// The places of those metrics that are the same in every run, with their directions: all that may decide
/// anything.
pub fn steady(metrics: &[Metric]) -> Vec<(usize, Direction)> {
    let places = metrics.iter().enumerate().filter(|(_, metric)| !metric.by_clock);
    places.map(|(place, metric)| (place, metric.direction)).collect()
}

/// The losses of a trial with these values, one for each of the `steady` metrics; `None` where a value is
/// missing.
pub fn losses(values: &[f64], steady: &[(usize, Direction)]) -> Option<Vec<f64>> {
    let loss = |(place, direction): &(usize, Direction)| Some(direction.loss(*values.get(*place)?));
    steady.iter().map(loss).collect()
}
