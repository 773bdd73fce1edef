//! Studies without a command line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn_tune::prelude::*;

#[derive(Space, Debug, Clone, PartialEq)]
struct Point {
    #[space(-10.0..=10.0)]
    x: f64,
    #[space]
    side: Side,
    #[space(1.0..=2.0, when(side = Side::Left))]
    push: Option<f64>,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum Side {
    Left,
    Right,
}

/// Uses the seed, so that whoever gives another one is found out.
fn height(point: &Point, trial: &Trial) -> Result<Score> {
    let noise = (trial.seed() % 1000) as f64 / 1e6;
    trial.finish((point.x - 2.0).powi(2) + point.push.unwrap_or(0.0) + noise)
}

fn json(leaderboard: &burn_tune::Leaderboard) -> String {
    serde_json::to_string(leaderboard).expect("a leaderboard is JSON")
}

fn study() -> Study<Point> {
    Study::new("heights", height).score("height").minimize().seed(3)
}

#[test]
fn the_best_has_the_type_of_the_user_and_the_smallest_score() {
    let outcome = study().run(30).unwrap();
    let trials = outcome.trials().unwrap();
    assert_eq!(trials.len(), 30);
    let best = outcome.best().unwrap();
    let smallest = trials.iter().filter_map(|trial| trial.score).fold(f64::INFINITY, f64::min);
    assert_eq!((best.score, best.rank), (Some(smallest), 1));
    assert_eq!(best, trials[0]);
    assert!(trials.iter().all(|t| t.params.push.is_some() == (t.params.side == Side::Left)));
    assert_eq!(outcome.leaderboard().evaluation.metric, "height");
}

#[test]
fn the_leaderboard_does_not_depend_on_jobs_or_on_how_often_it_was_broken_off() {
    use burn_tune::Leaderboard;
    let bytes = |leaderboard: &Leaderboard| serde_json::to_string(leaderboard).unwrap();
    let whole = study().folds(2).refits(2, 2).sampler(Sampler::Tpe).jobs(1).run(25).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("s.db").display().to_string();
    let part = |trials: usize| {
        let study = study().folds(2).refits(2, 2).sampler(Sampler::Tpe).jobs(4);
        study.storage(&url).run(trials).unwrap()
    };
    part(7);
    part(18);
    assert_eq!(bytes(part(25).leaderboard()), bytes(whole.leaderboard()));
    // Nothing is left to do.
    assert_eq!(bytes(part(25).leaderboard()), bytes(whole.leaderboard()));
}

#[test]
fn a_trial_that_fails_has_its_reason_and_takes_no_other_with_it() {
    let outcome = Study::new("failures", |point: &Point, trial: &Trial| {
        match trial.number() {
            0 => return Err(Error::new("no luck")),
            1 => panic!("out of cheese"),
            2 => return trial.finish(f64::NAN),
            3 => {
                let _: usize = "x".parse()?;
            }
            _ => {}
        }
        trial.finish(point.x)
    });
    let trials = outcome.run(6).unwrap().trials().unwrap();
    let reason = |number| {
        let trial = trials.iter().find(|trial| trial.number == number).unwrap();
        trial.error.clone().unwrap_or_default()
    };
    assert_eq!(reason(0), "no luck");
    assert!(reason(1).contains("out of cheese"), "{}", reason(1));
    assert!(reason(2).contains("NaN"), "{}", reason(2));
    assert_eq!(reason(3), "invalid digit found in string");
    assert_eq!(trials.iter().filter(|trial| trial.error.is_none()).count(), 2);
}

#[test]
fn a_pruner_answers_and_the_training_ends_with_its_score_so_far() {
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = steps.clone();
    let study = Study::new("pruned", move |point: &Point, trial: &Trial| {
        for step in 1..=20 {
            counted.fetch_add(1, Ordering::Relaxed);
            if trial.report(step, -point.x.abs()).is_stop() {
                break;
            }
        }
        trial.finish(-point.x.abs())
    });
    let pruner = Pruner::median();
    let outcome = study.pruner(pruner).steps(|_| 20).jobs(1).run(30).unwrap();
    let pruned = outcome.leaderboard().counts.pruned;
    assert!(pruned > 5, "{pruned}");
    assert!(steps.load(Ordering::Relaxed) < 20 * 30);
}

#[test]
fn several_metrics_have_a_front_and_a_missing_one_is_told_by_name() {
    let study = |name: &'static str| {
        Study::new("front", move |point: &Point, trial: &Trial| {
            trial.metric(name, point.x);
            trial.flag("tilted", "try another side");
            trial.curve("height", 1, point.x);
            trial.finish(point.x)
        })
        .score("gain")
        .also("cost", Direction::Minimize)
        .run(8)
        .unwrap()
    };
    let outcome = study("cost");
    // What gains costs as much: nothing dominates anything.
    assert!(outcome.leaderboard().trials.iter().all(|trial| trial.front == Some(true)));
    assert_eq!(outcome.best().unwrap().flags[0].id(), "tilted");
    let error = study("costs").trials().unwrap()[0].error.clone().unwrap();
    let expected = "the study has no further metric `costs`: did you mean `cost`? Allowed: cost";
    assert_eq!(error, expected);
}

