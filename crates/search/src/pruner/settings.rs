//! Which pruner a study has, with its settings: as a file, the command line and the database say it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::asha::AshaPruner;
use super::hyperband::HyperbandPruner;
use super::patient::PatientPruner;
use super::percentile::PercentilePruner;
use super::schedule::Schedule;
use super::threshold::ThresholdPruner;
use super::wilcoxon::{WilcoxonPruner, smallest_p_value};
use super::{IntermediateValue, LearningCurve, Pruner};
use crate::direction::Direction;

/// What messages call the steps that a pruner looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepName {
    /// Those of nearly all trainings, and of our model.
    #[default]
    Training,
    /// Those of a function, which may report after anything.
    Function,
    /// Those of another program, which may so, too, and of which nobody knows how many there are.
    Program,
}

impl StepName {
    /// What one of them is called.
    pub fn singular(self) -> &'static str {
        match self {
            StepName::Training => "epoch",
            StepName::Function | StepName::Program => "step",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.singular())
    }
}

/// A pruner with its settings, whose names and defaults are those of Optuna's arguments. Optuna has no
/// default for `percentile` and `patience`: 25 is from its example, 3 is ours.
///
/// As JSON it is an object with `name` and the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum PrunerSettings {
    /// Stops a trial whose best value is worse than the median of others at the same step.
    Median {
        /// Complete trials before any is stopped.
        n_startup_trials: u64,
        /// The first step at which a trial is checked.
        n_warmup_steps: u64,
        /// Steps from one check to the next.
        interval_steps: u64,
        /// How many others need a value at this step.
        n_min_trials: u64,
    },
    /// The same with another percentile.
    Percentile {
        /// How many of a hundred trials are kept.
        percentile: f64,
        /// Complete trials before any is stopped.
        n_startup_trials: u64,
        /// The first step at which a trial is checked.
        n_warmup_steps: u64,
        /// Steps from one check to the next.
        interval_steps: u64,
        /// How many others need a value at this step.
        n_min_trials: u64,
    },
    /// Asynchronous successive halving: of the trials that come to the end of a rung, the best go on.
    Asha {
        /// Steps that every trial gets, if `min_early_stopping_rate` is 0.
        min_resource: u64,
        /// Of so many trials one goes on; so many times longer is the next rung.
        reduction_factor: u64,
        /// How many of the first rungs are left out.
        min_early_stopping_rate: u64,
        /// How many trials have to be in a rung before one goes on: those who come sooner are stopped.
        bootstrap_count: u64,
    },
    /// Brackets of `asha` that differ in when they begin to stop trials.
    Hyperband {
        /// Steps that every trial gets.
        min_resource: u64,
        /// The most steps of a trial; by default the most that the space allows.
        max_resource: Option<u64>,
        /// As that of `asha`.
        reduction_factor: u64,
    },
    /// Stops a trial only while it does not improve, and then only if the wrapped pruner says so.
    Patient {
        /// How many reports without an improvement are allowed after one.
        patience: u64,
        /// By how much the lately best value has to be worse than the best one before.
        min_delta: f64,
        /// Whom to ask; nobody: the trial is stopped.
        wraps: Option<Box<PrunerSettings>>,
    },
    /// Stops a trial whose score leaves a range.
    Threshold {
        /// The smallest score that is plausible, in the user's units.
        lower: Option<f64>,
        /// The largest one.
        upper: Option<f64>,
        /// The first step at which a trial is checked.
        n_warmup_steps: u64,
        /// Steps from one check to the next.
        interval_steps: u64,
    },
    /// Stops a trial, between two folds, that is surely worse than the best complete one. Where a function has one
    /// fold, it compares the function's own steps, such as folds that it makes itself, or instances of a problem.
    Wilcoxon {
        /// How improbable it has to be that the trial is no worse.
        p_threshold: f64,
        /// How many folds, or steps, are needed to compare.
        n_startup_steps: u64,
    },
}

