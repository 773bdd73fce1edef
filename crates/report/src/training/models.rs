//! The models as the figures draw them: each with its colour, and with those of its trainings that were
//! recorded to the end.

use burn_tune_ranking::ModelEntry;
use burn_tune_ranking::convergence::{WINDOW, smoothed};
use burn_tune_search::Curves;
use burn_tune_search::curves::LOSS;
use burn_tune_search::keyed_rng::Task;

use super::TrainingResults;
use super::band::{Band, Middle};
use super::palette;

/// What was recorded of the gradient of each layer: there is a layer wherever there is such a series.
pub const GRADIENT_NORM: &str = "gradient_norm";

/// What the series is called that has `what` of a layer, by its number from the input, from 0.
pub fn layer_series(number: usize, what: &str) -> String {
    format!("layer{number}_{what}")
}

/// One model of a report.
pub struct Model<'a> {
    /// What the report says of it.
    pub entry: &'a ModelEntry,
    /// Its colour in all figures.
    pub color: &'static str,
    /// How many steps each of its trainings has; 0 where none was recorded.
    pub steps: usize,
    /// The trainings that came to an end with a finite loss at every step, with their seeds.
    pub recorded: Vec<(usize, &'a Curves)>,
}

/// The models of `results`, in their order.
pub fn models<'a>(results: TrainingResults<'a>) -> Vec<Model<'a>> {
    results
        .report
        .models
        .iter()
        .enumerate()
        .map(|(number, entry)| model(results, number, entry))
        .collect()
}

fn model<'a>(results: TrainingResults<'a>, number: usize, entry: &'a ModelEntry) -> Model<'a> {
    let finished = |seed: usize| entry.test_scores.get(seed).is_some_and(Option::is_some);
    let mut recorded: Vec<(usize, &Curves)> = (0..results.report.seeds)
        .filter(|&seed| finished(seed))
        .filter_map(|seed| Some((seed, &**results.curves.get(&(entry.trial, Task::Refit(seed)))?)))
        .collect();
    let longest = recorded.iter().map(|(_, curves)| curves.steps()).max();
    let steps = entry.steps.or(longest).unwrap_or(0);
    recorded.retain(|(_, curves)| {
        curves.steps() == steps && curves.get(LOSS).iter().all(|loss| loss.is_finite())
    });
    Model { entry, color: palette::of_model(number), steps, recorded }
}

impl Model<'_> {
    /// The loss, smoothed as where its convergence is looked for.
    pub fn loss(&self) -> Option<Band> {
        let window = (self.steps as f64 * WINDOW).ceil() as usize;
        let steps: Vec<u32> = (1..=self.steps as u32).collect();
        let seeds: Vec<Vec<f64>> =
            self.recorded.iter().map(|(_, curves)| smoothed(curves.get(LOSS), window)).collect();
        Band::over(&steps, &seeds, Middle::Arithmetic)
    }

    /// The series of this name, one number for each probe, of those seeds that have it.
    pub fn probed(&self, middle: Middle, series: &str) -> Option<Band> {
        let (_, first) = self.recorded.first()?;
        let seeds: Vec<Vec<f64>> = self
            .recorded
            .iter()
            .filter(|(_, curves)| curves.probe_steps() == first.probe_steps())
            .map(|(_, curves)| curves.get(series))
            .map(|values| values.iter().map(|&value| f64::from(value)).collect())
            .collect();
        Band::over(first.probe_steps(), &seeds, middle)
    }

    /// How many layers it has, with the output layer.
    pub fn layers(&self) -> usize {
        let has =
            |curves: &Curves, number| !curves.get(&layer_series(number, GRADIENT_NORM)).is_empty();
        let layers = |curves| (0..).take_while(|&number| has(curves, number)).count();
        self.recorded.iter().map(|(_, curves)| layers(curves)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use burn_tune_search::curves::ACCURACY;

    use super::*;
    use crate::training::fixtures::{changed, entry, falling, report, task};

    #[test]
    fn a_training_that_failed_ended_early_or_diverged_is_left_out() {
        let mut model = entry("a", 0, &[0.9, 0.8, 0.7, 0.6, 0.5]);
        model.steps = Some(40);
        model.test_scores[1] = None;
        let diverged = changed(&falling(40, 2), LOSS, |loss| loss[30] = f32::INFINITY);
        let curves = [
            (task(0, 0), falling(40, 2).into()),
            (task(0, 1), falling(40, 2).into()),
            (task(0, 2), falling(20, 2).into()),
            (task(0, 3), diverged.into()),
        ];
        let (report, curves) = (report(vec![model]), curves.into());
        let models = models(TrainingResults { report: &report, curves: &curves });
        let seeds: Vec<usize> = models[0].recorded.iter().map(|(seed, _)| *seed).collect();
        assert_eq!(seeds, [0]);
        assert_eq!(models[0].loss().unwrap().seeds, 1);
        assert_eq!(models[0].layers(), 2);
    }

    #[test]
    fn probes_at_other_steps_are_not_mixed() {
        let mut odd = falling(40, 1);
        let mut steps = odd.probe_steps().to_vec();
        steps[0] = 2;
        odd.set_probe_steps(steps);
        let curves = [(task(0, 0), falling(40, 1).into()), (task(0, 1), odd.into())].into();
        let report = report(vec![entry("a", 0, &[0.9, 0.8])]);
        let models = models(TrainingResults { report: &report, curves: &curves });
        let band = models[0].probed(Middle::Arithmetic, ACCURACY);
        assert_eq!(band.unwrap().seeds, 1);
    }
}
