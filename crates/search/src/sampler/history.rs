//! What a sampler that learns may know when it proposes a trial.

use std::collections::HashSet;

/// The trials before the one that is proposed. Rows are trials by number; those of the last few have no
/// outcome yet, whether or not they have in fact ended: see [`Outcome::Running`].
#[derive(Debug, Clone, Default)]
pub struct SamplerHistory {
    dimensions: usize,
    objectives: usize,
    points: Vec<f64>,
    losses: Vec<f64>,
    outcomes: Vec<Outcome>,
    taken: HashSet<Vec<u64>>,
}

/// What became of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// It has begun, and what it comes to is not known to this proposal.
    Running,
    /// It has a loss for each objective.
    Complete,
    /// It was stopped.
    Pruned {
        /// At this step.
        step: u64,
        /// The last value it reported, as a loss.
        loss: f64,
    },
    /// It has no value: diverged, or broken. The worst that can be.
    Failed,
}

impl SamplerHistory {
    /// Without trials, of a space of `dimensions` parameters and a study of `objectives` objectives.
    pub fn new(dimensions: usize, objectives: usize) -> Self {
        SamplerHistory { dimensions, objectives, ..SamplerHistory::default() }
    }

    /// Adds the next trial, which has begun at a settled `point`.
    pub fn begin(&mut self, point: &[f64]) {
        assert_eq!(point.len(), self.dimensions, "a point has one coordinate for each parameter");
        self.points.extend_from_slice(point);
        self.losses.extend(std::iter::repeat_n(f64::NAN, self.objectives));
        self.outcomes.push(Outcome::Running);
        self.taken.insert(key(point));
    }

    /// Says what became of a trial that has begun. `losses` is empty unless it is complete; smaller is
    /// better.
    pub fn end(&mut self, trial: usize, outcome: Outcome, losses: &[f64]) {
        self.outcomes[trial] = outcome;
        let row = &mut self.losses[trial * self.objectives..][..self.objectives];
        row.iter_mut().zip(losses).for_each(|(known, loss)| *known = *loss);
    }

    /// How many trials have begun.
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Whether none has begun.
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// How many objectives there are.
    pub fn objectives(&self) -> usize {
        self.objectives
    }

    /// The coordinates of a trial.
    pub fn point(&self, trial: usize) -> &[f64] {
        &self.points[trial * self.dimensions..][..self.dimensions]
    }

    /// What became of a trial.
    pub fn outcome(&self, trial: usize) -> Outcome {
        self.outcomes[trial]
    }

    /// The losses of a trial, one for each objective: NaN unless it is complete. Smaller is better.
    pub fn losses(&self, trial: usize) -> &[f64] {
        &self.losses[trial * self.objectives..][..self.objectives]
    }

    /// How many trials have ended.
    pub fn ended(&self) -> usize {
        self.outcomes.iter().filter(|outcome| **outcome != Outcome::Running).count()
    }

    /// Whether a trial has begun at this settled point.
    pub fn is_taken(&self, point: &[f64]) -> bool {
        self.taken.contains(&key(point))
    }
}

/// Coordinates that mean the same are the same number, but for rounding where they were read from params.
fn key(point: &[f64]) -> Vec<u64> {
    point.iter().map(|coordinate| ((coordinate * 1e12).round() + 0.0).to_bits()).collect()
}
