//! Comparisons of small leaderboards: what moves is told, and nothing else.

use burn_tune_search::objective::ObjectiveError;
use burn_tune_search::timeline::Span;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Event, FoldScore, History, ParamValue, RefitScore};
use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{facts, failed, finished, flag, params, scored, started};
use crate::leaderboard::StudyFacts;

pub type Scores = [f64; 3];

/// Noise of about 0.004.
const BEST: Scores = [0.970, 0.972, 0.974];
const NEAR: Scores = [0.969, 0.973, 0.973];
const POOR: Scores = [0.900, 0.903, 0.904];

fn events(trial: usize, params: Params, scores: Scores) -> Vec<Event> {
    let folds = scores.into_iter().enumerate();
    let results = folds.map(|(fold, score)| finished(trial, fold, scored(score)));
    [started(None, params)].into_iter().chain(results).collect()
}

/// A leaderboard of these trials, in the order of their numbers.
fn board_of(facts: &StudyFacts, trials: &[(Params, Scores)], refits: &[Refit]) -> Leaderboard {
    let all = trials.iter().enumerate();
    let events = all.flat_map(|(number, (params, scores))| events(number, params.clone(), *scores));
    Leaderboard::new(facts, &crate::fixtures::history(3, events), refits)
}

pub fn board(trials: &[(f64, Scores)]) -> Leaderboard {
    let trials: Vec<(Params, Scores)> =
        trials.iter().map(|(lr, scores)| (params(*lr, "relu"), *scores)).collect();
    board_of(&facts(), &trials, &[])
}

fn compare(old: &Leaderboard, new: &Leaderboard) -> Comparison {
    Comparison::new(old, new, None).unwrap()
}

fn less(scores: Scores, by: f64) -> Scores {
    scores.map(|score| score - by)
}

#[test]
fn the_best_is_worse_only_where_it_fell_by_more_than_noise() {
    let old = board(&[(0.1, BEST), (0.2, NEAR), (0.3, POOR)]);
    let fallen =
        |by| compare(&old, &board(&[(0.1, less(BEST, by)), (0.2, less(NEAR, by)), (0.3, POOR)]));
    let noise = fallen(0.0).noise.unwrap();
    assert!((0.001..0.01).contains(&noise), "{noise}");
    assert_eq!(fallen(0.0).verdict, Verdict::Same);
    assert_eq!(fallen(noise / 2.0).verdict, Verdict::Same);
    assert_eq!(fallen(noise * 2.0).verdict, Verdict::Worse);
    assert_eq!(fallen(noise * -2.0).verdict, Verdict::Better);
    // Another trial that is as good makes up for it.
    let other = compare(&old, &board(&[(0.1, POOR), (0.2, NEAR)]));
    assert_eq!(
        (other.verdict, other.best.rank_of_old, other.best.rank_of_new),
        (Verdict::Same, Some(2), Some(2))
    );
    assert_eq!(other.scores.len(), 1);
    assert!((other.scores[0].difference + 0.069).abs() < 0.001, "{other:?}");
}

#[test]
fn what_is_worse_depends_on_the_direction() {
    let facts = StudyFacts { direction: Direction::Minimize, ..facts() };
    let old = board_of(&facts, &[(params(0.1, "relu"), POOR)], &[]);
    let new = board_of(&facts, &[(params(0.1, "relu"), BEST)], &[]);
    let verdict = |old, new| Comparison::new(old, new, Some(0.01)).unwrap().verdict;
    assert_eq!(verdict(&old, &new), Verdict::Worse);
    assert_eq!(verdict(&new, &old), Verdict::Better);
    assert_eq!(Comparison::new(&old, &new, Some(0.1)).unwrap().verdict, Verdict::Same);
}

#[test]
fn without_folds_each_difference_counts_unless_a_tolerance_is_given() {
    let mut facts = facts();
    facts.evaluation.folds = 1;
    let one = |score| {
        let events = [started(None, params(0.1, "relu")), finished(0, 0, scored(score))];
        Leaderboard::new(&facts, &crate::fixtures::history(1, events), &[])
    };
    let comparison = compare(&one(0.5), &one(0.499));
    assert_eq!((comparison.noise, comparison.verdict), (None, Verdict::Worse));
    let tolerant = Comparison::new(&one(0.5), &one(0.499), Some(0.01)).unwrap();
    assert_eq!((tolerant.noise, tolerant.verdict), (Some(0.01), Verdict::Same));
}

#[test]
fn where_no_trial_is_complete_any_more_the_best_is_worse() {
    let old = board(&[(0.1, BEST)]);
    let events = [started(None, params(0.1, "relu")), finished(0, 0, failed("out of memory"))];
    let new = Leaderboard::new(&facts(), &crate::fixtures::history(3, events), &[]);
    let comparison = compare(&old, &new);
    assert_eq!(comparison.verdict, Verdict::Worse);
    let [change] = &comparison.states[..] else { panic!("{comparison:?}") };
    assert_eq!((change.old.state, change.new.state), (State::Complete, State::Failed));
    assert_eq!(change.error.as_deref(), Some("fold 0: out of memory"));
    assert_eq!(compare(&new, &old).verdict, Verdict::Better);
    assert_eq!(compare(&new, &new).verdict, Verdict::Same);
    let none = Leaderboard::new(&facts(), &History::new(3), &[]);
    assert_eq!(compare(&old, &none).verdict, Verdict::Worse);
    assert_eq!(compare(&none, &none).verdict, Verdict::Same);
}

