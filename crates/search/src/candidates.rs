//! The trials of a study in order, as far as they can be listed: the explicit ones, then what a sampler
//! proposes that does not learn.

use std::collections::HashSet;

use crate::constraint::{ATTEMPTS, Constraint, Shortage, WALKED};
use crate::keyed_rng::{Purpose, Task, keyed_rng};
use crate::params::{ParamValue, Params};
use crate::sampler::unit_space::UnitSpace;
use crate::sampler::{Sampler, sampler};
use crate::settings::SamplerKind;
use crate::space::Domain;
use crate::spec::{ExplicitTrial, Place, SpecError, StudySpec};
use crate::trial::{Candidate, Trial};
use rand::RngExt;

/// The candidates of a study, trial number by trial number. No point comes twice where the space is
/// one to list, and none that the study's constraint does not allow: it is passed over, and the sampler goes
/// on.
///
/// A finite space of up to [`WALKED`] points is gone through to its end. Of any other, the candidates end where
/// the constraint has refused [`ATTEMPTS`] points in a row; the grid's, [`WALKED`].
pub struct Candidates {
    explicit: std::vec::IntoIter<Candidate>,
    taken: Vec<Params>,
    /// `None` where the others are proposed by a sampler that learns.
    sampler: Option<Box<dyn Sampler>>,
    remaining: usize,
    constraint: Option<Constraint>,
    /// So many are refused in a row before no more are looked at.
    most_refused: usize,
    /// Why the last one was refused.
    refusal: Option<String>,
    shortage: Option<Shortage>,
}

impl Candidates {
    /// The candidates of a study of `trials` trials, explicit ones included.
    ///
    /// # Errors
    ///
    /// Where the sampler cannot take the space or the seed: what to change. Where an explicit trial is not
    /// allowed: which, and why.
    pub fn new(
        spec: &StudySpec,
        kind: SamplerKind,
        trials: usize,
        seed: u64,
    ) -> Result<Self, String> {
        let explicit = explicit_candidates(spec, seed).map_err(|error| error.to_string())?;
        let sampled = trials.saturating_sub(explicit.len());
        let space = UnitSpace::constrained(&spec.space, spec.constraint.as_ref());
        let sampler = sampler(kind, &space, sampled, seed)?;
        let taken = explicit.iter().map(|candidate| candidate.params.clone()).collect();
        Ok(Candidates {
            explicit: explicit.into_iter(),
            taken,
            sampler,
            remaining: trials,
            constraint: spec.constraint.clone(),
            most_refused: most_refused(kind, &space),
            refusal: None,
            shortage: None,
        })
    }

    /// Why there are no more, where that is because of the constraint.
    pub fn shortage(&self) -> Option<&Shortage> {
        self.shortage.as_ref()
    }

    /// The next point that is neither taken nor refused.
    fn sampled(&mut self) -> Option<Params> {
        let sampler = self.sampler.as_mut()?;
        let mut refused = 0;
        while refused < self.most_refused {
            let Some(params) = sampler.suggest() else {
                let refusal = self.refusal.take();
                self.shortage = refusal.map(|reason| Shortage { attempts: None, reason });
                return None;
            };
            if self.taken.contains(&params) {
                continue;
            }
            match self.constraint.as_ref().map_or(Ok(()), |constraint| constraint.check(&params)) {
                Ok(()) => return Some(params),
                Err(reason) => self.refusal = Some(reason),
            }
            refused += 1;
        }
        let reason = self.refusal.take().unwrap_or_default();
        self.shortage = Some(Shortage { attempts: Some(refused), reason });
        None
    }
}

/// See [`Candidates`]. A sampler ends by itself where a space is finite: no point of it comes twice.
fn most_refused(kind: SamplerKind, space: &UnitSpace) -> usize {
    match kind {
        _ if space.has_at_most(WALKED) => usize::MAX,
        SamplerKind::Grid => WALKED,
        _ => ATTEMPTS,
    }
}

/// Candidates in order, and which of them is next in a study that has begun.
pub struct Listed {
    /// The candidates.
    pub candidates: Vec<Candidate>,
    /// Why they are fewer than were asked for, where that is because of the constraint.
    pub shortage: Option<Shortage>,
    /// So many of the first are explicit.
    explicit: usize,
    /// Where there is a constraint: what has been tried by the trials that are known, which may have been listed
    /// under another constraint.
    tried: Option<HashSet<String>>,
    known: usize,
}

impl Listed {
    /// Whether the place of a trial in the list says what it tries, whatever the others do.
    pub fn is_by_place(&self) -> bool {
        self.tried.is_none()
    }

