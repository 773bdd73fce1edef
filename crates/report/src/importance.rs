//! Which parameters mattered: their importance by PED-ANOVA, in the numbers that Optuna shows. The grids
//! and the densities behind those numbers are confined to this file.

use std::f64::consts::LN_2;

use burn_tune_search::{Direction, Domain, ParamValue, Params, Space};
use statrs::distribution::{ContinuousCDF, Normal};

/// The share of the trials that count as the best: Optuna's default `target_quantile`.
const TARGET_QUANTILE: f64 = 0.1;
/// On how many cells a range is laid out at most: Optuna's `_n_steps`.
const MOST_CELLS: u128 = 50;
/// How many trials it takes to say anything: Optuna's `_min_n_trials_in_regime`.
const FEWEST_TRIALS: usize = 2;
/// Keeps the quotient of two densities finite; Optuna adds the same.
const DENSITY_FLOOR: f64 = 1e-12;

/// How much one parameter mattered.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// The parameter's name.
    pub param: String,
    /// Its share of the importance of all parameters, from 0 to 1.
    pub importance: f64,
}

/// The importance of each parameter for getting among the best tenth of the trials, most important
/// first; equal ones in the order of the space. They sum to 1.
///
/// `trials` are the complete ones, each with its mean score. Their order does not matter, and those
/// whose score is not finite are left out.
///
/// PED-ANOVA (S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
/// Importance in Arbitrary Subspaces", IJCAI 2023, <https://arxiv.org/abs/2304.10255>): a parameter
/// mattered where the best trials have other values of it than all trials have, by the Pearson
/// divergence between the two kernel densities. It sees each parameter on its own: one that matters
/// only together with another may look unimportant.
///
/// As in Optuna 5, `get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())`
/// (`optuna/importance/_ped_anova/evaluator.py`): a list is its `CategoricalDistribution`, whatever it
/// lists; a range is its `IntDistribution` or `FloatDistribution`. A fixed value is not ranked.
///
/// An explicit trial may have a value outside of its list or range. For that parameter it counts as a
/// trial without a value, as with Optuna's conditional parameters ("Conditional PED-ANOVA",
/// <https://arxiv.org/abs/2601.20800>); for the others it counts in full. A value between two steps of
/// a range is taken for the nearer one.
///
/// Empty for fewer than two trials. Where no parameter differs between the best and the rest, as when
/// all scores are equal, nothing can be told, and like Optuna all are given the same importance.
pub fn param_importances(
    space: &Space,
    trials: &[(&Params, f64)],
    direction: Direction,
) -> Vec<Importance> {
    let trials: Vec<_> = trials.iter().filter(|(_, score)| score.is_finite()).collect();
    if trials.len() < FEWEST_TRIALS {
        return Vec::new();
    }
    let scores: Vec<f64> = trials.iter().map(|(_, score)| *score).collect();
    let best = best_of(&scores, direction);
    let importance = |(name, domain): &(String, Domain)| {
        let grid = Grid::new(domain)?;
        let cell_of = |(params, _): &&(&Params, f64)| grid.cell(params.get(name)?);
        let cells: Vec<Option<usize>> = trials.iter().map(cell_of).collect();
        Some(Importance { param: name.clone(), importance: grid.divergence(&cells, &best) })
    };
    let mut importances: Vec<Importance> = space.domains.iter().filter_map(importance).collect();
    normalise(&mut importances);
    importances.sort_by(|a, b| b.importance.total_cmp(&a.importance));
    importances
}

/// For each trial, whether its score is at least as good as that of the last one in the best tenth: with
/// ties these are more than a tenth.
fn best_of(scores: &[f64], direction: Direction) -> Vec<bool> {
    let loss = |score: &f64| match direction {
        Direction::Maximize => -score,
        Direction::Minimize => *score,
    };
    let mut losses: Vec<f64> = scores.iter().map(loss).collect();
    losses.sort_by(f64::total_cmp);
    let last = (TARGET_QUANTILE * losses.len() as f64).ceil() as usize - 1;
    scores.iter().map(|score| loss(score) <= losses[last]).collect()
}

