//! What an objective measures of a trained model, by name; and which of it a study is after.

use serde::{Deserialize, Serialize};

use crate::did_you_mean;
use crate::direction::Direction;
use crate::settings::{ObjectiveSettings, StudySettings};

/// One number of a trained model, and which values of it are the better ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// What it is called, such as `accuracy`.
    pub name: String,
    /// Which value is the better one.
    pub direction: Direction,
    /// Whether a clock decides it. Then it is shown, but stands in no file that is to be the same in every
    /// run, and nothing that is decided depends on it: no rank, no sample.
    #[serde(rename = "by_clock")]
    pub wall_clock: bool,
}

impl Metric {
    /// A metric that is the same in every run.
    pub fn new(name: &str, direction: Direction) -> Self {
        Metric { name: name.to_owned(), direction, wall_clock: false }
    }

    /// A metric that a clock decides.
    pub fn wall_clock(name: &str, direction: Direction) -> Self {
        Metric { wall_clock: true, ..Metric::new(name, direction) }
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
pub fn resolve_objectives(
    objectives: &[ObjectiveSettings],
    offered: &[Metric],
) -> Result<Vec<Metric>, ObjectiveFault> {
    let fault = |objective, problem, help| Err(ObjectiveFault { objective, problem, help });
    let mut metrics = Vec::new();
    for (place, ObjectiveSettings { name, direction, .. }) in objectives.iter().enumerate() {
        let Some(metric) = offered.iter().find(|metric| metric.name == *name) else {
            let names: Vec<&str> = offered.iter().map(|metric| metric.name.as_str()).collect();
            let problem = format!("the model gives no `{name}`");
            return fault(place, problem, did_you_mean::help(name, &names));
        };
        let direction = direction.unwrap_or(metric.direction);
        metrics.push(Metric { direction, ..metric.clone() });
    }
    let Some(first) = metrics.first().filter(|first| first.wall_clock) else { return Ok(metrics) };
    let why = "a clock decides it, and equal studies must rank their trials alike";
    match metrics.iter().find(|metric| !metric.wall_clock) {
        Some(other) => fault(
            0,
            format!("`{}` cannot be the first objective: {why}", first.name),
            format!("put `{}` before it: by that trials are ranked", other.name),
        ),
        None => {
            let deterministic: Vec<String> = offered
                .iter()
                .filter(|metric| !metric.wall_clock)
                .map(|metric| format!("`{}`", metric.name))
                .collect();
            fault(
                0,
                format!("`{}` cannot be all that is searched for: {why}", first.name),
                format!("add an [[objective]] before it: {}", deterministic.join(" or ")),
            )
        }
    }
}

impl StudySettings {
    /// Notes at each objective what [`resolve_objectives`] has found, so that nobody has to ask the model again.
    pub fn resolve(&mut self, metrics: &[Metric]) {
        for (objective, metric) in self.objectives.iter_mut().zip(metrics) {
            objective.direction = Some(metric.direction);
            objective.wall_clock = metric.wall_clock;
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
            wall_clock: objective.wall_clock,
        };
        self.objectives.iter().map(metric).collect()
    }
}

/// The places of those metrics that are the same in every run, with their directions: all that may decide
/// anything.
pub fn deterministic(metrics: &[Metric]) -> Vec<(usize, Direction)> {
    let places = metrics.iter().enumerate().filter(|(_, metric)| !metric.wall_clock);
    places.map(|(place, metric)| (place, metric.direction)).collect()
}

/// The losses of a trial with these values, one for each of the `deterministic` metrics; `None` where a value is
/// missing.
pub fn losses(values: &[f64], deterministic: &[(usize, Direction)]) -> Option<Vec<f64>> {
    let loss = |(place, direction): &(usize, Direction)| Some(direction.loss(*values.get(*place)?));
    deterministic.iter().map(loss).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered() -> Vec<Metric> {
        vec![
            Metric::new("accuracy", Direction::Maximize),
            Metric::new("parameters", Direction::Minimize),
            Metric::wall_clock("seconds_per_epoch", Direction::Minimize),
        ]
    }

    fn objectives(names: &[&str]) -> Vec<ObjectiveSettings> {
        let objective = |name: &&str| ObjectiveSettings {
            name: (*name).to_owned(),
            direction: None,
            wall_clock: false,
        };
        names.iter().map(objective).collect()
    }

    #[test]
    fn a_direction_is_the_files_or_else_the_natural_one() {
        let mut all = objectives(&["parameters", "seconds_per_epoch", "accuracy"]);
        all[2].direction = Some(Direction::Minimize);
        let metrics = resolve_objectives(&all, &offered()).unwrap();
        let minimize = Direction::Minimize;
        assert_eq!(metrics[0], Metric::new("parameters", minimize));
        assert_eq!(metrics[1], Metric::wall_clock("seconds_per_epoch", minimize));
        assert_eq!(metrics[2], Metric::new("accuracy", minimize));
        assert_eq!(deterministic(&metrics), [(0, minimize), (2, minimize)]);
        assert_eq!(losses(&[9.0, 0.5, 0.9], &deterministic(&metrics)), Some(vec![9.0, 0.9]));
        assert_eq!(losses(&[9.0], &deterministic(&metrics)), None);
    }

    #[test]
    fn what_is_not_offered_or_is_a_clocks_at_the_first_place_is_refused() {
        let refusal = |names: &[&str]| {
            let fault = resolve_objectives(&objectives(names), &offered()).unwrap_err();
            format!("{}: {}; {}", fault.objective, fault.problem, fault.help)
        };
        insta::assert_snapshot!(refusal(&["accuracy", "parameter"]), @"1: the model gives no `parameter`; did you mean `parameters`? Allowed: accuracy, parameters, seconds_per_epoch");
        insta::assert_snapshot!(refusal(&["seconds_per_epoch", "accuracy"]), @"0: `seconds_per_epoch` cannot be the first objective: a clock decides it, and equal studies must rank their trials alike; put `accuracy` before it: by that trials are ranked");
        insta::assert_snapshot!(refusal(&["seconds_per_epoch"]), @"0: `seconds_per_epoch` cannot be all that is searched for: a clock decides it, and equal studies must rank their trials alike; add an [[objective]] before it: `accuracy` or `parameters`");
    }

    #[test]
    fn resolved_settings_know_their_metrics_and_so_do_those_without_objectives() {
        let text = "[[objective]]\nname = 'parameters'\n[[objective]]\nname = 'seconds_per_epoch'\n[space]\na = [1]";
        let mut study = crate::fixtures::spec(text).settings;
        let metrics = resolve_objectives(&study.objectives, &offered()).unwrap();
        study.resolve(&metrics);
        assert_eq!((study.metrics("score"), study.direction), (metrics, Direction::Minimize));
        study.objectives.clear();
        assert_eq!(study.metrics("score"), [Metric::new("score", Direction::Minimize)]);
    }
}
