//! The trials that are drawn: those that are complete, with the words that captions and hovers have for
//! them.

use burn_tune_ranking::Leaderboard;
use burn_tune_ranking::format::value_text;
use burn_tune_ranking::leaderboard::{State, TrialEntry};
use burn_tune_search::Direction;

use crate::numbers::param_text;

/// The complete trials of a study; at least one.
pub struct Completed<'a> {
    /// Which score is the better one.
    pub direction: Direction,
    /// What a score is, such as `accuracy`.
    pub metric: &'a str,
    /// How many scores a trial's is the mean of.
    pub folds: usize,
    /// How many trials have failed.
    pub failed: usize,
    /// The number of the last trial, complete or not.
    pub last_number: usize,
    /// The trials, by number.
    pub trials: Vec<CompleteTrial<'a>>,
    /// Places in `trials`, the best first: by the score, where there are further objectives.
    pub by_rank: Vec<usize>,
}

/// A trial with a score.
pub struct CompleteTrial<'a> {
    /// What the leaderboard has of it.
    pub entry: &'a TrialEntry,
    /// The mean of its folds: a finite number.
    pub score: f64,
}

impl<'a> Completed<'a> {
    /// The complete trials of `leaderboard`; `None` where there is none.
    pub fn of(leaderboard: &'a Leaderboard) -> Option<Self> {
        let scored = |entry: &'a TrialEntry| {
            let score = entry.mean_test_score.filter(|score| score.is_finite())?;
            (entry.state == State::Complete).then_some(CompleteTrial { entry, score })
        };
        let mut trials: Vec<_> = leaderboard.trials.iter().filter_map(scored).collect();
        trials.sort_by_key(|trial| trial.entry.trial);
        let mut by_rank: Vec<usize> = (0..trials.len()).collect();
        if leaderboard.objectives.is_empty() {
            by_rank.sort_by_key(|&place| trials[place].entry.rank);
        } else {
            let loss = |place: &usize| leaderboard.direction.loss(trials[*place].score);
            by_rank.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
        }
        Some(Completed {
            direction: leaderboard.direction,
            metric: &leaderboard.evaluation.metric,
            folds: leaderboard.evaluation.folds,
            failed: leaderboard.counts.failed,
            last_number: leaderboard.trials.iter().map(|entry| entry.trial).max()?,
            trials: (!trials.is_empty()).then_some(trials)?,
            by_rank,
        })
    }

    /// The first trial of rank 1; of several objectives, the one with the best score.
    pub fn best(&self) -> &CompleteTrial<'a> {
        &self.trials[self.by_rank[0]]
    }

    /// Whether `score` is better than `other`.
    pub fn is_better(&self, score: f64, other: f64) -> bool {
        match self.direction {
            Direction::Maximize => score > other,
            Direction::Minimize => score < other,
        }
    }

    /// The smallest and the largest score.
    pub fn extremes(&self) -> (f64, f64) {
        let ends = [0, self.by_rank.len() - 1].map(|rank| self.trials[self.by_rank[rank]].score);
        (ends[0].min(ends[1]), ends[0].max(ends[1]))
    }

    /// Whether all trials have the same score, as a single one has.
    pub fn all_equal(&self) -> bool {
        let (low, high) = self.extremes();
        low == high
    }

    /// The places of at most `most` trials to draw, by number: the best half, and of the others as many
    /// again, evenly spread over the ranks.
    pub fn thinned(&self, most: usize) -> Vec<usize> {
        let len = self.by_rank.len();
        let mut places = self.by_rank.clone();
        if len > most {
            let (best, others) = self.by_rank.split_at(most / 2);
            let picks = most - best.len();
            let spread = (0..picks).map(|pick| others[(pick + 1) * others.len() / picks - 1]);
            places = best.iter().copied().chain(spread).collect();
        }
        places.sort_unstable();
        places
    }

    /// What a caption adds where [`Completed::thinned`] left trials out; else nothing.
    pub fn thinning(&self, most: usize) -> String {
        let len = self.trials.len();
        if len <= most {
            return String::new();
        }
        let best = most / 2;
        format!(" Of {len} trials it shows the {best} best and {} of the others.", most - best)
    }
}

impl CompleteTrial<'_> {
    /// The trial in a caption or a legend: `Trial 1 (Rank_2)`.
    pub fn label(&self) -> String {
        let number = self.entry.trial;
        self.entry
            .name
            .as_ref()
            .map_or(format!("Trial {number}"), |name| format!("Trial {number} ({name})"))
    }

    /// All that a hover says of it, a line for each parameter: as in Optuna's `plot_rank`.
    pub fn hover(&self, metric: &str) -> String {
        let param = |(name, value)| format!("<br>{name}: {}", param_text(value));
        let params: String = self.entry.params.iter().map(param).collect();
        format!("{}{params}<br><b>{metric}: {}</b>", self.label(), value_text(self.score))
    }
}