fn normalise(importances: &mut [Importance]) {
    let total: f64 = importances.iter().map(|one| one.importance).sum();
    let equal_share = 1.0 / importances.len() as f64;
    for Importance { importance, .. } in importances {
        *importance = if total > 0.0 { *importance / total } else { equal_share };
    }
}

/// The cells that a domain's values are counted in.
enum Grid<'a> {
    /// A cell for each choice; they have no order.
    Choices(&'a [ParamValue]),
    /// Cells of equal width, the first around the smallest value and the last around the largest.
    Range(RangeGrid),
}

impl<'a> Grid<'a> {
    /// `None` for a domain with a single value.
    fn new(domain: &'a Domain) -> Option<Self> {
        match domain {
            Domain::Choices(choices) => (choices.len() > 1).then_some(Grid::Choices(choices)),
            Domain::IntRange { .. } | Domain::FloatRange { .. } => {
                RangeGrid::new(domain).map(Grid::Range)
            }
        }
    }

    fn cells(&self) -> usize {
        match self {
            Grid::Choices(choices) => choices.len(),
            Grid::Range(range) => range.cells,
        }
    }

    /// The cell of a value; `None` where it is outside of the domain.
    fn cell(&self, value: &ParamValue) -> Option<usize> {
        match (self, value) {
            (Grid::Choices(choices), value) => choices.iter().position(|choice| choice == value),
            (Grid::Range(range), ParamValue::Int(value)) => range.cell(*value as f64),
            (Grid::Range(range), ParamValue::Float(value)) => range.cell(*value),
            (Grid::Range(_), ParamValue::Bool(_) | ParamValue::Str(_)) => None,
        }
    }

    /// How far the values of the best trials are from those of all: the importance before it is shared
    /// out, and without the factor that all parameters of a study have in common.
    fn divergence(&self, cells: &[Option<usize>], best: &[bool]) -> f64 {
        let (mut all_counts, mut best_counts) = (vec![0; self.cells()], vec![0; self.cells()]);
        for (&cell, &is_best) in cells.iter().zip(best) {
            let Some(cell) = cell else { continue };
            all_counts[cell] += 1;
            best_counts[cell] += usize::from(is_best);
        }
        let all_with_value: usize = all_counts.iter().sum();
        let best_with_value: usize = best_counts.iter().sum();
        if all_with_value < FEWEST_TRIALS || best_with_value == 0 {
            return 0.0;
        }
        let best_total = best.iter().filter(|&&is_best| is_best).count();
        let best_share = best_with_value as f64 / best_total as f64;
        let all_share = all_with_value as f64 / cells.len() as f64;
        let divergence =
            pearson_divergence(&self.density(&best_counts), &self.density(&all_counts));
        best_share * best_share / all_share * divergence
    }

    /// The probability of each cell, estimated from how often values fell in it.
    fn density(&self, counts: &[usize]) -> Vec<f64> {
        match self {
            Grid::Choices(_) => density_of_choices(counts),
            Grid::Range(_) => density_of_range(counts),
        }
    }
}

/// Cells of a range; ends are logarithms where `log` is set.
struct RangeGrid {
    low: f64,
    high: f64,
    /// The middle of the last cell: below `high` where no step leads there.
    last: f64,
    log: bool,
    cells: usize,
}

impl RangeGrid {
    /// `None` for a single value, and for choices.
    fn new(domain: &Domain) -> Option<Self> {
        let (low, high, step, log) = match *domain {
            Domain::Choices(_) => return None,
            Domain::IntRange { low, high, step, log } => {
                (low as f64, high as f64, Some(step as f64), log)
            }
            Domain::FloatRange { low, high, step, log } => (low, high, step, log),
        };
        let points = match domain {
            // Each doubling of the range takes one cell more. The quotient of logarithms may come out a
            // hair above a whole number, and so it does in Optuna.
            Domain::IntRange { log: true, .. } => {
                ((high - low + 1.0).ln() / LN_2).ceil() as u128 + 1
            }
            _ => domain.points().unwrap_or(MOST_CELLS),
        };
        let last = match step {
            Some(step) if !log => last_step(low, high, step, points),
            _ => high,
        };
        let scale = |value: f64| if log { value.ln() } else { value };
        let (low, high, last) = (scale(low), scale(high), scale(last));
        let cells = points.min(MOST_CELLS) as usize;
        (cells > 1).then_some(RangeGrid { low, high, last, log, cells })
    }