#[test]
fn trials_are_matched_by_params_whatever_their_numbers() {
    let old = board(&[(0.1, BEST), (0.2, NEAR), (0.2, POOR), (0.4, POOR)]);
    let new = board(&[(0.3, NEAR), (0.2, NEAR), (0.1, BEST)]);
    let comparison = compare(&old, &new);
    let counts = comparison.counts;
    assert_eq!((counts.old, counts.new, counts.both, counts.moved), (4, 3, 2, 0));
    let numbers = |sides: &[TrialSide]| sides.iter().map(|side| side.trial).collect::<Vec<_>>();
    assert_eq!(numbers(&comparison.new_trials), [0]);
    // Of two with the same params, the first is the pair.
    assert_eq!(numbers(&comparison.gone_trials), [2, 3]);
}

#[test]
fn a_whole_number_is_the_same_as_a_float_of_its_value() {
    let with_epochs = |epochs| {
        let values = [("lr".to_owned(), ParamValue::Float(0.1)), ("epochs".to_owned(), epochs)];
        board_of(
            &facts(),
            &[(values.into_iter().collect(), BEST), (params(0.2, "relu"), NEAR)],
            &[],
        )
    };
    let both = |a, b| compare(&with_epochs(a), &with_epochs(b)).counts.both;
    assert_eq!(both(ParamValue::Int(1), ParamValue::Float(1.0)), 2);
    assert_eq!(both(ParamValue::Float(0.0), ParamValue::Float(-0.0)), 2);
    assert_eq!(both(ParamValue::Int(1), ParamValue::Str("1".into())), 1);
    assert_eq!(both(ParamValue::Int(i64::MAX), ParamValue::Int(i64::MAX - 1)), 1);
}

#[test]
fn a_param_of_one_side_alone_is_set_aside_where_it_has_one_value() {
    let with = |depths: [i64; 2]| {
        let trials = [0.1, 0.2].into_iter().zip(depths).map(|(lr, depth)| {
            let depth = ("depth".to_owned(), ParamValue::Int(depth));
            (params(lr, "relu").into_iter().chain([depth]).collect(), BEST)
        });
        board_of(&facts(), &trials.collect::<Vec<_>>(), &[])
    };
    let old = board(&[(0.1, BEST), (0.2, NEAR)]);
    for comparison in [compare(&old, &with([2, 2])), compare(&with([2, 2]), &old)] {
        assert_eq!(
            (comparison.counts.both, comparison.params_set_aside),
            (2, vec!["depth".to_owned()])
        );
    }
    let varying = compare(&old, &with([2, 3]));
    assert_eq!((varying.counts.both, varying.params_set_aside), (0, vec![]));
}

#[test]
fn scores_of_another_kind_are_refused() {
    let old = board(&[(0.1, BEST)]);
    let mut new = old.clone();
    new.direction = Direction::Minimize;
    assert_snapshot!(Comparison::new(&old, &new, None).unwrap_err().to_string(), @"the direction is `maximize` in the old leaderboard and `minimize` in the new one: no score of the one is better or worse than one of the other");
    let mut new = old.clone();
    new.evaluation.metric = "loss".into();
    assert_snapshot!(Comparison::new(&old, &new, None).unwrap_err().to_string(), @"the metric is `accuracy` in the old leaderboard and `loss` in the new one: no score of the one is better or worse than one of the other");
}

