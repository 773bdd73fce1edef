//! Which trial of one leaderboard is which of the other.

use std::collections::{BTreeMap, VecDeque};

use burn_tune_search::{ParamValue, Params};

use crate::leaderboard::{Leaderboard, TrialEntry};

/// The trials of two leaderboards, paired by their params.
pub struct Pairs<'a> {
    /// Those that both have, the old one first, in the order of the new ranks.
    pub both: Vec<(&'a TrialEntry, &'a TrialEntry)>,
    /// Those of the old leaderboard alone, by rank.
    pub gone: Vec<&'a TrialEntry>,
    /// Those of the new leaderboard alone, by rank.
    pub new: Vec<&'a TrialEntry>,
    /// Params that were not looked at.
    pub set_aside: Vec<String>,
}

/// What makes two trials the same one.
type Key = BTreeMap<String, String>;

impl<'a> Pairs<'a> {
    pub fn new(old: &'a Leaderboard, new: &'a Leaderboard) -> Self {
        let set_aside: Vec<String> =
            constants_of_one(old, new).chain(constants_of_one(new, old)).collect();
        let key = |trial: &TrialEntry| key(&trial.params, &set_aside);
        let mut before: BTreeMap<Key, VecDeque<&TrialEntry>> = BTreeMap::new();
        for trial in by_number(old) {
            before.entry(key(trial)).or_default().push_back(trial);
        }
        let mut partners: BTreeMap<usize, &TrialEntry> = BTreeMap::new();
        for trial in by_number(new) {
            if let Some(partner) = before.get_mut(&key(trial)).and_then(VecDeque::pop_front) {
                partners.insert(trial.trial, partner);
            }
        }
        let left: Vec<usize> = before.values().flatten().map(|trial| trial.trial).collect();
        let mut pairs = Pairs { both: Vec::new(), gone: Vec::new(), new: Vec::new(), set_aside };
        for trial in &new.trials {
            match partners.get(&trial.trial) {
                Some(partner) => pairs.both.push((*partner, trial)),
                None => pairs.new.push(trial),
            }
        }
        pairs.gone.extend(old.trials.iter().filter(|trial| left.contains(&trial.trial)));
        pairs
    }
}

fn by_number(leaderboard: &Leaderboard) -> Vec<&TrialEntry> {
    let mut trials: Vec<&TrialEntry> = leaderboard.trials.iter().collect();
    trials.sort_by_key(|trial| trial.trial);
    trials
}

/// The params that all trials of `one` have, with the same value, and no trial of `other` has.
fn constants_of_one(one: &Leaderboard, other: &Leaderboard) -> impl Iterator<Item = String> {
    let varying = one.varying_params();
    let first = one.trials.first().filter(|_| !other.trials.is_empty());
    let of_first = first.into_iter().flat_map(|trial| trial.params.iter());
    let names = of_first.map(|(name, _)| name).filter(move |name| {
        let other_has = other.trials.iter().any(|trial| trial.params.get(name).is_some());
        !varying.contains(name) && !other_has
    });
    names.map(str::to_owned).collect::<Vec<String>>().into_iter()
}

fn key(params: &Params, set_aside: &[String]) -> Key {
    let looked_at = params.iter().filter(|(name, _)| !set_aside.iter().any(|aside| aside == name));
    looked_at.map(|(name, value)| (name.to_owned(), same_text(value))).collect()
}

/// The same text for equal values: a space file may have 1 where another has 1.0.
fn same_text(value: &ParamValue) -> String {
    /// From here on, not each whole number is a float.
    const EXACT: u64 = 1 << 53;
    match value {
        ParamValue::Int(int) if int.unsigned_abs() <= EXACT => format!("{:?}", *int as f64),
        // The sum makes 0.0 of -0.0.
        ParamValue::Float(float) => format!("{:?}", float + 0.0),
        ParamValue::Str(text) => format!("{text:?}"),
        value => value.to_string(),
    }
}
