//! What the next trial tries, given those that there are: the one place that decides it.
//!
//! Adaptive samplers, pruners and stop rules see a fixed prefix of the history: trial n is decided from the
//! trials 0 … n − window, and waits until all of them have ended. So the answer depends on numbers, never on
//! who finished first.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::candidates::{Listed, for_budgets};
use crate::constraint::{ATTEMPTS, Shortage, WALKED};
use crate::direction::Direction;
use crate::history::History;
use crate::keyed_rng::{Purpose, Task, keyed_rng};
use crate::metric::losses;
use crate::sampler::adaptive::AdaptiveSampler;
use crate::sampler::grid_points::GridPoints;
use crate::sampler::history::{Outcome, SamplerHistory};
use crate::sampler::unit_space::UnitSpace;
use crate::sampler::{SobolSampler, adaptive_sampler};
use crate::settings::{StopRule, StudySettings};
use crate::spec::StudySpec;
use crate::trial::Candidate;
use crate::trial::{Trial, TrialState};

/// What the next trial tries.
#[derive(Debug, Clone, PartialEq)]
pub enum Suggestion {
    /// This.
    Candidate(Candidate),
    /// That is not decided before more trials have ended.
    Wait,
    /// There is no next trial.
    End,
}

impl Suggestion {
    /// The candidate, if it is one.
    pub fn candidate(&self) -> Option<&Candidate> {
        match self {
            Suggestion::Candidate(candidate) => Some(candidate),
            Suggestion::Wait | Suggestion::End => None,
        }
    }
}

/// A list of candidates as suggestions: behind the last one, there is no next trial.
impl From<Option<Candidate>> for Suggestion {
    fn from(candidate: Option<Candidate>) -> Self {
        candidate.map_or(Suggestion::End, Suggestion::Candidate)
    }
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As long as it needs: a Gaussian process may be fitted.
    Any,
    /// None: somebody holds a lock.
    AtOnce,
}

/// Decides what the next trial of a study tries. Histories are those of one study, each going on from the one
/// before; equal ones are answered alike.
///
/// A closure is one that never takes its time.
pub trait Suggest {
    /// What the next trial of a study with this history tries.
    fn suggest(&mut self, history: &History) -> Suggestion;

    /// The same, where that takes no time; else `None`.
    fn suggest_at_once(&mut self, history: &History) -> Option<Suggestion> {
        Some(self.suggest(history))
    }

    /// Whether what a trial tries follows from its number and its place among our trials alone.
    fn is_listed(&self) -> bool {
        false
    }

    /// What the trial with this number and place tries, where that is all there is to know.
    fn candidate_at(&self, _number: usize, _place: usize) -> Option<Candidate> {
        None
    }
}

impl<F: FnMut(&History) -> Suggestion> Suggest for F {
    fn suggest(&mut self, history: &History) -> Suggestion {
        self(history)
    }
}

impl StopRule {
    /// Why the study ends with these trials, if it does. The last of them may have begun without having ended.
    fn ends(&self, trials: &[Trial], direction: Direction) -> Option<String> {
        let mut best: Option<(usize, f64)> = None;
        for (index, trial) in trials.iter().enumerate() {
            let Some(value) = trial.value() else { continue };
            let is_better = |known: f64| direction.loss(value) < direction.loss(known);
            if best.is_none_or(|(_, known)| is_better(known)) {
                best = Some((index, value));
            }
        }
        if let (Some(target), Some((number, value))) = (self.target, best)
            && direction.loss(value) <= direction.loss(target)
        {
            return Some(format!(
                "trial {number} has come to the target {target}, with {value:.4}"
            ));
        }
        let since = best.map_or(0, |(number, _)| number + 1);
        match self.no_improvement {
            Some(limit) if trials.len() - since >= limit => Some(match best {
                Some((number, _)) => {
                    format!("no improvement in {limit} trials since trial {number}")
                }
                None => format!("none of {limit} trials has come to a score"),
            }),
            _ => None,
        }
    }
}

/// How a suggester decides.
pub struct SuggesterOptions {
    /// The seed of the study.
    pub seed: u64,
    /// How many trials there are to be, other programs' included.
    pub budget: usize,
    /// How many trials are under way at once, at most, where something looks at the past; at least 1.
    /// `None` where nothing does.
    pub window: Option<usize>,
    /// What there is to learn from: the places of those of a trial's values that no clock decides, with which
    /// values are the better ones.
    pub objectives: Vec<(usize, Direction)>,
    /// When to end early: by the first objective.
    pub stop_rule: StopRule,
}