/// What a pruner is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportUnit {
    /// The score of each fold: they are worked on one after the other.
    #[default]
    Folds,
    /// The validation score after each step of the first fold, such as an epoch: the others begin once that has ended.
    Steps,
}

/// A setting that no study can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}: {help}")]
pub struct Fault {
    /// Whose value is wrong; `name` where one is missing.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub help: String,
}

impl PrunerSettings {
    /// All pruners, by the names that users type.
    #[doc(hidden)]
    pub const NAMES: [&'static str; 7] =
        ["median", "percentile", "asha", "hyperband", "patient", "threshold", "wilcoxon"];

    /// What users call it.
    pub fn name(&self) -> &'static str {
        match self {
            PrunerSettings::Median { .. } => "median",
            PrunerSettings::Percentile { .. } => "percentile",
            PrunerSettings::Asha { .. } => "asha",
            PrunerSettings::Hyperband { .. } => "hyperband",
            PrunerSettings::Patient { .. } => "patient",
            PrunerSettings::Threshold { .. } => "threshold",
            PrunerSettings::Wilcoxon { .. } => "wilcoxon",
        }
    }

    /// What it has to be asked about, in a study of so many folds.
    #[doc(hidden)]
    pub fn report_unit(&self, folds: usize) -> ReportUnit {
        match self {
            PrunerSettings::Wilcoxon { .. } if folds > 1 => ReportUnit::Folds,
            _ => ReportUnit::Steps,
        }
    }

    /// The smallest value of a setting that is a whole number.
    #[doc(hidden)]
    pub fn least(key: &str) -> u64 {
        match key {
            "reduction_factor" => 2,
            "interval_steps" | "n_min_trials" | "min_resource" | "max_resource" => 1,
            _ => 0,
        }
    }

    /// Whether there is a study that can have these settings. Messages call its steps so.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong in every study.
    #[doc(hidden)]
    pub fn check(&self, steps: StepName) -> Result<(), Fault> {
        match *self {
            PrunerSettings::Median { interval_steps, n_min_trials, .. } => {
                at_least("interval_steps", interval_steps)?;
                at_least("n_min_trials", n_min_trials)
            }
            PrunerSettings::Percentile { percentile, interval_steps, n_min_trials, .. } => {
                at_least("interval_steps", interval_steps)?;
                at_least("n_min_trials", n_min_trials)?;
                let right = (0.0..=100.0).contains(&percentile);
                require(right, "percentile", percentile, "a number from 0 to 100")
            }
            PrunerSettings::Asha { min_resource, reduction_factor, .. } => {
                at_least("min_resource", min_resource)?;
                at_least("reduction_factor", reduction_factor)
            }
            PrunerSettings::Hyperband { min_resource, max_resource, reduction_factor } => {
                at_least("min_resource", min_resource)?;
                at_least("reduction_factor", reduction_factor)?;
                match max_resource.filter(|&most| most < min_resource) {
                    None => Ok(()),
                    Some(most) => Err(below_min_resource(most, min_resource, steps)),
                }
            }
            PrunerSettings::Patient { min_delta, ref wraps, .. } => {
                let right = min_delta.is_finite() && min_delta >= 0.0;
                require(right, "min_delta", min_delta, "a number, at least 0")?;
                wraps.as_ref().map_or(Ok(()), |wrapped| check_wrapped(wrapped, steps))
            }
            PrunerSettings::Threshold { lower, upper, interval_steps, .. } => {
                at_least("interval_steps", interval_steps)?;
                check_thresholds(lower, upper)
            }
            PrunerSettings::Wilcoxon { p_threshold, .. } => {
                let right = p_threshold > 0.0 && p_threshold <= 1.0;
                require(right, "p_threshold", p_threshold, "a number above 0, at most 1")
            }
        }
    }

