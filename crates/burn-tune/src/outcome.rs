//! What a study has come to, with params of the user's own type.

use std::marker::PhantomData;
use std::path::Path;

use burn_tune_ranking::Leaderboard;
use burn_tune_ranking::leaderboard::{State, TrialEntry};
use burn_tune_search::Flag;
use burn_tune_study::OutputFolder;
use burn_tune_study::results::StudyResults;

use crate::error::{Error, Result};
use crate::space::Space;

/// What a study has come to.
///
#[doc = study_example!("let outcome = study.run(10)?;\nlet best = outcome.best().expect(\"a trial is complete\");\nassert_eq!(best.score, outcome.leaderboard().trials[0].mean_test_score);")]
#[derive(Debug, Clone)]
pub struct StudyOutcome<S> {
    results: StudyResults,
    space: PhantomData<S>,
}

/// What a trial has come to.
///
#[doc = study_example!("let best = study.run(10)?.best().expect(\"a trial is complete\");\nassert_eq!(best.rank, 1);\nassert_eq!(best.score, Some(best.params.lr));")]
#[derive(Debug, Clone, PartialEq)]
pub struct TrialOutcome<S> {
    /// Its number, from 0.
    pub number: usize,
    /// What it tried.
    pub params: S,
    /// How it ended.
    pub state: State,
    /// Its rank, from 1; equal ones have the same. Those without a score share the last one.
    pub rank: usize,
    /// The mean of its scores on the folds.
    pub score: Option<f64>,
    /// Their standard deviation.
    pub std: Option<f64>,
    /// Signs that its models are sick.
    pub flags: Vec<Flag>,
    /// Why it failed.
    pub error: Option<String>,
}

impl<S: Space> StudyOutcome<S> {
    pub(crate) fn new(results: StudyResults) -> Self {
        StudyOutcome { results, space: PhantomData }
    }

    /// The best complete trial: the first of the leaderboard. With several metrics, it is one of the Pareto front.
    ///
    #[doc = study_example!("let best = study.run(10)?.best().expect(\"a trial is complete\");\nprintln!(\"trial {}: lr = {}\", best.number, best.params.lr);")]
    pub fn best(&self) -> Option<TrialOutcome<S>> {
        self.results.leaderboard.best().and_then(|best| trial(best).ok())
    }

    /// All trials that have ended, by rank.
    ///
    /// # Errors
    ///
    /// Where another program's trial has params that are no `S`.
    ///
    #[doc = study_example!("for trial in study.run(3)?.trials()? {\n    println!(\"{}: {:?}\", trial.rank, trial.score);\n}")]
    pub fn trials(&self) -> Result<Vec<TrialOutcome<S>>> {
        self.results.leaderboard.trials.iter().map(trial).collect()
    }

    /// The leaderboard, as `leaderboard.json` has it.
    ///
    #[doc = study_example!("let outcome = study.run(3)?;\nassert_eq!(outcome.leaderboard().counts.complete, 3);")]
    pub fn leaderboard(&self) -> &Leaderboard {
        &self.results.leaderboard
    }

    /// Writes `leaderboard.json`, `cv_results.csv`, `timeline.csv` and, where there are any, `curves.npz` into a
    /// folder, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// Each file that cannot be written; the others are there.
    ///
    #[doc = study_example!("# let folder = std::env::temp_dir().join(format!(\"burn-tune-write-{}\", std::process::id()));\nstudy.run(3)?.write(&folder)?; // such as \"results\"\nassert!(folder.join(\"leaderboard.json\").exists());\n# std::fs::remove_dir_all(folder)?;")]
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<()> {
        let output = OutputFolder::open(folder.as_ref())?;
        let written = self.results.write(&output);
        if written.problems.is_empty() {
            return Ok(());
        }
        let problems: Vec<String> = written.problems.iter().map(ToString::to_string).collect();
        Err(Error::new(problems.join("\n")))
    }
}

fn trial<S: Space>(entry: &TrialEntry) -> Result<TrialOutcome<S>> {
    Ok(TrialOutcome {
        number: entry.trial,
        params: S::from_params(&entry.params)?,
        state: entry.state,
        rank: entry.rank,
        score: entry.mean_test_score,
        std: entry.std_test_score,
        flags: entry.flags.clone(),
        error: entry.error.clone(),
    })
}
