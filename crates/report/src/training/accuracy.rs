//! What each training scored on the test data, beside what was reported.

use burn_tune_ranking::{ModelEntry, TrainingReport};
use plotly::common::{DashType, ErrorData, ErrorType, HoverInfo, Line, Marker, MarkerSymbol, Mode};
use plotly::{Scatter, Trace};

use super::captions::{listed, percent};
use super::downsample::Rounded;
use super::models::Model;
use super::plot::{percent_axis, plot};
use super::row_axis;
use crate::figure::{Figure, INK};

/// The figure; `None` where no training came to a score.
pub fn figure(report: &TrainingReport, models: &[Model]) -> Option<Figure> {
    let scored = models.iter().flat_map(|model| &model.entry.test_scores).flatten().next();
    scored?;
    let traces = [baseline(models), Some(seeds(models)), Some(means(models)), reported(models)];
    let x = percent_axis(&format!("test {}", report.evaluation.metric));
    let height = row_axis::height(models.len());
    Some(Figure::single(
        "accuracy",
        "Accuracy on the test data",
        caption(&report.models),
        height,
        plot(traces.into_iter().flatten(), x, row_axis::axis(&row_axis::names(models)), height),
    ))
}

/// A line through all rows at the mean of the first model.
fn baseline(models: &[Model]) -> Option<Box<dyn Trace>> {
    let first = models.first()?.entry;
    let mean = Rounded::from(first.mean?);
    let rows = vec![Rounded::from(-0.5), Rounded::from(models.len() as f64 - 0.5)];
    let line = Scatter::new(vec![mean, mean], rows)
        .name(format!("mean of {}", first.name))
        .mode(Mode::Lines)
        .line(Line::new().color(INK).width(1.0).dash(DashType::Dash))
        .hover_info(HoverInfo::Skip);
    Some(line)
}

fn seeds(models: &[Model]) -> Box<dyn Trace> {
    let (mut x, mut y, mut colors, mut texts) = (vec![], vec![], vec![], vec![]);
    for (row, model) in models.iter().enumerate() {
        let scores = &model.entry.test_scores;
        for (seed, score) in scores.iter().enumerate() {
            let Some(score) = *score else { continue };
            x.push(Rounded::from(score));
            y.push(Rounded::from(row_axis::place(row, seed, scores.len())));
            colors.push(model.color);
            texts.push(format!("{}, seed {seed}: {}", model.entry.name, percent(score)));
        }
    }
    Scatter::new(x, y)
        .name("one seed")
        .mode(Mode::Markers)
        .marker(Marker::new().size(8).opacity(0.65).color_array(colors))
        .hover_text_array(texts)
        .hover_info(HoverInfo::Text)
}

fn means(models: &[Model]) -> Box<dyn Trace> {
    let (mut x, mut y, mut stds, mut texts) = (vec![], vec![], vec![], vec![]);
    for (row, Model { entry, .. }) in models.iter().enumerate() {
        let (Some(mean), Some(std)) = (entry.mean, entry.std) else { continue };
        x.push(Rounded::from(mean));
        y.push(Rounded::from(row as f64));
        stds.push(std);
        texts.push(format!("{}: {} ± {}", entry.name, percent(mean), percent(std)));
    }
    let border = Line::new().color(INK).width(1.5);
    let whiskers = ErrorData::new(ErrorType::Data).array(stds).color(INK).thickness(1.5).width(5);
    Scatter::new(x, y)
        .name("mean ± standard deviation")
        .mode(Mode::Markers)
        .marker(Marker::new().symbol(MarkerSymbol::DiamondOpen).size(10).color(INK).line(border))
        .error_x(whiskers)
        .hover_text_array(texts)
        .hover_info(HoverInfo::Text)
}

/// `None` where nobody reported anything.
fn reported(models: &[Model]) -> Option<Box<dyn Trace>> {
    let (mut x, mut y, mut texts) = (vec![], vec![], vec![]);
    for (row, Model { entry, .. }) in models.iter().enumerate() {
        for score in &entry.reported {
            x.push(Rounded::from(*score));
            y.push(Rounded::from(row as f64));
            texts.push(format!("{}, reported: {}", entry.name, percent(*score)));
        }
    }
    let border = Line::new().color(INK).width(2.0);
    let marker = Marker::new().symbol(MarkerSymbol::XThinOpen).size(11).color(INK).line(border);
    let trace = Scatter::new(x, y)
        .name("reported")
        .mode(Mode::Markers)
        .marker(marker)
        .hover_text_array(texts.clone())
        .hover_info(HoverInfo::Text);
    (!texts.is_empty()).then_some(trace as Box<dyn Trace>)
}

