//! Leaderboards, and the files beside them, of studies with several objectives.

use burn_tune_search::metric::Metric;
use burn_tune_search::trial::StoredTrial;
use burn_tune_search::{Event, FoldScore, Trial};
use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{facts, failed, finished, history, params, scored, started};
use crate::objective_means::ObjectiveMeans;

const FOLDS: usize = 2;

fn with_metrics(metrics: Vec<Metric>) -> StudyFacts {
    let mut facts = StudyFacts { metrics, ..facts() };
    facts.evaluation.folds = FOLDS;
    facts
}

/// A study of accuracy, time and size, in this order.
fn sized() -> StudyFacts {
    with_metrics(vec![
        Metric::new("accuracy", Direction::Maximize),
        Metric::wall_clock("seconds_per_epoch", Direction::Minimize),
        Metric::new("parameters", Direction::Minimize),
    ])
}

/// The trial with this number, of this accuracy and this size; all of it takes time of `clock`.
fn trial(number: usize, accuracy: f64, size: f64, clock: f64) -> Vec<Event> {
    let mut events = vec![started(None, params(0.01 * (number + 1) as f64, "relu"))];
    let seconds = clock + number as f64;
    let fold = |score: f64| {
        scored(score).map(|fold| FoldScore { extra_values: vec![seconds, size], ..fold })
    };
    events.extend(
        [(0, accuracy + 0.125), (1, accuracy - 0.125)]
            .map(|(place, score)| finished(number, place, fold(score))),
    );
    events
}

/// Trials 1, 4 and 0 are the front; 2 is behind 4, and 3 behind 2; 5 has failed.
fn events(clock: f64) -> Vec<Event> {
    let trials = [(0.25, 10.0), (0.75, 40.0), (0.5, 30.0), (0.375, 30.0), (0.5, 20.0)];
    let mut events: Vec<Event> = trials
        .into_iter()
        .enumerate()
        .flat_map(|(number, (accuracy, size))| trial(number, accuracy, size, clock))
        .collect();
    events.push(started(None, params(0.1, "tanh")));
    events.push(finished(5, 0, failed("out of memory")));
    events
}

fn ranks(leaderboard: &Leaderboard) -> Vec<(usize, usize, bool)> {
    let trials = leaderboard.trials.iter();
    trials.map(|entry| (entry.rank, entry.trial, entry.front == Some(true))).collect()
}