/// Why the first trial of a study failed, whose trainings end so.
fn failure(
    study: impl FnOnce(Study<Point>) -> Study<Point>,
    train: fn(&Trial) -> Result<Score>,
) -> String {
    let function = move |_: &Point, trial: &Trial| train(trial);
    let outcome = study(Study::new("failure", function).score("gain")).run(1);
    let trials = outcome.and_then(|outcome| outcome.trials()).expect("the study runs");
    trials[0].error.clone().unwrap_or_default()
}

#[test]
fn what_a_training_cannot_end_with_says_what_to_do() {
    let plain = |study: Study<Point>| study;
    let cost = |study: Study<Point>| study.also("cost", Direction::Minimize);
    for score in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let train: fn(&Trial) -> Result<Score> = match score {
            score if score.is_nan() => |trial| trial.finish(f64::NAN),
            f64::INFINITY => |trial| trial.finish(f64::INFINITY),
            _ => |trial| trial.finish(f64::NEG_INFINITY),
        };
        let error = failure(plain, train);
        let expected = format!("the score is {score}, which is not a finite number: look at");
        assert!(error.starts_with(&expected), "{error}");
    }
    let error = failure(cost, |trial| {
        trial.metric("cost", f64::NAN);
        trial.finish(1.0)
    });
    assert!(error.starts_with("cost is NaN, which is not a finite number: look at"), "{error}");
    let error = failure(cost, |trial| trial.finish(1.0));
    let expected = "the training has given no `cost`: call `trial.metric(\"cost\", …)`";
    assert_eq!(error, expected);
    let error = failure(plain, |trial| {
        trial.metric("gain", 1.0);
        trial.finish(1.0)
    });
    let expected =
        "the study has no further metric `gain`: it is the score: give it to `trial.finish`";
    assert_eq!(error, expected);
    let error = failure(plain, |trial| {
        trial.metric("size", 1.0);
        trial.finish(1.0)
    });
    let expected = "the study has no further metric `size`: name it in the study, `.also(\"size\", Direction::Minimize)`";
    assert_eq!(error, expected);
    let error = failure(plain, |_| std::panic::panic_any(7));
    let expected = "panic: its payload is no text: panic with one, or return an error";
    assert!(error.ends_with(expected), "{error}");
    let error = failure(plain, |_| Err(std::io::Error::other("the disk is full"))?);
    assert_eq!(error, "the disk is full");
    let error = failure(plain, |_| {
        let boxed: Result<Score, Box<dyn std::error::Error>> = Err("no data".into());
        boxed.map_err(Error::new)
    });
    assert_eq!(error, "no data");
}

#[test]
fn of_a_metric_that_is_given_again_the_last_value_counts() {
    let study = Study::new("again", |_: &Point, trial: &Trial| {
        trial.metric("cost", 1.0);
        trial.metric("cost", 2.0);
        trial.finish(1.0)
    });
    let outcome = study.also("cost", Direction::Minimize).run(1).unwrap();
    let text = json(outcome.leaderboard());
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["trials"][0]["values"]["cost"], 2.0, "{text}");
}

