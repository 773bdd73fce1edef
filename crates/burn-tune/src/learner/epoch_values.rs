//! What each metric came to in each epoch, as a logger of burn-train hears it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn_train::Interrupter;
use burn_train::logger::MetricLogger;
use burn_train::metric::store::{EpochSummary, MetricsUpdate, Split};
use burn_train::metric::{MetricAttributes, MetricDefinition, MetricId, NumericEntry};

/// The values of all epochs. Clones share them: one is burn-train's logger, and others read.
///
/// burn-train asks the first logger that answers, and a user may have registered one that knows nothing. So what is
/// reported is read here, and not asked of burn-train.
#[derive(Clone, Default)]
pub(super) struct EpochValues(Arc<Mutex<Values>>);

#[derive(Default)]
struct Values {
    metrics: Vec<MetricDefinition>,
    means: HashMap<(usize, Split, MetricId), Mean>,
    /// How many batches each epoch had, and one more for its end.
    updates: HashMap<(usize, Split), usize>,
    required: Option<Required>,
    /// What has ended the training with its first batch.
    problem: Option<String>,
}

/// A metric with its values of the training data and of the validation data.
pub(super) type MetricValues = (String, [Option<f64>; 2]);

/// A metric without which there is no use in training on.
struct Required {
    name: String,
    interrupter: Interrupter,
}

/// The mean over the batches of an epoch, as burn-train computes it.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: usize,
    /// What the metric itself says at the end of the epoch, which goes before the mean.
    whole: Option<f64>,
}

impl Mean {
    fn add(&mut self, entry: &NumericEntry) {
        match *entry {
            NumericEntry::Value(value) => {
                self.sum += value;
                self.count += 1;
            }
            NumericEntry::Aggregated { aggregated_value, count } => {
                self.sum += aggregated_value * count as f64;
                self.count += count;
            }
            NumericEntry::Final(value) => self.whole = Some(value),
        }
    }

    fn value(self) -> Option<f64> {
        self.whole.or((self.count > 0).then(|| self.sum / self.count as f64))
    }
}

/// What is said where a metric is none of the training's.
pub(super) fn no_such_metric(name: &str) -> String {
    format!(
        "the training has no metric `{name}` on its validation data: give it to the training with `.metrics((…,))`"
    )
}

impl EpochValues {
    /// Stops the training with its first batch, where it has no metric of this name.
    pub fn require(&self, name: &str, interrupter: Interrupter) {
        self.values().required = Some(Required { name: name.to_owned(), interrupter });
    }

    /// Why the training was stopped so.
    pub fn problem(&self) -> Option<String> {
        self.values().problem.clone()
    }

