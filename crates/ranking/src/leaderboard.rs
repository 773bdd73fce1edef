//! `leaderboard.json`: a study's trials ranked, the best of them with their refits.

mod flags;
mod pruning;

use std::collections::BTreeMap;

use burn_tune_search::metric::{Metric, deterministic};
use burn_tune_search::objective::ObjectiveError;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Direction, Flag, History, Params, RefitScore, Space, TrialState};
use serde::{Deserialize, Serialize};

use self::flags::of_models;
pub use self::pruning::{PruningEntry, StepScore};
use crate::noise::NoiseBand;
use crate::result_file::{ResultFile, finite};
#[cfg(test)]
use crate::schema_parts;
use crate::standings::{Standing, standings, top};
use crate::statistics::{mean, std};

/// What a leaderboard says of its study besides the trials.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyFacts {
    /// What the space is called.
    pub name: String,
    /// The seed of the study.
    pub seed: u64,
    /// Which score is the better one.
    pub direction: Direction,
    /// What was searched.
    pub space: Space,
    /// How trials were scored.
    pub evaluation: Evaluation,
    /// How many of the best are refitted.
    pub top: usize,
    /// How many seeds each of them is refitted on.
    pub refit_seeds: usize,
    /// The pruner, where there is one.
    pub pruner: Option<String>,
    /// All that the study is after, the metric of the evaluation first; empty where that is all.
    pub metrics: Vec<Metric>,
}

impl StudyFacts {
    /// All that the study is after; at least one metric.
    pub fn metrics(&self) -> Vec<Metric> {
        match self.metrics.as_slice() {
            [] => vec![Metric::new(&self.evaluation.metric, self.direction)],
            metrics => metrics.to_vec(),
        }
    }

    /// The metrics that no clock decides, where there are several; else none.
    fn objectives(&self) -> Vec<ObjectiveEntry> {
        let deterministic = deterministic(&self.metrics);
        let several = deterministic.iter().filter(|_| deterministic.len() > 1);
        let entry = |(place, direction): &(usize, Direction)| ObjectiveEntry {
            name: self.metrics[*place].name.clone(),
            direction: *direction,
        };
        several.map(entry).collect()
    }
}

/// The trials of a study ranked by the rules of scikit-learn, and the best of them refitted. Equal
/// studies (same space, seed, data and backend) give equal files to the byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "Leaderboard of burn-tune"))]
pub struct Leaderboard {
    /// The version of this format.
    pub format: u32,
    /// The name of the search space.
    pub name: String,
    /// The seed that every random draw of the study comes from.
    pub seed: u64,
    /// Whether a larger or a smaller score is the better one.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::direction"))]
    pub direction: Direction,
    /// What the study is after, where that is more than one thing: the score and its direction first. What a
    /// clock decides is left out, here and in the ranks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveEntry>,
    /// For each parameter, in the order of the file, the values that it may take: a fixed value, a list,
    /// or a range.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::space"))]
    pub space: Space,
    /// How trials were scored.
    pub evaluation: Evaluation,
    /// How many trials there are of each state.
    pub counts: Counts,
    /// Which trials cannot be told from the best one; absent where nothing is known about noise: with a single
    /// fold, fewer than two complete trials, or several objectives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_band: Option<NoiseBand>,
    /// What the pruner has saved, where there is one, and it is known how many steps there would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<PruningEntry>,
    /// The refits of the best complete trials, in the order of `trials`: each retrained on all of the training
    /// data and scored on the test data. All else about them stands in `trials`, under the same number. With several objectives they are of the Pareto front, spread over it. Empty where no
    /// refit was asked for.
    pub top: Vec<TopEntry>,
    /// All finished trials, by rank, and by number where ranks are equal; with several objectives, within a
    /// rank the better ones in the first objective come first.
    pub trials: Vec<TrialEntry>,
}

/// One of several things that a study is after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObjectiveEntry {
    /// What it is called.
    pub name: String,
    /// Whether a larger or a smaller value is the better one.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::direction"))]
    pub direction: Direction,
}

/// How trials were scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evaluation {
    /// The data set; absent where trials are scored by another program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The command that scores a trial, with `{lr}` where the param `lr` stands; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What a score is, such as `accuracy`.
    pub metric: String,
    /// How many folds of stratified cross-validation a trial is scored on; 1 holds out a fifth
    /// instead. The one score of a program counts as one fold.
    pub folds: usize,
    /// How many training examples there are, all folds together; absent without a data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_examples: Option<usize>,
    /// How many test examples there are, which refits alone are scored on; absent without a data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_examples: Option<usize>,
    /// What computes: `flex`, `ndarray` or `wgpu`; absent where another program does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
}

