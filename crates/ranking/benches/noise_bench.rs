//! How often the best configuration is within the band of noise, and how wide the band is: on the recorded
//! trainings of `bench/noise`, whose README says how they were made and what the columns mean.

use std::collections::BTreeMap;
use std::error::Error;

use burn_tune_ranking::noise::NoiseBand;
use burn_tune_ranking::statistics::{mean, std};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// For each number of folds, the studies: for each configuration, its score on each fold.
type Recorded = BTreeMap<usize, Vec<Vec<Vec<f64>>>>;

/// Which configurations of a study a rule cannot tell from the best, and the width where the rule has one.
type Rule = fn(&[&[f64]], f64) -> (Vec<bool>, f64);

/// Cargo runs a benchmark in the folder of its crate.
const SCORES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/noise/scores.json");
/// Studies of so many configurations, the first so many of the grid in a mixed order, or all.
const SIZES: [usize; 4] = [5, 12, 24, 48];
/// Steps through the grid so that neighbours do not come together; it has no divisor in common with 48.
const STRIDE: usize = 19;

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::fs::read_to_string(SCORES)?;
    let recorded: Recorded = serde_json::from_str(&text)?;
    let rules: [(&str, Rule); 3] =
        [("band", band), ("pairwise test", pairwise), ("first alone", first)];
    let mut lines = vec!["folds  trials  rule           best inside   width   inside".to_owned()];
    for (folds, studies) in recorded {
        for size in SIZES {
            let chosen: Vec<usize> = (0..size).map(|place| place * STRIDE % 48).collect();
            let studies: Vec<Vec<Vec<f64>>> = studies
                .iter()
                .map(|study| chosen.iter().map(|&place| scaled(&study[place])).collect())
                .collect();
            let best = best_in_truth(&studies);
            for (name, rule) in rules {
                lines.push(measured(&format!("{folds:5}  {size:6}"), name, rule, &studies, best));
            }
        }
        for (what, studies) in [("jumps", with_jumps(&studies)), ("poor", worse_half(&studies))] {
            let best = best_in_truth(&studies);
            for (name, rule) in rules {
                lines.push(measured(&format!("{folds:5}  {what:>6}"), name, rule, &studies, best));
            }
        }
        lines.push(truth_line(folds, &recorded_truth(&studies)));
    }
    write_out(&lines.join("\n"));
    Ok(())
}

/// The only place that prints.
fn write_out(text: &str) {
    use std::io::Write;
    // Nobody is left to be told where stdout is closed.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// From ten-thousandths.
fn scaled(scores: &[f64]) -> Vec<f64> {
    scores.iter().map(|score| score / 1e4).collect()
}

/// The mean over all studies of each configuration's mean, and its standard error.
fn recorded_truth(studies: &[Vec<Vec<f64>>]) -> Vec<(f64, f64)> {
    let of_configuration = |place: usize| {
        let means: Vec<f64> = studies.iter().map(|study| mean(&scaled(&study[place]))).collect();
        (mean(&means), std(&means) / (means.len() as f64).sqrt())
    };
    (0..studies[0].len()).map(of_configuration).collect()
}

fn best_in_truth(studies: &[Vec<Vec<f64>>]) -> usize {
    let worth =
        |place: usize| mean(&studies.iter().map(|study| mean(&study[place])).collect::<Vec<f64>>());
    let places = 0..studies[0].len();
    places.max_by(|&a, &b| worth(a).total_cmp(&worth(b))).unwrap_or(0)
}

/// In each study every sixth configuration, not the best one, falls to what guessing has on one of its folds, as
/// one does that diverges there.
fn with_jumps(studies: &[Vec<Vec<f64>>]) -> Vec<Vec<Vec<f64>>> {
    const EVERY: usize = 6;
    const GUESSING: f64 = 0.1;
    let mut studies: Vec<Vec<Vec<f64>>> =
        studies.iter().map(|study| study.iter().map(|scores| scaled(scores)).collect()).collect();
    let best = best_in_truth(&studies);
    for (number, study) in studies.iter_mut().enumerate() {
        for (place, scores) in study.iter_mut().enumerate() {
            if place != best && (place + number).is_multiple_of(EVERY) {
                let fold = (place + number) / EVERY % scores.len();
                scores[fold] = GUESSING;
            }
        }
    }
    studies
}

/// A study of poor configurations: the half of the grid that is worth less.
fn worse_half(studies: &[Vec<Vec<f64>>]) -> Vec<Vec<Vec<f64>>> {
    let truth = recorded_truth(studies);
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|&a, &b| truth[a].0.total_cmp(&truth[b].0));
    let chosen = &order[..truth.len() / 2];
    let of_study = |study: &Vec<Vec<f64>>| chosen.iter().map(|&p| scaled(&study[p])).collect();
    studies.iter().map(of_study).collect()
}