    /// Makes the pruner, for a study of so many `folds` whose trials have at most `max_steps`, as
    /// far as that is known. Messages call its steps so.
    ///
    /// # Errors
    ///
    /// Where the settings are wrong, or not right for this study: what to change.
    #[doc(hidden)]
    pub fn build(
        &self,
        direction: Direction,
        folds: usize,
        max_steps: Option<u64>,
        steps: StepName,
    ) -> Result<Arc<dyn Pruner>, String> {
        self.check(steps).map_err(|fault| format!("the pruner {}: {fault}", self.name()))?;
        let pruner = self.make(&Study { direction, folds: folds as u64, max_steps, steps })?;
        Ok(Arc::new(StopsAtNan(pruner)))
    }

    /// Makes the pruner from settings that are right in themselves.
    fn make(&self, study: &Study) -> Result<Box<dyn Pruner>, String> {
        Ok(match *self {
            PrunerSettings::Median {
                n_startup_trials,
                n_warmup_steps,
                interval_steps,
                n_min_trials,
            } => Box::new(PercentilePruner {
                percentile: 50.0,
                n_startup_trials,
                schedule: Schedule { n_warmup_steps, interval_steps },
                n_min_trials,
            }),
            PrunerSettings::Percentile {
                percentile,
                n_startup_trials,
                n_warmup_steps,
                interval_steps,
                n_min_trials,
            } => Box::new(PercentilePruner {
                percentile,
                n_startup_trials,
                schedule: Schedule { n_warmup_steps, interval_steps },
                n_min_trials,
            }),
            PrunerSettings::Asha {
                min_resource,
                reduction_factor,
                min_early_stopping_rate,
                bootstrap_count,
            } => Box::new(AshaPruner {
                min_resource,
                reduction_factor,
                min_early_stopping_rate,
                bootstrap_count,
            }),
            PrunerSettings::Hyperband { min_resource, max_resource, reduction_factor } => {
                let max_resource = study.max_resource(min_resource, max_resource)?;
                Box::new(HyperbandPruner::new(min_resource, max_resource, reduction_factor))
            }
            PrunerSettings::Patient { patience, min_delta, ref wraps } => {
                let wraps = wraps.as_ref().map(|wrapped| wrapped.make(study)).transpose()?;
                Box::new(PatientPruner { patience, min_delta, wraps })
            }
            PrunerSettings::Threshold { lower, upper, n_warmup_steps, interval_steps } => {
                Box::new(ThresholdPruner {
                    lower: lower.unwrap_or(f64::NEG_INFINITY),
                    upper: upper.unwrap_or(f64::INFINITY),
                    schedule: Schedule { n_warmup_steps, interval_steps },
                    direction: study.direction,
                })
            }
            PrunerSettings::Wilcoxon { p_threshold, n_startup_steps } => {
                let pruner = WilcoxonPruner { p_threshold, n_startup_steps };
                study.check_comparisons(&pruner)?;
                Box::new(pruner)
            }
        })
    }
}

/// What a pruner has to fit.
struct Study {
    direction: Direction,
    folds: u64,
    max_steps: Option<u64>,
    steps: StepName,
}

impl Study {
    fn max_resource(&self, min_resource: u64, max_resource: Option<u64>) -> Result<u64, String> {
        let Some(most) = max_resource.or(self.max_steps) else {
            let steps = self.steps;
            return Err(match steps {
                StepName::Training => format!(
                    "the pruner hyperband needs the most {steps} of a trial, which does not follow from the space: write it in the file, as in `[study] pruner = {{ name = \"hyperband\", max_resource = 20 }}`"
                ),
                StepName::Function => format!(
                    "the pruner hyperband needs the most {steps} of a trial, which the study does not say: say them with `steps`, or as `max_resource` of the pruner"
                ),
                StepName::Program => format!(
                    "the pruner hyperband needs the most {steps} of a trial, which nobody knows of a program: write it in the file, as in `[study] pruner = {{ name = \"hyperband\", max_resource = 20 }}`"
                ),
            });
        };
        match most < min_resource {
            true => Err(format!(
                "the pruner hyperband: {}",
                below_min_resource(most, min_resource, self.steps)
            )),
            false => Ok(most),
        }
    }