/// How many trials there are of each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// Trials with a score for every fold, and those of other programs that have a value.
    pub complete: usize,
    /// Trials that a pruner has stopped because they were hopeless.
    pub pruned: usize,
    /// Trials of which a fold failed.
    pub failed: usize,
}

/// One of the best trials, with its refits. Format 1 repeated here what `trials` has of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TopEntry {
    /// The number of the trial, from 0, by which it is found in `trials`.
    pub trial: usize,
    /// The name that the space gives an explicit trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the refits came to; null where they were not all done, because the study was interrupted.
    pub refit: Option<RefitEntry>,
    /// Signs that the models are sick, of any refit. Those of the folds stand in `trials`.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::flags"))]
    pub flags: Vec<Flag>,
}

/// What became of a trial that was retrained on all of the training data, from several seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RefitEntry {
    /// How many seeds there were.
    pub seeds: usize,
    /// The score of each seed on the test data; null where the refit failed or gave no finite number.
    pub test_scores: Vec<Option<f64>>,
    /// The mean of `test_scores`; null where one of them is.
    pub mean: Option<f64>,
    /// The standard deviation of `test_scores`, of the population (divided by n); null where one of them
    /// is.
    pub std: Option<f64>,
    /// For each class, the share of its test examples that were recognised, as the mean of the seeds;
    /// null where a score is null. A class without test examples has null.
    pub per_class_recall: Option<Vec<Option<f64>>>,
    /// What happened to the first refit that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One finished trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TrialEntry {
    /// The rank among all trials, from 1; equal means share a rank. With several objectives, the trials that no
    /// other dominates share rank 1, those that are dominated by none but these share the next one, and so on.
    /// Pruned trials share the one behind those that are complete, and failed trials the last.
    pub rank: usize,
    /// The number of the trial, from 0.
    pub trial: usize,
    /// The name that the space gives an explicit trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The value of each parameter, in the order of the space.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::params"))]
    pub params: Params,
    /// How many numbers the model trains; absent where nobody knows, as for another program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How the trial ended.
    pub state: State,
    /// With several objectives, whether the trial is on the Pareto front: no other is nowhere worse, and
    /// somewhere better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<bool>,
    /// With several objectives, the mean over the folds of each, by name, of a complete trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, f64>>,
    /// The mean of `split_test_scores`; null where one of them is. The value, for a trial of another
    /// program.
    pub mean_test_score: Option<f64>,
    /// The standard deviation of `split_test_scores`, of the population (divided by n); null where one of
    /// them is, and for a trial of another program.
    pub std_test_score: Option<f64>,
    /// The score of each fold; null from the fold that failed on. Empty for a trial that another program,
    /// such as Optuna, has added to the study.
    pub split_test_scores: Vec<Option<f64>>,
    /// Signs that the models are sick, of any fold.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::flags"))]
    pub flags: Vec<Flag>,
    /// Whether the trial is behind the first of rank 1 by no more than the width of `noise_band`; null where there
    /// is no band, and for a trial that is not complete or is another program's.
    pub within_noise_of_best: Option<bool>,
    /// What the trial scored on the way: on the first fold after each epoch, where a pruner looks at that; or
    /// what its program reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<StepScore>,
    /// Where a pruner stopped the trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned_at: Option<StepScore>,
    /// Why the trial failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Every fold has a score.
    Complete,
    /// A pruner has stopped it.
    Pruned,
    /// A fold has failed.
    Failed,
}

#[doc(hidden)]
impl ResultFile for Leaderboard {
    const FORMAT: u32 = 2;
    const OLDEST: u32 = 1;
    const ROWS: &'static [&'static str] = &["objectives", "top", "trials"];
    const COMMAND: &'static str = "burn-tune search";

    /// In format 1, `top` had the flags of the folds and of the refits together.
    fn upgraded(mut self) -> Self {
        self.format = Self::FORMAT;
        for entry in &mut self.top {
            let mut trials = self.trials.iter();
            let of_folds = trials.find(|trial| trial.trial == entry.trial);
            if of_folds.is_some_and(|trial| trial.flags == entry.flags) {
                entry.flags.clear();
            }
        }
        self
    }
}