#[test]
fn fronts_are_ranked_and_the_best_in_the_first_objective_come_first() {
    let leaderboard = Leaderboard::new(&sized(), &history(FOLDS, events(1.0)), &[]);
    assert_eq!(
        ranks(&leaderboard),
        [(1, 1, true), (1, 4, true), (1, 0, true), (4, 2, false), (5, 3, false), (6, 5, false)]
    );
    let names: Vec<&str> = leaderboard.objectives.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["accuracy", "parameters"]);
    let first = &leaderboard.trials[0];
    assert_snapshot!(serde_json::to_string(first).unwrap(), @r#"{"rank":1,"trial":1,"params":{"lr":0.02,"activation":"relu","epochs":5},"state":"complete","front":true,"values":{"accuracy":0.75,"parameters":40.0},"mean_test_score":0.75,"std_test_score":0.125,"split_test_scores":[0.875,0.625],"flags":[],"within_noise_of_best":null}"#);
    let last = &leaderboard.trials[5];
    assert_eq!((last.front, &last.values), (Some(false), &None));
    // Of three trials of the front, the two ends.
    assert_eq!(leaderboard.top.iter().map(|entry| entry.trial).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn what_a_clock_decides_is_in_no_leaderboard_but_in_the_table_of_scikit_learn() {
    let [slow, fast] = [1.0, 100.0].map(|clock| history(FOLDS, events(clock)));
    let file = |facts: &StudyFacts, history| Leaderboard::new(facts, history, &[]).to_json();
    assert_eq!(file(&sized(), &slow), file(&sized(), &fast));

    // With a single objective besides the clock's, it is that of a study with this one alone.
    let mut alone = sized().metrics;
    alone.truncate(2);
    assert_eq!(file(&with_metrics(alone), &slow), file(&with_metrics(Vec::new()), &slow));

    assert_snapshot!(crate::cv_results(&sized(), &slow), @r#"
    mean_fit_time,std_fit_time,mean_score_time,std_score_time,param_activation,param_epochs,param_lr,params,split0_test_accuracy,split1_test_accuracy,mean_test_accuracy,std_test_accuracy,rank_test_accuracy,split0_test_seconds_per_epoch,split1_test_seconds_per_epoch,mean_test_seconds_per_epoch,std_test_seconds_per_epoch,rank_test_seconds_per_epoch,split0_test_parameters,split1_test_parameters,mean_test_parameters,std_test_parameters,rank_test_parameters
    1.0,0.0,0.25,0.0,relu,5,0.01,"{'activation': 'relu', 'epochs': 5, 'lr': 0.01}",0.375,0.125,0.25,0.125,5,1.0,1.0,1.0,0.0,1,10.0,10.0,10.0,0.0,1
    1.0,0.0,0.25,0.0,relu,5,0.02,"{'activation': 'relu', 'epochs': 5, 'lr': 0.02}",0.875,0.625,0.75,0.125,1,2.0,2.0,2.0,0.0,2,40.0,40.0,40.0,0.0,5
    1.0,0.0,0.25,0.0,relu,5,0.03,"{'activation': 'relu', 'epochs': 5, 'lr': 0.03}",0.625,0.375,0.5,0.125,2,3.0,3.0,3.0,0.0,3,30.0,30.0,30.0,0.0,3
    1.0,0.0,0.25,0.0,relu,5,0.04,"{'activation': 'relu', 'epochs': 5, 'lr': 0.04}",0.5,0.25,0.375,0.125,4,4.0,4.0,4.0,0.0,4,30.0,30.0,30.0,0.0,3
    1.0,0.0,0.25,0.0,relu,5,0.05,"{'activation': 'relu', 'epochs': 5, 'lr': 0.05}",0.625,0.375,0.5,0.125,2,5.0,5.0,5.0,0.0,5,20.0,20.0,20.0,0.0,2
    ,,,,tanh,5,0.1,"{'activation': 'tanh', 'epochs': 5, 'lr': 0.1}",,,,,6,,,,,6,,,,,6
    "#);
}

#[test]
fn times_are_read_again_from_the_table_with_the_direction_that_ranks_tell() {
    for direction in [Direction::Minimize, Direction::Maximize] {
        let mut facts = sized();
        facts.metrics[1].direction = direction;
        let history = history(FOLDS, events(1.0));
        let leaderboard = Leaderboard::new(&facts, &history, &[]);
        let csv = crate::cv_results(&facts, &history);
        let read = ObjectiveMeans::read_wall_clock(&csv, &leaderboard).unwrap();
        assert_eq!(read, ObjectiveMeans::wall_clock(&facts, &history));
        assert_eq!((read.len(), read[0].direction, read[0].means.len()), (1, direction, 5));
        let all = ObjectiveMeans::all(&leaderboard, &read);
        let labels: Vec<String> = all.iter().map(ObjectiveMeans::label).collect();
        assert_eq!(labels[..2], ["accuracy ↑", "parameters ↓"]);
        assert_eq!(all[1].means[&4], 20.0);
    }
    let single = Leaderboard::new(&facts(), &history(3, []), &[]);
    let csv = crate::cv_results(&facts(), &history(3, []));
    assert_eq!(ObjectiveMeans::read_wall_clock(&csv, &single).unwrap(), []);
}

#[test]
fn another_programs_trial_takes_its_place_on_the_front_and_is_never_refitted() {
    let mut events = events(1.0);
    let state = TrialState::Foreign { values: vec![0.875, 1.0, 5.0], begun_here: false };
    let trial = Trial { number: 6, name: None, params: params(0.5, "relu"), state };
    events.push(Event::TrialFound { found: StoredTrial { trial, spans: vec![] } });
    let leaderboard = Leaderboard::new(&sized(), &history(FOLDS, events), &[]);
    assert_eq!(ranks(&leaderboard)[..2], [(1, 6, true), (2, 1, false)]);
    assert_eq!(leaderboard.trials[0].values.as_ref().unwrap()["parameters"], 5.0);
    // The best that is ours.
    assert_eq!(leaderboard.top.iter().map(|entry| entry.trial).collect::<Vec<_>>(), [1, 0]);
}

proptest! {
    #[test]
    fn the_front_is_what_no_other_trial_dominates(
        rows in prop::collection::vec((0..4u8, 0..4u8), 1..12), clock in 0.0..9.0f64,
    ) {
        let events = rows.iter().enumerate().flat_map(|(number, (accuracy, size))| {
            trial(number, f64::from(*accuracy), f64::from(*size), clock)
        });
        let leaderboard = Leaderboard::new(&sized(), &history(FOLDS, events), &[]);
        for entry in &leaderboard.trials {
            let (accuracy, size) = rows[entry.trial];
            let is_beaten = rows.iter().any(|(other, other_size)| {
                *other >= accuracy && *other_size <= size && (*other, *other_size) != (accuracy, size)
            });
            prop_assert_eq!(entry.front, Some(!is_beaten));
            prop_assert_eq!(entry.rank == 1, !is_beaten);
        }
        prop_assert!(leaderboard.trials.is_sorted_by_key(|entry| entry.rank));
    }
}