#[test]
fn a_metric_by_the_clock_is_shown_and_ranks_nothing() {
    let study = |clock: f64| {
        Study::new("clock", move |point: &Point, trial: &Trial| {
            trial.metric("seconds", clock * (trial.number() as f64 + 1.0));
            trial.finish(point.x)
        })
        .also_wall_clock("seconds", Direction::Minimize)
        .sampler(Sampler::Tpe)
        .run(15)
        .unwrap()
    };
    let (slow, fast) = (study(10.0), study(0.1));
    assert_eq!(json(slow.leaderboard()), json(fast.leaderboard()));
    assert!(!json(slow.leaderboard()).contains("seconds"));
    let folder = tempfile::tempdir().unwrap();
    slow.write(folder.path()).unwrap();
    let csv = std::fs::read_to_string(folder.path().join("cv_results.csv")).unwrap();
    assert!(csv.lines().next().unwrap().contains("mean_test_seconds"), "{csv}");
}

#[test]
fn the_best_report_follows_the_direction_and_leaves_out_what_does_not_count() {
    let best = |study: fn(Study<Point>) -> Study<Point>| {
        let function = |_: &Point, trial: &Trial| {
            assert_eq!(trial.best_report(), None);
            let reports = [(1, 0.5), (2, f64::NAN), (4, 0.25), (5, 0.75), (3, 9.0), (3, -9.0)];
            for (step, value) in reports {
                let _ = trial.report(step, value);
            }
            let (step, value) = trial.best_report().ok_or(Error::new("there is none"))?;
            trial.finish(step as f64 + value)
        };
        study(Study::new("best", function)).run(1).unwrap().best().unwrap().score
    };
    assert_eq!(best(Study::maximize), Some(5.75));
    assert_eq!(best(Study::minimize), Some(4.25));
}

#[test]
fn folds_share_the_rows_and_a_refit_has_all_of_them() {
    let labels: Vec<&str> = (0..20).map(|row| if row % 3 == 0 { "cat" } else { "dog" }).collect();
    let outcome = Study::new("folds", move |_: &Point, trial: &Trial| {
        let split = trial.split(&labels)?;
        let plain = trial.split_rows(7)?;
        if trial.is_refit() {
            assert_eq!((split.train.len(), plain.train.len()), (20, 7));
            assert!(split.valid.is_empty());
        } else {
            assert_eq!((split.train.len(), split.valid.len()), (15, 5));
            assert_eq!(plain.train.len() + plain.valid.len(), 7);
            assert!(split.valid.iter().all(|row| !split.train.contains(row)));
        }
        trial.finish(split.train[0] as f64)
    });
    let outcome = outcome.folds(4).refits(1, 1).run(1).unwrap();
    assert_eq!(outcome.trials().unwrap()[0].error, None);
    assert_eq!(outcome.leaderboard().top[0].refit.as_ref().unwrap().mean, Some(0.0));
}

#[test]
fn explicit_params_are_tried_first_and_what_is_wrong_is_an_error_before() {
    let first = Point { x: 2.0, side: Side::Right, push: None };
    let outcome = study().try_first("known", &first).run(3).unwrap();
    let known = outcome.trials().unwrap().into_iter().find(|trial| trial.number == 0).unwrap();
    assert_eq!(known.params, first);

    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("s.db").display().to_string();
    study().storage(&url).run(2).unwrap();
    let error = study().seed(4).storage(&url).run(3).err().unwrap().to_string();
    assert!(error.contains("seed of the study"), "{error}");
    assert!(error.ends_with("undo the change, or give the study another name"), "{error}");
    let error = study().identity("data", "v2").storage(&url).run(3).err().unwrap().to_string();
    assert!(error.contains("data"), "{error}");
    let outcome = study().storage(&url).run(3).unwrap();
    outcome.write(folder.path().join("out")).unwrap();
    let json = std::fs::read_to_string(folder.path().join("out/leaderboard.json")).unwrap();
    assert!(json.contains("\"height\""));
}

#[test]
fn what_a_check_refuses_costs_no_trial_and_a_space_with_none_left_is_an_error() {
    let checked = |largest: f64, sampler| {
        let check = move |point: &Point| ensure(point.x < largest, "x is too large");
        study().check(check).sampler(sampler).run(12)
    };
    for sampler in [Sampler::Random, Sampler::Sobol, Sampler::Tpe, Sampler::Gp] {
        let trials = checked(-5.0, sampler).unwrap().trials().unwrap();
        assert_eq!(trials.len(), 12);
        assert!(trials.iter().all(|trial| trial.params.x < -5.0));
    }
    let error = checked(-11.0, Sampler::Random).err().unwrap().to_string();
    assert!(error.contains("x is too large"), "{error}");
}