    /// Whether a test by pairs gets steps. Those of a function may be independent of each other, as folds are; epochs
    /// of a training never are.
    fn compares_steps(&self) -> bool {
        self.folds == 1 && self.steps != StepName::Training
    }

    /// Whether there is so much to compare that a trial can be spared something.
    fn check_comparisons(&self, pruner: &WilcoxonPruner) -> Result<(), String> {
        let (fewest, p_threshold) = (pruner.fewest_folds(), pruner.p_threshold);
        if self.compares_steps() {
            return match self.max_steps.filter(|&most| most < fewest) {
                None => Ok(()),
                Some(most) => Err(format!(
                    "the pruner wilcoxon needs at least {fewest} {} for p_threshold = {p_threshold} and n_startup_steps = {}, and a trial has at most {most}: with k of them no p-value is below 1/2^k, and after the last there is none to spare; report more of them, or take another pruner",
                    self.steps, pruner.n_startup_steps,
                )),
            };
        }
        if self.folds >= fewest {
            return Ok(());
        }
        let deciding = self.folds.saturating_sub(1);
        let or_else = match deciding >= pruner.n_startup_steps.max(2) {
            true => format!(", or a p_threshold above {}", smallest_p_value(deciding)),
            false => String::new(),
        };
        Err(format!(
            "the pruner wilcoxon needs at least {fewest} folds for p_threshold = {p_threshold} and n_startup_steps = {}, and there are {}: with k folds no p-value is below 1/2^k, and after the last fold there is none to spare; ask for more folds{or_else}, or take a pruner that looks at {}",
            pruner.n_startup_steps, self.folds, self.steps,
        ))
    }
}

fn at_least(key: &'static str, value: u64) -> Result<(), Fault> {
    let least = PrunerSettings::least(key);
    require(value >= least, key, value, &format!("a whole number, at least {least}"))
}

fn require(
    right: bool,
    key: &'static str,
    value: impl std::fmt::Display,
    allowed: &str,
) -> Result<(), Fault> {
    match right {
        true => Ok(()),
        false => Err(Fault {
            key,
            problem: format!("`{key}` cannot be {value}"),
            help: format!("write {allowed}"),
        }),
    }
}

fn below_min_resource(max_resource: u64, min_resource: u64, steps: StepName) -> Fault {
    Fault {
        key: "max_resource",
        problem: format!(
            "a trial has at most {max_resource} {steps}, fewer than `min_resource`, which is {min_resource}"
        ),
        help: "write a smaller `min_resource`, or a larger `max_resource`".into(),
    }
}

fn check_wrapped(wrapped: &PrunerSettings, steps: StepName) -> Result<(), Fault> {
    if matches!(wrapped, PrunerSettings::Wilcoxon { .. }) {
        return Err(Fault {
            key: "wraps",
            problem: format!(
                "{} looks at folds, and patience is for {steps}: it cannot be wrapped",
                wrapped.name()
            ),
            help: "wrap another pruner, or take this one alone".into(),
        });
    }
    wrapped.check(steps)
}

fn check_thresholds(lower: Option<f64>, upper: Option<f64>) -> Result<(), Fault> {
    match (lower, upper) {
        (None, None) => Err(Fault {
            key: "name",
            problem: "a threshold needs `lower` or `upper`".into(),
            help: "write it in the file, as in `[study] pruner = { name = \"threshold\", lower = 0.5 }`"
                .into(),
        }),
        (Some(lower), Some(upper)) if lower > upper => Err(Fault {
            key: "lower",
            problem: format!("`lower` is {lower}, above `upper`, which is {upper}"),
            help: "swap them".into(),
        }),
        _ => Ok(()),
    }
}

/// Stops a trial that has come to NaN; asks the pruner about every other one.
#[derive(Debug)]
struct StopsAtNan(Box<dyn Pruner>);

impl Pruner for StopsAtNan {
    fn prunes(&self, trial: usize, past: &[Arc<LearningCurve>], own: &[IntermediateValue]) -> bool {
        own.last().is_some_and(|last| last.value.is_nan()) || self.0.prunes(trial, past, own)
    }
}
