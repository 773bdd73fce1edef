//! Our training in a program of a user's: by what `burn-tune` gives to everyone, and nothing else.

use std::sync::Arc;

use burn_tune::prelude::*;
use burn_tune_data::{DataSource, Dataset};
use burn_tune_model::{Activation, Backend, Lanes, MlpConfig, MlpTraining};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::{Stop, TaskHandle};

use crate::harness;

const SEED: u64 = 5;

fn training() -> MlpTraining {
    let dataset = Dataset::mnist().expect("it is embedded").limited(600);
    let (source, backend) = (DataSource::default(), Backend::Flex);
    MlpTraining { source, dataset, lanes: Lanes::solo(backend), curves: false }
}

fn configs() -> [MlpConfig; 2] {
    let small = MlpConfig { epochs: 2, hidden_size: 16, batch_size: 50, ..MlpConfig::default() };
    let sick = MlpConfig { activation: Activation::Sigmoid, softmax: true, ..small };
    [small, sick]
}

/// As a user writes it.
fn program() -> Study<MlpConfig> {
    let training = Arc::new(training());
    let mut study = Study::new("mlp", move |config, trial| training.train(config, trial))
        .score("accuracy")
        .offers("parameters", Direction::Minimize)
        .offers_wall_clock("seconds_per_epoch", Direction::Minimize)
        .folds(3)
        .refits(1, 2)
        .seed(SEED);
    for (number, config) in configs().iter().enumerate() {
        study = study.try_first(&number.to_string(), config);
    }
    study
}

#[test]
fn a_program_of_a_users_has_the_scores_of_burn_tune() {
    let outcome = program().run(2).unwrap();
    let objective = harness::objective(training());
    let stop = Stop::default();
    let leaderboard = outcome.leaderboard();
    for trial in &leaderboard.trials {
        let config = &configs()[trial.trial];
        let folds = (0..3).map(|fold| {
            let handle = TaskHandle::new(SEED, trial.trial, Task::Fold(fold), &stop);
            harness::fold(&objective, config, &handle).unwrap()
        });
        let folds: Vec<_> = folds.collect();
        let scores: Vec<Option<f64>> = folds.iter().map(|fold| Some(fold.score)).collect();
        assert_eq!(trial.split_test_scores, scores);
        let flags = folds.into_iter().flat_map(|fold| fold.flags);
        assert_eq!(trial.flags, burn_tune::Flag::union(flags));
    }
    let best = &leaderboard.top[0];
    let scores = [0, 1].map(|seed| {
        let handle = TaskHandle::new(SEED, best.trial, Task::Refit(seed), &stop);
        Some(harness::refit(&objective, &configs()[best.trial], &handle).unwrap().score)
    });
    assert_eq!(best.refit.as_ref().unwrap().test_scores, scores);
}

#[test]
fn what_no_training_can_begin_with_is_refused_before_the_first() {
    let refused = MlpConfig { lr: 0.0, ..configs()[0].clone() };
    let error = Arc::new(training()).study("mlp").try_first("odd", &refused).run(1).unwrap_err();
    assert!(error.to_string().contains("`lr` is 0: allowed: a number above 0"), "{error}");
}
