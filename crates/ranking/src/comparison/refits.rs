//! Refits of two studies: whether the scores on the test data differ by more than the seeds do.

use burn_tune_search::Params;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::comparison::pairs::Pairs;
use crate::leaderboard::{Leaderboard, RefitEntry};
use crate::noise::SIGNIFICANCE;
#[cfg(test)]
#[cfg(test)]
use crate::schema_parts;

/// A trial that was refitted on both sides, with other scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RefitChange {
    /// Its number in the old leaderboard.
    pub old_trial: usize,
    /// Its number in the new leaderboard.
    pub new_trial: usize,
    /// Its name in the new leaderboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its params.
    #[cfg_attr(test, schemars(schema_with = "schema_parts::params"))]
    pub params: Params,
    /// What the old refits came to.
    pub old: RefitSide,
    /// What the new refits came to.
    pub new: RefitSide,
    /// The new mean less the old one; null where a refit failed.
    pub difference: Option<f64>,
    /// Whether that is more than the seeds explain (Welch's t-test at 0.05); null where there is one seed.
    pub beyond_noise: Option<bool>,
}

/// What refits came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RefitSide {
    /// How many seeds.
    pub seeds: usize,
    /// Their mean score on the test data; null where one failed.
    pub mean: Option<f64>,
    /// Their standard deviation, of the population (divided by n).
    pub std: Option<f64>,
}

impl From<&RefitEntry> for RefitSide {
    fn from(refit: &RefitEntry) -> Self {
        RefitSide { seeds: refit.seeds, mean: refit.mean, std: refit.std }
    }
}

/// The trials that were refitted on both sides and do not have the same scores, in the order of ranks.
pub fn changes(old: &Leaderboard, new: &Leaderboard, pairs: &Pairs) -> Vec<RefitChange> {
    let refits = pairs.both.iter().filter_map(|(was, is)| {
        let before = old.top_entry(was.trial)?.refit.as_ref()?;
        let now = new.top_entry(is.trial)?.refit.as_ref()?;
        (before.test_scores != now.test_scores).then(|| RefitChange {
            old_trial: was.trial,
            new_trial: is.trial,
            name: is.name.clone(),
            params: is.params.clone(),
            old: before.into(),
            new: now.into(),
            difference: now.mean.zip(before.mean).map(|(now, before)| now - before),
            beyond_noise: differ(before.into(), now.into()),
        })
    });
    refits.collect()
}

/// Welch's t-test, two-sided: the seeds of the two sides are other draws, also where they are called alike.
fn differ(a: RefitSide, b: RefitSide) -> Option<bool> {
    let difference = a.mean? - b.mean?;
    let freedom = |side: RefitSide| (side.seeds as f64 - 1.0).max(0.0);
    // The variance of the mean: s² / n with s² divided by n - 1 is the population's variance by n - 1.
    let of_mean =
        |side: RefitSide| Some(side.std?.powi(2) / freedom(side)).filter(|v| v.is_finite());
    let (of_a, of_b) = (of_mean(a)?, of_mean(b)?);
    if of_a + of_b == 0.0 {
        return Some(difference != 0.0);
    }
    let welch = (of_a + of_b).powi(2) / (of_a.powi(2) / freedom(a) + of_b.powi(2) / freedom(b));
    let distribution = StudentsT::new(0.0, 1.0, welch).ok()?;
    let t = difference / (of_a + of_b).sqrt();
    Some(2.0 * distribution.sf(t.abs()) < SIGNIFICANCE)
}