    fn cell(&self, value: f64) -> Option<usize> {
        let value = if self.log { value.ln() } else { value };
        // Steps are added up in floats, so that the last one may come out a hair above `high`.
        let slack = 1e-9 * (self.high - self.low);
        if !(self.low - slack..=self.high + slack).contains(&value) {
            return None;
        }
        let width = (self.last - self.low) / (self.cells - 1) as f64;
        // Half-way between two cells the lower one is taken, as Optuna does.
        let cell = ((value - self.low) / width - 0.5).ceil();
        Some(cell.clamp(0.0, (self.cells - 1) as f64) as usize)
    }
}

/// The largest value that the steps of a range lead to.
///
/// Steps are added up in floats. Where they lead to `high`, Optuna has `high` itself, and the width of
/// all cells, and so on which side a tie falls, depends on it.
fn last_step(low: f64, high: f64, step: f64, points: u128) -> f64 {
    let last = low + points.saturating_sub(1) as f64 * step;
    if (high - last).abs() <= 1e-9 * step { high } else { last }
}

/// Pearson's divergence of `best` from `all`, two probabilities for each cell.
fn pearson_divergence(best: &[f64], all: &[f64]) -> f64 {
    let terms = best.iter().zip(all).map(|(best, all)| {
        let (best, all) = (best + DENSITY_FLOOR, all + DENSITY_FLOOR);
        all * (best / all - 1.0).powi(2)
    });
    terms.sum()
}

/// For choices: a mixture of one kernel per observed choice, weighted by its count, and a uniform prior
/// that weighs as much as one trial.
///
/// Each kernel puts most on its own choice and some on all of them. This is the sum over the kernels
/// that `_calculate_categorical_distributions` of Optuna's `scott_parzen_estimator.py` lists.
fn density_of_choices(counts: &[usize]) -> Vec<f64> {
    let choices = counts.len() as f64;
    let trials = counts.iter().sum::<usize>() as f64;
    let observed = counts.iter().filter(|&&count| count > 0).count() as f64;
    let spread = 1.0 / (observed + 1.0);
    let kernel_total = 1.0 + choices * spread;
    let kernels = |&count: &usize| (count as f64 + trials * spread) / kernel_total;
    counts.iter().map(|count| (kernels(count) + 1.0 / choices) / (trials + 1.0)).collect()
}

/// For ranges: a mixture of one normal kernel per observed cell, weighted by its count, and a wide prior
/// that weighs as much as one trial, each cut off at the ends of the grid.
///
/// As `_calculate_numerical_distributions` of Optuna's `scott_parzen_estimator.py`.
fn density_of_range(counts: &[usize]) -> Vec<f64> {
    let cells = counts.len() as f64;
    let trials = counts.iter().sum::<usize>() as f64;
    let width = bandwidth(counts);
    let prior = ((cells - 1.0) / 2.0, cells, 1.0);
    let observed = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
    let kernels = observed.map(|(cell, &count)| (cell as f64, width, count as f64));
    let mut density = vec![0.0; counts.len()];
    for (mean, deviation, weight) in kernels.chain([prior]) {
        let z = |at: f64| (at - mean) / deviation;
        let scale = weight / (trials + 1.0) / normal_mass(z(-0.5), z(cells - 0.5));
        for (cell, probability) in density.iter_mut().enumerate() {
            let cell = cell as f64;
            *probability += scale * normal_mass(z(cell - 0.5), z(cell + 0.5));
        }
    }
    density
}

