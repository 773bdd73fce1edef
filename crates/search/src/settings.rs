//! How a search is done: what a user says of sampler, pruner, folds and ends, as values.

use crate::direction::Direction;
use crate::pruner::PrunerSettings;

/// How candidates are drawn from the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SamplerKind {
    /// At random, as scikit-learn's `ParameterSampler`.
    #[default]
    Random,
    /// The points of the whole grid in order, as scikit-learn's `ParameterGrid`.
    Grid,
    /// Spread evenly: Sobol's sequence, scrambled.
    Sobol,
    /// A tree-structured Parzen estimator, which learns from the trials before.
    Tpe,
    /// A Gaussian process, which learns from the trials before: for few trials that cost much.
    Gp,
    /// CMA-ES, an evolution strategy, which learns from the trials before: for numbers alone.
    Cmaes,
}

impl SamplerKind {
    /// All samplers, by the names that users type.
    #[doc(hidden)]
    pub const NAMES: [(&'static str, SamplerKind); 6] = [
        ("random", SamplerKind::Random),
        ("grid", SamplerKind::Grid),
        ("sobol", SamplerKind::Sobol),
        ("tpe", SamplerKind::Tpe),
        ("gp", SamplerKind::Gp),
        ("cmaes", SamplerKind::Cmaes),
    ];

    /// What users call it.
    pub fn name(self) -> &'static str {
        let known = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        known.map_or("", |(name, _)| name)
    }

    /// Whether it proposes from what the trials before came to.
    #[doc(hidden)]
    pub fn learns(self) -> bool {
        matches!(self, SamplerKind::Tpe | SamplerKind::Gp | SamplerKind::Cmaes)
    }
}

/// How a search is done. [`StudySettings::default`] has what a study does that says nothing.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StudySettings {
    /// What the study is called.
    pub name: String,
    /// Which score is the better one.
    pub direction: Direction,
    /// The seed that every random draw of the study is keyed by.
    pub seed: u64,
    /// How candidates are drawn.
    pub sampler: SamplerKind,
    /// What stops trials that are hopeless; by default nothing does.
    // Left out where there is none, as in the studies of versions that had no pruners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruner: Option<PrunerSettings>,
    /// Folds of the stratified cross-validation; 1 holds out a fifth instead.
    pub folds: usize,
    /// How many of the best are retrained on all of the training data.
    pub top: usize,
    /// How many times each of them is retrained, each time from another seed.
    pub refit_seeds: usize,
    /// How many trials are under way at once, at most, where something learns from those before;
    /// [`DEFAULT_WINDOW`] where it is not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// When the study ends early.
    #[serde(flatten)]
    pub stop_rule: StopRule,
    /// What it is after, the score that ranks first; the model's usual score alone where it is empty.
    // Left out where it is empty, as in the studies of versions that had one objective.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveSettings>,
}

/// How many trials are under way at once, at most, where something learns from those before: few enough to
/// learn from nearly all of them, and with three folds each, enough for the cores of most machines.
pub const DEFAULT_WINDOW: usize = 8;

impl StudySettings {
    /// How many trials are under way at once, at most; `None` where nothing looks at those before.
    pub fn effective_window(&self) -> Option<usize> {
        self.looks_back().then(|| self.window.unwrap_or(DEFAULT_WINDOW))
    }

    /// Whether anything looks at the trials before.
    fn looks_back(&self) -> bool {
        self.sampler.learns() || self.pruner.is_some() || self.stop_rule.is_some()
    }

    /// The window for a study that so many workers, with so many jobs each, are to work on: [`WINDOW_PER_TRIAL`] for
    /// each trial that they have under way at once, and not below [`DEFAULT_WINDOW`]. `None` where nothing looks at
    /// the trials before.
    #[doc(hidden)]
    pub fn window_for(&self, workers: usize, jobs: usize) -> Option<usize> {
        // A pruner may have the folds of a trial come one after the other.
        let folds_at_once = if self.pruner.is_some() { 1 } else { self.folds.max(1) };
        let at_once = workers.saturating_mul(jobs.div_ceil(folds_at_once));
        let window = at_once.saturating_mul(WINDOW_PER_TRIAL).max(DEFAULT_WINDOW);
        self.looks_back().then_some(window)
    }
}

/// How many trials a window has for each that is under way at once: a worker that is free finds one to begin unless
/// another trial takes this many times as long as the others. By `crates/search/benches/window_idle.rs`, workers then
/// wait for less than a twentieth of their time where trials take from 0.5 to 1.5 times their mean.
pub const WINDOW_PER_TRIAL: usize = 2;

/// A study called `study` that draws at random, scores by three folds and retrains the best three from three
/// seeds each.
impl Default for StudySettings {
    fn default() -> Self {
        StudySettings {
            name: "study".to_owned(),
            direction: Direction::default(),
            seed: 0,
            sampler: SamplerKind::default(),
            pruner: None,
            folds: 3,
            top: 3,
            refit_seeds: 3,
            window: None,
            stop_rule: StopRule::default(),
            objectives: Vec::new(),
        }
    }
}

/// When a study ends before it has all of its trials.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct StopRule {
    /// A trial has come to this value, or a better one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// So many trials have ended since the best one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_improvement: Option<usize>,
}

impl StopRule {
    /// Whether it can end a study at all.
    #[doc(hidden)]
    pub fn is_some(&self) -> bool {
        self.target.is_some() || self.no_improvement.is_some()
    }
}

/// One of the things that a study is after.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ObjectiveSettings {
    /// What the model calls it, such as `accuracy`.
    pub name: String,
    /// Which value is the better one; where it is not stated, that is for the model to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Whether a clock decides it. No file says so: the model does.
    #[serde(rename = "by_clock", default, skip_serializing_if = "std::ops::Not::not")]
    pub wall_clock: bool,
}

/// Whether a study may be called so.
///
/// # Errors
///
/// What is wrong with the name. PostgreSQL's column takes 512 characters; a control character would do what it
/// likes with the terminal that lists studies.
pub fn check_name(name: &str) -> Result<(), String> {
    match name.chars().count() {
        0 => Err("a study needs a name, and this one is empty".into()),
        1..=512 if name.contains(char::is_control) => {
            Err(format!("the name of a study has no control characters: {name:?}"))
        }
        1..=512 => Ok(()),
        length => Err(format!("a name has at most 512 characters, and this one {length}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(
        sampler: SamplerKind,
        pruner: &str,
        (workers, jobs): (usize, usize),
    ) -> Option<usize> {
        let pruner = PrunerSettings::by_name(pruner);
        StudySettings { sampler, pruner, ..StudySettings::default() }.window_for(workers, jobs)
    }

    #[test]
    fn a_window_follows_from_the_workers() {
        use SamplerKind::{Random, Tpe};
        assert_eq!(window(Random, "none", (128, 8)), None, "nothing looks back");
        assert_eq!(window(Tpe, "none", (1, 2)), Some(DEFAULT_WINDOW));
        assert_eq!(window(Tpe, "none", (128, 1)), Some(128 * WINDOW_PER_TRIAL));
        let of_three_folds = window(Tpe, "none", (32, 8));
        assert_eq!(of_three_folds, Some(32 * 3 * WINDOW_PER_TRIAL), "8 jobs have 3 trials");
        assert_eq!(window(Random, "asha", (32, 8)), Some(32 * 8 * WINDOW_PER_TRIAL));
        assert_eq!(window(Tpe, "none", (usize::MAX, 8)), Some(usize::MAX));
    }
}
