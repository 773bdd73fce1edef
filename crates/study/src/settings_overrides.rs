//! What whoever begins a study says of its settings besides its file or program.

use burn_tune_search::pruner::PrunerSettings;
use burn_tune_search::settings::{DEFAULT_WINDOW, SamplerKind, StopRule, StudySettings};
use serde_json::{Value, json};

/// Settings that go before those of the study's file or program; `None` where nothing is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsOverrides {
    /// The seed of every random draw.
    pub seed: Option<u64>,
    /// How candidates are drawn.
    pub sampler: Option<SamplerKind>,
    /// What stops hopeless trials; `Some(None)` where nothing does, whatever the file says.
    pub pruner: Option<Option<PrunerSettings>>,
    /// How many trials are under way at once, at most, where something learns from those before.
    pub window: Option<usize>,
    /// How many workers are to work on it, and with how many jobs each: the window of a new study follows from
    /// that where none is stated, and stays as it is.
    pub workers: Option<(usize, usize)>,
    /// The score at which the study ends.
    pub target: Option<f64>,
    /// After how many trials without a better one it ends.
    pub no_improvement: Option<usize>,
    /// Folds of the cross-validation.
    pub folds: Option<usize>,
    /// How many of the best are refitted.
    pub top: Option<usize>,
    /// What is said of the objective, by the keys of its identity. The objective has taken it up already: here
    /// it is compared with the identity of a study that goes on.
    pub objective: Vec<(&'static str, Value)>,
}

impl SettingsOverrides {
    /// The settings with what is said here instead.
    pub fn applied_to(&self, settings: &StudySettings) -> StudySettings {
        let SettingsOverrides { seed, sampler, pruner, window, folds, top, .. } = self;
        let stop_rule = StopRule {
            target: self.target.or(settings.stop_rule.target),
            no_improvement: self.no_improvement.or(settings.stop_rule.no_improvement),
        };
        let mut applied = StudySettings {
            seed: seed.unwrap_or(settings.seed),
            sampler: sampler.unwrap_or(settings.sampler),
            pruner: pruner.clone().unwrap_or_else(|| settings.pruner.clone()),
            window: window.or(settings.window),
            folds: folds.unwrap_or(settings.folds),
            top: top.unwrap_or(settings.top),
            stop_rule,
            ..settings.clone()
        };
        if let (None, Some((workers, jobs))) = (applied.window, self.workers) {
            let window = applied.window_for(workers, jobs);
            applied.window = window.filter(|window| *window != DEFAULT_WINDOW);
        }
        applied
    }

    /// What is said, by the keys that stored settings have for it.
    pub fn entries(&self) -> Vec<(&'static str, Value)> {
        let said = [
            ("seed", self.seed.map(Value::from)),
            ("sampler", self.sampler.map(|sampler| json!(sampler))),
            ("pruner", self.pruner.as_ref().map(|pruner| json!(pruner))),
            ("window", self.window.map(Value::from)),
            ("target", self.target.map(Value::from)),
            ("no_improvement", self.no_improvement.map(Value::from)),
            ("folds", self.folds.map(Value::from)),
            ("top", self.top.map(Value::from)),
        ];
        let said = said.into_iter().filter_map(|(key, value)| Some((key, value?)));
        said.chain(self.objective.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn_tune_search::settings::WINDOW_PER_TRIAL;

    use super::*;

    /// Every override is both applied and compared: the settings that come of it have what its entries say.
    #[test]
    fn what_is_said_is_in_the_settings_by_the_same_key() {
        let overrides = SettingsOverrides {
            seed: Some(7),
            sampler: Some(SamplerKind::Gp),
            pruner: Some(PrunerSettings::by_name("median")),
            window: Some(3),
            workers: Some((64, 2)),
            target: Some(0.5),
            no_improvement: Some(9),
            folds: Some(4),
            top: Some(2),
            objective: Vec::new(),
        };
        let settings = overrides.applied_to(&StudySettings::default());
        let settings = serde_json::to_value(settings).unwrap();
        let entries = overrides.entries();
        assert_eq!(entries.len(), 8);
        for (key, value) in entries {
            assert_eq!(settings[key], value, "{key}");
        }
    }

    #[test]
    fn a_window_follows_from_the_workers_where_none_is_stated() {
        let overrides =
            SettingsOverrides { workers: Some((64, 1)), ..SettingsOverrides::default() };
        let window = |overrides: &SettingsOverrides, sampler, window| {
            let settings = StudySettings { sampler, window, ..StudySettings::default() };
            overrides.applied_to(&settings).window
        };
        let chosen = window(&overrides, SamplerKind::Tpe, None);
        assert_eq!(chosen, Some(64 * WINDOW_PER_TRIAL));
        assert_eq!(window(&overrides, SamplerKind::Tpe, Some(5)), Some(5));
        assert_eq!(window(&overrides, SamplerKind::Random, None), None, "it has no effect there");
        let stated = SettingsOverrides { window: Some(9), ..overrides.clone() };
        assert_eq!(window(&stated, SamplerKind::Tpe, None), Some(9));
        let few = SettingsOverrides { workers: Some((1, 2)), ..overrides.clone() };
        assert_eq!(window(&few, SamplerKind::Tpe, None), None, "as of a search without workers");
        assert!(overrides.entries().is_empty(), "other workers may join");
    }

    #[test]
    fn nothing_said_changes_nothing_and_no_pruner_is_something_said() {
        let settings =
            StudySettings { pruner: PrunerSettings::by_name("asha"), ..StudySettings::default() };
        assert_eq!(SettingsOverrides::default().applied_to(&settings), settings);
        assert!(SettingsOverrides::default().entries().is_empty());
        let without = SettingsOverrides { pruner: Some(None), ..SettingsOverrides::default() };
        assert_eq!(without.applied_to(&settings).pruner, None);
        assert_eq!(without.entries(), [("pruner", Value::Null)]);
    }
}