    /// What the next trial tries in a study with these trials, of which so many are other programs'; `None`
    /// behind the last one.
    ///
    /// With a constraint, the place in the list is where to look first: a study may have been resumed with
    /// another one, and then its trials are not the beginning of this list. What was tried does not come
    /// again, and what was passed over for it comes at the end.
    pub fn next(&mut self, trials: &[Trial], foreign: usize) -> Option<&Candidate> {
        let begin = trials.len() - foreign;
        let Some(tried) = &mut self.tried else { return self.candidates.get(begin) };
        let news = trials.get(self.known..).unwrap_or_default();
        tried.extend(news.iter().map(|trial| key(&trial.params)));
        self.known = trials.len();
        let (candidates, explicit) = (&self.candidates, self.explicit);
        let is_new = |place: &usize| !tried.contains(&key(&candidates[*place].params));
        // Two explicit trials may be alike.
        let ahead = (begin..candidates.len()).find(|place| *place < explicit || is_new(place));
        let place = ahead.or_else(|| (explicit..begin.min(candidates.len())).find(is_new));
        candidates.get(place?)
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
) -> Result<Listed, String> {
    let mut all: Vec<Candidate> = Vec::new();
    let mut shortage = None;
    for &budget in budgets {
        let mut drawn = Candidates::new(spec, kind, budget, seed)?;
        let more: Vec<Candidate> = match spec.space.points() {
            // Drawn from a list, another number may come in another order.
            Some(_) => {
                let known: HashSet<String> = all.iter().map(|known| key(&known.params)).collect();
                let new = |candidate: &Candidate| !known.contains(&key(&candidate.params));
                drawn.by_ref().filter(new).collect()
            }
            None => drawn.by_ref().skip(all.len()).collect(),
        };
        let missing = budget.saturating_sub(all.len());
        all.extend(more.into_iter().take(missing));
        shortage = drawn.shortage;
    }
    Ok(Listed {
        candidates: all,
        shortage,
        explicit: spec.trials.len(),
        tried: spec.constraint.as_ref().map(|_| HashSet::new()),
        known: 0,
    })
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
        let params = self.sampled();
        if params.is_none() {
            self.remaining = 0;
        }
        Some(Candidate { name: None, params: params? })
    }
}

/// What the explicit trials of a study try. What one leaves out is drawn such that all of it is allowed, in
/// [`ATTEMPTS`] attempts at most.
///
/// # Errors
///
/// The first one that is not allowed: where it stands, and why.
pub fn explicit_candidates(spec: &StudySpec, seed: u64) -> Result<Vec<Candidate>, SpecError> {
    let candidate = |(index, trial): (usize, &ExplicitTrial)| {
        let params = filled_up(spec, index, trial, seed);
        let params = params.map_err(|shortage| not_allowed(index, trial, &shortage))?;
        Ok(Candidate { name: trial.name.clone(), params })
    };
    spec.trials.iter().enumerate().map(candidate).collect()
}

/// A point of the space, drawn at random, that the study's constraint allows: what an explicit trial behind the
/// others would try if it stated nothing.
///
/// # Errors
///
/// Where none was found.
pub fn allowed_example(spec: &StudySpec, seed: u64) -> Result<Params, Shortage> {
    filled_up(spec, spec.trials.len(), &ExplicitTrial::default(), seed)
}

fn not_allowed(index: usize, trial: &ExplicitTrial, shortage: &Shortage) -> SpecError {
    let place = match (&trial.name, trial.values.first()) {
        (None, Some((name, _))) => Place::TrialValue(index, name.clone()),
        _ => Place::TrialName(index),
    };
    let reason = &shortage.reason;
    let problem = match shortage.attempts {
        None => format!("the check does not allow this explicit trial: {reason}"),
        Some(attempts) => format!(
            "nothing was found in {attempts} attempts for what this explicit trial leaves out that the check \
             allows; the last was refused with: {reason}"
        ),
    };
    let help = "change the values of the trial, or the check, or take the trial out";
    SpecError::new(place, problem, help).labelled("this trial")
}

fn filled_up(
    spec: &StudySpec,
    index: usize,
    trial: &ExplicitTrial,
    seed: u64,
) -> Result<Params, Shortage> {
    // Keyed by position in the file, as trial numbers of explicit trials are.
    let mut rng = keyed_rng(seed, index, Task::Fold(0), Purpose::ExplicitTrial);
    let stated = |name: &str| trial.values.iter().find(|(known, _)| known == name);
    let mut domains = spec.space.domains.iter();
    let is_complete =
        domains.all(|(name, domain)| stated(name).is_some() || domain.points() == Some(1));
    let mut draw = || {
        let values = spec.space.domains.iter().map(|(name, domain)| {
            // Drawn for every parameter, so that stating one does not change the others.
            let drawn = draw(domain, rng.random());
            stated(name).map_or(drawn, |(_, value)| value.clone())
        });
        let values: Vec<ParamValue> = values.collect();
        spec.space.existing(spec.space.named(values))
    };
    let mut reason = String::new();
    for _ in 0..if is_complete { 1 } else { ATTEMPTS } {
        let params = draw();
        match spec.check_params(&params) {
            Ok(()) => return Ok(params),
            Err(refusal) => reason = refusal,
        }
    }
    Err(Shortage { attempts: (!is_complete).then_some(ATTEMPTS), reason })
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
                all.candidates.into_iter().map(|c| c.params.to_string()).collect::<Vec<_>>()
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
