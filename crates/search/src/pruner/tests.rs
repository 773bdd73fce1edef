//! Against the decisions of Optuna's pruners and the p-values of scipy, recorded by
//! `tests/fixtures/pruners.py`; and what holds for every pruner.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde::Deserialize;

use super::hyperband::HyperbandPruner;
use super::wilcoxon::p_value;
use super::*;
use crate::direction::Direction;

#[derive(Deserialize)]
struct Fixtures {
    studies: Vec<Study>,
    wilcoxon: Vec<SignedRanks>,
}

#[derive(Deserialize)]
struct Study {
    name: String,
    pruner: PrunerSettings,
    direction: Direction,
    folds: usize,
    workers: usize,
    trials: Vec<RecordedTrial>,
}

#[derive(Deserialize)]
struct RecordedTrial {
    #[serde(rename = "reports")]
    intermediate_values: Vec<(u64, Option<f64>)>,
    value: Option<f64>,
    pruned: bool,
}

#[derive(Deserialize)]
struct SignedRanks {
    differences: Vec<f64>,
    p: f64,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(include_str!("../../tests/fixtures/pruners.json")).unwrap()
}

impl Study {
    /// The courses of all trials, as losses.
    fn courses(&self) -> Vec<Arc<LearningCurve>> {
        let loss = |score: f64| match self.direction {
            Direction::Maximize => -score,
            Direction::Minimize => score,
        };
        let curve = |(trial, recorded): (usize, &RecordedTrial)| {
            let values = recorded.intermediate_values.iter();
            let intermediate_values = values
                .map(|&(step, value)| IntermediateValue {
                    step,
                    value: value.map_or(f64::NAN, loss),
                })
                .collect();
            Arc::new(LearningCurve { trial, intermediate_values, loss: recorded.value.map(loss) })
        };
        self.trials.iter().enumerate().map(curve).collect()
    }
}

#[test]
fn every_trial_is_stopped_where_optuna_stops_it() {
    let (mut decisions, mut stops) = (0, 0);
    for study in fixtures().studies {
        let pruner =
            study.pruner.build(study.direction, study.folds, None, StepName::Training).unwrap();
        let courses = study.courses();
        for (curve, recorded) in courses.iter().zip(&study.trials) {
            let past = &courses[..(curve.trial + 1).saturating_sub(study.workers)];
            for len in 1..=curve.intermediate_values.len() {
                let own = &curve.intermediate_values[..len];
                // NaN is where ours differ on purpose, which is tested below.
                let hopeless = own[len - 1].value.is_nan();
                let expected =
                    hopeless || recorded.pruned && len == curve.intermediate_values.len();
                let place = format!("{}, trial {}, report {len}", study.name, curve.trial);
                assert_eq!(pruner.prunes(curve.trial, past, own), expected, "{place}");
                decisions += 1;
                stops += usize::from(expected);
            }
        }
    }
    assert!(stops > 500 && decisions > 10_000, "{stops} of {decisions} say something");
}

#[test]
fn p_values_are_scipys() {
    for SignedRanks { differences, p } in fixtures().wilcoxon {
        let ours = p_value(&differences);
        assert!((ours - p).abs() <= 1e-13, "{ours} is not {p}: {differences:?}");
    }
}

#[test]
fn brackets_get_their_shares_from_the_first_trials_on() {
    let pruner = HyperbandPruner::new(1, 27, 3);
    let shares = [27.0, 12.0, 6.0, 4.0].map(|share| share / 49.0);
    let mut counts = [0.0; 4];
    for trial in 0..5000 {
        counts[pruner.bracket(trial)] += 1.0;
        for (count, share) in counts.iter().zip(shares) {
            let due = share * (trial + 1) as f64;
            assert!(f64::abs(count - due) < 2.5, "after trial {trial}: {counts:?}");
        }
    }
    let first: Vec<usize> = (0..16).map(|trial| pruner.bracket(trial)).collect();
    assert_eq!(first, [0, 1, 0, 2, 0, 0, 1, 0, 3, 1, 0, 2, 0, 0, 1, 0]);
}

#[test]
fn a_whole_power_of_the_factor_counts_as_a_bracket_of_its_own() {
    let last = |max_resource| {
        let pruner = HyperbandPruner::new(1, max_resource, 3);
        (0..10_000).map(|trial| pruner.bracket(trial)).max().unwrap()
    };
    assert_eq!((last(242), last(243), last(244)), (4, 5, 5));
    // Too small a share for any of these trials, but no overflow.
    assert!(last(u64::MAX) < 40);
}

fn refusal(pruner: &PrunerSettings, folds: usize, max_steps: Option<u64>) -> String {
    pruner
        .build(Direction::Maximize, folds, max_steps, StepName::Training)
        .expect_err("it does not fit")
}

