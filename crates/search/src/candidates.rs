//! The trials of a study in order, as far as they can be listed: the explicit ones, then what a sampler
//! proposes that does not learn.

use std::collections::HashSet;

use crate::keyed_rng::{Purpose, Task, keyed_rng};
use crate::params::{ParamValue, Params};
use crate::sampler::{Sampler, sampler};
use crate::settings::SamplerKind;
use crate::space::Domain;
use crate::spec::StudySpec;
use crate::trial::Candidate;
use rand::RngExt;

/// The candidates of a study, trial number by trial number. No point comes twice where the space is
/// one to list.
pub struct Candidates {
    explicit: std::vec::IntoIter<Candidate>,
    taken: Vec<Params>,
    /// `None` where the others are proposed by a sampler that learns.
    sampler: Option<Box<dyn Sampler>>,
    remaining: usize,
}

impl Candidates {
    /// The candidates of a study of `trials` trials, explicit ones included.
    ///
    /// # Errors
    ///
    /// Where the sampler cannot take the space or the seed: what to change.
    pub fn new(
        spec: &StudySpec,
        kind: SamplerKind,
        trials: usize,
        seed: u64,
    ) -> Result<Self, String> {
        let explicit: Vec<Candidate> =
            (0..spec.trials.len()).map(|index| explicit_candidate(spec, index, seed)).collect();
        let sampled = trials.saturating_sub(explicit.len());
        let sampler = sampler(kind, &spec.space, sampled, seed)?;
        let taken = explicit.iter().map(|candidate| candidate.params.clone()).collect();
        Ok(Candidates { explicit: explicit.into_iter(), taken, sampler, remaining: trials })
    }
}

/// The candidates of a study that was asked for `budgets` trials, one number after the other: each time
/// those that were there stay, and what is new is drawn for the new number.
///
/// # Errors
///
/// As for [`Candidates::new`].
pub fn for_budgets(
    spec: &StudySpec,
    kind: SamplerKind,
    budgets: &[usize],
    seed: u64,
) -> Result<Vec<Candidate>, String> {
    let mut all: Vec<Candidate> = Vec::new();
    for &budget in budgets {
        let drawn = Candidates::new(spec, kind, budget, seed)?;
        let more: Vec<Candidate> = match spec.space.points() {
            // Drawn from a list, another number may come in another order.
            Some(_) => {
                let known: HashSet<String> = all.iter().map(|known| key(&known.params)).collect();
                drawn.filter(|candidate| !known.contains(&key(&candidate.params))).collect()
            }
            None => drawn.skip(all.len()).collect(),
        };
        let missing = budget.saturating_sub(all.len());
        all.extend(more.into_iter().take(missing));
    }
    Ok(all)
}

/// A text that tells different points apart.
fn key(params: &Params) -> String {
    params.to_string()
}

impl Iterator for Candidates {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        self.remaining = self.remaining.checked_sub(1)?;
        if let Some(candidate) = self.explicit.next() {
            return Some(candidate);
        }
        loop {
            let params = self.sampler.as_mut()?.suggest()?;
            if !self.taken.contains(&params) {
                return Some(Candidate { name: None, params });
            }
        }
    }
}

fn explicit_candidate(spec: &StudySpec, index: usize, seed: u64) -> Candidate {
    let trial = &spec.trials[index];
    // Keyed by position in the file, as trial numbers of explicit trials are.
    let mut rng = keyed_rng(seed, index, Task::Fold(0), Purpose::ExplicitTrial);
    let values: Vec<ParamValue> = spec
        .space
        .domains
        .iter()
        .map(|(name, domain)| {
            // Drawn for every parameter, so that stating one does not change the others.
            let drawn = draw(domain, rng.random());
            trial.values.iter().find(|(n, _)| n == name).map_or(drawn, |(_, value)| value.clone())
        })
        .collect();
    let params = spec.space.existing(spec.space.named(values));
    Candidate { name: trial.name.clone(), params }
}

