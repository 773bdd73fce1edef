//! What has moved between two leaderboards: which trials are new or gone, which scores differ by more than
//! noise, which flags came or went, and whether the best got worse.

mod band;
mod pairs;
mod refits;
mod settings;
#[cfg(test)]
mod tests;

use burn_tune_search::{Direction, Flag, Params};
use serde::Serialize;

use crate::leaderboard::{Leaderboard, State, TrialEntry};
#[cfg(test)]
#[cfg(test)]
use crate::schema_parts;

use pairs::Pairs;
pub use refits::RefitChange;
pub use settings::SettingChange;

/// What has moved between two leaderboards, as `burn-tune compare --format json` prints it.
///
/// A trial of the one is that of the other where all of their params are equal, whatever their numbers and
/// names; trials with the same params are paired in the order of their numbers. A param that only one of
/// the two files has, with one value in all of its trials, is set aside.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "Comparison of two leaderboards of burn-tune"))]
pub struct Comparison {
    /// The version of this format.
    pub format: u32,
    /// Whether the best got better or worse by more than noise.
    pub verdict: Verdict,
    /// What a score is, such as `accuracy`; of several objectives the first.
    pub metric: String,
    /// Whether a larger or a smaller score is the better one.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::direction"))]
    pub direction: Direction,
    /// Differences of scores up to this one are noise; null where neither of the studies tells (one fold,
    /// or scores of another program): then each difference counts.
    pub noise: Option<f64>,
    /// The best trial of either side.
    pub best: BestChange,
    /// The settings that are not the same.
    pub settings: Vec<SettingChange>,
    /// Params that only one of the files has, with one value in all of its trials: they are not looked at.
    pub params_set_aside: Vec<String>,
    /// Params that are not the same in all trials of both sides.
    pub params_that_vary: Vec<String>,
    /// How many trials there are on each side, and on both.
    pub counts: Counts,
    /// Trials of the new leaderboard alone, by rank.
    pub new_trials: Vec<TrialSide>,
    /// Trials of the old leaderboard alone, by rank.
    pub gone_trials: Vec<TrialSide>,
    /// Scores that differ by more than noise, the largest difference first.
    pub scores: Vec<ScoreChange>,
    /// Trials that ended otherwise: one that failed and is complete now, or the reverse.
    pub states: Vec<StateChange>,
    /// Trials whose flags, of folds and refits, are not the same.
    pub flags: Vec<FlagChange>,
    /// Trials that were refitted on both sides, and whose scores on the test data are not the same.
    pub refits: Vec<RefitChange>,
    /// Trials that came to the Pareto front or left it, with several objectives.
    pub front: Vec<FrontChange>,
}

/// What has become of the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is better by more than noise, or the first.
    Better,
    /// It is as good as before, up to noise.
    Same,
    /// It is worse by more than noise, or there is none any more.
    Worse,
}

/// How many trials there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// Finished trials of the old leaderboard.
    pub old: usize,
    /// Finished trials of the new leaderboard.
    pub new: usize,
    /// Trials that both have.
    pub both: usize,
    /// Of these, how many have a score on both sides that is not the same to the last digit.
    pub moved: usize,
}

/// A trial of one of the leaderboards.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TrialSide {
    /// Its number there.
    pub trial: usize,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its rank there.
    pub rank: usize,
    /// How it ended.
    pub state: State,
    /// Its mean score; null where it has none.
    pub score: Option<f64>,
    /// Its params.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::params"))]
    pub params: Params,
}

/// The best trial of either side; with several objectives, the best in the first one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BestChange {
    /// The best of the old leaderboard; null where no trial is complete.
    pub old: Option<TrialSide>,
    /// The best of the new leaderboard; null likewise.
    pub new: Option<TrialSide>,
    /// The new score less the old one.
    pub difference: Option<f64>,
    /// Which rank the old best has among the new trials; null where it is gone.
    pub rank_of_old: Option<usize>,
    /// Which rank the new best had among the old trials; null where it was not there.
    pub rank_of_new: Option<usize>,
}