fn by_name(name: &str) -> PrunerSettings {
    PrunerSettings::by_name(name).unwrap()
}

#[test]
fn a_function_has_steps_and_no_epochs() {
    let refusal = |pruner: PrunerSettings, max_steps| {
        pruner.build(Direction::Maximize, 3, max_steps, StepName::Function).expect_err("unfit")
    };
    let wilcoxon = refusal(by_name("wilcoxon"), None);
    assert!(wilcoxon.ends_with("or take a pruner that looks at steps"), "{wilcoxon}");
    assert_snapshot!(refusal(by_name("hyperband"), None), @"the pruner hyperband needs the most steps of a trial, which the study does not say: say them with `steps`, or as `max_resource` of the pruner");
    let of_a_program = by_name("hyperband").build(Direction::Maximize, 1, None, StepName::Program);
    assert_snapshot!(of_a_program.unwrap_err(), @r#"the pruner hyperband needs the most steps of a trial, which nobody knows of a program: write it in the file, as in `[study] pruner = { name = "hyperband", max_resource = 20 }`"#);
    let long =
        PrunerSettings::Hyperband { min_resource: 8, max_resource: None, reduction_factor: 3 };
    assert_snapshot!(refusal(long, Some(5)), @"the pruner hyperband: a trial has at most 5 steps, fewer than `min_resource`, which is 8: write a smaller `min_resource`, or a larger `max_resource`");
    let wraps = Some(Box::new(by_name("wilcoxon")));
    let patient = PrunerSettings::Patient { patience: 3, min_delta: 0.0, wraps };
    assert_snapshot!(refusal(patient, None), @"the pruner patient: wilcoxon looks at folds, and patience is for steps: it cannot be wrapped: wrap another pruner, or take this one alone");
}

#[test]
fn a_pruner_that_does_not_fit_the_study_says_what_to_change() {
    assert_snapshot!(refusal(&by_name("wilcoxon"), 3, None), @"the pruner wilcoxon needs at least 5 folds for p_threshold = 0.1 and n_startup_steps = 2, and there are 3: with k folds no p-value is below 1/2^k, and after the last fold there is none to spare; ask for more folds, or a p_threshold above 0.25, or take a pruner that looks at epochs");
    let late = PrunerSettings::Wilcoxon { p_threshold: 0.1, n_startup_steps: 8 };
    assert_snapshot!(refusal(&late, 8, None), @"the pruner wilcoxon needs at least 9 folds for p_threshold = 0.1 and n_startup_steps = 8, and there are 8: with k folds no p-value is below 1/2^k, and after the last fold there is none to spare; ask for more folds, or take a pruner that looks at epochs");
    assert_snapshot!(refusal(&by_name("hyperband"), 3, None), @r#"the pruner hyperband needs the most epochs of a trial, which does not follow from the space: write it in the file, as in `[study] pruner = { name = "hyperband", max_resource = 20 }`"#);
    let long =
        PrunerSettings::Hyperband { min_resource: 8, max_resource: None, reduction_factor: 3 };
    assert_snapshot!(refusal(&long, 3, Some(5)), @"the pruner hyperband: a trial has at most 5 epochs, fewer than `min_resource`, which is 8: write a smaller `min_resource`, or a larger `max_resource`");
    assert_snapshot!(refusal(&by_name("threshold"), 3, None), @r#"the pruner threshold: a threshold needs `lower` or `upper`: write it in the file, as in `[study] pruner = { name = "threshold", lower = 0.5 }`"#);
    let asha = PrunerSettings::Asha {
        min_resource: 1,
        reduction_factor: 1,
        min_early_stopping_rate: 0,
        bootstrap_count: 0,
    };
    assert_snapshot!(refusal(&asha, 3, None), @"the pruner asha: `reduction_factor` cannot be 1: write a whole number, at least 2");
    let PrunerSettings::Percentile {
        n_startup_trials,
        n_warmup_steps,
        interval_steps,
        n_min_trials,
        ..
    } = by_name("percentile")
    else {
        panic!()
    };
    let most = PrunerSettings::Percentile {
        percentile: f64::NAN,
        n_startup_trials,
        n_warmup_steps,
        interval_steps,
        n_min_trials,
    };
    assert_snapshot!(refusal(&most, 3, None), @"the pruner percentile: `percentile` cannot be NaN: write a number from 0 to 100");
    let wraps = |wraps| PrunerSettings::Patient {
        patience: 1,
        min_delta: 0.0,
        wraps: Some(Box::new(wraps)),
    };
    assert_snapshot!(refusal(&wraps(by_name("wilcoxon")), 9, None), @"the pruner patient: wilcoxon looks at folds, and patience is for epochs: it cannot be wrapped: wrap another pruner, or take this one alone");
    assert_snapshot!(refusal(&wraps(asha), 9, None), @"the pruner patient: `reduction_factor` cannot be 1: write a whole number, at least 2");
}

#[test]
fn wilcoxon_compares_the_steps_of_a_function_or_a_program_with_one_fold() {
    let wilcoxon = by_name("wilcoxon");
    assert_eq!(
        (wilcoxon.report_unit(1), wilcoxon.report_unit(5)),
        (ReportUnit::Steps, ReportUnit::Folds)
    );
    let build = |steps: StepName, max_steps| {
        wilcoxon.build(Direction::Minimize, 1, max_steps, steps).map(|_| ())
    };
    assert_eq!(build(StepName::Program, None), Ok(()));
    assert_eq!(build(StepName::Function, Some(5)), Ok(()));
    assert_snapshot!(build(StepName::Function, Some(4)).unwrap_err(), @"the pruner wilcoxon needs at least 5 steps for p_threshold = 0.1 and n_startup_steps = 2, and a trial has at most 4: with k of them no p-value is below 1/2^k, and after the last there is none to spare; report more of them, or take another pruner");
    // Epochs of a training follow from each other, and no test by pairs is for them.
    assert_snapshot!(build(StepName::Training, Some(9)).unwrap_err(), @"the pruner wilcoxon needs at least 5 folds for p_threshold = 0.1 and n_startup_steps = 2, and there are 1: with k folds no p-value is below 1/2^k, and after the last fold there is none to spare; ask for more folds, or take a pruner that looks at epochs");
}

#[test]
fn the_fewest_folds_for_wilcoxon_are_enough() {
    for p_threshold in [1.0, 0.3, 0.1, 0.05, 0.01, f64::MIN_POSITIVE] {
        let pruner = PrunerSettings::Wilcoxon { p_threshold, n_startup_steps: 2 };
        let builds = |folds: usize| {
            pruner.build(Direction::Minimize, folds, None, StepName::Training).is_ok()
        };
        let fewest = (1..).find(|&folds| builds(folds)).unwrap();
        let scores = |worse: f64| {
            (0..fewest as u64).map(move |step| IntermediateValue { step, value: worse })
        };
        let best =
            LearningCurve { trial: 0, intermediate_values: scores(0.0).collect(), loss: Some(0.0) };
        let own: Vec<IntermediateValue> = scores(0.5).take(fewest - 1).collect();
        let built = pruner.build(Direction::Minimize, fewest, None, StepName::Training).unwrap();
        assert!(built.prunes(1, &[Arc::new(best)], &own), "{p_threshold}: {fewest}");
    }
}

#[test]
fn a_trial_that_comes_to_nan_is_stopped_by_every_pruner() {
    for settings in any_settings() {
        let pruner = settings.build(Direction::Minimize, 9, Some(9), StepName::Training).unwrap();
        let own = [
            IntermediateValue { step: 1, value: 0.1 },
            IntermediateValue { step: 2, value: f64::NAN },
        ];
        assert!(pruner.prunes(0, &[], &own), "{settings:?}");
        assert!(!pruner.prunes(0, &[], &own[..1]), "{settings:?}");
    }
}

#[test]
fn a_patient_asha_stops_a_loser_of_a_rung_once_it_stands_still() {
    let asha = PrunerSettings::by_name("asha").map(Box::new);
    let patient = PrunerSettings::Patient { patience: 1, min_delta: 0.0, wraps: asha.clone() };
    let curve = |values: &[f64]| -> Vec<IntermediateValue> {
        (1..).zip(values).map(|(step, &value)| IntermediateValue { step, value }).collect()
    };
    let best = LearningCurve { trial: 0, intermediate_values: curve(&[0.1; 6]), loss: Some(0.1) };
    let past = [Arc::new(best)];
    let own = curve(&[0.9, 0.8, 0.7, 0.6, 0.65, 0.65]);
    let stop = |settings: &PrunerSettings| {
        let pruner = settings.build(Direction::Minimize, 3, None, StepName::Training).unwrap();
        (1..=own.len()).find(|&len| pruner.prunes(1, &past, &own[..len]))
    };
    assert_eq!((stop(&asha.unwrap()), stop(&patient)), (Some(1), Some(6)));
}

#[test]
fn settings_are_known_by_name_and_kept_as_json() {
    for name in PrunerSettings::NAMES {
        assert_eq!(by_name(name).name(), name);
    }
    for settings in any_settings() {
        let json = serde_json::to_value(&settings).unwrap();
        assert_eq!(json["name"], settings.name());
        assert_eq!(serde_json::from_value::<PrunerSettings>(json).unwrap(), settings);
    }
    assert_eq!(PrunerSettings::by_name("none"), None);
    assert_snapshot!(serde_json::to_string(&by_name("hyperband")).unwrap(), @r#"{"name":"hyperband","min_resource":1,"max_resource":null,"reduction_factor":3}"#);
}

/// Pruners of each kind, none of which stops a trial for itself alone.
fn relative_settings() -> Vec<PrunerSettings> {
    let n_startup_trials = 1;
    let median = PrunerSettings::Median {
        n_startup_trials,
        n_warmup_steps: 1,
        interval_steps: 2,
        n_min_trials: 1,
    };
    vec![
        median.clone(),
        PrunerSettings::Percentile {
            percentile: 10.0,
            n_startup_trials,
            n_warmup_steps: 0,
            interval_steps: 1,
            n_min_trials: 2,
        },
        PrunerSettings::Asha {
            min_resource: 1,
            reduction_factor: 2,
            min_early_stopping_rate: 0,
            bootstrap_count: 0,
        },
        PrunerSettings::Hyperband { min_resource: 1, max_resource: Some(8), reduction_factor: 2 },
        PrunerSettings::Patient { patience: 1, min_delta: 0.0, wraps: Some(Box::new(median)) },
        PrunerSettings::Wilcoxon { p_threshold: 0.5, n_startup_steps: 2 },
    ]
}

fn any_settings() -> Vec<PrunerSettings> {
    let mut all = relative_settings();
    all.push(PrunerSettings::Patient { patience: 1, min_delta: 0.1, wraps: None });
    all.push(PrunerSettings::Threshold {
        lower: Some(-0.5),
        upper: None,
        n_warmup_steps: 0,
        interval_steps: 3,
    });
    all
}

/// Reports at some of the first steps. Values are few, so that there are ties.
fn intermediate_values() -> impl Strategy<Value = Vec<IntermediateValue>> {
    prop::collection::vec(prop::option::weighted(0.9, -8..8i32), 1..9).prop_map(|values| {
        let at = |(step, value): (usize, Option<i32>)| {
            Some(IntermediateValue { step: step as u64 + 1, value: f64::from(value?) / 8.0 })
        };
        values.into_iter().enumerate().filter_map(at).collect()
    })
}

fn past() -> impl Strategy<Value = Vec<Arc<LearningCurve>>> {
    let curve = (intermediate_values(), prop::option::of(-8..8i32));
    prop::collection::vec(curve, 0..12).prop_map(|courses| {
        let numbered = courses.into_iter().enumerate();
        numbered
            .map(|(trial, (intermediate_values, loss))| {
                Arc::new(LearningCurve {
                    trial,
                    intermediate_values,
                    loss: loss.map(|loss| f64::from(loss) / 8.0),
                })
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_the_past_and_earlier_questions_do_not_matter(
        past in past(),
        own in intermediate_values().prop_filter("it has reported", |own| !own.is_empty()),
        shuffled in Just(()).prop_perturb(|(), mut rng| rng.random::<u64>()),
    ) {
        let mut other = past.clone();
        other.sort_by_key(|curve| (curve.trial as u64 + 1).wrapping_mul(shuffled | 1).rotate_left(17));
        for settings in any_settings() {
            let pruner = settings.build(Direction::Maximize, 9, Some(9), StepName::Training).unwrap();
            let decision = pruner.prunes(past.len(), &past, &own);
            prop_assert_eq!(pruner.prunes(past.len(), &other, &own), decision, "{:?}", settings);
            let fresh = settings.build(Direction::Maximize, 9, Some(9), StepName::Training).unwrap();
            prop_assert_eq!(fresh.prunes(past.len(), &past, &own), decision, "{:?}", settings);
        }
    }

    #[test]
    fn a_trial_that_is_better_than_all_others_at_every_step_goes_on(
        past in past(),
        own in intermediate_values().prop_filter("it has reported", |own| !own.is_empty()),
    ) {
        let own: Vec<IntermediateValue> =
            own.into_iter().map(|report| IntermediateValue { value: report.value - 3.0, ..report }).collect();
        for settings in relative_settings() {
            let pruner = settings.build(Direction::Minimize, 9, Some(9), StepName::Training).unwrap();
            for len in 1..=own.len() {
                prop_assert!(!pruner.prunes(past.len(), &past, &own[..len]), "{:?}", settings);
            }
        }
    }

    #[test]
    fn p_values_of_a_difference_and_of_its_opposite_cover_all_signs(
        differences in prop::collection::vec(-4..4i32, 1..14),
    ) {
        let signed = |sign: f64| -> Vec<f64> {
            differences.iter().map(|&difference| sign * f64::from(difference)).collect()
        };
        let (greater, less) = (p_value(&signed(1.0)), p_value(&signed(-1.0)));
        // What was observed itself is in both.
        prop_assert!(greater > 0.0 && greater <= 1.0 && greater + less > 1.0);
    }
}