/// The standard deviation of the kernels, in cells: Scott's rule (D. W. Scott, "Multivariate Density
/// Estimation", 1992) with the quartiles as Optuna picks them, but not less than puts 90 % of a kernel
/// into its own cell.
fn bandwidth(counts: &[usize]) -> f64 {
    let trials = counts.iter().sum::<usize>();
    let observed: Vec<(f64, f64)> = counts
        .iter()
        .enumerate()
        .filter(|&(_, &count)| count > 0)
        .map(|(cell, &count)| (cell as f64, count as f64))
        .collect();
    let mean = observed.iter().map(|(cell, count)| cell * count).sum::<f64>() / trials as f64;
    let squares: f64 = observed.iter().map(|(cell, count)| (cell - mean).powi(2) * count).sum();
    let deviation = (squares / (trials as f64 - 1.0).max(1.0)).sqrt();
    let quartiles = cell_of_rank(counts, trials * 3 / 4 + 1) - cell_of_rank(counts, trials / 4);
    let scott = 1.059 * deviation.min(quartiles / 1.34) * (trials as f64).powf(-0.2);
    scott.max(0.5 / 1.64)
}

/// The cell of the trial with this rank, counted from 1, when sorted by cell; else the nearest observed.
fn cell_of_rank(counts: &[usize], rank: usize) -> f64 {
    let observed = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
    let mut passed = 0;
    let mut last = 0;
    for (cell, count) in observed {
        (passed, last) = (passed + count, cell);
        if passed >= rank {
            break;
        }
    }
    last as f64
}