/// Decides what the trials of a study try.
pub struct Suggester {
    options: SuggesterOptions,
    listed: Listed,
    learning: Option<Learning>,
    /// So many of the first trials are known to have ended.
    ended: usize,
    ended_early: Option<String>,
    /// What the last question was answered, and how many trials there were, ours and others'.
    last: Option<((usize, usize), Suggestion)>,
}

/// A sampler that learns, and what it learns from.
pub struct Learning {
    space: UnitSpace,
    sobol: SobolSampler,
    learner: Box<dyn AdaptiveSampler>,
    past: SamplerHistory,
    /// Trials whose end the past does not have yet.
    open: Vec<usize>,
    /// Why the last point that was looked at for the next trial is not allowed.
    refusal: Option<String>,
}

impl Learning {
    /// A sampler of a space, for a study of so many objectives.
    ///
    /// # Errors
    ///
    /// Where the space has too many parameters.
    pub fn new(
        space: UnitSpace,
        learner: Box<dyn AdaptiveSampler>,
        objectives: usize,
        seed: u64,
    ) -> Result<Self, String> {
        let sobol = SobolSampler::new(&space, seed)?;
        let past = SamplerHistory::new(space.len(), objectives);
        Ok(Learning { space, sobol, learner, past, open: Vec::new(), refusal: None })
    }
}

impl Suggester {
    /// Of the study `spec` with these settings, which was asked for `budgets` trials, one number after the
    /// other, and whose trials have values at these places to learn from: see [`SuggesterOptions`].
    ///
    /// # Errors
    ///
    /// Where the sampler cannot take the space, the seed or the objectives: what to change.
    pub fn of(
        spec: &StudySpec,
        study: &StudySettings,
        budgets: &[usize],
        objectives: Vec<(usize, Direction)>,
    ) -> Result<Self, String> {
        let listed = for_budgets(spec, study.sampler, budgets, study.seed)?;
        let space = UnitSpace::constrained(&spec.space, spec.constraint.as_ref());
        let count = objectives.len();
        let learner = adaptive_sampler(study.sampler, &space, count)?;
        let learning = learner.map(|learner| Learning::new(space, learner, count, study.seed));
        let options = SuggesterOptions {
            seed: study.seed,
            budget: budgets.last().copied().unwrap_or(0),
            window: study.effective_window(),
            objectives,
            stop_rule: study.stop_rule,
        };
        Ok(Suggester::new(options, listed, learning.transpose()?))
    }

    /// Why the study has ended before it had all of its trials, if it has.
    pub fn ended_early(&self) -> Option<&str> {
        self.ended_early.as_deref()
    }

    /// The first trials of ours are `listed`; those behind them come from the sampler that learns, if there
    /// is one.
    pub fn new(options: SuggesterOptions, listed: Listed, learning: Option<Learning>) -> Self {
        Suggester { options, listed, learning, ended: 0, ended_early: None, last: None }
    }

    /// How many of the first trials may be looked at to decide about the trial with this number.
    fn visible(&self, number: usize) -> usize {
        match self.options.window {
            Some(window) => (number + 1).saturating_sub(window),
            None => 0,
        }
    }

    /// What is known about the next trial before anything is computed for it.
    fn known(&mut self, history: &History) -> Option<Suggestion> {
        let (trials, foreign) = (history.trials(), history.foreign());
        let number = trials.len();
        if number >= self.options.budget {
            return Some(Suggestion::End);
        }
        if !self.have_ended(&trials[..self.visible(number)]) {
            return Some(Suggestion::Wait);
        }
        let last = self.last.as_ref().filter(|(known, _)| *known == (number, foreign));
        last.map(|(_, suggestion)| suggestion.clone())
    }

    /// Whether these first trials have all ended. Nobody waits for other programs'.
    fn have_ended(&mut self, trials: &[Trial]) -> bool {
        let more = trials.get(self.ended..).unwrap_or_default();
        let ended = |trial: &&Trial| trial.is_finished() || trial.is_foreign();
        self.ended += more.iter().take_while(ended).count();
        self.ended >= trials.len()
    }

    /// What the next trial tries without a look at what the ones before have come to; `None` where that has to
    /// be looked at.
    fn listed(&mut self, history: &History) -> Option<Suggestion> {
        let trials = history.trials();
        let visible = self.visible(trials.len());
        let direction = first_direction(&self.options.objectives);
        self.ended_early = None;
        if self.options.stop_rule.is_some() {
            self.ended_early = self.options.stop_rule.ends(&trials[..visible], direction);
        }
        if self.ended_early.is_some() {
            return Some(Suggestion::End);
        }
        match (self.listed.next(trials, history.foreign()), &self.learning) {
            (Some(candidate), _) => Some(Suggestion::Candidate(candidate.clone())),
            (None, None) => {
                self.ended_early = self.listed.shortage.as_ref().map(Shortage::to_string);
                Some(Suggestion::End)
            }
            (None, Some(_)) => None,
        }
    }

