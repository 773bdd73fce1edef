//! Leaderboards as they are written, for studies that go well, fail, tie or are interrupted.

use burn_tune_search::timeline::Span;
use burn_tune_search::trial::StoredTrial;
use burn_tune_search::{Event, FoldScore, KnownFlag, Trial};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::fixtures::{facts, failed, finished, flag, history, params, scored, started};

fn with_flags(score: f64, flags: Vec<Flag>) -> Result<FoldScore, ObjectiveError> {
    scored(score).map(|fold| FoldScore { flags, ..fold })
}

/// Trials 0 and 2 tie, 1 fails, 3 is far behind, 4 still runs.
fn events() -> Vec<Event> {
    vec![
        started(Some("yunjey"), params(0.001, "relu")),
        started(None, params(0.1, "tanh")),
        started(None, params(0.01, "relu")),
        started(None, params(1e-5, "tanh")),
        started(None, params(0.002, "relu")),
        finished(0, 0, scored(0.98)),
        finished(0, 1, with_flags(0.97, vec![flag("never_predicts:[5]")])),
        finished(0, 2, scored(0.975)),
        finished(1, 0, scored(0.5)),
        finished(
            1,
            1,
            Err(ObjectiveError::Failed {
                reason: "the loss is NaN".to_owned(),
                flags: vec![flag("diverged")],
            }),
        ),
        finished(2, 0, scored(0.97)),
        finished(2, 1, scored(0.98)),
        finished(2, 2, scored(0.975)),
        finished(3, 0, scored(0.61)),
        finished(3, 1, scored(0.6)),
        finished(3, 2, scored(0.595)),
        finished(4, 0, scored(0.99)),
    ]
}

fn refit(trial: usize, seed: usize, score: f64) -> Refit {
    let per_class_recall = vec![score, 1.0, f64::NAN];
    let score = RefitScore { score, per_class_recall, ..RefitScore::default() };
    Refit { trial, seed, result: Ok(score), span: Span::default() }
}

/// Two refits of trial 0, one of them with a flag; of trial 2 the second seed failed.
fn refits() -> Vec<Refit> {
    let mut flagged = refit(0, 1, 0.75);
    flagged.result.as_mut().unwrap().flags = vec![flag("never_predicts:[2,5]")];
    let broken = Refit { result: failed("out of memory"), ..refit(2, 1, 0.0) };
    vec![refit(0, 0, 0.5), flagged, refit(2, 0, 0.98), broken]
}

/// What format 1 said of a study with two trials, one of which failed.
const FORMAT_1: &str = r#"{
  "format": 1,
  "name": "mlp",
  "seed": 7,
  "direction": "maximize",
  "space": {"lr": {"low": 0.00001, "high": 0.1, "log": true}, "activation": ["relu", "tanh"], "epochs": 5},
  "evaluation": {"dataset": "mnist", "metric": "accuracy", "folds": 3, "train_examples": 60000, "test_examples": 10000, "backend": "flex"},
  "counts": {"complete": 1, "pruned": 0, "failed": 1},
  "top": [
    {"rank": 1, "trial": 0, "name": "yunjey", "params": {"lr": 0.001, "activation": "relu", "epochs": 5}, "mean_test_score": 0.975, "std_test_score": 0.004082482904638634, "split_test_scores": [0.98, 0.97, 0.975], "refit": {"seeds": 2, "test_scores": [0.5, 0.75], "mean": 0.625, "std": 0.125, "per_class_recall": [0.625, 1.0, null]}, "flags": ["never_predicts:[2,5]"]}
  ],
  "trials": [
    {"rank": 1, "trial": 0, "name": "yunjey", "params": {"lr": 0.001, "activation": "relu", "epochs": 5}, "state": "complete", "mean_test_score": 0.975, "std_test_score": 0.004082482904638634, "split_test_scores": [0.98, 0.97, 0.975], "flags": ["never_predicts:[5]"], "within_noise_of_best": null},
    {"rank": 2, "trial": 1, "params": {"lr": 0.1, "activation": "tanh", "epochs": 5}, "state": "failed", "mean_test_score": null, "std_test_score": null, "split_test_scores": [0.5, null, null], "flags": ["diverged"], "within_noise_of_best": null, "error": "fold 1: the loss is NaN"}
  ]
}"#;