/// The probability that a standard normal variable lies from `low` to `high`. Taken in the left tail,
/// where a small probability is not the difference of two near 1.
///
/// statrs has ten digits of some constants of its error function, so this is exact to about 1e-11.
/// Importances differ from Optuna's by up to 1e-9 of their value for that reason alone.
fn normal_mass(low: f64, high: f64) -> f64 {
    let normal = Normal::standard();
    if low > 0.0 {
        normal.cdf(-low) - normal.cdf(-high)
    } else {
        normal.cdf(high) - normal.cdf(low)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use burn_tune_spec::StudyFile;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    struct Recorded {
        name: String,
        space: Space,
        direction: Direction,
        trials: Vec<(Params, f64)>,
        importances: Vec<Importance>,
    }

    fn recorded() -> Vec<Recorded> {
        let text = include_str!("../tests/fixtures/ped_anova.json");
        let recorded: Value = serde_json::from_str(text).unwrap();
        recorded["studies"].as_array().unwrap().iter().map(recorded_study).collect()
    }

    fn recorded_study(study: &Value) -> Recorded {
        let trials = study["trials"].as_array().unwrap().iter().map(|row| {
            let (score, values) = row.as_array().unwrap().split_last().unwrap();
            let names = study["params"].as_array().unwrap().iter();
            let names = names.map(|name| name.as_str().unwrap().to_owned());
            (names.zip(values.iter().map(value)).collect(), score.as_f64().unwrap())
        });
        let importances = study["importances"].as_object().unwrap().iter();
        Recorded {
            name: study["name"].as_str().unwrap().to_owned(),
            space: space(study["space"].as_str().unwrap()),
            direction: match study["direction"].as_str().unwrap() {
                "maximize" => Direction::Maximize,
                _ => Direction::Minimize,
            },
            trials: trials.collect(),
            importances: importances
                .map(|(name, share)| Importance {
                    param: name.clone(),
                    importance: share.as_f64().unwrap(),
                })
                .collect(),
        }
    }

    fn value(value: &Value) -> ParamValue {
        match value {
            Value::Bool(value) => ParamValue::Bool(*value),
            Value::String(value) => ParamValue::Str(value.clone()),
            value => match value.as_i64() {
                Some(value) => ParamValue::Int(value),
                None => ParamValue::Float(value.as_f64().unwrap()),
            },
        }
    }

    fn space(toml: &str) -> Space {
        StudyFile::parse(Path::new("study.toml"), &format!("[space]\n{toml}")).unwrap().spec.space
    }

    fn importances(
        space: &Space,
        trials: &[(Params, f64)],
        direction: Direction,
    ) -> Vec<Importance> {
        let trials: Vec<_> = trials.iter().map(|(params, score)| (params, *score)).collect();
        param_importances(space, &trials, direction)
    }

    /// Trials of a space with a single parameter.
    fn trials<const N: usize>(trials: [(ParamValue, f64); N]) -> Vec<(Params, f64)> {
        let params = |value| [("a".to_owned(), value)].into_iter().collect();
        trials.into_iter().map(|(value, score)| (params(value), score)).collect()
    }

    fn cell(toml: &str, value: ParamValue) -> Option<usize> {
        let space = space(toml);
        Grid::new(&space.domains[0].1).unwrap().cell(&value)
    }

    #[test]
    fn importances_are_those_of_optuna() {
        let recorded = recorded();
        assert!(recorded.len() >= 20);
        for Recorded { name, space, direction, trials, importances: mut wanted } in recorded {
            let got = importances(&space, &trials, direction);
            assert!(got.is_sorted_by(|a, b| a.importance >= b.importance), "{name}: {got:?}");
            wanted.sort_by_key(|one| got.iter().position(|other| other.param == one.param));
            assert_eq!(got.len(), wanted.len(), "{name}");
            for (got, wanted) in got.iter().zip(&wanted) {
                let difference = (got.importance - wanted.importance).abs();
                assert_eq!(got.param, wanted.param, "{name}");
                assert!(difference <= 1e-9 * wanted.importance, "{name}: {got:?}, not {wanted:?}");
            }
        }
    }

    #[test]
    fn one_trial_says_nothing() {
        let space = space("a = [1, 2]");
        let trials = trials([(ParamValue::Int(1), 0.5), (ParamValue::Int(2), f64::NAN)]);
        assert_eq!(importances(&space, &[], Direction::Maximize), []);
        assert_eq!(importances(&space, &trials, Direction::Maximize), []);
    }

    #[test]
    fn a_single_value_is_not_ranked() {
        let space = space(
            "a = 1\nb = { low = 3, high = 3 }\nc = { low = 2, high = 2, log = true }\nd = { low = 0.5, high = 0.5 }\ne = { low = 1, high = 5, step = 9 }",
        );
        let trials = trials([(ParamValue::Int(1), 0.5), (ParamValue::Int(2), 0.25)]);
        assert_eq!(importances(&space, &trials, Direction::Maximize), []);
    }

    #[test]
    fn parameters_without_any_value_are_as_important_as_each_other() {
        let space = space("b = [1, 2]\nc = { low = 0.0, high = 1.0 }");
        let trials = trials([(ParamValue::Int(1), 0.5), (ParamValue::Int(2), 0.25)]);
        let got = importances(&space, &trials, Direction::Minimize);
        let half = |param: &str| Importance { param: param.to_owned(), importance: 0.5 };
        assert_eq!(got, [half("b"), half("c")]);
    }

    #[test]
    fn values_outside_of_the_space_have_no_cell() {
        let outside = [
            ("a = [1, 2]", ParamValue::Int(3)),
            ("a = [true, false]", ParamValue::Int(1)),
            ("a = { low = 1, high = 3 }", ParamValue::Int(4)),
            ("a = { low = 1, high = 3 }", ParamValue::Int(0)),
            ("a = { low = 1, high = 8, log = true }", ParamValue::Int(0)),
            ("a = { low = 0.1, high = 1.0, log = true }", ParamValue::Float(-1.0)),
            ("a = { low = 0.0, high = 1.0 }", ParamValue::Float(1.01)),
            ("a = { low = 0.0, high = 1.0 }", ParamValue::Float(f64::NAN)),
            ("a = { low = 0.0, high = 1.0 }", ParamValue::Str("x".to_owned())),
        ];
        for (toml, value) in outside {
            assert_eq!(cell(toml, value.clone()), None, "{value} in {toml}");
        }
    }

    #[test]
    fn every_step_of_a_range_has_its_cell() {
        // 0.1 + 2 * 0.1 is a hair above 0.3.
        for toml in
            ["a = { low = 0.1, high = 0.3, step = 0.1 }", "a = { low = 0, high = 10, step = 4 }"]
        {
            let space = space(toml);
            for index in 0..3 {
                let value = space.domains[0].1.value(index);
                assert_eq!(cell(toml, value), Some(index as usize), "{toml}");
            }
        }
    }

    #[test]
    fn a_value_between_two_steps_belongs_to_the_nearer_and_a_tie_to_the_lower() {
        let toml = "a = { low = 0, high = 11, step = 4 }";
        for (value, wanted) in [(1, 0), (2, 0), (3, 1), (6, 1), (7, 2), (11, 2)] {
            assert_eq!(cell(toml, ParamValue::Int(value)), Some(wanted), "{value}");
        }
    }

    #[test]
    fn extreme_ranges_do_not_panic() {
        // A space file may not have them; a file of results that somebody else wrote may.
        let int = |low, high, log| Domain::IntRange { low, high, step: 1, log };
        let float = |low, high, step, log| Domain::FloatRange { low, high, step, log };
        let extreme = [
            int(i64::MIN, i64::MAX, false),
            int(1, i64::MAX, true),
            float(-1.7e308, 1.7e308, None, false),
            float(5e-324, 1.7e308, None, true),
            float(0.0, 1.0, Some(1e-30), false),
        ];
        for domain in extreme {
            let space = Space::of([("a".to_owned(), domain.clone())]);
            let [low, high] = &domain.extremes()[..] else { panic!("a range") };
            let trials = trials([(low.clone(), 0.5), (high.clone(), 0.25), (low.clone(), 0.125)]);
            let got = importances(&space, &trials, Direction::Maximize);
            assert_eq!(got[0].importance, 1.0, "{domain:?}");
        }
    }

    fn any_domain() -> impl Strategy<Value = Domain> {
        let range = || (-5..50_i64, 0..120_i64, 1..9_i64, any::<bool>());
        prop_oneof![
            (1..6_i64).prop_map(|len| Domain::Choices((0..len).map(ParamValue::Int).collect())),
            range().prop_map(|(low, span, step, log)| {
                let log = log && low > 0;
                Domain::IntRange { low, high: low + span, step: if log { 1 } else { step }, log }
            }),
            range().prop_map(|(low, span, step, log)| {
                let (low, high, log) = (low as f64, (low + span) as f64, log && low > 0);
                let step = (!log && step > 2).then_some(step as f64 / 8.0);
                Domain::FloatRange { low, high, step, log }
            }),
        ]
    }

    fn any_value() -> impl Strategy<Value = ParamValue> {
        prop_oneof![
            (-10..130_i64).prop_map(ParamValue::Int),
            (0..6_i64).prop_map(ParamValue::Int),
            (-10.0..130.0).prop_map(ParamValue::Float),
        ]
    }

    fn any_trials() -> impl Strategy<Value = Vec<(Params, f64)>> {
        let score = prop_oneof![-1.0..1.0, Just(0.5), Just(-0.25), Just(f64::NAN)];
        let values = prop::collection::vec(any_value(), 3);
        let params = values.prop_map(|values| {
            ["a", "b", "c"].map(str::to_owned).into_iter().zip(values).collect()
        });
        prop::collection::vec((params, score), 0..60)
    }

    proptest! {
        #[test]
        fn importances_are_shares_that_no_order_of_trials_changes(
            domains in prop::collection::vec(any_domain(), 3),
            (trials, shuffled) in any_trials()
                .prop_flat_map(|trials| (Just(trials.clone()), Just(trials).prop_shuffle())),
            direction in prop_oneof![Just(Direction::Maximize), Just(Direction::Minimize)],
        ) {
            let names = ["a", "b", "c"].map(str::to_owned);
            let space = Space::of(names.into_iter().zip(domains));
            let got = importances(&space, &trials, direction);
            prop_assert_eq!(&got, &importances(&space, &shuffled, direction));
            prop_assert!(got.iter().all(|one| (0.0..=1.0).contains(&one.importance)), "{got:?}");
            let total: f64 = got.iter().map(|one| one.importance).sum();
            prop_assert!(got.is_empty() || (total - 1.0).abs() < 1e-12, "{got:?}");
        }
    }
}