#[test]
fn what_can_never_run_is_said_before_it_runs() {
    let problem = |study: Study<Point>, trials| study.run(trials).err().unwrap().to_string();
    assert_eq!(problem(study(), 0), "a study of 0 trials finds nothing: run at least 1");
    assert_eq!(problem(study().jobs(0), 1), "0 jobs do nothing: take at least 1");
    assert_eq!(problem(study().folds(0), 1), "`folds` is 0: allowed: at least 1");
    let twice = problem(study().also("height", burn_tune::Direction::Minimize), 1);
    assert_eq!(twice, "two objectives are called `height`: leave one of them out");
}

#[test]
fn reports_that_say_nothing_are_flagged() {
    let study = Study::new("reports", |point: &Point, trial: &Trial| {
        for (step, value) in [(1, 0.5), (3, f64::NAN), (2, 0.6), (3, 0.7), (4, 0.8)] {
            let _ = trial.report(step, value);
        }
        trial.finish(point.x)
    });
    let outcome = study.run(1).unwrap();
    let trial = outcome.best().unwrap();
    let flags: Vec<&str> = trial.flags.iter().map(|flag| flag.id()).collect();
    assert_eq!(flags, ["reports_no_number", "reports_out_of_order"]);
    assert_eq!(trial.error, None);
}

#[test]
fn a_flag_that_cannot_be_fails_the_training_and_says_why() {
    let study = Study::new("flags", |point: &Point, trial: &Trial| {
        trial.flag("Dead units!", "look at them");
        trial.finish(point.x)
    });
    let error = study.run(1).unwrap().trials().unwrap()[0].error.clone().unwrap();
    assert!(error.starts_with("`Dead units!` cannot be the id of a flag: write"), "{error}");
}

#[test]
fn a_training_has_a_folder_for_checkpoints_beside_the_database_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("s.db");
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let run = |name: &str, trials| {
        let seen = seen.clone();
        let train = move |point: &Point, trial: &Trial| {
            let checkpoints = trial.checkpoint_dir()?;
            let left: Vec<_> = std::fs::read_dir(&checkpoints)?.flatten().collect();
            assert_eq!(left.len(), 1, "there is but the file that says whose it is");
            std::fs::write(checkpoints.join("epoch"), "1")?;
            seen.lock().unwrap().push(checkpoints);
            ensure(trial.number() != 1, "out of luck")?;
            height(point, trial)
        };
        let study = Study::new(name, train).minimize().folds(2).refits(1, 1).jobs(3);
        study.storage(&database.display().to_string()).run(trials).unwrap();
    };
    run("a/b", 4);
    run("a_b", 1);
    run("a/b", 5);
    let seen = seen.lock().unwrap();
    let folders: Vec<String> = seen
        .iter()
        .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    for expected in ["a_b-1/trial-0/fold-1", "a_b-1/trial-4/fold-0", "a_b-2/trial-0/refit-0"] {
        assert!(folders.contains(&format!("s.db.checkpoints/{expected}")), "{folders:?}");
    }
    let left = std::fs::read_dir(folder.path()).unwrap().flatten();
    let left: Vec<_> = left.filter(|entry| entry.path().is_dir()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn there_is_a_job_for_each_device_and_trainings_are_told_theirs() {
    let study = |devices: &[usize]| {
        let on = |_: &Point, trial: &Trial| {
            // So that the other jobs get something to do, too.
            std::thread::sleep(std::time::Duration::from_millis(50));
            trial.finish(trial.device_index().map_or(-1.0, |device| device as f64))
        };
        Study::new("devices", on).devices(devices.iter().copied())
    };
    if cfg!(feature = "burn") {
        // Numbers are those of Burn's devices, and on the processor there is one.
        let error = study(&[0, 1]).run(6).unwrap_err().to_string();
        assert_eq!(error, "there is no device 1: 0 is Flex(Cpu)");
        return;
    }
    let scores = |study: Study<Point>| {
        let outcome = study.run(6).unwrap();
        let scores = outcome.trials().unwrap().into_iter().map(|t| t.score.unwrap() as i64);
        scores.collect::<std::collections::BTreeSet<i64>>().into_iter().collect::<Vec<i64>>()
    };
    assert_eq!(scores(study(&[4, 2, 9])), [2, 4, 9]);
    assert_eq!(scores(study(&[4, 2, 9]).jobs(1)), [4]);
    assert_eq!(scores(study(&[])), [-1]);
}