    /// The value on the validation data of an epoch, in the metric's own unit.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn valid(&self, epoch: usize, name: &str) -> Result<f64, String> {
        let values = self.values();
        if values.updates.get(&(epoch, Split::Valid)).is_some_and(|updates| *updates <= 1) {
            return Err(
                "there is no validation data: score on the rows of `trial.split(…)?.valid`, and in a refit, where these are none, on test data"
                    .to_owned(),
            );
        }
        values.value(name, epoch, Split::Valid).ok_or_else(|| no_such_metric(name))
    }

    /// The values of all metrics in an epoch, of both splits, in their own units.
    pub fn of_epoch(&self, epoch: usize) -> Vec<MetricValues> {
        let values = self.values();
        let of = |name: &str, split| values.value(name, epoch, split);
        let both = |name: &str| [of(name, Split::Train), of(name, Split::Valid)];
        let metrics = values.metrics.iter();
        metrics.map(|metric| (metric.name.to_string(), both(&metric.name))).collect()
    }

    /// Takes up what an attempt before has measured.
    pub fn restore<'a>(
        &self,
        epoch: usize,
        metrics: impl Iterator<Item = (&'a str, [Option<f64>; 2])>,
    ) {
        let mut values = self.values();
        for (name, both) in metrics {
            for (split, value) in [Split::Train, Split::Valid].into_iter().zip(both) {
                let mean = Mean { whole: value, ..Mean::default() };
                values.means.insert((epoch, split, id(name)), mean);
            }
        }
    }

    /// The values of all metrics in an epoch, by the names of their curves, in the order in which they were
    /// registered.
    pub fn curves(&self, epoch: usize) -> Vec<(String, f64)> {
        let values = self.values();
        let both = values.metrics.iter().flat_map(|metric| {
            let name = curve_name(&metric.name);
            let of = |split| {
                Some(in_shares(&metric.attributes, values.value(&metric.name, epoch, split)?))
            };
            let train = of(Split::Train).map(|value| (name.clone(), value));
            train.into_iter().chain(of(Split::Valid).map(|value| (format!("valid_{name}"), value)))
        });
        both.collect()
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values {
    fn has(&self, name: &str) -> bool {
        self.metrics.iter().any(|metric| *metric.name == name)
    }

    fn value(&self, name: &str, epoch: usize, split: Split) -> Option<f64> {
        self.means.get(&(epoch, split, id(name)))?.value()
    }
}

/// As burn-train makes it.
fn id(name: &str) -> MetricId {
    MetricId::new(Arc::new(name.to_owned()))
}

/// A value of a metric with these attributes: what is in percent as a share.
pub(super) fn in_shares(attributes: &MetricAttributes, value: f64) -> f64 {
    match attributes {
        MetricAttributes::Numeric(numeric) if numeric.unit.as_deref() == Some("%") => value / 100.0,
        _ => value,
    }
}

/// Names of curves are of letters, digits and `_`.
fn curve_name(metric: &str) -> String {
    let words = metric.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

impl MetricLogger for EpochValues {
    fn log(&mut self, update: MetricsUpdate, epoch: usize, split: &Split) {
        let mut values = self.values();
        if let Some(Required { name, interrupter }) = &values.required
            && !values.has(name)
        {
            let problem = no_such_metric(name);
            interrupter.stop(Some(&problem));
            values.problem = Some(problem);
        }
        *values.updates.entry((epoch, split.clone())).or_default() += 1;
        // A numeric metric may be registered as text, too.
        let texts = update.entries.iter().filter_map(|entry| {
            let number = NumericEntry::deserialize(&entry.serialized_entry.serialized).ok()?;
            Some((entry.metric_id.clone(), number))
        });
        let numbers = update.entries_numeric.iter().filter_map(|update| {
            Some((update.entry.metric_id.clone(), update.numeric_entry.clone()?))
        });
        for (metric, number) in texts.chain(numbers) {
            values.means.entry((epoch, split.clone(), metric)).or_default().add(&number);
        }
    }

    /// What strategies of users ask for, in the metric's own unit.
    fn read_numeric(
        &mut self,
        name: &str,
        epoch: usize,
        split: &Split,
    ) -> Result<Vec<NumericEntry>, String> {
        let values = self.values();
        let value = values.value(name, epoch, split.clone());
        Ok(value.map(NumericEntry::Value).into_iter().collect())
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        self.values().metrics.push(definition);
    }

    fn log_epoch_summary(&mut self, _: EpochSummary) {}
}

impl std::fmt::Debug for EpochValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let metrics: Vec<_> = self.values().metrics.iter().map(|m| m.name.clone()).collect();
        f.debug_tuple("EpochValues").field(&metrics).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_called_as_files_may_be() {
        assert_eq!(curve_name("Loss"), "loss");
        assert_eq!(curve_name("Top-K Accuracy @ TopK(2)"), "top_k_accuracy_topk_2");
    }

    #[test]
    fn the_mean_of_an_epoch_weighs_batches_by_their_size_until_the_metric_says_it_itself() {
        let mut mean = Mean::default();
        assert_eq!(mean.value(), None);
        mean.add(&NumericEntry::Aggregated { aggregated_value: 1.0, count: 3 });
        mean.add(&NumericEntry::Aggregated { aggregated_value: 5.0, count: 1 });
        assert_eq!(mean.value(), Some(2.0));
        mean.add(&NumericEntry::Final(7.0));
        assert_eq!(mean.value(), Some(7.0));
    }
}