fn measured(of: &str, name: &str, rule: Rule, studies: &[Vec<Vec<f64>>], best: usize) -> String {
    let (mut inside, mut widths, mut counts) = (0, Vec::new(), Vec::new());
    // The folds overlap as those of the study do, whatever it is called.
    let folds = studies[0][0].len();
    for study in studies {
        let mut order: Vec<usize> = (0..study.len()).collect();
        order.sort_by(|&a, &b| mean(&study[b]).total_cmp(&mean(&study[a])));
        let scores: Vec<&[f64]> = order.iter().map(|&place| study[place].as_slice()).collect();
        let (near, width) = rule(&scores, 1.0 / (folds as f64 - 1.0));
        let place = order.iter().position(|&place| place == best).unwrap_or(0);
        inside += usize::from(near[place]);
        counts.push(near.iter().filter(|near| **near).count() as f64);
        widths.push(width);
    }
    let width = mean(&widths);
    let width = if width.is_nan() { "     –".to_owned() } else { format!("{width:.4}") };
    format!("{of}  {name:13}  {inside:3} of {:3}   {width}   {:6.1}", studies.len(), mean(&counts))
}

fn truth_line(folds: usize, truth: &[(f64, f64)]) -> String {
    let mut truth = truth.to_vec();
    truth.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shown: Vec<String> =
        truth[..6].iter().map(|(mean, error)| format!("{mean:.4} ± {error:.4}")).collect();
    format!(
        "       worth of the six best at {folds} folds, with its standard error: {}\n",
        shown.join(", ")
    )
}

fn band(scores: &[&[f64]], test_to_train: f64) -> (Vec<bool>, f64) {
    let Some(band) = NoiseBand::of(scores, test_to_train) else {
        return (vec![false; scores.len()], f64::NAN);
    };
    let best = mean(scores[0]);
    (scores.iter().map(|other| band.holds(best - mean(other))).collect(), band.width)
}

/// What burn-tune did before: each trial by itself against the best, by the corrected resampled t-test, with no more
/// variance than the median of all pairs.
fn pairwise(scores: &[&[f64]], test_to_train: f64) -> (Vec<bool>, f64) {
    let folds = scores[0].len() as f64;
    let pairs: Vec<(f64, f64)> = scores
        .iter()
        .map(|other| {
            let differences: Vec<f64> = scores[0].iter().zip(*other).map(|(a, b)| a - b).collect();
            let variance = std(&differences).powi(2) * folds / (folds - 1.0);
            (mean(&differences), variance)
        })
        .collect();
    let mut variances: Vec<f64> = pairs[1..].iter().map(|(_, variance)| *variance).collect();
    variances.sort_by(f64::total_cmp);
    let typical = variances.get(variances.len() / 2).copied().unwrap_or(f64::INFINITY);
    let is_near = |(difference, variance): &(f64, f64)| {
        let variance = variance.min(typical);
        let t = difference / ((1.0 / folds + test_to_train) * variance).sqrt();
        let student = StudentsT::new(0.0, 1.0, folds - 1.0);
        *difference == 0.0 || student.is_ok_and(|student| 2.0 * student.sf(t.abs()) >= 0.05)
    };
    (pairs.iter().map(is_near).collect(), f64::NAN)
}

fn first(scores: &[&[f64]], _: f64) -> (Vec<bool>, f64) {
    ((0..scores.len()).map(|place| place == 0).collect(), f64::NAN)
}
