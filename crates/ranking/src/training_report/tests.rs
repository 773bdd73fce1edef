//! Reports of trainings that go well, fail, or were abandoned.

use std::sync::Arc;

use burn_tune_search::Curves;
use burn_tune_search::timeline::Span;

use crate::claim::{Expectation, Fall};

use super::*;
use crate::fixtures::{flag, params};
use crate::verdict::Verdict;

fn facts() -> TrainingFacts {
    TrainingFacts {
        name: "report".into(),
        seed: 0,
        evaluation: TrainingEvaluation {
            dataset: "mnist".into(),
            metric: "accuracy".into(),
            classes: vec![0, 1],
            train_examples: 60_000,
            test_examples: 10_000,
            backend: "flex".into(),
        },
        seeds: 2,
    }
}

fn model(name: Option<&str>) -> NamedModel {
    let candidate = Candidate { name: name.map(str::to_owned), params: params(0.001, "relu") };
    NamedModel { candidate, size: 1000, reported: vec![0.75] }
}

/// A loss that falls at once to where it stays.
fn curves() -> Option<Arc<Curves>> {
    let loss = (0..100).map(|step| if step == 0 { 2.0 } else { 0.5 }).collect();
    let mut curves = Curves::default();
    curves.add(LOSS, loss);
    Some(Arc::new(curves))
}

fn trained(trial: usize, seed: usize, score: f64, flags: Vec<Flag>) -> Refit {
    let per_class_recall = vec![score, f64::NAN];
    let result = Ok(RefitScore { score, per_class_recall, flags, curves: curves() });
    Refit { trial, seed, result, span: Span::default() }
}

fn failed(trial: usize, seed: usize, error: ObjectiveError) -> Refit {
    Refit { result: Err(error), ..trained(trial, seed, 0.0, vec![]) }
}

fn claim(model: &str) -> Claim {
    let expectations = vec![Expectation::Fall(Fall::Sharp)];
    Claim { model: model.into(), text: "falls sharply".into(), expectations }
}

fn report() -> TrainingReport {
    let broken = ObjectiveError::Failed { reason: "NaN".into(), flags: vec![flag("diverged")] };
    let refits = [
        trained(0, 0, 0.5, vec![flag("never_predicts:[1]")]),
        trained(0, 1, 1.0, vec![]),
        trained(1, 0, 0.25, vec![]),
        failed(1, 1, broken),
        failed(2, 0, ObjectiveError::Interrupted),
    ];
    let models = [model(Some("good")), model(Some("bad")), model(None)];
    TrainingReport::new(&facts(), &models, &[claim("good"), claim("trial 2")], &refits)
}

#[test]
fn a_model_has_what_its_seeds_came_to() {
    let good = &report().models[0];
    assert_eq!(good.name, "good");
    assert_eq!((good.mean, good.std), (Some(0.75), Some(0.25)));
    assert_eq!((good.min, good.max), (Some(0.5), Some(1.0)));
    assert_eq!(good.never_predicted, [vec![1], vec![]]);
    assert_eq!(good.per_class_recall, [[Some(0.5), None], [Some(1.0), None]]);
    assert_eq!(good.flags, [flag("never_predicts:[1]")]);
    assert_eq!(good.steps, Some(100));
    // Half of the smoothing window of five steps, and one.
    assert_eq!(good.convergence_steps, [Some(4), Some(4)]);
    assert_eq!(good.convergence_step, Some(4));
}

#[test]
fn a_seed_that_failed_takes_no_other_with_it() {
    let bad = &report().models[1];
    assert_eq!(bad.test_scores, [Some(0.25), None]);
    assert_eq!((bad.mean, bad.min), (None, Some(0.25)));
    assert_eq!(bad.errors, ["seed 1: NaN"]);
    assert_eq!(bad.flags, [flag("diverged")]);
    assert_eq!(bad.convergence_steps, [Some(4), None]);
}

#[test]
fn what_was_abandoned_or_never_begun_is_null() {
    let none = &report().models[2];
    assert_eq!(none.name, "trial 2");
    assert_eq!(none.test_scores, [None, None]);
    assert_eq!((none.steps, none.convergence_step, none.max), (None, None, None));
    assert_eq!(none.errors, [""; 0]);
}

#[test]
fn claims_are_judged_where_there_is_anything_to_judge_by() {
    let verdicts: Vec<Verdict> = report().claims.iter().map(|claim| claim.verdict).collect();
    assert_eq!(verdicts, [Verdict::Holds, Verdict::Unknown]);
}

#[test]
fn models_that_differ_in_one_parameter_are_set_beside_each_other() {
    let model = |name: &str, lr, activation| {
        let candidate = Candidate { name: Some(name.into()), params: params(lr, activation) };
        NamedModel { candidate, ..model(None) }
    };
    let models = [model("a", 0.1, "relu"), model("b", 0.2, "relu"), model("c", 0.1, "tanh")];
    let report = TrainingReport::new(&facts(), &models, &[], &[]);
    let contrasts = report.contrasts();
    let pairs: Vec<_> = contrasts
        .iter()
        .map(|contrast| (contrast.param, &contrast.first.name[..], &contrast.second.name[..]))
        .collect();
    assert_eq!(pairs, [("lr", "a", "b"), ("activation", "a", "c")]);
    assert_eq!(report.widest(), None);
}

#[test]
fn the_widest_range_is_that_of_a_model_with_two_scores() {
    let report = report();
    let (model, min, max) = report.widest().unwrap();
    assert_eq!((&model.name[..], min, max), ("good", 0.5, 1.0));
}

#[test]
fn a_file_is_read_as_it_was_written_and_one_of_another_version_is_refused() {
    let text = report().to_json();
    assert_eq!(TrainingReport::from_json(&text), Ok(report()));
    let refusal = |text: &str| TrainingReport::from_json(text).unwrap_err().to_string();
    let older = refusal(&text.replacen("  \"format\": 1,\n", "", 1));
    assert!(older.starts_with("it has no `format`, and this program reads format 1"), "{older}");
    assert!(older.contains("`burn-tune train`"), "{older}");
    let newer = refusal(&text.replacen("\"format\": 1", "\"format\": 99", 1));
    assert!(newer.contains("format 99"), "{newer}");
    let damaged = refusal(&text[..text.len() / 2]);
    assert!(damaged.contains("line") && damaged.contains("damaged"), "{damaged}");
}