impl Leaderboard {
    /// The best complete trial; with several objectives, the best in the first.
    pub fn best(&self) -> Option<&TrialEntry> {
        let score =
            |trial: &&TrialEntry| trial.mean_test_score.filter(|_| trial.state == State::Complete);
        let loss = |trial: &&TrialEntry| score(trial).map(|score| self.direction.loss(score));
        let scored = self.trials.iter().filter(|trial| score(trial).is_some());
        // Of equals the first, which has the better rank.
        scored.min_by(|a, b| loss(a).partial_cmp(&loss(b)).unwrap_or(std::cmp::Ordering::Equal))
    }

    /// The same with the sizes of the models. The crate knows no models, so it is told.
    #[doc(hidden)]
    pub fn with_sizes(mut self, size: impl Fn(&Params) -> Option<u64>) -> Self {
        for trial in &mut self.trials {
            trial.size = size(&trial.params);
        }
        self
    }

    /// Whether the reader has a choice: a trial besides the best one that cannot be told from it.
    #[doc(hidden)]
    pub fn offers_choice(&self) -> bool {
        let near = self.trials.iter().filter(|trial| trial.within_noise_of_best == Some(true));
        near.count() > 1
    }

    /// The refits of the trial with this number, if it is one of the best.
    pub fn top_entry(&self, number: usize) -> Option<&TopEntry> {
        self.top.iter().find(|entry| entry.trial == number)
    }

    /// Parameters that are not the same in all trials, in the order of the space.
    #[doc(hidden)]
    pub fn varying_params(&self) -> Vec<&str> {
        Params::varying(self.trials.iter().map(|trial| &trial.params))
    }

    /// Ranks the finished trials of `history`, and puts to the best what their `refits` came to. Trials
    /// that are still running are left out.
    #[doc(hidden)]
    pub fn new(facts: &StudyFacts, history: &History, refits: &[Refit]) -> Self {
        let standings = standings(history, &facts.metrics(), facts.evaluation.folds);
        let objectives = facts.objectives();
        let failed = standings.iter().filter(|standing| standing.has_failed()).count();
        let pruned = standings.iter().filter(|standing| standing.is_pruned()).count();
        let best = top(&standings, 1).first().copied().filter(|_| objectives.is_empty());
        let noise_band = best.and_then(|_| noise_band(&standings));
        let noise = best.zip(noise_band.as_ref());
        Leaderboard {
            format: Self::FORMAT,
            name: facts.name.clone(),
            seed: facts.seed,
            direction: facts.direction,
            space: facts.space.clone(),
            evaluation: facts.evaluation.clone(),
            counts: Counts { complete: standings.len() - failed - pruned, pruned, failed },
            noise_band,
            pruning: pruning::pruning(facts, &standings),
            top: top(&standings, facts.top)
                .into_iter()
                .map(|standing| top_entry(standing, refits, facts.refit_seeds))
                .collect(),
            trials: standings
                .iter()
                .map(|standing| TrialEntry {
                    front: front(standing, &objectives),
                    values: values(standing, facts, &objectives),
                    ..trial_entry(standing, noise, facts.direction)
                })
                .collect(),
            objectives,
        }
    }
}

/// The noise of the study; `None` where a single fold, or a single trial, says nothing about it.
fn noise_band(standings: &[Standing]) -> Option<NoiseBand> {
    let complete = standings.iter().filter(|standing| standing.is_complete());
    let scores: Vec<&[f64]> = complete.map(|standing| standing.scores.as_slice()).collect();
    let folds = scores.iter().map(|scores| scores.len()).max()?;
    // The k folds partition the examples: each is tested on one, and trained on k - 1. Folds whose sizes differ
    // by one example are taken as equal.
    NoiseBand::of(&scores, 1.0 / (folds as f64 - 1.0))
}

/// Whether the trial is on the Pareto front; `None` where there are not several objectives.
fn front(standing: &Standing, objectives: &[ObjectiveEntry]) -> Option<bool> {
    (!objectives.is_empty()).then_some(standing.rank == 1 && !standing.losses.is_empty())
}

/// The value of each of several objectives; `None` where there are not several, or the trial has not all.
fn values(
    standing: &Standing,
    facts: &StudyFacts,
    objectives: &[ObjectiveEntry],
) -> Option<BTreeMap<String, f64>> {
    let is_wanted = !objectives.is_empty() && !standing.losses.is_empty();
    let named = facts.metrics.iter().zip(&standing.values).filter(|(metric, _)| !metric.wall_clock);
    is_wanted.then(|| named.map(|(metric, value)| (metric.name.clone(), *value)).collect())
}

