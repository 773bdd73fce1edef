//! `report.json`: models that were trained on all of the training data from several seeds, beside what
//! somebody else has reported of them.

use burn_tune_search::curves::LOSS;
use burn_tune_search::objective::ObjectiveError;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Candidate, Flag, KnownFlag, Params, RefitScore};
use serde::{Deserialize, Serialize};

use crate::claim::Claim;
use crate::convergence::{Convergence, convergence};
use crate::result_file::{ResultFile, finite};
#[cfg(test)]
#[cfg(test)]
use crate::schema_parts;
use crate::statistics::{mean, std};
use crate::verdict::{ClaimEntry, Falls, verdict};

/// The flag whose numbers are the classes that no prediction named.
pub const NEVER_PREDICTS: &str = "never_predicts";

/// What a training report says of its study besides the models.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingFacts {
    /// What the space is called.
    pub name: String,
    /// The seed of the study.
    pub seed: u64,
    /// What was trained and tested on.
    pub evaluation: TrainingEvaluation,
    /// How many seeds each model was to be trained from.
    pub seeds: usize,
}

/// A model that was to be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedModel {
    /// Its name and params.
    pub candidate: Candidate,
    /// How many numbers it trains.
    pub size: u64,
    /// The scores that somebody else has published for it.
    pub reported: Vec<f64>,
}

/// Named models, trained on all of the training data from several seeds, and scored on the test data.
/// Equal settings give equal files to the byte, as for a leaderboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "Training report of burn-tune"))]
pub struct TrainingReport {
    /// The version of this format.
    pub format: u32,
    /// The name of the search space.
    pub name: String,
    /// The seed that every random draw comes from.
    pub seed: u64,
    /// What was trained and tested on.
    pub evaluation: TrainingEvaluation,
    /// From how many seeds each model was to be trained.
    pub seeds: usize,
    /// The models in the order of the file; the first is the one that others are compared with.
    pub models: Vec<ModelEntry>,
    /// What was claimed of the models, and whether it holds.
    pub claims: Vec<ClaimEntry>,
}

/// What models are trained and tested on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TrainingEvaluation {
    /// The data set.
    pub dataset: String,
    /// What a score is, such as `accuracy`.
    pub metric: String,
    /// What the data set calls its classes, in order.
    pub classes: Vec<u8>,
    /// How many training examples there are.
    pub train_examples: usize,
    /// How many test examples there are.
    pub test_examples: usize,
    /// What computes: `flex`, `ndarray` or `wgpu`.
    pub backend: String,
}

/// One model with what its trainings came to, in the order of the seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ModelEntry {
    /// The name that the space gives it; `trial N` where it gives none.
    pub name: String,
    /// The number of the explicit trial, from 0.
    pub trial: usize,
    /// The value of each parameter, in the order of the space.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::params"))]
    pub params: Params,
    /// How many numbers the model trains.
    pub size: u64,
    /// The scores that somebody else has published for it.
    pub reported: Vec<f64>,
    /// The score of each seed on the test data; null where the training failed or was abandoned.
    pub test_scores: Vec<Option<f64>>,
    /// The mean of `test_scores`; null where one of them is.
    pub mean: Option<f64>,
    /// The standard deviation of `test_scores`, of the population (divided by n); null likewise.
    pub std: Option<f64>,
    /// The lowest of `test_scores`.
    pub min: Option<f64>,
    /// The highest of `test_scores`.
    pub max: Option<f64>,
    /// For each seed and each class, the share of its test examples that were recognised; an empty list
    /// where the training failed.
    pub per_class_recall: Vec<Vec<Option<f64>>>,
    /// For each seed, the classes that no prediction named.
    pub never_predicted: Vec<Vec<u8>>,
    /// How many steps each training had; null where no curve was recorded.
    pub steps: Option<usize>,
    /// For each seed, the step from which the smoothed loss stays within 2% of its fall around its end
    /// value; null where it does not within the training, or no curve was recorded.
    pub convergence_steps: Vec<Option<usize>>,
    /// The lower median of `convergence_steps`, where null is later than any step.
    pub convergence_step: Option<usize>,
    /// Signs that the models are sick, of any seed.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::flags"))]
    pub flags: Vec<Flag>,
    /// What happened to the trainings that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl ResultFile for TrainingReport {
    const FORMAT: u32 = 1;
    const OLDEST: u32 = 1;
    const ROWS: &'static [&'static str] = &["claims"];
    const COMMAND: &'static str = "burn-tune train";
}

/// Two models that differ in one parameter alone: what that parameter does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast<'a> {
    /// The parameter.
    pub param: &'a str,
    /// The model that stands first in the file.
    pub first: &'a ModelEntry,
    /// The other one.
    pub second: &'a ModelEntry,
}

impl TrainingReport {
    /// Parameters that are not the same in all models, in the order of the space.
    pub fn varying_params(&self) -> Vec<&str> {
        Params::varying(self.models.iter().map(|model| &model.params))
    }

    /// Puts to the flags of a file what is known of them: their advice, and the order in which they are listed.
    pub fn look_up_flags(&mut self, known: &[KnownFlag]) {
        for model in &mut self.models {
            Flag::look_up(&mut model.flags, known);
        }
    }

