//! Pruners with the settings that they have where nobody says others.

use super::settings::PrunerSettings;

impl PrunerSettings {
    /// The pruner with this name and the default settings.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "median" => Self::median(),
            "percentile" => Self::percentile(25.0),
            "asha" => Self::asha(),
            "hyperband" => Self::hyperband(),
            "patient" => Self::patient(3),
            "threshold" => Self::threshold(None, None),
            "wilcoxon" => Self::wilcoxon(),
            _ => return None,
        })
    }

    /// The median pruner with the default settings.
    pub fn median() -> Self {
        PrunerSettings::Median {
            n_startup_trials: 5,
            n_warmup_steps: 0,
            interval_steps: 1,
            n_min_trials: 1,
        }
    }

    /// Keeps so many of a hundred trials.
    pub fn percentile(percentile: f64) -> Self {
        PrunerSettings::Percentile {
            percentile,
            n_startup_trials: 5,
            n_warmup_steps: 0,
            interval_steps: 1,
            n_min_trials: 1,
        }
    }

    /// Asynchronous successive halving with the default settings.
    pub fn asha() -> Self {
        PrunerSettings::Asha {
            min_resource: 1,
            reduction_factor: 4,
            min_early_stopping_rate: 0,
            bootstrap_count: 0,
        }
    }

    /// Hyperband with the default settings.
    pub fn hyperband() -> Self {
        PrunerSettings::Hyperband { min_resource: 1, max_resource: None, reduction_factor: 3 }
    }

    /// Stops a trial after so many reports without an improvement and one more.
    pub fn patient(patience: u64) -> Self {
        PrunerSettings::Patient { patience, min_delta: 0.0, wraps: None }
    }

    /// Stops a trial whose score is below `lower` or above `upper`; one of the two has to be there.
    pub fn threshold(lower: Option<f64>, upper: Option<f64>) -> Self {
        PrunerSettings::Threshold { lower, upper, n_warmup_steps: 0, interval_steps: 1 }
    }

    /// The Wilcoxon pruner with the default settings.
    pub fn wilcoxon() -> Self {
        PrunerSettings::Wilcoxon { p_threshold: 0.1, n_startup_steps: 2 }
    }
}
