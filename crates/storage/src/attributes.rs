//! The attributes by which burn-tune keeps in Optuna's tables what those have no columns for: their keys, and
//! what those of a study mean. Whoever writes or reads one does it by these names.

use crate::records::StudyRecord;

/// User attribute of a study of ours: format, version, and when it was begun.
pub const BURN_TUNE: &str = "burn_tune";
/// User attribute of a study: its space.
pub const SPACE: &str = "space";
/// User attribute of a study: the explicit trials.
pub const EXPLICIT_TRIALS: &str = "explicit_trials";
/// User attribute of a study: what its file says of settings.
pub const FILE_SETTINGS: &str = "file_settings";
/// User attribute of a study: how it is done.
pub const SETTINGS: &str = "settings";
/// User attribute of a study: the numbers of trials that it was asked for, one after the other.
pub const BUDGETS: &str = "budgets";
/// User attribute of a study whose trials are limited: in time and in memory.
pub const LIMITS: &str = "limits";
/// User attribute of a study whose results have been written: for how many trials.
pub const FINISHED: &str = "finished";
/// User attribute of a study: how many worker threads it has had.
pub(crate) const WORKERS: &str = "workers";
/// System attribute of a study: who works on what its next trial tries, and until when that is to be
/// believed. It is there only meanwhile.
pub(crate) const PROPOSAL: &str = "burn_tune:proposal";
/// System attribute of a study whose trials can be listed: which number is next, and which place it has among
/// those trials that are ours. It is out of date where another program has begun trials since.
pub(crate) const NEXT_PLACE: &str = "burn_tune:next_place";
/// System attribute of a study, which Optuna gives it too: what the values of its trials are called.
pub const METRIC_NAMES: &str = "study:metric_names";

/// System attribute of a trial: who works, or worked last, on it. Trials without it are other programs'.
pub const WORKER: &str = "burn_tune:worker";
/// User attribute of a trial: the name of an explicit one.
pub const NAME: &str = "name";
/// System attribute of a running trial that has lost its workers too often: how often.
pub const LOST: &str = "burn_tune:lost";
/// System attribute of a trial that was given out and came back unread.
pub const GIVEN_BACK: &str = "burn_tune:given_back";
/// User attribute of a trial: what its program has written to stderr.
pub const STDERR: &str = "stderr";
/// User attribute of a complete trial, for people who look at it: the standard deviation of its folds' scores.
pub const STD_TEST_SCORE: &str = "std_test_score";
/// User attribute of a complete trial, likewise: the score of each fold.
pub const SPLIT_TEST_SCORES: &str = "split_test_scores";
/// User attribute of a pruned trial, likewise: the step after which it was stopped.
pub const PRUNED_AT_STEP: &str = "pruned_at_step";
/// User attribute of a failed trial, likewise: why.
pub const ERROR: &str = "error";
/// User attribute of a trial that has ended, likewise: signs that the models of its folds are sick.
pub const FLAGS: &str = "flags";
/// User attribute of a trial with refits, likewise: their mean score.
pub const TEST_SCORE: &str = "test_score";
/// User attribute of a trial with refits, likewise: the score of each.
pub const TEST_SCORES: &str = "test_scores";
/// What the system attributes of all folds of a trial begin with; the number of the fold follows.
pub const FOLD: &str = "burn_tune:fold";
/// What the system attributes of all refits of a trial begin with; the seed follows.
pub const REFIT: &str = "burn_tune:refit";
/// System attribute that Optuna gives a trial that repeats another one, with all else that the other one had.
pub(crate) const REPEATS: &str = "failed_trial";
/// System attribute that older versions of Optuna give a trial: its constraints, a list of numbers.
pub const CONSTRAINTS: &str = "constraints";
/// What the system attributes of all constraints of a trial begin with, of Optuna; a name follows.
pub const CONSTRAINT: &str = "constraints:";

impl StudyRecord {
    /// The numbers of trials that the study was asked for, one after the other; none for another program's.
    pub fn budgets(&self) -> Vec<usize> {
        let json = self.user_attributes.get(BUDGETS);
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// How many trials the study was asked for the last time.
    pub fn budget(&self) -> Option<usize> {
        self.budgets().last().copied()
    }

    /// Whether the study has come to its end, and its results have been written.
    pub fn is_finished(&self) -> bool {
        let finished = self.user_attributes.get(FINISHED);
        let finished = finished.and_then(|json| serde_json::from_str::<usize>(json).ok());
        finished.is_some() && finished == self.budget()
    }

    /// Whether burn-tune has made the study, or taken it over.
    pub fn is_ours(&self) -> bool {
        self.user_attributes.contains_key(BURN_TUNE)
    }

    /// When a study of ours was begun, in seconds since 1970.
    pub fn created_s(&self) -> Option<f64> {
        let about = self.user_attributes.get(BURN_TUNE)?;
        let about: serde_json::Value = serde_json::from_str(about).ok()?;
        about["created_s"].as_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_is_finished_when_it_has_the_trials_of_its_last_budget() {
        let study = |attributes: &[(&str, &str)]| StudyRecord {
            id: 1,
            name: "s".into(),
            directions: vec!["MAXIMIZE".into()],
            user_attributes: attributes
                .iter()
                .map(|(key, json)| ((*key).to_owned(), (*json).to_owned()))
                .collect(),
            system_attributes: Default::default(),
        };
        let of_optuna = study(&[]);
        assert_eq!(
            (of_optuna.budget(), of_optuna.is_finished(), of_optuna.is_ours()),
            (None, false, false)
        );
        let begun = study(&[(BURN_TUNE, r#"{"created_s": 1.5}"#), (BUDGETS, "[5, 8]")]);
        assert_eq!((begun.budget(), begun.is_finished()), (Some(8), false));
        assert_eq!((begun.created_s(), begun.is_ours()), (Some(1.5), true));
        assert!(!study(&[(BUDGETS, "[5, 8]"), (FINISHED, "5")]).is_finished());
        assert!(study(&[(BUDGETS, "[5, 8]"), (FINISHED, "8")]).is_finished());
    }
}