/// That study.
fn small() -> Leaderboard {
    let facts = StudyFacts { top: 1, ..facts() };
    let finished_trials: Vec<Event> = events()
        .into_iter()
        .filter(|event| !matches!(event, Event::FoldFinished { trial: 2.., .. }))
        .collect();
    Leaderboard::new(&facts, &history(3, finished_trials), &refits())
}

#[test]
fn a_file_of_format_1_is_read_as_what_would_be_written_today() {
    assert_eq!(Leaderboard::from_json(FORMAT_1), Ok(small()));
    assert_eq!(Leaderboard::from_json(&small().to_json()), Ok(small()));
    // Flags that the folds have are none of the refits.
    let same = FORMAT_1.replace("never_predicts:[2,5]", "never_predicts:[5]");
    assert_eq!(Leaderboard::from_json(&same).unwrap().top[0].flags, []);
    let later = small().to_json().replace("\"format\": 2", "\"format\": 3");
    assert_snapshot!(Leaderboard::from_json(&later).unwrap_err().to_string(), @"it has format 3, and this program reads formats 1 to 2: it was written by another version of burn-tune; write it anew with `burn-tune search`");
}

#[test]
fn a_disk_that_was_full_is_no_part_of_the_file() {
    use burn_tune_search::flag::MODEL_NOT_SAVED;
    let with = |flags: &[Flag]| {
        let events = vec![
            started(None, params(0.001, "relu")),
            finished(0, 0, with_flags(0.9, flags.to_vec())),
        ];
        Leaderboard::new(&facts(), &history(1, events), &[]).to_json()
    };
    let sick = flag("never_predicts:[5]");
    assert_eq!(with(&[sick.clone(), MODEL_NOT_SAVED.flag()]), with(std::slice::from_ref(&sick)));
    assert_ne!(with(&[sick]), with(&[]));
}

/// Lists on one line, so that a snapshot can be read.
fn compact(leaderboard: &Leaderboard) -> String {
    let value: Value = serde_json::from_str(&leaderboard.to_json()).unwrap();
    let mut text = String::new();
    for key in ["counts", "top", "trials"] {
        text += &format!("{key}\n");
        let rows = value[key].as_array().cloned().unwrap_or_else(|| vec![value[key].clone()]);
        for row in rows {
            text += &format!("  {row}\n");
        }
    }
    text
}