#[test]
fn settings_that_differ_are_told_and_those_that_change_what_a_score_means() {
    let old = board(&[(0.1, BEST)]);
    let mut new = old.clone();
    new.seed = 8;
    new.evaluation.folds = 5;
    new.evaluation.dataset = None;
    new.space.domains.retain(|(name, _)| name != "epochs");
    let told: Vec<String> = compare(&old, &new)
        .settings
        .iter()
        .map(|one| format!("{}: {} → {}, {}", one.setting, one.old, one.new, one.doubtful))
        .collect();
    assert_snapshot!(told.join("\n"), @r#"
    seed: 7 → 8, false
    dataset: "mnist" → null, true
    folds: 3 → 5, true
    space.epochs: 5 → null, false
    "#);
    assert_eq!(compare(&old, &old).settings, []);
}

#[test]
fn flags_of_folds_and_refits_come_and_go() {
    let flagged = |flags: Vec<Flag>, of_refit: Vec<Flag>| {
        let mut events = events(0, params(0.1, "relu"), BEST);
        let score = FoldScore { flags, ..scored(0.97).unwrap() };
        events[1] = finished(0, 0, Ok::<_, ObjectiveError>(score));
        let refits = [0, 1].map(|seed| refit(seed, 0.97, of_refit.clone()));
        Leaderboard::new(&facts(), &crate::fixtures::history(3, events), &refits)
    };
    let old = flagged(vec![flag("dead_units")], vec![flag("diverged")]);
    let new = flagged(vec![flag("never_predicts:[3]")], vec![flag("dead_units")]);
    let comparison = compare(&old, &new);
    let [change] = &comparison.flags[..] else { panic!("{comparison:?}") };
    assert_eq!(
        (&change.came, &change.went),
        (&vec![flag("never_predicts:[3]")], &vec![flag("diverged")])
    );
    assert_eq!(compare(&old, &old).flags, []);
}

#[test]
fn trials_come_to_the_pareto_front_and_leave_it() {
    let on_front = |trials: &[(f64, Scores)], fronts: &[usize]| {
        let mut board = board(trials);
        for trial in &mut board.trials {
            trial.front = Some(fronts.contains(&trial.trial));
        }
        board
    };
    let old = on_front(&[(0.1, BEST), (0.2, NEAR), (0.3, POOR)], &[0, 1]);
    let new = on_front(&[(0.1, BEST), (0.2, NEAR), (0.4, POOR)], &[0, 2]);
    let moved = |old, new| -> Vec<(f64, bool)> {
        let lr = |one: &FrontChange| match one.trial.params.get("lr") {
            Some(ParamValue::Float(lr)) => *lr,
            other => panic!("{other:?}"),
        };
        compare(old, new).front.iter().map(|one| (lr(one), one.came)).collect()
    };
    assert_eq!(moved(&old, &new), [(0.2, false), (0.4, true)]);
    assert_eq!(moved(&new, &old), [(0.2, true), (0.4, false)]);
}

fn refit(seed: usize, score: f64, flags: Vec<Flag>) -> Refit {
    let score = RefitScore { score, flags, ..RefitScore::default() };
    Refit { trial: 0, seed, result: Ok(score), span: Span::default() }
}

/// scipy.stats.ttest_ind([0.971, 0.973, 0.972], [0.968, 0.970, 0.9695], equal_var=False) has p = 0.027,
/// and with [0.970, 0.9725, 0.970] instead p = 0.32.
#[test]
fn refits_differ_where_welchs_test_says_so() {
    let with_refits = |scores: &[f64]| {
        let refits: Vec<Refit> =
            scores.iter().enumerate().map(|(seed, score)| refit(seed, *score, vec![])).collect();
        let facts = StudyFacts { refit_seeds: scores.len(), ..facts() };
        board_of(&facts, &[(params(0.1, "relu"), BEST)], &refits)
    };
    let old = with_refits(&[0.971, 0.973, 0.972]);
    let against = |scores: &[f64]| compare(&old, &with_refits(scores)).refits[0].beyond_noise;
    assert_eq!(against(&[0.968, 0.970, 0.9695]), Some(true));
    assert_eq!(against(&[0.970, 0.9725, 0.970]), Some(false));
    assert_eq!(against(&[0.5]), None);
    assert_eq!(against(&[0.5, f64::NAN, 0.5]), None);
    assert_eq!(compare(&old, &old).refits, []);
}

fn any_board() -> impl Strategy<Value = Leaderboard> {
    let score = prop_oneof![Just(0.5), Just(0.75), 0.0..1.0f64];
    let trial = (1..6u8, [score.clone(), score.clone(), score]);
    prop::collection::vec(trial, 0..8).prop_map(|trials| {
        let trials: Vec<(f64, Scores)> =
            trials.into_iter().map(|(lr, scores)| (f64::from(lr) / 10.0, scores)).collect();
        board(&trials)
    })
}

proptest! {
    #[test]
    fn nothing_moves_between_a_leaderboard_and_itself(board in any_board()) {
        let comparison = compare(&board, &board);
        prop_assert_eq!(comparison.verdict, Verdict::Same);
        prop_assert_eq!(comparison.counts.both, board.trials.len());
        prop_assert_eq!(comparison.counts.moved, 0);
        prop_assert!(comparison.new_trials.is_empty() && comparison.gone_trials.is_empty());
        prop_assert!(comparison.scores.is_empty() && comparison.settings.is_empty());
    }

    #[test]
    fn seen_from_the_other_side_new_is_gone_and_better_is_worse(old in any_board(), new in any_board()) {
        let (there, back) = (compare(&old, &new), compare(&new, &old));
        prop_assert_eq!(&there.new_trials, &back.gone_trials);
        prop_assert_eq!(&there.gone_trials, &back.new_trials);
        prop_assert_eq!(there.counts.both + there.new_trials.len(), new.trials.len());
        prop_assert_eq!(there.scores.len(), back.scores.len());
        let mirrored = match back.verdict {
            Verdict::Better => Verdict::Worse,
            Verdict::Same => Verdict::Same,
            Verdict::Worse => Verdict::Better,
        };
        prop_assert_eq!(there.verdict, mirrored);
        prop_assert!(there.scores.is_sorted_by(|a, b| a.difference.abs() >= b.difference.abs()));
    }
}
