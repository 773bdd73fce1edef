//! What was recorded while a model trained: named series of numbers, for figures and flags.

use std::fmt;

/// The name of the series that says when a training has converged: the loss of each step's batch, from before
/// the step's update.
pub const LOSS: &str = "loss";

/// The name of the series that learning curves are drawn of: for each probe, the share of its examples that
/// were recognised.
pub const ACCURACY: &str = "accuracy";

/// The course of one training, as series of numbers that each have a name. A series has either a number for
/// each step, from 1, as [`LOSS`] has; or one for each *probe*, a look at the model after some of the steps.
/// Names are those of files, so they are of letters, digits and `_`.
///
/// ```
/// use burn_tune_search::Curves;
///
/// let mut curves = Curves::default();
/// for (step, loss) in [2.3, 1.7, 1.4, 1.2].into_iter().enumerate() {
///     curves.push("loss", loss);
///     if step % 2 == 1 {
///         curves.push_probe("accuracy", step as u32 + 1, 1.0 - loss / 2.3);
///     }
/// }
/// assert_eq!(curves.get("loss").len(), 4);
/// assert_eq!((curves.probe_steps(), curves.get("accuracy").len()), (&[2, 4][..], 2));
/// ```
#[derive(Clone, PartialEq, Default)]
pub struct Curves {
    probe_steps: Vec<u32>,
    /// In the order in which they came.
    series: Vec<(String, Vec<f32>)>,
}

impl Curves {
    /// The steps after which the model was probed, ascending.
    pub fn probe_steps(&self) -> &[u32] {
        &self.probe_steps
    }

    /// Says after which steps the model was probed, where all probes are there already. The steps ascend.
    pub fn set_probe_steps(&mut self, probe_steps: Vec<u32>) {
        self.probe_steps = probe_steps;
    }

    /// How many steps the training had, by its [`LOSS`].
    pub fn steps(&self) -> usize {
        self.get(LOSS).len()
    }

    /// The series of this name; empty where there is none.
    pub fn get(&self, name: &str) -> &[f32] {
        self.series.iter().find(|(other, _)| other == name).map_or(&[], |(_, values)| values)
    }

    /// All series with their names, in the order in which they came. None is empty.
    pub fn series(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.series.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Adds a whole series behind the others, or to the end of the one that has this name.
    pub fn add(&mut self, name: &str, values: Vec<f32>) {
        if !values.is_empty() {
            self.named(name).extend(values);
        }
    }

    fn named(&mut self, name: &str) -> &mut Vec<f32> {
        let known = self.series.iter().position(|(other, _)| other == name);
        let place = known.unwrap_or_else(|| {
            self.series.push((name.to_owned(), Vec::new()));
            self.series.len() - 1
        });
        &mut self.series[place].1
    }

    /// Adds the number of the next step to a series that has one for each.
    pub fn push(&mut self, name: &str, value: f32) {
        self.named(name).push(value);
    }

    /// Adds to a series what a probe after `step` has found. Steps ascend: what comes for an earlier one is
    /// passed over. Probes at which others were looked at, and this was not, are NaN.
    pub fn push_probe(&mut self, name: &str, step: u32, value: f32) {
        if self.probe_steps.last().is_none_or(|last| *last < step) {
            self.probe_steps.push(step);
        }
        let before = self.probe_steps.len() - 1;
        if self.probe_steps[before] == step && self.get(name).len() <= before {
            let values = self.named(name);
            values.resize(before, f32::NAN);
            values.push(value);
        }
    }
}

/// Short, for logs: the numbers are thousands.
impl fmt::Debug for Curves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Curves({} steps, {} probes)", self.steps(), self.probe_steps.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_stand_in_the_order_in_which_they_came_without_empty_ones() {
        let mut curves = Curves::default();
        curves.push("loss", 2.0);
        curves.add("nothing", vec![]);
        curves.add("accuracy", vec![0.5, 0.75]);
        curves.push("loss", 1.0);
        let series: Vec<(&str, &[f32])> = curves.series().collect();
        assert_eq!(series, [("loss", &[2.0, 1.0][..]), ("accuracy", &[0.5, 0.75])]);
        assert_eq!((curves.steps(), curves.get("other")), (2, &[][..]));
    }

    #[test]
    fn probed_series_have_a_number_for_each_probe() {
        let mut curves = Curves::default();
        curves.push_probe("norm", 1, 0.5);
        curves.push_probe("share", 10, 0.25);
        curves.push_probe("share", 10, 0.75);
        curves.push_probe("share", 2, 1.0);
        curves.push_probe("norm", 20, 0.125);
        assert_eq!(curves.probe_steps(), [1, 10, 20]);
        let norm = curves.get("norm");
        assert!(norm[0] == 0.5 && norm[1].is_nan() && norm[2] == 0.125, "{norm:?}");
        let share = curves.get("share");
        assert!(share.len() == 2 && share[0].is_nan() && share[1] == 0.25, "{share:?}");
    }
}