    /// What the sampler that learns proposes.
    fn learned(&mut self, history: &History) -> Suggestion {
        let trials = history.trials();
        let visible = self.visible(trials.len());
        let Some(learning) = &mut self.learning else { return Suggestion::End };
        learning.look(trials, visible, &self.options.objectives);
        match learning.propose(self.options.seed) {
            Some(point) => {
                let params = learning.space.params(&point);
                Suggestion::Candidate(Candidate { name: None, params })
            }
            None => {
                self.ended_early = learning.shortage().as_ref().map(Shortage::to_string);
                Suggestion::End
            }
        }
    }
}

impl Suggest for Suggester {
    fn suggest(&mut self, history: &History) -> Suggestion {
        if let Some(suggestion) = self.suggest_at_once(history) {
            return suggestion;
        }
        let suggestion = self.learned(history);
        self.last = Some(((history.trials().len(), history.foreign()), suggestion.clone()));
        suggestion
    }

    fn suggest_at_once(&mut self, history: &History) -> Option<Suggestion> {
        if let Some(suggestion) = self.known(history) {
            return Some(suggestion);
        }
        let suggestion = self.listed(history)?;
        self.last = Some(((history.trials().len(), history.foreign()), suggestion.clone()));
        Some(suggestion)
    }

    fn is_listed(&self) -> bool {
        self.options.window.is_none() && self.learning.is_none() && self.listed.is_by_place()
    }

    fn candidate_at(&self, number: usize, place: usize) -> Option<Candidate> {
        let listed = (number < self.options.budget).then(|| self.listed.candidates.get(place));
        listed.flatten().filter(|_| self.is_listed()).cloned()
    }
}

/// How often another point is drawn where one is taken, before all points are gone through; with a constraint,
/// [`ATTEMPTS`].
const DRAWS: usize = 1_000;

impl Learning {
    /// Takes up the trials that have begun, and what became of the first `visible` ones.
    fn look(&mut self, trials: &[Trial], visible: usize, objectives: &[(usize, Direction)]) {
        for trial in &trials[self.past.len()..] {
            self.past.begin(&self.space.point(&trial.params));
            self.open.push(trial.number);
        }
        let past = &mut self.past;
        self.open.retain(|&number| {
            let (outcome, losses) = match trials.get(number).filter(|_| number < visible) {
                Some(trial) => outcome(trial, objectives),
                None => (Outcome::Running, Vec::new()),
            };
            past.end(number, outcome, &losses);
            outcome == Outcome::Running
        });
    }

    /// A settled point for the next trial; `None` where all have been tried, or none is found that is allowed.
    fn propose(&mut self, seed: u64) -> Option<Vec<f64>> {
        let number = self.past.len();
        let mut rng = keyed_rng(seed, number, Task::Fold(0), Purpose::Suggestion);
        self.refusal = None;
        let mut point = if self.past.ended() < self.learner.startup() {
            self.startup_point(number)
        } else {
            self.learner.suggest(&self.past, &mut rng)
        };
        self.space.snap(&mut point);
        if self.is_free(&point) {
            return Some(point);
        }
        self.drawn(&mut rng).or_else(|| self.searched())
    }

    /// The point of Sobol's sequence for the trial with this number, those that are not allowed left out of the
    /// count; one that is not where they are too many.
    fn startup_point(&self, number: usize) -> Vec<f64> {
        if !self.space.is_constrained() {
            return self.sobol.point(number as u64);
        }
        let points = (0..ATTEMPTS as u64).map(|index| self.sobol.point(index));
        let mut allowed = points.filter(|point| self.space.allows(point));
        allowed.nth(number).unwrap_or_else(|| self.sobol.point(number as u64))
    }

    /// Whether no trial has begun at a point, and it is allowed.
    fn is_free(&mut self, point: &[f64]) -> bool {
        if self.past.is_taken(point) {
            return false;
        }
        let refusal = self.space.refusal(point);
        let is_allowed = refusal.is_none();
        self.refusal = refusal.or(self.refusal.take());
        is_allowed
    }

    /// Why no point was found for the next trial, where the constraint has refused one of those that were looked
    /// at.
    fn shortage(&self) -> Option<Shortage> {
        let attempts = (!self.space.has_at_most(WALKED)).then_some(ATTEMPTS);
        self.refusal.clone().map(|reason| Shortage { attempts, reason })
    }