/// A score that differs by more than noise.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ScoreChange {
    /// The trial as it was.
    pub old: TrialSide,
    /// The trial as it is.
    pub new: TrialSide,
    /// The new score less the old one.
    pub difference: f64,
}

/// A trial that ended otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StateChange {
    /// The trial as it was.
    pub old: TrialSide,
    /// The trial as it is.
    pub new: TrialSide,
    /// Why it failed, on the side where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A trial whose flags are not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FlagChange {
    /// The trial as it is.
    pub new: TrialSide,
    /// Its number in the old leaderboard.
    pub old_trial: usize,
    /// Flags that it has now.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::flags"))]
    pub came: Vec<Flag>,
    /// Flags that it has no more.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::flags"))]
    pub went: Vec<Flag>,
}

/// A trial that came to the Pareto front, or left it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FrontChange {
    /// The trial as it is now; as it was, where it is gone.
    pub trial: TrialSide,
    /// Whether it is on the front now, and was not.
    pub came: bool,
}

/// Two leaderboards whose scores are no numbers of one kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {what} is `{old}` in the old leaderboard and `{new}` in the new one: no score of the one is better or worse than one of the other"
)]
pub struct NotComparable {
    what: &'static str,
    old: String,
    new: String,
}

/// The version of the format of [`Comparison`].
const FORMAT: u32 = 1;

impl Comparison {
    /// Compares two leaderboards. Differences up to `tolerance` count as noise, where it is given; else what
    /// the studies say of noise, the larger of the two.
    ///
    /// # Errors
    ///
    /// Where the scores of one are no better and no worse than those of the other: another metric, or
    /// another direction.
    pub fn new(
        old: &Leaderboard,
        new: &Leaderboard,
        tolerance: Option<f64>,
    ) -> Result<Self, NotComparable> {
        comparable(old, new)?;
        let noise = tolerance.or_else(|| band::noise(old, new));
        let pairs = Pairs::new(old, new);
        let best = best_change(old, new, &pairs);
        Ok(Comparison {
            format: FORMAT,
            verdict: verdict(&best, new.direction, noise),
            metric: new.evaluation.metric.clone(),
            direction: new.direction,
            noise,
            best,
            settings: settings::changes(old, new),
            params_that_vary: Params::varying(
                new.trials.iter().chain(&old.trials).map(|trial| &trial.params),
            )
            .into_iter()
            .map(str::to_owned)
            .collect(),
            counts: Counts {
                old: old.trials.len(),
                new: new.trials.len(),
                both: pairs.both.len(),
                moved: pairs.both.iter().filter(|pair| differs(pair).is_some()).count(),
            },
            new_trials: pairs.new.iter().map(|trial| side(trial)).collect(),
            gone_trials: pairs.gone.iter().map(|trial| side(trial)).collect(),
            scores: score_changes(&pairs, noise),
            states: state_changes(&pairs),
            flags: flag_changes(old, new, &pairs),
            refits: refits::changes(old, new, &pairs),
            front: front_changes(&pairs),
            params_set_aside: pairs.set_aside,
        })
    }
}

fn comparable(old: &Leaderboard, new: &Leaderboard) -> Result<(), NotComparable> {
    let direction = |leaderboard: &Leaderboard| match leaderboard.direction {
        Direction::Maximize => "maximize".to_owned(),
        Direction::Minimize => "minimize".to_owned(),
    };
    let sides = [
        ("metric", old.evaluation.metric.clone(), new.evaluation.metric.clone()),
        ("direction", direction(old), direction(new)),
    ];
    match sides.into_iter().find(|(_, old, new)| old != new) {
        Some((what, old, new)) => Err(NotComparable { what, old, new }),
        None => Ok(()),
    }
}

fn side(trial: &TrialEntry) -> TrialSide {
    TrialSide {
        trial: trial.trial,
        name: trial.name.clone(),
        rank: trial.rank,
        state: trial.state,
        score: trial.mean_test_score,
        params: trial.params.clone(),
    }
}