    /// The pairs of models that differ in one parameter alone, parameter by parameter.
    pub fn contrasts(&self) -> Vec<Contrast<'_>> {
        let mut contrasts = Vec::new();
        for (place, first) in self.models.iter().enumerate() {
            for second in &self.models[place + 1..] {
                if let [param] = Params::varying([&first.params, &second.params])[..] {
                    contrasts.push(Contrast { param, first, second });
                }
            }
        }
        let order = self.varying_params();
        contrasts.sort_by_key(|contrast| order.iter().position(|name| *name == contrast.param));
        contrasts
    }

    /// The model whose scores are furthest apart, with the lowest and the highest of them; `None` where
    /// none has two.
    pub fn widest(&self) -> Option<(&ModelEntry, f64, f64)> {
        let ranges = self.models.iter().filter_map(|model| {
            let scores = model.test_scores.iter().flatten().count();
            (scores > 1).then_some((model, model.min?, model.max?))
        });
        ranges.max_by(|a, b| (a.2 - a.1).total_cmp(&(b.2 - b.1)))
    }

    /// Puts together what the trainings of each of `models` came to; `models[n]` is trial `n` of
    /// `refits`.
    pub fn new(
        facts: &TrainingFacts,
        models: &[NamedModel],
        claims: &[Claim],
        refits: &[Refit],
    ) -> Self {
        let entries: Vec<(ModelEntry, Vec<Option<Convergence>>)> = models
            .iter()
            .enumerate()
            .map(|(trial, model)| model_entry(facts, trial, model, refits))
            .collect();
        let falls: Vec<Falls> = entries
            .iter()
            .map(|(entry, seeds)| Falls {
                name: &entry.name,
                steps: entry.steps.unwrap_or(0),
                seeds: seeds.clone(),
            })
            .collect();
        let claims = claims.iter().map(|claim| verdict(claim, &falls)).collect();
        TrainingReport {
            format: Self::FORMAT,
            name: facts.name.clone(),
            seed: facts.seed,
            evaluation: facts.evaluation.clone(),
            seeds: facts.seeds,
            models: entries.into_iter().map(|(entry, _)| entry).collect(),
            claims,
        }
    }
}

fn model_entry(
    facts: &TrainingFacts,
    trial: usize,
    model: &NamedModel,
    refits: &[Refit],
) -> (ModelEntry, Vec<Option<Convergence>>) {
    let results: Vec<Option<&Result<RefitScore, ObjectiveError>>> = (0..facts.seeds)
        .map(|seed| refits.iter().find(|refit| (refit.trial, refit.seed) == (trial, seed)))
        .map(|refit| refit.map(|refit| &refit.result))
        .collect();
    let trained: Vec<Option<&RefitScore>> =
        results.iter().map(|result| result.and_then(|result| result.as_ref().ok())).collect();
    let scores: Vec<f64> =
        trained.iter().map(|score| score.map_or(f64::NAN, |score| score.score)).collect();
    let known = || scores.iter().copied().filter(|score| score.is_finite());
    let curves = |score: &Option<&RefitScore>| score.and_then(|score| score.curves.clone());
    let seeds: Vec<Option<Convergence>> =
        trained.iter().map(|score| convergence(curves(score)?.get(LOSS))).collect();
    let steps = trained.iter().filter_map(|score| Some(curves(score)?.steps())).max();
    let name = model.candidate.name.clone().unwrap_or_else(|| format!("trial {trial}"));
    let falls = Falls { name: &name, steps: steps.unwrap_or(0), seeds: seeds.clone() };
    let entry = ModelEntry {
        trial,
        params: model.candidate.params.clone(),
        size: model.size,
        reported: model.reported.clone(),
        mean: finite(mean(&scores)),
        std: finite(std(&scores)),
        min: known().reduce(f64::min),
        max: known().reduce(f64::max),
        test_scores: scores.iter().copied().map(finite).collect(),
        per_class_recall: trained.iter().map(|score| recall(*score)).collect(),
        never_predicted: trained.iter().map(|score| never_predicted(*score)).collect(),
        steps,
        convergence_steps: seeds.iter().map(|seed| seed.and_then(|seed| seed.flat_step)).collect(),
        convergence_step: falls.median_flat_step(),
        flags: Flag::union(results.iter().flatten().flat_map(|result| flags(result)).cloned()),
        errors: results
            .iter()
            .enumerate()
            .filter_map(|(seed, result)| error(seed, *result))
            .collect(),
        name,
    };
    (entry, seeds)
}

fn recall(score: Option<&RefitScore>) -> Vec<Option<f64>> {
    score.map_or(vec![], |score| score.per_class_recall.iter().copied().map(finite).collect())
}

fn never_predicted(score: Option<&RefitScore>) -> Vec<u8> {
    let flag = score.and_then(|score| score.flags.iter().find(|flag| flag.id() == NEVER_PREDICTS));
    let classes = flag.map_or(&[][..], Flag::numbers);
    classes.iter().filter_map(|&class| u8::try_from(class).ok()).collect()
}

fn flags(result: &Result<RefitScore, ObjectiveError>) -> &[Flag] {
    match result {
        Ok(score) => &score.flags,
        Err(ObjectiveError::Failed { flags, .. }) => flags,
        Err(ObjectiveError::Interrupted) => &[],
    }
}

fn error(seed: usize, result: Option<&Result<RefitScore, ObjectiveError>>) -> Option<String> {
    match result {
        Some(Err(ObjectiveError::Failed { reason, .. })) => Some(format!("seed {seed}: {reason}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