#[test]
fn the_file_has_the_documented_layout() {
    assert_snapshot!(small().to_json(), @r#"
{
  "format": 2,
  "name": "mlp",
  "seed": 7,
  "direction": "maximize",
  "space": {"lr": {"low": 0.00001, "high": 0.1, "log": true}, "activation": ["relu", "tanh"], "epochs": 5},
  "evaluation": {
    "dataset": "mnist",
    "metric": "accuracy",
    "folds": 3,
    "train_examples": 60000,
    "test_examples": 10000,
    "backend": "flex"
  },
  "counts": {"complete": 1, "pruned": 0, "failed": 1},
  "top": [
    {"trial": 0, "name": "yunjey", "refit": {"seeds": 2, "test_scores": [0.5, 0.75], "mean": 0.625, "std": 0.125, "per_class_recall": [0.625, 1.0, null]}, "flags": ["never_predicts:[2,5]"]}
  ],
  "trials": [
    {"rank": 1, "trial": 0, "name": "yunjey", "params": {"lr": 0.001, "activation": "relu", "epochs": 5}, "state": "complete", "mean_test_score": 0.975, "std_test_score": 0.004082482904638634, "split_test_scores": [0.98, 0.97, 0.975], "flags": ["never_predicts:[5]"], "within_noise_of_best": null},
    {"rank": 2, "trial": 1, "params": {"lr": 0.1, "activation": "tanh", "epochs": 5}, "state": "failed", "mean_test_score": null, "std_test_score": null, "split_test_scores": [0.5, null, null], "flags": ["diverged"], "within_noise_of_best": null, "error": "fold 1: the loss is NaN"}
  ]
}
"#);
}

#[test]
fn ties_failures_and_running_trials_take_their_places() {
    let leaderboard = Leaderboard::new(&facts(), &history(3, events()), &refits());
    assert_snapshot!(compact(&leaderboard), @r#"
    counts
      {"complete":3,"failed":1,"pruned":0}
    top
      {"flags":["never_predicts:[2,5]"],"name":"yunjey","refit":{"mean":0.625,"per_class_recall":[0.625,1.0,null],"seeds":2,"std":0.125,"test_scores":[0.5,0.75]},"trial":0}
      {"flags":[],"refit":{"error":"seed 1: out of memory","mean":null,"per_class_recall":null,"seeds":2,"std":null,"test_scores":[0.98,null]},"trial":2}
    trials
      {"flags":["never_predicts:[5]"],"mean_test_score":0.975,"name":"yunjey","params":{"activation":"relu","epochs":5,"lr":0.001},"rank":1,"split_test_scores":[0.98,0.97,0.975],"state":"complete","std_test_score":0.004082482904638634,"trial":0,"within_noise_of_best":true}
      {"flags":[],"mean_test_score":0.975,"params":{"activation":"relu","epochs":5,"lr":0.01},"rank":1,"split_test_scores":[0.97,0.98,0.975],"state":"complete","std_test_score":0.004082482904638634,"trial":2,"within_noise_of_best":true}
      {"flags":[],"mean_test_score":0.6016666666666667,"params":{"activation":"tanh","epochs":5,"lr":0.00001},"rank":3,"split_test_scores":[0.61,0.6,0.595],"state":"complete","std_test_score":0.006236095644623242,"trial":3,"within_noise_of_best":false}
      {"error":"fold 1: the loss is NaN","flags":["diverged"],"mean_test_score":null,"params":{"activation":"tanh","epochs":5,"lr":0.1},"rank":4,"split_test_scores":[0.5,null,null],"state":"failed","std_test_score":null,"trial":1,"within_noise_of_best":null}
    "#);
}

#[test]
fn the_smallest_mean_is_the_best_where_scores_are_minimized() {
    let facts = StudyFacts { direction: Direction::Minimize, ..facts() };
    let leaderboard = Leaderboard::new(&facts, &history(3, events()), &[]);
    let order: Vec<(usize, usize)> =
        leaderboard.trials.iter().map(|entry| (entry.rank, entry.trial)).collect();
    assert_eq!(order, [(1, 3), (2, 0), (2, 2), (4, 1)]);
}

#[test]
fn without_refits_there_are_no_top_entries() {
    let facts = StudyFacts { top: 0, ..facts() };
    let leaderboard = Leaderboard::new(&facts, &history(3, events()), &[]);
    assert_eq!(leaderboard.top, []);
    assert_eq!(leaderboard.trials.len(), 4);
}

#[test]
fn flags_of_a_file_are_explained_and_in_order_once_they_are_looked_up() {
    const KNOWN: [KnownFlag; 2] = [
        KnownFlag::new("never_predicts", 0, "try another seed"),
        KnownFlag::new("dead_units", 1, "try fewer units"),
    ];
    let mut leaderboard = Leaderboard::from_json(&small().to_json()).unwrap();
    leaderboard.top[0].flags.push(flag("dead_units"));
    leaderboard.look_up_flags(&KNOWN);
    let flags = leaderboard.flags(&leaderboard.trials[0]);
    let advice: Vec<&str> = flags.iter().map(Flag::advice).collect();
    assert_eq!(flags, [flag("never_predicts:[2,5]"), flag("dead_units")]);
    assert_eq!(advice, ["try another seed", "try fewer units"]);
}

#[test]
fn interrupted_refits_are_left_out_as_a_whole() {
    let some_refits = [refits().swap_remove(1), refit(2, 0, 0.98), refit(2, 1, 0.97)];
    let leaderboard = Leaderboard::new(&facts(), &history(3, events()), &some_refits);
    assert_eq!(leaderboard.top[0].refit, None);
    assert_eq!(leaderboard.top[0].flags, []);
    assert_eq!(leaderboard.flags(&leaderboard.trials[0]), [flag("never_predicts:[5]")]);
    assert_eq!(leaderboard.top[1].refit.as_ref().unwrap().seeds, 2);
}

#[test]
fn a_refit_without_a_finite_score_says_so() {
    let refits = [refit(0, 0, 0.5), refit(0, 1, f64::NAN)];
    let leaderboard = Leaderboard::new(&facts(), &history(3, events()), &refits);
    let entry = leaderboard.top[0].refit.clone().unwrap();
    assert_eq!((entry.mean, entry.test_scores), (None, vec![Some(0.5), None]));
    let error = "seed 1: the score is NaN, which is not a finite number";
    assert_eq!(entry.error.as_deref(), Some(error));
}

#[test]
fn where_every_trial_failed_there_is_no_best() {
    let events = [
        started(None, params(0.1, "relu")),
        started(None, params(0.01, "relu")),
        finished(0, 0, failed("no")),
        finished(1, 0, failed("no")),
    ];
    let leaderboard = Leaderboard::new(&facts(), &history(3, events), &[]);
    assert_eq!(leaderboard.top, []);
    assert_eq!(leaderboard.counts, Counts { complete: 0, pruned: 0, failed: 2 });
    for entry in &leaderboard.trials {
        assert_eq!((entry.rank, entry.within_noise_of_best), (1, None));
        assert_eq!(entry.split_test_scores, [None; 3]);
    }
}

#[test]
fn another_programs_trial_is_ranked_by_its_value_and_never_refitted() {
    let foreign = |number, value: Option<f64>| Event::TrialFound {
        found: StoredTrial {
            trial: Trial {
                number,
                name: None,
                params: params(0.5, "relu"),
                state: TrialState::Foreign {
                    values: value.into_iter().collect(),
                    begun_here: false,
                },
            },
            spans: vec![],
        },
    };
    let events = [
        started(None, params(0.1, "relu")),
        finished(0, 0, scored(0.5)),
        finished(0, 1, scored(0.75)),
        finished(0, 2, scored(0.625)),
        foreign(1, Some(0.75)),
        foreign(2, None),
    ];
    let history = history(3, events);
    let leaderboard = Leaderboard::new(&facts(), &history, &[]);
    assert_eq!(leaderboard.counts, Counts { complete: 2, pruned: 0, failed: 0 });
    let [first, second] = &leaderboard.trials[..] else { panic!("{leaderboard:?}") };
    assert_eq!((first.trial, first.rank, first.mean_test_score), (1, 1, Some(0.75)));
    assert_eq!((first.std_test_score, first.within_noise_of_best), (None, None));
    assert_eq!(first.split_test_scores, []);
    assert_eq!((second.trial, second.rank), (0, 2));
    assert_eq!(leaderboard.top.iter().map(|entry| entry.trial).collect::<Vec<_>>(), [0]);
    let csv = crate::cv_results(&facts(), &history);
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.lines().nth(2).unwrap().ends_with(",,,,0.75,,1"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().ends_with(",2"), "{csv}");
}

#[test]
fn a_study_without_trials_is_an_empty_leaderboard() {
    let leaderboard = Leaderboard::new(&facts(), &History::new(3), &[]);
    assert_eq!((leaderboard.top.len(), leaderboard.trials.len()), (0, 0));
}

proptest! {
    #[test]
    fn the_file_does_not_depend_on_what_finished_first(
        finishes in Just(events().split_off(5)).prop_shuffle(),
    ) {
        let starts = events().into_iter().take(5);
        let shuffled = history(3, starts.chain(finishes));
        let file = |history| Leaderboard::new(&facts(), &history, &refits()).to_json();
        prop_assert_eq!(file(shuffled), file(history(3, events())));
    }
}