fn best_change(old: &Leaderboard, new: &Leaderboard, pairs: &Pairs) -> BestChange {
    let (was, is) = (old.best(), new.best());
    let pair_of = |old: Option<&TrialEntry>, new: Option<&TrialEntry>| {
        pairs.both.iter().find(|pair| {
            old.is_some_and(|old| std::ptr::eq(pair.0, old))
                || new.is_some_and(|new| std::ptr::eq(pair.1, new))
        })
    };
    BestChange {
        old: was.map(side),
        new: is.map(side),
        difference: is
            .and_then(|is| is.mean_test_score)
            .zip(was.and_then(|was| was.mean_test_score))
            .map(|(new, old)| new - old),
        rank_of_old: pair_of(was, None).map(|pair| pair.1.rank),
        rank_of_new: pair_of(None, is).map(|pair| pair.0.rank),
    }
}

fn verdict(best: &BestChange, direction: Direction, noise: Option<f64>) -> Verdict {
    match (&best.old, &best.new, best.difference) {
        (Some(_), None, _) => Verdict::Worse,
        (None, Some(_), _) => Verdict::Better,
        // A loss falls where a score gets better.
        (_, _, Some(difference)) => match direction.loss(difference) {
            _ if difference.abs() <= noise.unwrap_or(0.0) => Verdict::Same,
            loss if loss > 0.0 => Verdict::Worse,
            _ => Verdict::Better,
        },
        _ => Verdict::Same,
    }
}

/// By how much the score of a trial has moved, where it has.
fn differs((old, new): &(&TrialEntry, &TrialEntry)) -> Option<f64> {
    let difference = new.mean_test_score? - old.mean_test_score?;
    (difference != 0.0).then_some(difference)
}

fn score_changes(pairs: &Pairs, noise: Option<f64>) -> Vec<ScoreChange> {
    let change = |pair: &(&TrialEntry, &TrialEntry)| {
        let difference = differs(pair).filter(|by| by.abs() > noise.unwrap_or(0.0))?;
        Some(ScoreChange { old: side(pair.0), new: side(pair.1), difference })
    };
    let mut changes: Vec<ScoreChange> = pairs.both.iter().filter_map(change).collect();
    // Stable: what moved equally far stays in the order of ranks.
    changes.sort_by(|a, b| b.difference.abs().total_cmp(&a.difference.abs()));
    changes
}

fn state_changes(pairs: &Pairs) -> Vec<StateChange> {
    let changed = pairs.both.iter().filter(|(old, new)| old.state != new.state);
    let change = |(old, new): &(&TrialEntry, &TrialEntry)| StateChange {
        old: side(old),
        new: side(new),
        error: new.error.clone().or_else(|| old.error.clone()),
    };
    changed.map(change).collect()
}

fn flag_changes(old: &Leaderboard, new: &Leaderboard, pairs: &Pairs) -> Vec<FlagChange> {
    let change = |(was, is): &(&TrialEntry, &TrialEntry)| {
        let (before, now) = (old.flags(was), new.flags(is));
        let lacks = |all: &[Flag], of: &[Flag]| -> Vec<Flag> {
            all.iter().filter(|flag| !of.contains(flag)).cloned().collect()
        };
        let (came, went) = (lacks(&now, &before), lacks(&before, &now));
        let changed = !came.is_empty() || !went.is_empty();
        changed.then(|| FlagChange { new: side(is), old_trial: was.trial, came, went })
    };
    pairs.both.iter().filter_map(change).collect()
}

fn front_changes(pairs: &Pairs) -> Vec<FrontChange> {
    let on_front = |trial: &TrialEntry| trial.front == Some(true);
    let moved = pairs.both.iter().filter(|(old, new)| on_front(old) != on_front(new));
    let came = pairs.new.iter().filter(|trial| on_front(trial));
    let went = pairs.gone.iter().filter(|trial| on_front(trial));
    moved
        .map(|(_, new)| FrontChange { trial: side(new), came: on_front(new) })
        .chain(came.map(|trial| FrontChange { trial: side(trial), came: true }))
        .chain(went.map(|trial| FrontChange { trial: side(trial), came: false }))
        .collect()
}