fn caption(models: &[ModelEntry]) -> String {
    let sentences = [against_first(models), against_reported(models), failures(models)];
    sentences.into_iter().flatten().collect::<Vec<String>>().join(" ")
}

fn against_first(models: &[ModelEntry]) -> Option<String> {
    let (first, others) = models.split_first()?;
    let Some(mean) = first.mean else {
        return Some(format!(
            "{}, the baseline, has no mean: a training of it failed.",
            first.name
        ));
    };
    let means: Vec<f64> = others.iter().filter_map(|other| other.mean).collect();
    let worse = means.iter().filter(|other| **other < mean).count();
    let what = format!("than the baseline, {} ({})", first.name, percent(mean));
    match (means.len(), worse) {
        (0, _) => None,
        (1, 0) => Some(format!("The other model is not worse {what}.")),
        (1, _) => Some(format!("The other model is worse {what}.")),
        (_, 0) => Some(format!("None of the {} other models is worse {what}.", means.len())),
        (all, worse) if all == worse => Some(format!("All {all} other models are worse {what}.")),
        (all, 1) => Some(format!("One of the {all} other models is worse {what}.")),
        (all, worse) => Some(format!("{worse} of the {all} other models are worse {what}.")),
    }
}

/// A sentence on the reported scores that no range of seeds contains; `None` where none was reported of
/// a model that has scores.
fn against_reported(models: &[ModelEntry]) -> Option<String> {
    let mut known = 0;
    let mut outside = Vec::new();
    for model in models {
        let (Some(min), Some(max)) = (model.min, model.max) else { continue };
        known += model.reported.len();
        let far: Vec<String> = model
            .reported
            .iter()
            .filter(|score| !(min..=max).contains(*score))
            .map(|score| percent(*score))
            .collect();
        if !far.is_empty() {
            outside.push(format!("{} ({})", model.name, far.join(", ")));
        }
    }
    match (known, outside.is_empty()) {
        (0, _) => None,
        (_, true) => Some("All reported scores lie within the range of our seeds.".to_owned()),
        _ => {
            Some(format!("Reported, but outside of the range of our seeds: {}.", listed(&outside)))
        }
    }
}

fn failures(models: &[ModelEntry]) -> Option<String> {
    let failed: Vec<String> = models
        .iter()
        .filter_map(|model| {
            let failed = model.test_scores.iter().filter(|score| score.is_none()).count();
            let all = model.test_scores.len();
            (failed > 0).then(|| format!("{} ({failed} of {all})", model.name))
        })
        .collect();
    (!failed.is_empty())
        .then(|| format!("Trainings that failed, so that there is no mean: {}.", listed(&failed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::fixtures::entry;

    fn check(models: &[ModelEntry], expected: &str) {
        assert_eq!(caption(models), expected);
    }

    #[test]
    fn a_caption_counts_the_models_that_are_worse_and_names_those_reported_otherwise() {
        let (first, equal) = (entry("first", 0, &[0.9, 1.0]), entry("equal", 1, &[0.9, 1.0]));
        let mut worse = entry("worse", 2, &[0.5, 0.7]);
        check(
            &[first.clone(), equal.clone(), worse.clone()],
            "One of the 2 other models is worse than the baseline, first (95.00%).",
        );
        worse.reported = vec![0.6, 0.8];
        check(
            &[first.clone(), worse.clone()],
            "The other model is worse than the baseline, first (95.00%). Reported, but outside of the \
             range of our seeds: worse (80.00%).",
        );
        worse.reported = vec![0.7];
        check(
            &[worse, first, equal],
            "None of the 2 other models is worse than the baseline, worse (60.00%). All reported scores \
             lie within the range of our seeds.",
        );
    }

    #[test]
    fn a_caption_says_what_failed() {
        let mut first = entry("first", 0, &[0.9, 1.0]);
        first.test_scores[1] = None;
        (first.mean, first.std) = (None, None);
        check(
            &[first],
            "first, the baseline, has no mean: a training of it failed. Trainings that failed, so that \
             there is no mean: first (1 of 2).",
        );
    }
}