    /// Any point that is free.
    fn drawn(&mut self, rng: &mut ChaCha8Rng) -> Option<Vec<f64>> {
        let draws = if self.space.is_constrained() { ATTEMPTS } else { DRAWS };
        for _ in 0..draws {
            let dimensions = self.space.dimensions().iter();
            let mut point: Vec<f64> =
                dimensions.map(|dimension| dimension.uniform(rng.random())).collect();
            self.space.snap(&mut point);
            if self.is_free(&point) {
                return Some(point);
            }
        }
        None
    }

    /// The first point that is free, in the order of the grid, if the space has one and its points are not too
    /// many to look at.
    fn searched(&mut self) -> Option<Vec<f64>> {
        let is_short = !self.space.is_constrained() || self.space.has_at_most(WALKED);
        if !self.space.is_finite() || !is_short {
            return None;
        }
        let mut points = GridPoints::new(&self.space);
        while let Some(point) = points.next(&self.space) {
            if self.is_free(&point) {
                return Some(point);
            }
        }
        None
    }
}

/// What became of a trial, and its losses.
fn outcome(trial: &Trial, objectives: &[(usize, Direction)]) -> (Outcome, Vec<f64>) {
    let losses = losses(&trial.values(), objectives);
    match (&trial.state, losses) {
        (TrialState::Complete { .. } | TrialState::Foreign { .. }, Some(losses)) => {
            (Outcome::Complete, losses)
        }
        (TrialState::Complete { .. } | TrialState::Failed { .. }, _) => {
            (Outcome::Failed, Vec::new())
        }
        (TrialState::Foreign { .. } | TrialState::Running { .. }, _) => {
            (Outcome::Running, Vec::new())
        }
        (TrialState::Pruned { .. }, _) => {
            let last = trial.pruned_at();
            let (step, value) = last.map_or((0, f64::NAN), |report| (report.step, report.value));
            let loss = first_direction(objectives).loss(value);
            (Outcome::Pruned { step, loss }, Vec::new())
        }
    }
}

fn first_direction(objectives: &[(usize, Direction)]) -> Direction {
    objectives.first().map(|(_, direction)| *direction).unwrap_or_default()
}

#[cfg(test)]
mod constrained;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::FoldScore;
    use crate::params::Params;

    fn trials(values: &[Option<f64>]) -> Vec<Trial> {
        let state = |value: &Option<f64>| match value {
            Some(score) => TrialState::Complete {
                folds: vec![FoldScore { score: *score, ..FoldScore::default() }],
            },
            None => TrialState::Pruned { folds: vec![] },
        };
        let trial = |(number, value)| Trial {
            number,
            name: None,
            params: Params::default(),
            state: state(value),
        };
        values.iter().enumerate().map(trial).collect()
    }

    #[test]
    fn a_study_ends_at_its_target_or_when_nothing_gets_better() {
        let ends = |rule: StopRule, values: &[Option<f64>], direction| {
            rule.ends(&trials(values), direction).unwrap_or_default()
        };
        let target = StopRule { target: Some(0.9), no_improvement: None };
        let up = Direction::Maximize;
        assert_eq!(ends(target, &[Some(0.5), None, Some(0.89)], up), "");
        assert_eq!(
            ends(target, &[Some(0.5), None, Some(0.9)], up),
            "trial 2 has come to the target 0.9, with 0.9000"
        );
        assert!(ends(target, &[Some(0.95)], Direction::Minimize).is_empty());
        assert!(!ends(target, &[Some(0.85)], Direction::Minimize).is_empty());
        let stuck = StopRule { target: None, no_improvement: Some(3) };
        assert_eq!(ends(stuck, &[None, None], up), "");
        assert_eq!(ends(stuck, &[None, None, None], up), "none of 3 trials has come to a score");
        // An equal score is no improvement.
        let values = [Some(0.1), Some(0.5), Some(0.5), None, Some(0.2)];
        assert_eq!(ends(stuck, &values[..4], up), "");
        assert_eq!(ends(stuck, &values, up), "no improvement in 3 trials since trial 1");
    }

    #[test]
    fn samplers_learn_from_each_objective_but_those_of_a_clock() {
        let trial = |state| Trial { number: 0, name: None, params: Params::default(), state };
        let objectives = [(0, Direction::Maximize), (2, Direction::Minimize)];
        let learned = |state| outcome(&trial(state), &objectives);
        let seconds = 9.0;
        let fold =
            FoldScore { score: 0.75, extra_values: vec![seconds, 40.0], ..FoldScore::default() };
        let complete = (Outcome::Complete, vec![-0.75, 40.0]);
        assert_eq!(learned(TrialState::Complete { folds: vec![fold] }), complete);
        let foreign = |values| TrialState::Foreign { values, begun_here: false };
        assert_eq!(learned(foreign(vec![0.75, seconds, 40.0])), complete);
        assert_eq!(learned(foreign(vec![])), (Outcome::Running, vec![]));
    }
}