fn top_entry(standing: &Standing, refits: &[Refit], seeds: usize) -> TopEntry {
    let trial = standing.trial;
    let refits = all_refits(trial.number, refits, seeds);
    let refit_flags = refits.iter().flatten().flat_map(|result| match result {
        Ok(score) => &score.flags,
        Err((_, flags)) => flags,
    });
    TopEntry {
        trial: trial.number,
        name: trial.name.clone(),
        flags: of_models(Flag::union(refit_flags.cloned())),
        refit: refits.as_deref().map(refit_entry),
    }
}

/// What a refit came to: a score, or why there is none and what was wrong with the model.
type RefitResult<'a> = Result<&'a RefitScore, (&'a String, &'a Vec<Flag>)>;

/// What the refits of a trial came to, in the order of their seeds; `None` unless all are done, since
/// what some of them gave depends on when the study was interrupted.
fn all_refits(trial: usize, refits: &[Refit], seeds: usize) -> Option<Vec<RefitResult<'_>>> {
    let of_seed = |seed| refits.iter().find(|refit| refit.trial == trial && refit.seed == seed);
    let result = |seed| match &of_seed(seed)?.result {
        Ok(score) => Some(Ok(score)),
        Err(ObjectiveError::Failed { reason, flags }) => Some(Err((reason, flags))),
        Err(ObjectiveError::Interrupted) => None,
    };
    (0..seeds).map(result).collect()
}

fn refit_entry(results: &[RefitResult]) -> RefitEntry {
    let scores: Vec<f64> =
        results.iter().map(|result| result.map_or(f64::NAN, |score| score.score)).collect();
    let recalls: Option<Vec<&[f64]>> =
        results.iter().map(|result| Some(result.ok()?.per_class_recall.as_slice())).collect();
    let error = results.iter().enumerate().find_map(|(seed, result)| match result {
        Err((reason, _)) => Some(format!("seed {seed}: {reason}")),
        Ok(RefitScore { score, .. }) if !score.is_finite() => {
            Some(format!("seed {seed}: the score is {score}, which is not a finite number"))
        }
        Ok(_) => None,
    });
    RefitEntry {
        seeds: results.len(),
        mean: finite(mean(&scores)),
        std: finite(std(&scores)),
        test_scores: scores.into_iter().map(finite).collect(),
        per_class_recall: recalls.map(|recalls| mean_by_class(&recalls)),
        error,
    }
}

fn mean_by_class(recalls: &[&[f64]]) -> Vec<Option<f64>> {
    let classes = recalls.iter().map(|recall| recall.len()).min().unwrap_or(0);
    let of_class = |class: usize| recalls.iter().map(|recall| recall[class]).collect::<Vec<f64>>();
    (0..classes).map(|class| finite(mean(&of_class(class)))).collect()
}

fn trial_entry(
    standing: &Standing,
    noise: Option<(&Standing, &NoiseBand)>,
    direction: Direction,
) -> TrialEntry {
    let trial = standing.trial;
    let (state, error) = match &trial.state {
        TrialState::Failed { failure, .. } => (State::Failed, Some(failure.reason.clone())),
        TrialState::Pruned { .. } => (State::Pruned, None),
        _ => (State::Complete, None),
    };
    let noise = noise.filter(|_| standing.is_complete() && !standing.scores.is_empty());
    TrialEntry {
        rank: standing.rank,
        trial: trial.number,
        name: trial.name.clone(),
        params: trial.params.clone(),
        size: None,
        state,
        front: None,
        values: None,
        mean_test_score: finite(standing.mean),
        std_test_score: finite(standing.std),
        split_test_scores: standing.scores.iter().copied().map(finite).collect(),
        flags: of_models(trial.flags()),
        within_noise_of_best: noise.map(|(best, band)| {
            band.holds(direction.loss(standing.mean) - direction.loss(best.mean))
        }),
        reports: trial
            .folds()
            .first()
            .map(|fold| fold.intermediate_values.iter().copied().map(StepScore::from).collect())
            .unwrap_or_default(),
        pruned_at: trial.pruned_at().map(StepScore::from),
        error,
    }
}

#[cfg(test)]
mod several_objectives;
#[cfg(test)]
mod tests;