fn draw(domain: &Domain, u: f64) -> ParamValue {
    match domain.points() {
        Some(len) => domain.value(((u * len as f64) as u64).min(len as u64 - 1)),
        None => domain.quantile(u),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(text: &str, kind: SamplerKind, trials: usize) -> Vec<String> {
        let spec = crate::fixtures::spec(text);
        let candidates = Candidates::new(&spec, kind, trials, 0).unwrap();
        candidates.map(|candidate| candidate.params.to_string()).collect()
    }

    #[test]
    fn explicit_trials_come_first_and_their_points_are_not_tried_again() {
        let text =
            "[space]\na = [1, 2]\nb = [1, 2, 3]\n[[trial]]\na = 2\nb = 1\n[[trial]]\na = 9\nb = 9";
        let all = candidates(text, SamplerKind::Grid, 100);
        assert_eq!(
            all,
            ["a=2 b=1", "a=9 b=9", "a=1 b=1", "a=1 b=2", "a=1 b=3", "a=2 b=2", "a=2 b=3"]
        );
        let mut random = candidates(text, SamplerKind::Random, 7);
        assert_eq!(random[..2], all[..2]);
        random.sort();
        let mut sorted = all;
        sorted.sort();
        assert_eq!(random, sorted, "a point that an explicit trial took is made up for");
    }

    #[test]
    fn fewer_trials_than_explicit_ones_take_the_first_of_them() {
        let text = "[space]\na = [1, 2]\n[[trial]]\na = 2\n[[trial]]\na = 1";
        assert_eq!(candidates(text, SamplerKind::Random, 1), ["a=2"]);
    }

    #[test]
    fn what_an_explicit_trial_leaves_out_is_drawn_the_same_each_time() {
        let text = "[space]\na = { low = 0.0, high = 1.0 }\nb = [1, 2, 3]\n[[trial]]\nb = 2";
        let first = candidates(text, SamplerKind::Random, 1);
        assert!(first[0].ends_with("b=2"));
        assert_eq!(first, candidates(text, SamplerKind::Random, 1));
    }

    #[test]
    fn more_trials_than_at_first_begin_with_those_that_were_there() {
        let check = |space: &str, budgets: &[usize], equals_all_at_once: bool| {
            let text = format!("[space]\n{space}\n[[trial]]\na = 2");
            let spec = crate::fixtures::spec(&text);
            let points = |budgets: &[usize]| {
                let all = for_budgets(&spec, SamplerKind::Random, budgets, 7).unwrap();
                all.into_iter().map(|c| c.params.to_string()).collect::<Vec<_>>()
            };
            let (first, all) = (points(&budgets[..1]), points(budgets));
            assert_eq!(all[..first.len()], first);
            assert_eq!(all.len(), *budgets.last().unwrap());
            let last = points(&budgets[budgets.len() - 1..]);
            assert_eq!(all == last, equals_all_at_once, "{space} {budgets:?}");
        };
        check("a = [1, 2]\nlr = { low = 0.0, high = 1.0 }", &[5, 8, 20], true);
        check("a = [1, 2]\nn = { low = 1, high = 99, log = true }", &[5, 20], true);
        check("a = [1, 2]\nb = { low = 1, high = 50 }", &[5, 30], true);
        // All of the points, and 1 of 200 and then more, are drawn in other ways.
        check("a = [1, 2]\nb = { low = 1, high = 50 }", &[5, 100], false);
        check("a = [1, 2]\nb = { low = 1, high = 500 }", &[5, 300], false);
    }

    #[test]
    fn each_point_comes_once_where_some_parameters_exist_only_sometimes() {
        let text = "[space]\nopt = ['sgd', 'adam']\nm = { values = [0.0, 0.5, 0.9], when = { opt = 'sgd' } }\n\
                    n = { values = [true, false], when = { m = [0.5, 0.9] } }";
        let grid = candidates(text, SamplerKind::Grid, 100);
        assert_eq!(
            grid,
            [
                "opt=sgd m=0.0",
                "opt=adam",
                "opt=sgd m=0.5 n=true",
                "opt=sgd m=0.5 n=false",
                "opt=sgd m=0.9 n=true",
                "opt=sgd m=0.9 n=false",
            ]
        );
        for kind in [SamplerKind::Random, SamplerKind::Sobol] {
            let mut all = candidates(text, kind, 100);
            all.sort();
            let mut sorted = grid.clone();
            sorted.sort();
            assert_eq!(all, sorted, "{kind:?}");
        }
    }

    #[test]
    fn no_point_comes_twice_where_there_is_an_end_of_them() {
        let whole = "[space]\nn = { low = 1, high = 9, log = true }\na = [1, 2]";
        for kind in [SamplerKind::Random, SamplerKind::Sobol] {
            let all = candidates(whole, kind, 100);
            let distinct: HashSet<&String> = all.iter().collect();
            assert_eq!((all.len(), distinct.len()), (18, 18), "{kind:?}");
        }
        // Without its momentum, `adam` is a single point of a space without end.
        let text =
            "[space]\nopt = ['sgd', 'adam']\nm = { low = 0.0, high = 0.9, when = { opt = 'sgd' } }";
        for kind in [SamplerKind::Random, SamplerKind::Sobol] {
            let all = candidates(text, kind, 50);
            let adam = all.iter().filter(|params| *params == "opt=adam").count();
            assert_eq!((adam, all.len()), (1, 50), "{kind:?}");
        }
    }

    #[test]
    fn a_range_without_step_has_no_grid() {
        let text = "[space]\nlr = { low = 0.1, high = 1.0 }";
        let spec = crate::fixtures::spec(text);
        let error = Candidates::new(&spec, SamplerKind::Grid, 3, 0).err().unwrap();
        assert!(error.contains("`lr`"), "{error}");
    }
}
